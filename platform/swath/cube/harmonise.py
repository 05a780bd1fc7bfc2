"""Numbers that can be compared: one scale and offset for all scenes of a collection, and what is no number at all."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from swath.cube.compiled import compiled
from swath.errors import CollectionError
from swath.sources.facts import Band, BandKind, Collection
from swath.sources.scenes import Scene

Array = NDArray[Any]


def band_of(collection: Collection, name: str) -> Band:
    """The facts of a band.

    Raises:
        CollectionError: The collection lacks it; the message names those that it has.
    """
    try:
        return collection.bands[name]
    except KeyError:
        raise CollectionError(
            f"Collection {collection.key} has no band {name!r}.",
            fix=f"Choose from {', '.join(collection.bands)}.",
            collection=collection.key,
            band=name,
        ) from None


def nodata_of(band: Band, name: str) -> float:
    """The number that means no data: of the facts, NaN for floats without one.

    Raises:
        CollectionError: Integers without a no-data number: gaps could not be told from values.
    """
    if band.nodata is not None:
        return band.nodata
    if band.dtype.startswith("float"):
        return float("nan")
    raise CollectionError(
        f"Band {name} ({band.dtype}) has no no-data number in its collection's facts.",
        fix="Add `nodata` to the band in the collection's file: Swath must tell gaps from values.",
        band=name,
    )


def shift_of(scene: Scene, band: Band) -> int:
    """What is added to the valid numbers of a band of a scene: reflectance only."""
    return scene.dn_shift if band.kind is BandKind.REFLECTANCE else 0


@compiled
def _adjust(values: Array, nodata: Any, saturated: Any, masks: bool, shift: int, lowest: int, highest: int) -> None:
    for i in range(values.shape[0]):
        row = values[i]
        for j in range(row.size):
            value = row[j]
            moved = min(max(np.int64(value) + shift, lowest), highest)
            keep = (value == nodata) | (masks & (value == saturated))
            row[j] = nodata if keep else moved


@compiled
def _along(values: Array, nodata: Any, gain: float, bias: float, lowest: int, highest: int) -> None:
    for i in range(values.shape[0]):
        row = values[i]
        for j in range(row.size):
            moved = np.int64(min(max(np.rint(row[j] * gain + bias), lowest), highest))
            moved += moved == nodata
            row[j] = nodata if row[j] == nodata else moved


def harmonise(values: Array, band: Band, *, shift: int, nodata: float, line: tuple[float, float] | None = None) -> None:
    """Bring the numbers of one window to the scale and offset of the facts, in place.

    The shift saturates in the dtype and never makes a valid number no-data; no-data stays; a saturated number (as the
    facts name it, before the shift) becomes no-data, and so does backscatter in linear power that is not positive.

    Args:
        values: (h, w) of the band's dtype.
        band: Facts.
        shift: See `shift_of`.
        nodata: See `nodata_of`.
        line: Gain and bias after the shift, rounded half to even (`adjust.line_of`).

    Raises:
        CollectionError: A shift of floats: no such rule is known.
    """
    dtype = values.dtype
    if band.kind is BandKind.BACKSCATTER and dtype.kind == "f" and band.unit.lower() != "db":
        values[~(values > 0)] = nodata  # borders and noise below the floor are no power, whatever the file calls them
    if shift == 0 and band.saturated is None and line is None:
        return
    if dtype.kind == "f":
        if shift:
            raise CollectionError(f"A shift of {shift} cannot be added to {dtype} numbers.", band=band.asset)
        values[values == band.saturated] = nodata
        if line is not None:
            valid = values != nodata
            values[valid] = values[valid] * line[0] + line[1]
        return
    limits = np.iinfo(dtype)
    lowest = int(limits.min) + (nodata == limits.min)
    highest = int(limits.max) - (nodata == limits.max)
    masks = band.saturated is not None
    saturated = dtype.type(band.saturated if band.saturated is not None else 0)
    _adjust(values, dtype.type(nodata), saturated, masks, shift, lowest, highest)
    if line is not None:
        _along(values, dtype.type(nodata), *line, lowest, highest)
