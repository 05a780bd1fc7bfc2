"""Which items each tile needs: a join by distinct footprint, not by item.

A year of Sentinel-2 over Africa is three million items, but orbits repeat: the items share some ten
thousand footprints. So tiles meet footprints in a tree, and the rows of a footprint come along.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.affinity import translate

from swath.grid import Area, Grid, Tile, outline

# Edges of a scene are straight in its projection, those of its footprint straight in degrees: over 110 km
# they part by up to some 400 m. A tile looks this much further, so that no strip at a scene's edge is lost.
MARGIN_M = 500.0
METRES_A_DEGREE = 111_320.0
BATCH = 1024


@dataclass(frozen=True)
class Footprints:
    """The items of a frozen table as the join sees them; row i is row i of the table, ordered by time.

    Attributes:
        shapes: Distinct footprints, WGS84 polygons, shape (F,).
        shape_of: Footprint of each item, int32, shape (N,).
    """

    shapes: NDArray[np.object_]
    shape_of: NDArray[np.int32]


class Join:
    """Footprints in a tree, with the rows of each in one array.

    Args:
        footprints: Of the frozen table.
        keep: Rows that may be used at all (cloud cover, period), bool, shape (N,); all by default.
        margin_m: Metres that a tile looks beyond its footprint.
    """

    def __init__(
        self, footprints: Footprints, keep: NDArray[np.bool_] | None = None, *, margin_m: float = MARGIN_M
    ) -> None:
        self._margin = margin_m
        rows = np.arange(len(footprints.shape_of), dtype=np.int32)
        shape_of = footprints.shape_of
        if keep is not None:
            rows, shape_of = rows[keep], shape_of[keep]
        order = np.argsort(shape_of, kind="stable")
        self._rows = rows[order]
        self._first = np.searchsorted(shape_of[order], np.arange(len(footprints.shapes) + 1))
        self._tree = shapely.STRtree(footprints.shapes)

    def rows(self, tiles: Iterable[Tile]) -> Iterator[tuple[Tile, NDArray[np.int32]]]:
        """Each tile with the sorted rows of the items that may touch it; memory is that of one batch."""
        stream = iter(tiles)
        while batch := list(islice(stream, BATCH)):
            outline(batch)
            shapes = _searched(batch, self._margin)
            shapely.prepare(shapes)
            which, footprint = self._tree.query(shapes, predicate="intersects")
            order = np.argsort(which, kind="stable")
            bounds = np.searchsorted(which[order], np.arange(len(batch) + 1))
            footprint = footprint[order]
            for i, tile in enumerate(batch):
                yield tile, self._of(footprint[bounds[i] : bounds[i + 1]])

    def _of(self, footprints: NDArray[np.int64]) -> NDArray[np.int32]:
        if not len(footprints):
            return np.empty(0, np.int32)
        found = np.concatenate([self._rows[self._first[f] : self._first[f + 1]] for f in footprints])
        found.sort()
        return found


def searched_area(area: Area, grid: Grid, *, margin_m: float = MARGIN_M) -> Area:
    """Where items must be looked for, so that every tile that touches an area is made whole.

    A tile reaches beyond the area by up to its diagonal. What lies there belongs to it too: a unit is the same whatever
    area selected it. Items that touch no tile after all are frozen in vain, and never read.
    """
    reach = grid.tile_size * grid.resolution * np.sqrt(2) + margin_m
    _, south, _, north = area.geometry.bounds
    degrees = reach / METRES_A_DEGREE / np.cos(np.radians(min(max(abs(south), abs(north)), 85.0)))
    # coarser corners make it quick for coasts of a million vertices; what they and the round ends lose is added first
    coarse = shapely.simplify(area.geometry, degrees / 10)
    wide = shapely.buffer(coarse, degrees * 1.2, quad_segs=4)
    return Area.of(shapely.intersection(wide, shapely.box(-360, -90, 360, 90)), name=area.name)


def _searched(tiles: Sequence[Tile], margin_m: float) -> NDArray[np.object_]:
    """Footprints of tiles with the margin, degrees; on both sides of 180 where they touch that."""
    footprints = np.array([tile.footprint for tile in tiles], dtype=object)
    _, south, _, north = shapely.bounds(footprints).T
    latitude = np.minimum(np.maximum(np.abs(south), np.abs(north)), 85.0)
    margin = margin_m / METRES_A_DEGREE / np.cos(np.radians(latitude))
    wide = np.asarray(shapely.buffer(footprints, margin, join_style="mitre"), dtype=object)
    west, _, east, _ = shapely.bounds(wide).T
    for beyond, turn in ((east > 180, -360.0), (west < -180, 360.0)):
        for i in np.flatnonzero(beyond):
            wide[i] = shapely.union(wide[i], translate(wide[i], turn))
    return wide
