"""Labels that are pixels on a tile's lattice: in which fold each is, and near which others."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.features import rasterize
from scipy.ndimage import distance_transform_edt

from swath.grid import Area, Tile
from swath.grid.lonlat import STEP, from_lonlat, transformed
from swath.training.dropped import Dropped
from swath.training.rasterise import Painted, lattice_place
from swath.training.source import IGNORED
from swath.training.splits import SplitSpec


def paint_pixels(labels: NDArray[Any], halo: int, tile: Tile, split: SplitSpec, *, year: int, area: Area) -> Painted:
    """Folds and nearness of labels that are pixels.

    Args:
        labels: Classes (uint8, 255 without a label) or values (float32, NaN without) on the tile's lattice with `halo`
            more pixels on each side, (H + 2 halo, W + 2 halo).
        halo: At least the buffer.
        tile: Without the halo.
        split: Folds.
        year: Of the images, for folds by year.
        area: Pixels whose centre lies outside have no label.
    """
    height, width = tile.shape
    inner = (slice(halo, halo + height), slice(halo, halo + width))
    affine = tile.affine @ type(tile.affine).translation(-halo, -halo)
    inside = rasterize(
        [(transformed(shapely.segmentize(area.geometry, STEP), from_lonlat(tile.crs)), 1)],
        out_shape=labels.shape, transform=affine, dtype="uint8",
    )  # fmt: skip
    classes = labels.dtype == np.uint8
    y = np.where(inside == 1, labels, labels.dtype.type(IGNORED if classes else np.nan))
    fold = np.full(y.shape, IGNORED, np.uint8)
    rows, cols = np.nonzero(y != IGNORED if classes else np.isfinite(y))
    near = np.zeros(tile.shape, np.uint16)
    if split.by == "year":
        fold[rows, cols] = split.fold_of_year(year)
    elif split.by == "random":
        top, left = lattice_place(tile)
        places = np.stack([rows + top - halo, cols + left - halo], axis=-1)
        fold[rows, cols] = split.folds_of(places)
    else:
        x, north = affine.c + (cols + 0.5) * affine.a, affine.f + (rows + 0.5) * affine.e
        lon, lat = from_lonlat(tile.crs).transform(x, north, direction="INVERSE")
        fold[rows, cols] = split.folds_at(lon, lat)
        for one in np.unique(fold[fold != IGNORED]):
            away = distance_transform_edt(fold != one, sampling=tile.resolution)[inner]
            near |= (away <= split.buffer_m * 1.002).astype(np.uint16) << np.uint16(one)
    painted = Painted(y[inner].copy(), fold[inner].copy(), near, Dropped())
    owned = tile.owned()
    if owned is not None:
        painted.erase(~owned)
    return painted
