"""Labels on a tile's lattice: which pixel has which class or value, in which fold, and near which others.

A pixel belongs to a polygon if its centre lies in it, to a point if the point lies in the pixel. A footprint that holds
no centre is the pixel that holds its middle.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.features import rasterize
from shapely.geometry.base import BaseGeometry

from swath.grid import Tile
from swath.grid.lonlat import STEP, from_lonlat, transformed
from swath.training.dropped import Dropped, Reason
from swath.training.label_geometry import grown, is_areal
from swath.training.label_set import Labels
from swath.training.source import IGNORED
from swath.training.splits import TRAIN_ONLY, SplitSpec, mix

STRIP_PX = 1 << 22  # of a polygon's box, looked at in one go
FEW_PX = 256  # of a polygon's box, up to which asking each centre is quicker than burning
METRES_A_DEGREE = 111_000.0


@dataclass
class Painted:
    """Labels of a tile.

    Attributes:
        y: Index of the class, 255 without a label, uint8 (H, W); or the value, NaN without, float32.
        fold: Of each labelled pixel, `TRAIN_ONLY` where none may hold it out, 255 without a label, uint8 (H, W).
        near: Bit f is set where a label of fold f is nearer than the buffer, or of the same held-out group or block,
            uint16 (H, W).
        dropped: Pixels left out, by reason.
        which: Number of the label of each pixel, -1 without, int32 (H, W); None where each pixel is a label of its own.
    """

    y: NDArray[Any]
    fold: NDArray[np.uint8]
    near: NDArray[np.uint16]
    dropped: Dropped
    which: NDArray[np.int32] | None = None

    @property
    def labelled(self) -> NDArray[np.bool_]:
        """Which pixels have a label."""
        return self.fold != IGNORED

    def erase(self, where: NDArray[np.bool_], reason: Reason | None = None) -> None:
        """Take labels away, and count them if there is a reason to."""
        gone = where & self.labelled
        if reason is not None:
            self.dropped += Dropped.of({reason: int(gone.sum())})
        self.y[gone] = IGNORED if self.y.dtype == np.uint8 else np.nan
        self.fold[gone] = IGNORED
        if self.which is not None:
            self.which[gone] = -1


class Painter:
    """Paints polygons and points on tiles.

    Args:
        labels: With their folds.
        split: Folds, buffer, seed.
        per_polygon: Most pixels that a polygon gives, drawn by the seed whatever tile they lie in; None: all.
    """

    def __init__(self, labels: Labels, split: SplitSpec, *, per_polygon: int | None) -> None:
        self.labels, self.split, self._most = labels, split, per_polygon
        self._folds = labels.folds(split)
        self._barred = split.barred(labels.places, labels.groups)
        self._areal = is_areal(labels.shapes)
        self._tree = shapely.STRtree(labels.shapes)

    def touches(self, tile: Tile) -> NDArray[np.int64]:
        """Labels that meet a tile, in order."""
        return np.sort(self._tree.query(tile.footprint, predicate="intersects"))

    def paint(self, tile: Tile, start: datetime, end: datetime) -> Painted:
        """The labels of a tile that hold at some time from `start` to `end` (exclusive)."""
        shape, values = tile.shape, self.labels.values
        y = np.full(shape, IGNORED, np.uint8) if values is None else np.full(shape, np.nan, np.float32)
        painted = Painted(
            y, np.full(shape, IGNORED, np.uint8), np.zeros(shape, np.uint16), Dropped(), np.full(shape, -1, np.int32)
        )
        which = painted.which
        assert which is not None
        drawn, torn = np.zeros(shape, bool), np.zeros(shape, bool)
        counts: Counter[Reason] = Counter()
        for i in self._in_time(self.touches(tile), start, end):
            inside = self._pixels(int(i), tile)
            rows, cols = inside.in_tile
            if not inside.any:
                counts[Reason.BETWEEN_CENTRES] += 1
                continue
            free = which[rows, cols] == -1
            if values is None:
                torn[rows, cols] |= ~free & (y[rows, cols] != self.labels.codes[i])
            else:
                counts[Reason.SHARED] += int((~free).sum())
            y[rows[free], cols[free]] = self.labels.codes[i] if values is None else values[i]
            which[rows[free], cols[free]] = i
            painted.fold[rows[free], cols[free]] = (
                self.split.fold_of_year(start.year) if self.split.by == "year" else self._folds[i]
            )
            rows, cols = inside.drawn(self._most, self.split.seed)
            drawn[rows, cols] = True
        painted.dropped = Dropped.of(counts)
        owned = tile.owned()
        if owned is not None:
            painted.erase(~owned)  # the neighbouring zone's tile has them
        painted.erase(torn, Reason.CONTRADICTING)
        painted.erase(~drawn, Reason.NOT_DRAWN)
        if self.split.is_spatial:
            self._near(tile, painted)
            labelled = painted.labelled
            painted.near[labelled] |= self._barred[which[labelled]]
        return painted

    def _pixels(self, i: int, tile: Tile) -> _Pixels:
        """Those of a label; of a disc between the centres, the one that holds its middle."""
        found = _Pixels(self.labels.shapes[i], bool(self._areal[i]), tile)
        if self.labels.footprint_m and not found.any:
            return _Pixels(shapely.Point(self.labels.places[i]), False, tile)
        return found

    def _in_time(self, which: NDArray[np.int64], start: datetime, end: datetime) -> NDArray[np.int64]:
        first, last = (np.datetime64(moment.replace(tzinfo=None), "us") for moment in (start, end))
        begins, ends = self.labels.start[which], self.labels.end[which]
        return which[np.isnat(begins) | ((begins < last) & (ends > first))]

    def _near(self, tile: Tile, painted: Painted) -> None:
        """Bits of the folds whose labels lie near. Those of another time count too: the place is the same."""
        buffer = self.split.buffer_m
        if not painted.labelled.any():
            return
        _, south, _, north = tile.footprint.bounds
        degrees = 1.1 * (buffer + tile.resolution) / METRES_A_DEGREE
        wide = degrees / max(0.01, float(np.cos(np.radians(max(abs(south), abs(north))))))
        which = np.sort(self._tree.query(shapely.buffer(tile.footprint, wide), predicate="intersects"))
        # a point stands for its pixel: from any place in it to the pixel's centre
        by = np.where(self._areal[which], buffer, buffer + 0.75 * tile.resolution)
        shapes = grown(self.labels.shapes[which], by)
        for fold in np.unique(self._folds[which]):
            if fold == TRAIN_ONLY:  # never tested: nothing need keep its distance
                continue
            mine = [_drawn(shape, tile) for shape in shapes[self._folds[which] == fold]]
            burnt = rasterize(
                [(shape, 1) for shape in mine], out_shape=tile.shape, transform=tile.affine, dtype="uint8"
            )
            painted.near |= burnt.astype(np.uint16) << np.uint16(fold)


class _Pixels:
    """Pixels of one label on the lattice of a tile, in the tile and beyond it."""

    def __init__(self, shape: BaseGeometry, areal: bool, tile: Tile) -> None:
        self._tile, self._areal = tile, areal
        self._shape = _drawn(shape, tile)
        self._key = int.from_bytes(hashlib.sha256(shapely.to_wkb(shape, byte_order=1)).digest()[:8], "little")

    @cached_property
    def in_tile(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows and columns of those in the tile."""
        parts = list(self._parts(clip=True))
        return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])

    @cached_property
    def any(self) -> bool:
        """Whether there is one at all, in the tile or beyond."""
        return bool(len(self.in_tile[0])) or any(len(rows) for rows, _ in self._parts(clip=False))

    @cached_property
    def _edges(self) -> tuple[int, int, int, int]:
        """First and last row and column of its box in pixels of the tile, the last excluded."""
        west, south, east, north = self._shape.bounds
        affine = self._tile.affine
        left, right = (west - affine.c) / affine.a, (east - affine.c) / affine.a
        top, bottom = (north - affine.f) / affine.e, (south - affine.f) / affine.e
        return math.floor(top), math.ceil(bottom), math.floor(left), math.ceil(right)

    @property
    def _box(self) -> tuple[int, int]:
        first, last, left, right = self._edges
        return last - first, right - left

    def drawn(self, most: int | None, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Those in the tile among at most `most` of all: the same ones from every tile that the label touches."""
        if most is None or not self._areal or self._box[0] * self._box[1] <= most:
            return self.in_tile
        best = np.empty((0, 3), np.int64)
        ranks = np.empty(0, np.uint64)
        top, left = lattice_place(self._tile)
        for rows, cols in self._parts(clip=False):
            rank = mix(
                np.uint64(seed), np.uint64(self._key), (rows + top).astype(np.uint64), (cols + left).astype(np.uint64)
            )
            ranks = np.concatenate([ranks, rank])
            best = np.concatenate([best, np.stack([rows, cols, np.zeros_like(rows)], axis=1)])
            keep = np.argsort(ranks, kind="stable")[:most]
            ranks, best = ranks[keep], best[keep]
        height, width = self._tile.shape
        inside = (best[:, 0] >= 0) & (best[:, 0] < height) & (best[:, 1] >= 0) & (best[:, 1] < width)
        return best[inside, 0], best[inside, 1]

    def _parts(self, *, clip: bool) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        height, width = self._tile.shape
        if not self._areal:
            xy = shapely.get_coordinates(self._shape)
            cols = np.floor((xy[:, 0] - self._tile.affine.c) / self._tile.affine.a).astype(np.int64)
            rows = np.floor((xy[:, 1] - self._tile.affine.f) / self._tile.affine.e).astype(np.int64)
            inside = (rows >= 0) & (rows < height) & (cols >= 0) & (cols < width) if clip else np.ones(len(rows), bool)
            yield rows[inside], cols[inside]
            return
        first, last, left_px, right_px = self._edges
        if clip:
            first, last = max(first, 0), min(last, height)
            left_px, right_px = max(left_px, 0), min(right_px, width)
        yield np.empty(0, np.int64), np.empty(0, np.int64)
        if last <= first or right_px <= left_px:
            return
        if (last - first) * (right_px - left_px) <= FEW_PX:
            rows, cols = (grid.ravel() for grid in np.mgrid[first:last, left_px:right_px])
            affine = self._tile.affine
            inside = shapely.contains_xy(
                self._shape, affine.c + (cols + 0.5) * affine.a, affine.f + (rows + 0.5) * affine.e
            )
            yield rows[inside], cols[inside]
            return
        step = max(1, STRIP_PX // (right_px - left_px))
        for row in range(first, last, step):
            height = min(step, last - row)
            affine = self._tile.affine @ type(self._tile.affine).translation(left_px, row)
            burnt = rasterize(
                [(self._shape, 1)], out_shape=(height, right_px - left_px), transform=affine, dtype="uint8"
            )
            at_rows, at_cols = np.nonzero(burnt)
            yield at_rows.astype(np.int64) + row, at_cols.astype(np.int64) + left_px


def lattice_place(tile: Tile) -> tuple[int, int]:
    """Row and column of a tile's first pixel on its lattice, counted from the anchor, rows downward."""
    x, y = tile.lattice.anchor
    return round((y - tile.affine.f) / tile.resolution), round((tile.affine.c - x) / tile.resolution)


def _drawn(shape: BaseGeometry, tile: Tile) -> BaseGeometry:
    return transformed(shapely.segmentize(shape, STEP), from_lonlat(tile.crs))
