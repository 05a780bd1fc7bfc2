"""A tile: one cell of a grid, as a frozen value."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from shapely.geometry import MultiPolygon, Polygon

from swath.errors import GridError
from swath.grid.lattices import Lattice, check_sizes, lattice
from swath.grid.lonlat import BBox, bbox, from_lonlat, split, transformed

_ID = re.compile(r"(?P<key>[a-z]+\d+[ns]?)-(?P<res>\d+(?:p\d+)?)m-(?P<size>\d+)-x(?P<x>m?\d+)-y(?P<y>m?\d+)")
#: Pixels between places whose owner is looked up first; only where those differ is every pixel looked up.
_COARSE = 16
#: left, bottom, right, top in metres that no projection here leaves: the world is 40,075 km around.
_REACH = (-2.1e7, -2.1e7, 2.1e7, 2.1e7)


@dataclass(frozen=True)
class Tile:
    """One cell of a grid.

    Attributes:
        id: Names grid, zone, resolution, tile size and index, so that it parses back (`parse_tile`).
        crs: Authority code such as `EPSG:32633`.
        affine: Pixel (column, row) to CRS metres; north up.
        shape: (rows, columns).
    """

    id: str
    crs: str
    affine: Affine
    shape: tuple[int, int]

    def __str__(self) -> str:
        return self.id

    @property
    def resolution(self) -> float:
        """Edge of a pixel in metres."""
        return float(self.affine.a)

    @property
    def bounds(self) -> BBox:
        """(left, bottom, right, top) in the tile's CRS."""
        left, top = self.affine.c, self.affine.f
        rows, cols = self.shape
        return left, top + rows * self.affine.e, left + cols * self.affine.a, top

    @cached_property
    def geobox(self) -> GeoBox:
        """The tile as odc-geo's value: shape, affine, CRS."""
        return GeoBox(self.shape, self.affine, self.crs)

    @property
    def lattice(self) -> Lattice:
        """The lattice it lies on."""
        return lattice(self.id.split("-", 1)[0])

    @cached_property
    def footprint(self) -> MultiPolygon:
        """WGS84 polygon of the whole tile (owned or not), edges densified, split at 180 degrees."""
        left, bottom, right, top = self.bounds
        outline = shapely.segmentize(shapely.box(left, bottom, right, top), max(right - left, top - bottom) / 16)
        turned = transformed(outline, from_lonlat(self.crs), inverse=True)
        coordinates = shapely.get_coordinates(turned)
        if not np.isfinite(coordinates).all():  # it reaches over the edge of a world map
            turned = Polygon(coordinates[np.isfinite(coordinates).all(axis=1)])
        return split(turned)

    @cached_property
    def bbox(self) -> BBox:
        """(west, south, east, north) in degrees; west > east over 180 degrees."""
        return bbox(self.footprint)

    def owned(self) -> NDArray[np.bool_] | None:
        """Which pixels this tile owns: those whose centre lies in its own zone (or on the world, for a world map).

        Totals, counts and sampling frames use owned pixels only.

        Returns:
            bool (rows, columns), or None if all are owned.

        Raises:
            GridError: Its id is not one of a grid.
        """
        core = self.lattice.core
        if core is not None and core.contains(shapely.box(*self.bounds)):
            return None
        rows, cols = self.shape
        last_row, last_col = rows - 1, cols - 1
        edge_cols = np.r_[np.arange(cols), np.arange(cols), np.zeros(rows, int), np.full(rows, last_col)]
        edge_rows = np.r_[np.zeros(cols, int), np.full(cols, last_row), np.arange(rows), np.arange(rows)]
        if self._owns(edge_rows, edge_cols).all():  # no zone lies within a tile of another
            return None
        at_rows = np.unique(np.append(np.arange(0, rows, _COARSE), last_row))
        at_cols = np.unique(np.append(np.arange(0, cols, _COARSE), last_col))
        coarse = self._owns(*np.meshgrid(at_rows, at_cols, indexing="ij"))
        # a block takes the owner of its upper left place unless the border may cross it: then every pixel is looked up
        block_of_row = np.searchsorted(at_rows, np.arange(rows), side="right") - 1
        block_of_col = np.searchsorted(at_cols, np.arange(cols), side="right") - 1
        mask = coarse[np.ix_(block_of_row, block_of_col)]
        open_rows, open_cols = np.nonzero(_mixed(coarse)[np.ix_(block_of_row, block_of_col)])
        mask[open_rows, open_cols] = self._owns(open_rows, open_cols)
        return mask

    def pixel_area(self) -> NDArray[np.float32] | float:
        """True area of the pixels, m²: nominal area over k², with k the point scale factor of the zone's projection.

        k varies across a tile by its columns; along a column by less than 1e-6, so one row serves all.

        Returns:
            float32 (1, columns), to be broadcast over the rows; one float in an equal-area grid.
        """
        if self.lattice.zone is None:
            return self.resolution**2
        (area,) = pixel_areas(self.lattice, np.array([self.bounds]), self.shape[1], self.resolution)
        return area[np.newaxis, :]

    @cached_property
    def km2(self) -> float:
        """True area that it owns, km²; at a zone's edge that of the polygon, which its pixels follow."""
        area = np.asarray(self.pixel_area(), dtype=np.float64)
        whole = whole_km2(area, *self.shape)
        polygon = self.lattice.owned_polygon
        box = shapely.box(*self.bounds)
        if polygon is None or (self.lattice.core is not None and self.lattice.core.contains(box)):
            return whole if polygon is not None else self._counted_km2(area)
        part = shapely.intersection(polygon, box)
        # the scale bends so little over a tile that the one at the part's centre serves
        column = np.clip((part.centroid.x - self.affine.c) / self.resolution, 0, self.shape[1] - 1)
        return float(part.area * area[0, int(column)] / self.resolution**2) / 1e6

    def _counted_km2(self, area: NDArray[np.float64]) -> float:
        owned = self.owned()
        count = self.shape[0] * self.shape[1] if owned is None else int(np.count_nonzero(owned))
        return count * float(area) / 1e6

    def _owns(self, rows: NDArray[np.int_], cols: NDArray[np.int_]) -> NDArray[np.bool_]:
        x = self.affine.c + (cols.astype(np.float64) + 0.5) * self.affine.a
        y = self.affine.f + (rows.astype(np.float64) + 0.5) * self.affine.e
        return self.lattice.owns(x, y)


