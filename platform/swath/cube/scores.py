"""Scores by which `best` picks the date of a pixel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from swath.cube.indices import compute_index, index_bands
from swath.errors import ProductError
from swath.sources.facts import Collection

Float = NDArray[np.float32]
Score = Callable[[Mapping[str, Float]], Float]


def score(name: str, bands: tuple[str, ...], collection: Collection) -> tuple[Score, tuple[str, ...]]:
    """A score by its name: `<index>_max`, `<index>_min`, `<common name>_min` or `_max` (`ndvi_max`, `blue_min`).

    Args:
        name: Of the score.
        bands: That the cube has.
        collection: Facts, which give common names.

    Returns:
        The function, of physical values by band name to float32 (higher is better), and the bands that it takes.

    Raises:
        ProductError: No such score, or bands that the cube lacks.
    """
    what, _, end = name.rpartition("_")
    if end not in {"max", "min"} or not what:
        raise ProductError(
            f"There is no score {name!r}.",
            fix="Name an index or a common name of a band and its end: ndvi_max, blue_min.",
            field="score",
        )
    sign = np.float32(1 if end == "max" else -1)
    by_common = [band for band in bands if collection.bands[band].common_name == what]
    takes: tuple[str, ...]
    if by_common:
        band = by_common[0]
        takes = (band,)

        def of_band(values: Mapping[str, Float]) -> Float:
            return sign * values[band]

        return of_band, takes
    symbols = index_bands(what, collection)
    lacking = [band for band in symbols.values() if band not in bands]
    if lacking:
        raise ProductError(
            f"Score {name} needs {', '.join(lacking)}, and the cube has {', '.join(bands)}.",
            fix="Add the bands to the product's inputs.",
            field="score",
        )

    def of_index(values: Mapping[str, Float]) -> Float:
        result: Any = compute_index(what, {symbol: values[band] for symbol, band in symbols.items()})
        return np.asarray(sign * result, np.float32)

    return of_index, tuple(symbols.values())
