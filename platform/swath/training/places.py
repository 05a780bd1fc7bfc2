"""Random places of an area: every square metre of it has the same chance."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from swath.errors import LabelError
from swath.grid import Area

_ROUNDS = 1000  # of an area of islands most draws are lost


def random_places(area: Area, number: int, *, seed: int) -> NDArray[np.float64]:
    """Places drawn uniformly on the sphere, those outside of the area drawn again; (number, 2) degrees.

    Args:
        area: Where.
        number: How many.
        seed: Of the draws.

    Raises:
        LabelError: Next to nothing of the area's extent belongs to it.
    """
    random = np.random.default_rng(seed)
    west, south, east, north = area.geometry.bounds
    # equal steps of the sine of latitude are equal areas
    low, high = np.sin(np.radians([south, north]))
    shapely.prepare(area.geometry)
    found: list[NDArray[np.float64]] = []
    have = 0
    for _ in range(_ROUNDS):
        lon = random.uniform(west, east, 2 * number)
        lat = np.degrees(np.arcsin(random.uniform(low, high, 2 * number)))
        inside = shapely.contains_xy(area.geometry, lon, lat)
        found.append(np.stack([lon[inside], lat[inside]], axis=1))
        have += int(inside.sum())
        if have >= number:
            return np.concatenate(found)[:number]
    raise LabelError(
        f"Of {2 * number * _ROUNDS:,} random places {have} lie in {area.name}.",
        fix="Give an area that fills more of its extent, or fewer places.",
    )
