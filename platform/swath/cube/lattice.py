"""How the pixels of a file lie on the pixels of a tile.

The tie rule. A tile pixel takes by nearest the file pixel under its centre. Where the centre falls on an edge between
two file pixels (Landsat on the Sentinel-2 lattice: always), readers break the tie differently. Here every sampling
point is moved by `TIE` of a tile pixel up and left before anything else is computed, so that a tie goes to the upper
and to the left file pixel, in every CRS and for every reader.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from pyproj import Transformer
from scipy.interpolate import RectBivariateSpline

#: Shift of sampling points, in tile pixels: far below any geolocation error, far above rounding.
TIE = 2.0**-12
#: How far an edge may lie off a lattice and still be on it, in pixels.
ON_LATTICE = 1e-3
#: Exact transformations are made at every so many pixels; a cubic spline gives those between.
_NODES = 32
#: Metres between places whose degrees are exact; those between are off by (300 m / Earth's radius)² / 8.
_NODE_M = 320.0


@dataclass(frozen=True)
class Window:
    """A rectangle of pixels: rows `top` to `bottom`, columns `left` to `right`, ends excluded.

    On a tile's lattice it may reach beyond the tile: halos do.
    """

    top: int
    bottom: int
    left: int
    right: int

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns), not below zero."""
        return max(0, self.bottom - self.top), max(0, self.right - self.left)

    @property
    def empty(self) -> bool:
        """Whether no pixel lies in it."""
        return 0 in self.shape

    def within(self, other: Window) -> Window:
        """The part that lies in another window of the same lattice."""
        return Window(
            max(self.top, other.top),
            min(self.bottom, other.bottom),
            max(self.left, other.left),
            min(self.right, other.right),
        )

    def grown(self, pixels: int) -> Window:
        """Larger by so many pixels on each side."""
        return Window(self.top - pixels, self.bottom + pixels, self.left - pixels, self.right + pixels)

    def moved(self, rows: int, cols: int) -> Window:
        """The same rectangle, counted from another corner."""
        return Window(self.top + rows, self.bottom + rows, self.left + cols, self.right + cols)

    def slices(self, origin: Window) -> tuple[slice, slice]:
        """Where it lies in an array that holds `origin`."""
        return (
            slice(self.top - origin.top, self.bottom - origin.top),
            slice(self.left - origin.left, self.right - origin.left),
        )


@dataclass(frozen=True)
class Lattice:
    """CRS, affine and size of a raster; `crs` is an authority code, or WKT where there is none."""

    crs: str
    affine: Affine
    rows: int
    cols: int

    @property
    def all(self) -> Window:
        """All of its pixels."""
        return Window(0, self.rows, 0, self.cols)

    @property
    def upright(self) -> bool:
        """North up, neither rotated nor sheared."""
        a = self.affine
        return bool(a.b == 0 and a.d == 0 and a.a > 0 and a.e < 0)


@dataclass(frozen=True)
class Fit:
    """How one file lattice lies on one tile lattice in the same CRS.

    Attributes:
        fine: File pixels along the edge of a tile pixel, if whole and aligned, else 0.
        row: Of the tile's corner on the file's lattice (file pixels), whole if `fine`.
        col: As row.
    """

    fine: int
    row: int
    col: int


def _whole(value: float) -> int | None:
    near = round(value)
    return near if abs(value - near) <= ON_LATTICE else None


def fit(file: Lattice, tile: Lattice) -> Fit | None:
    """How a file lies on the tile, None if another CRS or a rotated file; `fine` 0 if only nearest indices serve."""
    if file.crs != tile.crs or not file.upright or not tile.upright:
        return None
    f, t = file.affine, tile.affine
    ratio_x, ratio_y = t.a / f.a, t.e / f.e
    fine = _whole(ratio_x)
    row, col = _whole((t.f - f.f) / f.e), _whole((t.c - f.c) / f.a)
    if fine and fine == _whole(ratio_y) and row is not None and col is not None:
        return Fit(fine, row, col)
    return Fit(0, 0, 0)


def nearest_indices(file: Lattice, tile: Lattice, window: Window) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """File row of each tile row of the window, and file column of each tile column: same CRS, upright.

    Indices may lie outside the file.
    """
    f, t = file.affine, tile.affine
    rows = t.f + (np.arange(window.top, window.bottom) + (0.5 - TIE)) * t.e
    cols = t.c + (np.arange(window.left, window.right) + (0.5 - TIE)) * t.a
    return (
        np.floor((rows - f.f) / f.e).astype(np.int64),
        np.floor((cols - f.c) / f.a).astype(np.int64),
    )


def _project(transformer: Transformer, file: Lattice, tile: Lattice, rows: Any, cols: Any) -> tuple[Any, Any]:
    """(row, col) on the file's lattice, as floats, of points (row, col) on the tile's lattice; outside: inf."""
    t, inverse = tile.affine, ~file.affine
    x = t.c + cols * t.a + rows * t.b
    y = t.f + cols * t.d + rows * t.e
    fx, fy = transformer.transform(x, y)
    fx, fy = np.asarray(fx), np.asarray(fy)
    return fx * inverse.d + fy * inverse.e + inverse.f, fx * inverse.a + fy * inverse.b + inverse.c


@lru_cache(maxsize=16)
def _transformer(source: str, target: str) -> Transformer:
    return Transformer.from_crs(source, target, always_xy=True)


