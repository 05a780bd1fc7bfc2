"""How far training and test pixels lie apart, and in how many blocks they lie."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyproj import Transformer
from scipy.spatial import cKDTree

from swath.grid.lonlat import from_lonlat
from swath.training.source import ChipFacts, Part
from swath.training.splits import SplitSpec

_ASKED = 100_000


def smallest_distance(
    index: pa.Table, facts: ChipFacts, labels: Iterable[tuple[int, dict[str, NDArray[Any]]]]
) -> float | None:
    """Metres between the nearest centres of a training and a test pixel, whatever zones they lie in.

    Args:
        index: Of the chips.
        facts: Of the chips.
        labels: First chip, and `part` of some chips at a time.

    Returns:
        The straight line through the Earth, which over 10 km is a millimetre short; None where either is missing.
    """
    found: dict[Part, list[NDArray[np.float64]]] = {Part.TRAIN: [], Part.TEST: []}
    for part, lon, lat in _places(index, facts, labels, tuple(found)):
        found[part].append(_in_space(lon, lat))
    if not found[Part.TRAIN] or not found[Part.TEST]:
        return None
    train, test = np.concatenate(found[Part.TRAIN]), np.concatenate(found[Part.TEST])
    tree = cKDTree(np.unique(test, axis=0))
    smallest = np.inf
    for start in range(0, len(train), _ASKED):
        away, _ = tree.query(train[start : start + _ASKED], distance_upper_bound=smallest)
        smallest = min(smallest, float(away.min()))
    return smallest


def blocks_by_part(
    index: pa.Table, facts: ChipFacts, labels: Iterable[tuple[int, dict[str, NDArray[Any]]]], split: SplitSpec
) -> dict[Part, int]:
    """In how many blocks the labelled pixels of each part lie; arguments as of `smallest_distance`."""
    found: dict[Part, set[tuple[int, int]]] = {part: set() for part in Part}
    for part, lon, lat in _places(index, facts, labels, tuple(Part)):
        found[part] |= {(int(x), int(y)) for x, y in np.unique(split.blocks(lon, lat), axis=0)}
    return {part: len(blocks) for part, blocks in found.items()}


def _places(
    index: pa.Table,
    facts: ChipFacts,
    labels: Iterable[tuple[int, dict[str, NDArray[Any]]]],
    parts: Sequence[Part],
) -> Iterator[tuple[Part, NDArray[np.float64], NDArray[np.float64]]]:
    """Longitude and latitude of the centres of labelled pixels, some at a time, by part."""
    x, y = index["x"].to_numpy(), index["y"].to_numpy()
    crs = np.array(index["crs"].to_pylist(), dtype=object)
    for first, chips in labels:
        for part in parts:
            n, rows, cols = np.nonzero(chips["part"] == part)
            n += first
            for code in np.unique(crs[n]).tolist():
                here = crs[n] == code
                east = x[n[here]] + (cols[here] + 0.5) * facts.gsd
                north = y[n[here]] - (rows[here] + 0.5) * facts.gsd
                lon, lat = from_lonlat(code).transform(east, north, direction="INVERSE")
                yield part, np.asarray(lon), np.asarray(lat)


def _in_space(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cartesian metres from the Earth's centre, (n, 3)."""
    to_space = Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True)
    return np.stack(to_space.transform(lon, lat, np.zeros_like(lon)), axis=1)
