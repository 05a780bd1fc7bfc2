"""How far training and test pixels lie apart."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyproj import Transformer
from scipy.spatial import cKDTree

from swath.grid.lonlat import from_lonlat
from swath.training.source import ChipFacts, Part

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
    x, y = index["x"].to_numpy(), index["y"].to_numpy()
    crs = np.array(index["crs"].to_pylist(), dtype=object)
    found: dict[Part, list[NDArray[np.float64]]] = {Part.TRAIN: [], Part.TEST: []}
    for first, chips in labels:
        for part, places in found.items():
            n, rows, cols = np.nonzero(chips["part"] == part)
            n += first
            for code in np.unique(crs[n]).tolist():
                here = crs[n] == code
                east = x[n[here]] + (cols[here] + 0.5) * facts.gsd
                north = y[n[here]] - (rows[here] + 0.5) * facts.gsd
                places.append(_in_space(code, east, north))
    if not found[Part.TRAIN] or not found[Part.TEST]:
        return None
    train, test = np.concatenate(found[Part.TRAIN]), np.concatenate(found[Part.TEST])
    tree = cKDTree(np.unique(test, axis=0))
    smallest = np.inf
    for start in range(0, len(train), _ASKED):
        away, _ = tree.query(train[start : start + _ASKED], distance_upper_bound=smallest)
        smallest = min(smallest, float(away.min()))
    return smallest


def _in_space(crs: str, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cartesian metres from the Earth's centre, (n, 3)."""
    lon, lat = from_lonlat(crs).transform(x, y, direction="INVERSE")
    to_space = Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True)
    return np.stack(to_space.transform(lon, lat, np.zeros_like(lon)), axis=1)
