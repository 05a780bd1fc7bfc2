"""Folds and nearness of labels that are pixels."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from swath.grid import Area, Grid
from swath.grid.lonlat import from_lonlat
from swath.training import IGNORED, SplitSpec
from swath.training.paint_pixels import paint_pixels

TILE = Grid.named("utm", tile_size=96).tile_of(12.505, 47.705)
WHOLE = Area.parse("12.4,47.6,12.6,47.8")
HALO = 12


def pixels(values=False, seed=1):
    """Labels on most pixels, with a halo."""
    draw = np.random.default_rng(seed)
    shape = tuple(edge + 2 * HALO for edge in TILE.shape)
    gone = draw.random(shape) < 0.3
    if values:
        return np.where(gone, np.nan, draw.uniform(0, 300, shape)).astype(np.float32)
    return np.where(gone, IGNORED, draw.integers(0, 3, shape)).astype(np.uint8)


def paint(labels, *, area=WHOLE, year=2023, **split):
    return paint_pixels(labels, HALO, TILE, SplitSpec(**split), year=year, area=area)


def lonlat():
    rows, cols = np.indices(TILE.shape)
    x, y = TILE.affine.c + (cols + 0.5) * 10, TILE.affine.f - (rows + 0.5) * 10
    return from_lonlat(TILE.crs).transform(x, y, direction="INVERSE")


@pytest.mark.parametrize("values", [False, True])
def test_labels_stay_and_each_has_the_fold_of_its_block(values):
    labels = pixels(values)
    painted = paint(labels, folds=3, block_m=250)
    inner = labels[HALO:-HALO, HALO:-HALO]
    assert np.array_equal(painted.y, inner, equal_nan=values)
    assert (painted.labelled == (np.isfinite(inner) if values else inner != IGNORED)).all()
    spec = SplitSpec(folds=3, block_m=250)
    lon, lat = lonlat()
    expected = spec.folds_of(spec.blocks(lon, lat))
    assert (painted.fold[painted.labelled] == expected[painted.labelled]).all()


def test_pixels_near_another_fold_are_marked_and_no_others():
    painted = paint(pixels(), folds=2, block_m=250, buffer_m=60)
    rows, cols = np.nonzero(painted.fold == 0)
    away, _ = cKDTree(np.column_stack([rows, cols]) * 10).query(np.indices(TILE.shape).reshape(2, -1).T * 10)
    near = (painted.near & 1 == 1).ravel()
    assert near[away <= 60].all()
    # labels in the halo count too, so that more may be marked, but only towards the tile's edge
    edge = np.indices(TILE.shape).reshape(2, -1).T * 10
    inside = ((edge > 70) & (edge < 960 - 70)).all(axis=1)
    assert not near[inside & (away > 61)].any()


def test_pixels_of_regions_go_to_their_folds():
    lon, _ = lonlat()
    middle = float(np.median(lon))
    painted = paint(pixels(), by="region", regions=(f"12.0,47.0,{middle},48.0",), buffer_m=0)
    assert (painted.fold[painted.labelled] == (lon > middle)[painted.labelled]).all()


def test_a_random_split_draws_each_pixel_and_marks_none_as_near():
    painted = paint(pixels(), by="random", reason="to show it", folds=4)
    found = painted.fold[painted.labelled]
    assert np.allclose(np.bincount(found) / len(found), 0.25, atol=0.03)
    assert (painted.fold[:, 1:] == painted.fold[:, :-1])[
        painted.labelled[:, 1:] & painted.labelled[:, :-1]
    ].mean() < 0.3
    assert not painted.near.any()


def test_pixels_of_a_year_are_in_its_fold():
    painted = paint(pixels(), by="year", years=((2022,), (2023,)))
    assert set(np.unique(painted.fold)) == {1, IGNORED}


def test_pixels_outside_the_area_have_no_label():
    lon, _ = lonlat()
    area = Area.parse(f"{np.median(lon)},47.0,13.0,48.0")
    painted = paint(pixels(), area=area, folds=2)
    assert not painted.labelled[lon < np.median(lon) - 1e-5].any()
    assert painted.labelled[lon > np.median(lon) + 1e-5].mean() > 0.5
