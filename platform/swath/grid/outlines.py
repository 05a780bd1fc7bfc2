"""Footprints, boxes and areas of many tiles at once: a continent has a hundred thousand."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import numpy as np
import shapely
from numpy.typing import NDArray

from swath.grid.lonlat import from_lonlat, transformed
from swath.grid.tiles import Tile, pixel_areas, whole_km2


def outline(tiles: Sequence[Tile]) -> None:
    """Work out `footprint`, `bbox` and `km2` of tiles, so that these answer at once; each is what the tile alone gives.

    Tiles over the antimeridian, at the edge of a world map, or not wholly owned are left to themselves.

    Args:
        tiles: In any order; those of one lattice and shape that follow each other are worked on together.
    """
    for _, group in groupby(tiles, key=lambda tile: (tile.crs, tile.lattice.key, tile.shape, tile.resolution)):
        alike = list(group)
        bounds = np.array([tile.bounds for tile in alike])
        boxes = shapely.box(*bounds.T)
        _footprints(alike, bounds, boxes)
        _areas(alike, bounds, boxes)


def _footprints(tiles: Sequence[Tile], bounds: NDArray[np.float64], boxes: NDArray[np.object_]) -> None:
    longest = np.maximum(bounds[:, 2] - bounds[:, 0], bounds[:, 3] - bounds[:, 1])
    turned = transformed(shapely.segmentize(boxes, longest / 16), from_lonlat(tiles[0].crs), inverse=True)
    xy, of = shapely.get_coordinates(turned, return_index=True)
    first = np.searchsorted(of, np.arange(len(tiles)))
    odd = ~np.isfinite(xy).all(axis=1) | (np.abs(xy[:, 0]) >= 180.0)
    odd[1:] |= (np.abs(np.diff(xy[:, 0])) > 180.0) & (of[1:] == of[:-1])
    plain = ~np.logical_or.reduceat(odd, first) & shapely.is_valid(turned)
    chosen = np.flatnonzero(plain)
    whole = shapely.multipolygons(turned[chosen], indices=np.arange(len(chosen)))
    for place, footprint, box in zip(chosen.tolist(), whole, shapely.bounds(whole).tolist(), strict=True):
        # where a cached property keeps its value
        vars(tiles[place]).update(footprint=footprint, bbox=tuple(box))


def _areas(tiles: Sequence[Tile], bounds: NDArray[np.float64], boxes: NDArray[np.object_]) -> None:
    lattice = tiles[0].lattice
    if lattice.zone is None or lattice.core is None:
        return
    rows, cols = tiles[0].shape
    inside = np.flatnonzero(shapely.contains(lattice.core, boxes))
    if not len(inside):
        return
    for place, area in zip(
        inside.tolist(), pixel_areas(lattice, bounds[inside], cols, tiles[0].resolution), strict=True
    ):
        vars(tiles[place])["km2"] = whole_km2(area, rows, cols)