def pixel_areas(
    base: Lattice, bounds: NDArray[np.float64], cols: int, resolution: float
) -> Iterator[NDArray[np.float32]]:
    """True areas of the columns of tiles of equal size in a UTM zone, see `Tile.pixel_area`.

    Args:
        base: Of the zone.
        bounds: (left, bottom, right, top) of each tile, metres, shape (n, 4).
        cols: Of a tile.
        resolution: Edge of a pixel, metres.

    Yields:
        m², shape (cols,), tile by tile.
    """
    left, bottom, right, top = bounds.T
    # k² bends by 2/R² a metre: straight lines over 500 m miss it by less than 1e-9
    x = np.linspace(left, right, 2 + math.ceil(float((right - left).max()) / 500.0), axis=1)
    y = np.repeat((bottom + top) / 2, x.shape[1])
    scale = base.areal_scale(x.ravel(), y).reshape(x.shape)
    middles = (np.arange(cols) + 0.5) * resolution
    for edge, places, factors in zip(left, x, scale, strict=True):
        yield (resolution**2 / np.interp(edge + middles, places, factors)).astype(np.float32)


def whole_km2(area: NDArray[np.floating[Any]], rows: int, cols: int) -> float:
    """True area of a whole tile, km², from that of its columns (or of its pixels, where all are alike), m²."""
    return float(np.asarray(area, np.float64).mean()) * rows * cols / 1e6


def _mixed(coarse: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Blocks (between coarse places) that the border of a zone may cross: those near places of either kind."""
    padded = np.pad(coarse, (1, 2), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (4, 4))  # from one place before a block to one behind
    return np.asarray(windows.any(axis=(2, 3)) & ~windows.all(axis=(2, 3)))


def tile_at(key: str, resolution: float, tile_size: int, x: int, y: int) -> Tile:
    """The tile of an index; x counts eastward, y northward from the lattice's anchor."""
    base = lattice(key)
    edge = tile_size * resolution
    top = base.anchor[1] + (y + 1) * edge
    affine = Affine(resolution, 0.0, base.anchor[0] + x * edge, 0.0, -resolution, top)
    name = f"{key}-{_number(resolution)}m-{tile_size}-x{_index(x)}-y{_index(y)}"
    return Tile(name, base.crs, affine, (tile_size, tile_size))


def tile_index(tile_id: str) -> tuple[str, float, int, int, int]:
    """Parts of an id: lattice key, resolution (m), tile size (pixels), x, y.

    Raises:
        GridError: Not an id of a tile.
    """
    match = _ID.fullmatch(tile_id)
    if match is not None:
        resolution = float(match["res"].replace("p", "."))
        size = int(match["size"])
        x, y = (int(match[axis].replace("m", "-")) for axis in "xy")
        canonical = f"{match['key']}-{_number(resolution)}m-{size}-x{_index(x)}-y{_index(y)}"
        if canonical == tile_id and resolution > 0 and size > 0:
            return match["key"], resolution, size, x, y
    raise GridError(
        f"{tile_id!r} is no tile id.",
        fix="Ids read utm33n-10m-1536-x21-y379: lattice, resolution, tile size, index (m before a negative one).",
        tile=tile_id,
    )


def parse_tile(tile_id: str) -> Tile:
    """The tile of an id.

    Raises:
        GridError: Not an id, no such zone or CRS, a tile size that misaligns bands, or a place off the map.
    """
    key, resolution, size, x, y = tile_index(tile_id)
    base = lattice(key)
    check_sizes(base.grid, resolution, size)
    tile = tile_at(key, resolution, size, x, y)
    left, bottom, right, top = tile.bounds
    if right <= _REACH[0] or left >= _REACH[2] or top <= _REACH[1] or bottom >= _REACH[3]:
        raise GridError(f"Tile {tile_id!r} lies off the map.", fix="Take an id that `swath plan` lists.", tile=tile_id)
    return tile


def _number(value: float) -> str:
    return f"{value:.10g}".replace(".", "p")


def _index(value: int) -> str:
    return f"m{-value}" if value < 0 else str(value)
