"""UTM zones: which zone owns a place.

The owner is the MGRS zone with its exceptions (32V over Bergen; 31X, 33X, 35X, 37X over Svalbard), from 80 S to 84 N
(DMA Technical Manual 8358.1). Every place has one owner, so that totals, counts and sampling frames count it once.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import Literal

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from shapely.geometry.base import BaseGeometry

from swath.errors import AreaError

SOUTH, NORTH = -80.0, 84.0  #: degrees: where UTM ends, both included
Hemisphere = Literal["n", "s"]

# (zone, latitude from, to): (west, east); the zones that a band squeezes out have no width there
_EXCEPTIONS: dict[int, tuple[tuple[float, float, float, float], ...]] = {
    31: ((56.0, 64.0, 0.0, 3.0), (72.0, NORTH, 0.0, 9.0)),
    32: ((56.0, 64.0, 3.0, 12.0), (72.0, NORTH, 0.0, 0.0)),
    33: ((72.0, NORTH, 9.0, 21.0),),
    34: ((72.0, NORTH, 0.0, 0.0),),
    35: ((72.0, NORTH, 21.0, 33.0),),
    36: ((72.0, NORTH, 0.0, 0.0),),
    37: ((72.0, NORTH, 33.0, 42.0),),
}


def owner_zone(lon: ArrayLike, lat: ArrayLike) -> NDArray[np.int16]:
    """Zone that owns each place.

    Args:
        lon: Degrees; any turn (190 is -170).
        lat: Degrees, same shape.

    Returns:
        int16, same shape: 1 to 60, negative in the southern hemisphere (latitude < 0); 0 where no zone owns (beyond
        80 S to 84 N, or not finite).
    """
    lat = np.asarray(lat, dtype=np.float64)
    turned = np.mod(np.asarray(lon, dtype=np.float64) + 180.0, 360.0)  # 0 at the antimeridian
    inside = np.isfinite(turned) & (lat >= SOUTH) & (lat <= NORTH)
    turned = np.where(inside, turned, 0.0)
    zone = np.minimum((turned // 6.0).astype(np.int16) + 1, 60)
    lon = turned - 180.0
    zone = np.where((lat >= 56.0) & (lat < 64.0) & (lon >= 3.0) & (lon < 12.0), 32, zone)
    svalbard = (lat >= 72.0) & (lon >= 0.0) & (lon < 42.0)
    zone = np.where(svalbard, 31 + 2 * np.searchsorted([9.0, 21.0, 33.0], lon, side="right"), zone)
    return np.where(inside, np.where(lat < 0.0, -zone, zone), 0).astype(np.int16)


@lru_cache(maxsize=256)
def zone_domain(zone: int, hemisphere: Hemisphere | None = None) -> BaseGeometry:
    """What a zone owns, as a WGS84 polygon.

    Args:
        zone: 1 to 60.
        hemisphere: Only that half; None for both.
    """
    west = -186.0 + 6.0 * zone
    cuts = [SOUTH, 0.0, NORTH]
    for bottom, top, _, _ in _EXCEPTIONS.get(zone, ()):
        cuts += [bottom, top]
    cuts = sorted(set(cuts))
    boxes = []
    for bottom, top in pairwise(cuts):
        if (hemisphere == "n" and top <= 0.0) or (hemisphere == "s" and bottom >= 0.0):
            continue
        left, right = west, west + 6.0
        for low, high, from_lon, to_lon in _EXCEPTIONS.get(zone, ()):
            if low <= bottom and top <= high:
                left, right = from_lon, to_lon
        if right > left:
            boxes.append(shapely.box(left, bottom, right, top))
    return shapely.union_all(boxes)


def check_latitudes(south: float, north: float, *, what: str) -> None:
    """Refuse what reaches beyond UTM.

    Raises:
        AreaError: South of 80 S or north of 84 N.
    """
    if south < SOUTH - 1e-9 or north > NORTH + 1e-9:
        pole, code = ("north", "EPSG:6931") if north > NORTH + 1e-9 else ("south", "EPSG:6932")
        raise AreaError(
            f"{what} reaches from {south:.3f} to {north:.3f} degrees of latitude; UTM zones end at 80 S and 84 N.",
            fix=f"Clip it, or take a polar equal-area grid such as {code} ({pole}).",
            south=south,
            north=north,
        )
