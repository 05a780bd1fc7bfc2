"""Irregular cells over the globe: jittered points on rows of latitude, their Voronoi cells what is in them."""

from __future__ import annotations

import math

import numpy as np

from swath.synthetic._jit import kernel
from swath.synthetic.noise import hash3, unit
from swath.synthetic.window import RADIUS

_METRES = RADIUS * math.pi / 180.0  # of a degree of latitude


@kernel
def around(seed, spacing, lon, lat, places, names):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """The 9 cell centres around a point: (lon, lat, metres of a degree of longitude) and a hash for each."""
    row = np.int64(math.floor(lat * _METRES / spacing))
    n = 0
    for r in range(row - 1, row + 2):
        middle = math.cos(math.radians(min(max((r + 0.5) * spacing / _METRES, -89.99), 89.99)))
        cols = np.int64(max(3.0, math.floor(360.0 * _METRES * middle / spacing)))
        col = np.int64(math.floor((lon + 180.0) / 360.0 * cols))
        for c in range(col - 1, col + 2):
            h = hash3(seed, r, c % cols, 1)
            places[n, 0] = (c + 0.2 + 0.6 * unit(h, 0)) / cols * 360.0 - 180.0
            places[n, 1] = (r + 0.2 + 0.6 * unit(h, 1)) * spacing / _METRES
            places[n, 2] = _METRES * math.cos(math.radians(places[n, 1]))
            names[n] = h
            n += 1


@kernel
def nearest(lon, lat, east, north, places):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Of 9 centres: (number of the nearest, metres east and north of it, metres to the border of its cell)."""
    best, d1, d2 = 0, 1e30, 1e30
    bx, by, sx, sy = 0.0, 0.0, 0.0, 0.0
    for n in range(9):
        dx = (lon - places[n, 0]) * places[n, 2] + east
        dy = (lat - places[n, 1]) * _METRES + north
        d = dx * dx + dy * dy
        if d < d1:
            d2, sx, sy = d1, bx, by
            best, d1, bx, by = n, d, dx, dy
        elif d < d2:
            d2, sx, sy = d, dx, dy
    between = math.hypot(bx - sx, by - sy)
    return best, bx, by, (d2 - d1) / (2.0 * max(between, 1.0))


@kernel
def parcel(name, dx, dy):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """The parcel of a district at an offset from its centre: (hash of the parcel, metres to its edge).

    A district ploughs in one direction: rows of one depth, each cut into parcels of its own length.
    """
    h = hash3(name, 5, 0, 0)
    angle = unit(h, 0) * math.pi
    depth = 110.0 + 200.0 * unit(h, 1) * unit(h, 1)
    u = dx * math.cos(angle) + dy * math.sin(angle)
    v = dy * math.cos(angle) - dx * math.sin(angle)
    row = math.floor(v / depth)
    hr = hash3(name, np.int64(row), 0, 7)
    length = (160.0 + 420.0 * unit(h, 2)) * (0.6 + 0.8 * unit(hr, 0))
    u += unit(hr, 1) * length
    col = math.floor(u / length)
    fu, fv = u - col * length, v - row * depth
    edge = min(min(fu, length - fu), min(fv, depth - fv))
    return hash3(name, np.int64(row), np.int64(col), 9), edge


@kernel
def lot(name, dx, dy, rim):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """What stands at an offset from a town's centre: 0 garden, 1 roof, 2 street, 3 trees.

    `rim` is 0 in the middle, 1 outside.
    """
    h = hash3(name, 6, 0, 0)
    angle = unit(h, 0) * math.pi
    u = dx * math.cos(angle) + dy * math.sin(angle)
    v = dy * math.cos(angle) - dx * math.sin(angle)
    wide, deep = 70.0 + 60.0 * unit(h, 1), 46.0 + 24.0 * unit(h, 2)
    bu, bv = u - math.floor(u / wide) * wide, v - math.floor(v / deep) * deep
    if min(bu, bv) < 8.0:
        return 2
    block = hash3(name, np.int64(math.floor(u / wide)), np.int64(math.floor(v / deep)), 4)
    if unit(block, 0) < 0.07:
        return 3  # a park
    if unit(block, 1) < 0.10:
        return 1 if min(min(bu - 8.0, wide - bu), min(bv - 8.0, deep - bv)) > 3.0 else 2  # a hall and its yard
    size = 17.0
    lu, lv = math.floor((bu - 8.0) / size), math.floor((bv - 8.0) / size)
    house = hash3(block, np.int64(lu), np.int64(lv), 3)
    inner = min(bu - 8.0 - lu * size, bv - 8.0 - lv * size)
    if unit(house, 0) < 0.95 - 0.55 * rim and inner > 2.0 and inner < size:
        return 1
    return 3 if unit(house, 1) < 0.25 else 0
