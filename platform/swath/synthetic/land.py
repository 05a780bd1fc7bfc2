"""The truth at 2.5 m: what grows or stands where, in a year; and what a pixel of 10 m sees of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from swath.synthetic._jit import kernel
from swath.synthetic.cells import around, lot, nearest, parcel
from swath.synthetic.legend import WORLDCOVER
from swath.synthetic.noise import field, hash3, key, unit
from swath.synthetic.terrain import NODE, fields
from swath.synthetic.window import Window, sphere

SUB = 4  #: pixels of 2.5 m along a pixel of 10 m
GROUP = 4  #: pixels of 10 m that share one search for the cells around them
KINDS = 4  #: surfaces kept of a pixel
DISTRICT, TOWN = 3_400.0, 5_200.0  # metres between centres
CHANGE = 0.0055  #: share of parcels that change class in a year; of all land it is less

# Point spread at 10 m along one axis over 8 pixels of 2.5 m: a Gaussian of sigma 5 m (full width 11.8 m)
_offsets = (np.arange(8) - 3.5) * 2.5
_SPREAD = np.exp(-0.5 * (_offsets / 5.0) ** 2)
SPREAD = (_SPREAD / _SPREAD.sum()).astype(np.float32)


@kernel
def _grown(hp, kind, year, warm):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """The surface of a parcel in a year: its use turns once in a few centuries, for good; crops rotate."""
    turned = np.int64(2000 + math.floor(unit(hp, 1) / CHANGE))
    if year >= turned:
        coin = unit(hp, 2)
        if kind == 1 or kind == 2:
            kind = 4 if coin < 0.6 else 3
        elif kind == 4:
            kind = 5 if coin < 0.6 else 3
        elif kind == 5:
            kind = 4 if coin < 0.7 else 10
    if kind == 5:
        crop = unit(hash3(hp, year, 0, 3), 0)
        kind = 5 if crop < 0.44 else (6 if crop < 0.74 else (7 if crop < 0.88 else 8))
    return kind


@kernel
def _surface(f, lon, lat, year, dplaces, dnames, tplaces, tnames):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """(surface, hash of its parcel) at a point whose node fields are `f`."""
    zero = np.uint64(0)
    dry, warm, forest, poor, bog = f[9], f[10], f[4], f[5], f[6]
    river, stream = abs(f[1]), abs(f[2])
    pond = f[3] - 1.85 - 1.6 * dry
    if warm > -9.0 and (river < 24.0 + 9.0 * poor or stream < 4.0 - 3.0 * dry or pond > 0.0):
        return 13, zero
    if warm < -9.0 + 0.8 * poor:
        return 12, zero
    best, dx, dy, border = nearest(lon, lat, f[7], f[8], dplaces)
    district = dnames[best]
    hp, edge = parcel(district, dx, dy)
    t, tx, ty, _ = nearest(lon, lat, 0.5 * f[7], 0.5 * f[8], tplaces)
    size = unit(tnames[t], 2)
    rim = math.hypot(tx, ty) / ((220.0 + 1150.0 * size * size) * (1.0 + 0.22 * min(max(poor, -2.0), 2.0)))
    if warm < -4.0 or unit(tnames[t], 3) < 0.25 + 0.6 * dry:
        rim = 9.0
    if rim < 1.0:
        stands = lot(tnames[t], tx, ty, rim)
        if stands > 0:
            return (9 if stands == 1 else (10 if stands == 2 else 1)), tnames[t]
        return 4, tnames[t]
    if border < 4.5 and warm > -3.0:
        return 10, zero
    wet = max(pond + 0.22, 0.0) * 5.0 + max(1.0 - river / 130.0, 0.0)
    if wet > 0.0 and bog + 0.9 * wet > 1.35 + 2.0 * dry:
        return 14, hp
    if bog > 2.55 + 1.5 * dry and warm < 14.0:
        return 15, zero
    if warm < -4.5 + 1.2 * poor:
        return (15 if warm > -6.0 and bog > 0.8 else 11), hp
    limit = 0.42 + 1.9 * dry + (0.9 if rim < 1.6 else 0.0) + 0.5 * max(1.0 - warm, 0.0) - 0.0006 * min(f[0], 1500.0)
    limit += 0.7 * (unit(district, 2) - 0.5)
    if forest > limit:
        stand = poor + 0.8 * (unit(hp, 3) - 0.5) + 0.12 * (7.0 - warm)
        return _grown(hp, 2 if stand > 0.15 else 1, year, warm), hp
    if stream < 17.0 and bog > -0.3:
        return 1, zero  # trees along the water
    if forest > limit - 0.10 or poor > 1.7 - 0.6 * dry:
        return (3 if poor < 2.0 + dry else 11), hp
    if dry > 0.45 and poor > 2.6 - 4.0 * dry:
        return (11 if poor > 3.2 - 4.0 * dry else 3), hp
    crops = (0.45 + 0.5 * unit(district, 3)) * (1.0 if warm > 3.0 else max(0.0, (warm + 1.0) / 4.0))
    if edge < 3.2:
        return (1 if unit(hp, 3) < 0.3 else 4), zero  # hedges and margins
    if river < 90.0 or unit(hp, 0) > crops:
        return _grown(hp, 4, year, warm), hp
    return _grown(hp, 5, year, warm), hp


@kernel
def _draw(seed, nodes, lon, lat, year, kinds, vigour):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Fill 2.5 m surfaces and parcel vigour (-127 to 127) of a window aligned to groups, from its nodes."""
    side = SUB * GROUP
    per = SUB * NODE
    dplaces, tplaces = np.empty((9, 3)), np.empty((9, 3))
    dnames, tnames = np.empty(9, np.uint64), np.empty(9, np.uint64)
    f = np.empty(nodes.shape[2], np.float64)
    s = np.uint64(seed)
    for gi in range(kinds.shape[0] // side):
        for gj in range(kinds.shape[1] // side):
            ci, cj = gi * GROUP // NODE + GROUP // NODE // 2, gj * GROUP // NODE + GROUP // NODE // 2
            around(s + np.uint64(1), DISTRICT, lon[ci, cj], lat[ci, cj], dplaces, dnames)
            around(s + np.uint64(2), TOWN, lon[ci, cj], lat[ci, cj], tplaces, tnames)
            for i in range(gi * side, gi * side + side):
                a, v = i // per, (i % per + 0.5) / per
                for j in range(gj * side, gj * side + side):
                    b, u = j // per, (j % per + 0.5) / per
                    w00, w01, w10, w11 = (1.0 - v) * (1.0 - u), (1.0 - v) * u, v * (1.0 - u), v * u
                    for n in range(nodes.shape[2]):
                        f[n] = (
                            w00 * nodes[a, b, n]
                            + w01 * nodes[a, b + 1, n]
                            + w10 * nodes[a + 1, b, n]
                            + w11 * nodes[a + 1, b + 1, n]
                        )
                    x = w00 * lon[a, b] + w01 * lon[a, b + 1] + w10 * lon[a + 1, b] + w11 * lon[a + 1, b + 1]
                    y = w00 * lat[a, b] + w01 * lat[a, b + 1] + w10 * lat[a + 1, b] + w11 * lat[a + 1, b + 1]
                    kind, name = _surface(f, x, y, year, dplaces, dnames, tplaces, tnames)
                    kinds[i, j] = kind
                    vigour[i, j] = np.int8(254.0 * (unit(hash3(name, year, 1, 1), 0) - 0.5)) if name else np.int8(0)


@kernel
def _see(fine, grown, spread, codes, first, kinds, shares, vigour, cover):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Pixels of 10 m from pixels of 2.5 m; `first` is the (row, column) of the first 10 m pixel's first 2.5 m pixel."""
    part = np.zeros(16, np.float32)
    count = np.zeros(256, np.int64)
    for i in range(kinds.shape[0]):
        for j in range(kinds.shape[1]):
            r, c = first[0] + i * SUB - 2, first[1] + j * SUB - 2
            one = fine[r, c]
            same = True
            mean = np.float32(0)
            part[:] = 0
            for p in range(8):
                for q in range(8):
                    weight = spread[p] * spread[q]
                    part[fine[r + p, c + q]] += weight
                    mean += weight * grown[r + p, c + q]
                    same = same and fine[r + p, c + q] == one
            vigour[i, j] = mean / np.float32(127.0)
            kinds[i, j, :] = 0
            shares[i, j, :] = 0
            if same:
                kinds[i, j, 0], shares[i, j, 0], cover[i, j] = one, 255, codes[one]
                continue
            left = 255
            for n in range(KINDS):
                top = 0
                for k in range(1, 16):
                    if part[k] > part[top]:
                        top = k
                share = min(left, int(part[top] * np.float32(255.0) + np.float32(0.5)))
                kinds[i, j, n], shares[i, j, n] = top, share
                part[top] = 0
                left -= share
            shares[i, j, 0] += left
            count[:] = 0
            for p in range(2, 2 + SUB):
                for q in range(2, 2 + SUB):
                    count[codes[fine[r + p, c + q]]] += 1
            cover[i, j] = np.argmax(count)


@dataclass(frozen=True)
class Ground:
    """What pixels of 10 m see of the truth at 2.5 m in one year.

    Attributes:
        kinds: Surfaces of a pixel by falling share, uint8 (rows, cols, 4).
        shares: Their shares through the point spread, sum 255, uint8 (rows, cols, 4).
        vigour: How the parcels do against their neighbours, -1 to 1, float32 (rows, cols).
        grain: Texture of the place, the same in all years, zero mean, float32 (rows, cols).
        cover: WorldCover code of most of the pixel's own 16 pixels of 2.5 m, uint8 (rows, cols).
        structure: What the canopy tells of its biomass, Mg/ha, float32 (rows, cols); None if it was not asked for.
    """

    kinds: np.ndarray
    shares: np.ndarray
    vigour: np.ndarray
    grain: np.ndarray
    cover: np.ndarray
    structure: np.ndarray | None = None


def fine(seed: int, window: Window, year: int) -> tuple[Window, np.ndarray, np.ndarray]:
    """Surfaces and vigour at 2.5 m, uint8 and int8, of the smallest aligned window around one."""
    wide = window.aligned(GROUP)
    lon, lat = wide.degrees(NODE)
    kinds = np.empty((wide.rows * SUB, wide.cols * SUB), np.uint8)
    vigour = np.empty(kinds.shape, np.int8)
    nodes = np.ascontiguousarray(np.moveaxis(fields(seed, wide), 0, -1))
    _draw(key(seed, "land"), nodes, lon, lat, year, kinds, vigour)
    return wide, kinds, vigour


def ground(seed: int, window: Window, year: int) -> Ground:
    """The ground of a window in a calendar year; real change happens at New Year."""
    wide, kinds, vigour = fine(seed, window.grown(1), year)
    shape = (window.rows, window.cols)
    lon, lat = window.degrees(1, centre=True)
    out = Ground(
        kinds=np.empty((*shape, KINDS), np.uint8),
        shares=np.empty((*shape, KINDS), np.uint8),
        vigour=np.empty(shape, np.float32),
        grain=field(key(seed, "grain"), sphere(lon, lat), 26.0).astype(np.float32),
        cover=np.empty(shape, np.uint8),
    )
    first = ((wide.top - window.top) * SUB, (window.left - wide.left) * SUB)
    _see(kinds, vigour, SPREAD, WORLDCOVER, first, out.kinds, out.shares, out.vigour, out.cover)
    return out
