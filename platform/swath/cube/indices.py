"""Spectral indices by name, with the formulas of the spyndex catalogue.

The index of a composite (`index_of_composite`) is not the composite of an index, which reduces the index of each date
(`index_of_dates`, then any reduction of xarray). They are two layers and take two names: `NDVI`, and `NDVI_median`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import spyndex
import xarray as xr
from numpy.typing import NDArray

from swath.cube.layers import LayerFacts
from swath.errors import ProductError
from swath.sources.facts import BandKind, Collection

Array = NDArray[Any]
Float = NDArray[np.float32]

#: How an index is published: int16, value = number * 0.0001; beyond ±3.2767 it saturates.
INDEX_FACTS = LayerFacts("int16", -32768, scale=0.0001, kind="index")

_PHYSICAL = (BandKind.REFLECTANCE, BandKind.TEMPERATURE)


@lru_cache(maxsize=1)
def _names() -> dict[str, str]:
    return {name.lower(): name for name in spyndex.indices}


def index_name(name: str) -> str:
    """The catalogue's spelling of an index's name.

    Raises:
        ProductError: No such index; the message names similar ones.
    """
    found = _names().get(name.lower())
    if found is None:
        import difflib

        near = difflib.get_close_matches(name.lower(), _names(), n=5, cutoff=0.5)
        raise ProductError(
            f"There is no spectral index {name!r}.",
            fix=f"Near names: {', '.join(_names()[n] for n in near)}." if near else "See the spyndex catalogue.",
            index=name,
        )
    return found


def index_bands(name: str, collection: Collection) -> dict[str, str]:
    """Which bands of a collection an index takes: symbol of the formula to band name.

    By STAC common name; where no band has it, by wavelength: Landsat and HLS L30 call their near infrared `nir08`, and
    it lies in the range of `nir`. Of several bands the one nearest the middle of the symbol's range.

    Raises:
        ProductError: No such index, one that is no function of reflectance alone, or bands that the collection lacks.
    """
    spelled = index_name(name)
    chosen: dict[str, str] = {}
    for symbol in spyndex.indices[spelled].bands:
        if symbol not in spyndex.bands:
            if symbol in spyndex.constants and spyndex.constants[symbol].default is not None:
                continue
            raise ProductError(f"{spelled} needs {symbol}, which is no band of reflectance.", index=spelled)
        entry = spyndex.bands[symbol]
        low, high = entry.min_wavelength / 1000, entry.max_wavelength / 1000
        middle = (low + high) / 2
        measured = {band: facts for band, facts in collection.bands.items() if facts.kind in _PHYSICAL}
        fits = [band for band, facts in measured.items() if facts.common_name == entry.common_name] or [
            band for band, facts in measured.items() if facts.wavelength and low <= facts.wavelength <= high
        ]
        near = {band: abs((measured[band].wavelength or middle) - middle) for band in fits}
        if not near:
            raise ProductError(
                f"{spelled} needs a {entry.common_name} band, which {collection.key} does not have.",
                fix="Choose another index or collection.",
                index=spelled,
                symbol=symbol,
            )
        chosen[symbol] = min(near, key=lambda band: (near[band], band))
    return chosen


def compute_index(name: str, values: Mapping[str, Any]) -> Any:
    """An index of physical values.

    Args:
        name: As in the catalogue, any case.
        values: By symbol of the formula: float32 arrays or xarray objects, NaN where there is no data.

    Returns:
        float32 of the same kind; NaN where the formula has no value.
    """
    spelled = index_name(name)
    entry = spyndex.indices[spelled]
    constants = {
        symbol: np.float32(spyndex.constants[symbol].default) for symbol in entry.bands if symbol in spyndex.constants
    }
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        result = spyndex.computeIndex(spelled, params={**constants, **values})
    if isinstance(result, np.ndarray):
        result = result.astype(np.float32, copy=False)
        result[~np.isfinite(result)] = np.nan
        return result
    return result.astype(np.float32).where(np.isfinite(result))


def physical(numbers: Array, facts: LayerFacts) -> Float:
    """Numbers to physical values, float32, NaN where no data."""
    values = numbers.astype(np.float32) * np.float32(facts.scale) + np.float32(facts.offset)
    if facts.nodata is not None:
        values[numbers == numbers.dtype.type(facts.nodata)] = np.nan
    return values


def index_numbers(values: Float) -> NDArray[np.int16]:
    """An index as it is published (`INDEX_FACTS`): rounded half to even, saturating, NaN as no data."""
    scaled = np.rint(np.clip(values / np.float32(INDEX_FACTS.scale), -32767, 32767))
    return np.where(np.isnan(values), np.float32(-32768), scaled).astype(np.int16)


def index_of_dates(name: str, cube: xr.Dataset, collection: Collection) -> xr.DataArray:
    """The index of each date of a lazy cube (`load`), unmasked; lazy too.

    Args:
        name: As in the catalogue, any case.
        cube: Of `load`, with the bands that the index takes.
        collection: Facts.

    Returns:
        float32 (time, y, x), NaN where a band has no data.

    Raises:
        ProductError: No such index, or bands that the cube lacks.
    """
    bands = index_bands(name, collection)
    _have(name, bands.values(), [str(variable) for variable in cube])
    values = {}
    for symbol, band in bands.items():
        numbers, facts = cube[band], cube[band].attrs
        valued = numbers.astype(np.float32) * np.float32(facts["scale"]) + np.float32(facts["offset"])
        values[symbol] = valued.where(numbers != facts["nodata"])
    result: xr.DataArray = compute_index(name, values)
    return result.rename(index_name(name))


def _have(name: str, wanted: Iterable[str], had: list[str]) -> None:
    lacking = [band for band in wanted if band not in had]
    if lacking:
        raise ProductError(
            f"{name} needs {', '.join(lacking)}, and there is {', '.join(had)}.",
            fix="Add the bands to the product's inputs.",
            index=name,
        )


def index_of_composite(
    name: str, layers: Mapping[str, Array], facts: Mapping[str, LayerFacts], collection: Collection
) -> Float:
    """The index of composited bands.

    Args:
        name: As in the catalogue, any case.
        layers: Of a composite, by band name.
        facts: Of the layers.
        collection: Facts, which give the bands' common names.

    Returns:
        float32 of the layers' shape; see `index_numbers` for how it is published.

    Raises:
        ProductError: No such index, or bands that the composite lacks.
    """
    bands = index_bands(name, collection)
    _have(name, bands.values(), list(layers))
    values = {symbol: physical(layers[band], facts[band]) for symbol, band in bands.items()}
    result: Float = compute_index(name, values)
    return result