@lru_cache(maxsize=256)
def fineness(file: Lattice, tile: Lattice) -> float:
    """File pixels along the edge of a tile pixel, at the tile's middle; no number where the file's CRS ends."""
    if file.crs == tile.crs:
        return float(abs(tile.affine.a) / abs(file.affine.a))
    rows, cols = np.full(2, tile.rows / 2), tile.cols / 2 + np.array([-0.5, 0.5])
    file_row, file_col = _project(_transformer(tile.crs, file.crs), file, tile, rows, cols)
    return float(np.hypot(file_row[1] - file_row[0], file_col[1] - file_col[0]))


@lru_cache(maxsize=12)
def nearest_map(file: Lattice, tile: Lattice, window: Window) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """File row and column of each tile pixel of the window, any CRS; -1 where the file has no pixel.

    Exact at every 32nd pixel; a cubic spline between, checked against exact points and left aside where it is off by
    more than a quarter of the tie shift. Kept for the other bands and dates that lie on the same lattice.

    Returns:
        Two arrays of the window's shape.
    """
    transformer = _transformer(tile.crs, file.crs)
    height, width = window.shape
    rows = np.arange(window.top, window.bottom) + (0.5 - TIE)
    cols = np.arange(window.left, window.right) + (0.5 - TIE)
    exact = True
    file_row = file_col = np.empty((0, 0))
    if height * width > 4 * _NODES * _NODES:
        node_rows = np.linspace(rows[0], rows[-1], max(4, height // _NODES + 2))
        node_cols = np.linspace(cols[0], cols[-1], max(4, width // _NODES + 2))
        grid = np.meshgrid(node_rows, node_cols, indexing="ij")
        node_r, node_c = _project(transformer, file, tile, *grid)
        if np.isfinite(node_r).all() and np.isfinite(node_c).all():
            spline_r = RectBivariateSpline(node_rows, node_cols, node_r)
            spline_c = RectBivariateSpline(node_rows, node_cols, node_c)
            test = np.meshgrid(
                (node_rows[1:] + node_rows[:-1]) / 2, (node_cols[1:] + node_cols[:-1]) / 2, indexing="ij"
            )
            want_r, want_c = _project(transformer, file, tile, *test)
            off = max(
                np.abs(spline_r(test[0][:, 0], test[1][0]) - want_r).max(initial=0.0),
                np.abs(spline_c(test[0][:, 0], test[1][0]) - want_c).max(initial=0.0),
            )
            if off <= TIE / 4:
                file_row, file_col = spline_r(rows, cols), spline_c(rows, cols)
                exact = False
    if exact:
        grid = np.meshgrid(rows, cols, indexing="ij")
        file_row, file_col = _project(transformer, file, tile, *grid)
    inside = (file_row >= 0) & (file_row < file.rows) & (file_col >= 0) & (file_col < file.cols)
    row_index = np.where(inside, file_row, -1).astype(np.int32)
    col_index = np.where(inside, file_col, -1).astype(np.int32)
    row_index.flags.writeable = False
    col_index.flags.writeable = False
    return row_index, col_index


def lonlat(lattice: Lattice, origin: tuple[int, int]) -> NDArray[np.float32]:
    """Longitude and latitude of each pixel's centre, degrees WGS84.

    Exact at nodes some 300 m apart, which lie on the grid's own pixels; bilinear between them, off by less than 1e-7
    degrees, far below a step of float32. So a pixel's numbers do not depend on which lattice they are asked for, if
    those share their pixels. Longitudes lie between -180 and 180, over the antimeridian too.

    Args:
        lattice: Upright, of square pixels.
        origin: Row and column of its first pixel, counted from a corner that is the same for all lattices of the grid.

    Returns:
        (2, rows, columns); NaN beyond the edge of the world.
    """
    size, step = lattice.affine.a, max(1, int(_NODE_M // lattice.affine.a))
    top, left = origin
    base_x, base_y = lattice.affine.c - left * size, lattice.affine.f + top * size
    rows, cols = np.arange(top, top + lattice.rows), np.arange(left, left + lattice.cols)
    node_rows = np.arange(rows[0] // step, rows[-1] // step + 2)
    node_cols = np.arange(cols[0] // step, cols[-1] // step + 2)
    # the corner is a whole number of pixels away: rounded, so that each lattice finds the very same one
    x = round(base_x, 3) + (node_cols * step + 0.5) * size
    y = round(base_y, 3) - (node_rows * step + 0.5) * size
    degrees = _transformer(lattice.crs, "EPSG:4326").transform(*np.meshgrid(x, y))
    across, down = (cols % step) / step, (rows % step) / step
    first_row, first_col = rows // step - node_rows[0], cols // step - node_cols[0]
    out = np.empty((2, lattice.rows, lattice.cols), np.float32)
    cell = np.ix_(first_row, first_col)
    for number, values in enumerate(degrees):
        # beyond the edge of a world map there is no place: NaN
        values = np.where(np.isfinite(values), values, np.nan)
        # differences are taken the short way round, so that a cell on the antimeridian is as smooth as any other
        east, south = _turned(np.diff(values, axis=1)), _turned(np.diff(values, axis=0))
        twist = _turned(np.diff(east, axis=0))
        flat = values[cell] + east[cell] * across + (south[cell] + twist[cell] * across) * down[:, np.newaxis]
        out[number] = flat if number else _turned(flat)
    return out


def _turned(degrees: NDArray[np.float64]) -> NDArray[np.float64]:
    """Degrees from -180 up to 180."""
    return np.where(np.abs(degrees) > 180.0, (degrees + 180.0) % 360.0 - 180.0, degrees)
