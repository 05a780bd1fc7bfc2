"""What a hectare offers to plants and animals, and how easily people get there.

Life is known by cells of 100 m on the lattice of a UTM zone: in each of them a species lives or does not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from swath.synthetic._jit import kernel
from swath.synthetic.cells import around, nearest
from swath.synthetic.land import DISTRICT, TOWN, Ground, ground
from swath.synthetic.legend import Surface
from swath.synthetic.noise import hash3, key, octaves, unit
from swath.synthetic.terrain import _PLAIN, dryness, elevation, lie, warmth
from swath.synthetic.window import Window, sphere

CELL = 10  #: edge of a cell, pixels of 10 m
COVERS = ("broadleaf", "conifer", "shrub", "grass", "crops", "built", "wet")  #: in the order of `Habitat.shares`
_OF = np.full(len(Surface), len(COVERS))  # number of the cover of a surface; the last is none of them
for _number, _surfaces in enumerate((
    (Surface.BROADLEAF,), (Surface.CONIFER,), (Surface.SHRUB,), (Surface.GRASS,),
    (Surface.WINTER_CROP, Surface.SUMMER_CROP, Surface.RAPE, Surface.FALLOW), (Surface.ROOF, Surface.ROAD),
    (Surface.WATER, Surface.REED, Surface.MOSS),
)):  # fmt: skip
    _OF[list(_surfaces)] = _number
_SITE = ("height", "slope", "warm", "dry", "soil", "woods", "bog", "road", "town", "near", "far")
_BLOCK = 10  # cells along a block whose ground is drawn at once where many of its cells are asked for
_MANY = 8  # so many


@kernel
def _sites(terrain, land, life, plain, xyz, lon, lat, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Fill (11, n) in the order of `_SITE`, for points in metres on the sphere and in degrees."""
    places, names = np.empty((9, 3)), np.empty(9, np.uint64)
    s = np.uint64(terrain)
    layer = np.empty(6)
    for n in range(lon.shape[0]):
        x, y, z = xyz[n, 0], xyz[n, 1], xyz[n, 2]
        height = elevation(s, x, y, z)
        out[0, n] = height
        a, b = math.radians(lon[n]), math.radians(lat[n])
        east = elevation(s, x - 60.0 * math.sin(a), y + 60.0 * math.cos(a), z)
        north = elevation(
            s, x - 60.0 * math.sin(b) * math.cos(a), y - 60.0 * math.sin(b) * math.sin(a), z + 60.0 * math.cos(b)
        )
        out[1, n] = math.hypot(east - height, north - height) / 60.0
        out[2, n] = warmth(lat[n], lie(s, x, y, z))
        out[3, n] = dryness(s + np.uint64(112), x, y, z)
        for m in range(1, 6):  # all but the lakes
            layer[m] = plain[m, 3] * octaves(
                s + np.uint64(106 + m), x, y, z, plain[m, 0], int(plain[m, 1]), plain[m, 2]
            )
        out[4, n], out[5, n], out[6, n] = layer[2], layer[1], layer[3]
        around(np.uint64(land) + np.uint64(1), DISTRICT, lon[n], lat[n], places, names)
        _, _, _, border = nearest(lon[n], lat[n], layer[4], layer[5], places)
        out[7, n] = max(border, 0.0)
        around(np.uint64(land) + np.uint64(2), TOWN, lon[n], lat[n], places, names)
        t, tx, ty, _ = nearest(lon[n], lat[n], 0.5 * layer[4], 0.5 * layer[5], places)
        size = unit(names[t], 2)
        away = math.hypot(tx, ty) - (220.0 + 1150.0 * size * size)
        if out[2, n] < -4.0 or unit(names[t], 3) < 0.25 + 0.6 * out[3, n]:
            away = 6_000.0  # nobody built there
        out[8, n] = max(away, 0.0)
        out[9, n] = octaves(np.uint64(life), x, y, z, 9_000.0, 3, 0.6)
        out[10, n] = octaves(np.uint64(life) + np.uint64(50), x, y, z, 40_000.0, 2, 0.5)


@kernel
def _throws(seed, rows, cols, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    for n in range(out.shape[0]):
        for k in range(out.shape[1]):
            h = hash3(seed, rows[n], cols[n], k)
            out[n, k] = np.float64(h >> np.uint64(11)) / 9007199254740992.0


def throws(name: np.uint64, window: Window, cells: np.ndarray, count: int = 1) -> np.ndarray:
    """Uniform numbers in [0, 1) of cells, (n, count): by name and by the cell's place in its zone.

    Args:
        name: A key, see `noise.key`.
        window: That the cells count in; aligned to cells.
        cells: (n, 2) rows and columns.
        count: Numbers a cell.
    """
    out = np.empty((len(cells), count))
    _throws(name, cells[:, 0] - window.top // CELL, cells[:, 1] + window.left // CELL, out)
    return out


@dataclass(frozen=True)
class Habitat:
    """Cells of any shape (...): what is there.

    Attributes:
        height: Metres above the sea.
        slope: Rise over run.
        warm: Yearly mean temperature, degrees Celsius.
        dry: 0 humid to 1 desert.
        soil: How poor it is, unit variance.
        woods: The field that forests follow, unit variance.
        bog: The field that wetlands follow, unit variance.
        road: Metres to the nearest road between districts.
        town: Metres to the rim of the nearest town; 0 inside it.
        near: A driver that no sensor or layer shows, correlated over some 5 km; unit variance.
        far: Another, over some 25 km.
        shares: Of `COVERS`, 0 to 1, (7, ...); None where only access was asked for.
    """

    height: np.ndarray
    slope: np.ndarray
    warm: np.ndarray
    dry: np.ndarray
    soil: np.ndarray
    woods: np.ndarray
    bog: np.ndarray
    road: np.ndarray
    town: np.ndarray
    near: np.ndarray
    far: np.ndarray
    shares: np.ndarray | None = None


def sites(seed: int, lon: np.ndarray, lat: np.ndarray, shares: np.ndarray | None = None) -> Habitat:
    """The habitat at the middles of cells, degrees of any shape."""
    out = np.empty((len(_SITE), lon.size))
    flat = np.ascontiguousarray(lon, np.float64).ravel(), np.ascontiguousarray(lat, np.float64).ravel()
    _sites(key(seed, "terrain"), key(seed, "land"), key(seed, "life"), _PLAIN, sphere(*flat).reshape(-1, 3), *flat, out)
    return Habitat(**dict(zip(_SITE, out.reshape(len(_SITE), *lon.shape), strict=True)), shares=shares)


def cover_shares(land: Ground) -> np.ndarray:
    """Shares of `COVERS` in the cells of a ground whose window is aligned to cells, float64 (7, rows/10, cols/10)."""
    rows, cols = land.cover.shape[0] // CELL, land.cover.shape[1] // CELL
    cover = _OF[land.kinds]
    out = np.empty((len(COVERS), rows, cols))
    for number in range(len(COVERS)):
        part = np.where(cover == number, land.shares, 0).sum(-1, dtype=np.int64)
        out[number] = part.reshape(rows, CELL, cols, CELL).sum(axis=(1, 3)) / (255.0 * CELL * CELL)
    return out


def habitat(seed: int, window: Window, land: Ground) -> Habitat:
    """The habitat of all cells of a window aligned to cells, (rows/10, cols/10)."""
    return sites(seed, *window.degrees(CELL, centre=True), shares=cover_shares(land))


def access(seed: int, window: Window) -> Habitat:
    """The same without the shares of covers, so that no ground need be drawn."""
    return sites(seed, *window.degrees(CELL, centre=True))


@lru_cache(maxsize=2048)
def _block(seed: int, epsg: int, row: int, col: int, year: int) -> np.ndarray:
    """Shares of covers in a block, kept since each group of species and the survey ask for it (6 kB)."""
    square = Window(epsg, col * CELL, -row * CELL, _BLOCK * CELL, _BLOCK * CELL)
    return cover_shares(ground(seed, square, year))


def habitat_at(seed: int, window: Window, cells: np.ndarray, year: int) -> Habitat:
    """The habitat of some cells of a window aligned to cells, (n,): the same numbers as those of all cells.

    Args:
        seed: Of the world.
        window: May be far larger than what fits into memory at 10 m.
        cells: (n, 2) rows and columns of cells in the window.
        year: Whose land cover it is.
    """
    lon, lat = (values[cells[:, 0], cells[:, 1]] for values in window.degrees(CELL, centre=True))
    shares = np.empty((len(COVERS), len(cells)))
    # on the zone's lattice, not the window's, though it would not matter
    corner = np.array([-window.top // CELL, window.left // CELL])
    block = (cells + corner) // _BLOCK
    _, which, count = np.unique(block, axis=0, return_inverse=True, return_counts=True)
    for number in range(len(count)):
        mine = np.flatnonzero(which.ravel() == number)
        if len(mine) >= _MANY:
            first = block[mine[0]] * _BLOCK
            inner = cells[mine] + corner - first
            whole = _block(seed, window.epsg, int(first[0]), int(first[1]), year)
            shares[:, mine] = whole[:, inner[:, 0], inner[:, 1]]
        else:
            for one in mine:
                row, col = (int(value) * CELL for value in cells[one])
                square = Window(window.epsg, window.left + col, window.top - row, CELL, CELL)
                shares[:, one] = cover_shares(ground(seed, square, year))[:, 0, 0]
    return sites(seed, lon, lat, shares)
