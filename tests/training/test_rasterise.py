"""Polygons and points on the lattice of tiles."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from support.drawn_labels import AREA, drawn_labels
from swath.grid import Grid, parse_tile
from swath.grid.lonlat import from_lonlat
from swath.training import IGNORED, Dropped, Labels, Reason, SplitSpec
from swath.training.rasterise import Painter, lattice_place

TIME = (datetime(2023, 6, 1, tzinfo=UTC), datetime(2023, 7, 1, tzinfo=UTC))
SPLIT = SplitSpec(folds=4, block_m=250, buffer_m=35, seed=2)
TILES = [tile for tile in Grid.named("utm", tile_size=96).tiles(AREA)]


@pytest.fixture(scope="module")
def labels(tmp_path_factory):
    return drawn_labels(tmp_path_factory.mktemp("labels"), edge=80.0)


def centres(tile):
    rows, cols = np.indices(tile.shape)
    return tile.affine.c + (cols + 0.5) * tile.resolution, tile.affine.f - (rows + 0.5) * tile.resolution


def on(tile, shape):
    turn = from_lonlat(tile.crs)
    return shapely.transform(shape, lambda xy: np.column_stack(turn.transform(xy[:, 0], xy[:, 1])))


def of(shapes, codes=None, **more):
    """Labels of shapes in degrees."""
    shapes = np.array([*shapes, None], dtype=object)[:-1]
    points = shapely.point_on_surface(shapes)
    never = np.full(len(shapes), np.datetime64("NaT", "us"))
    codes = np.arange(len(shapes)) % 3 if codes is None else codes
    places = np.stack([shapely.get_x(points), shapely.get_y(points)], axis=1)
    made = Labels(("a", "b", "c"), shapes, np.asarray(codes, np.uint8), places, never, never, "test", Dropped())
    return replace(made, **more)


def at(tile, *pixels):
    """Lon, lat of places given as (column, row) of a tile."""
    x, y = np.array([tile.affine @ pixel for pixel in pixels]).T
    return np.column_stack(from_lonlat(tile.crs).transform(x, y, direction="INVERSE"))


def test_pixels_are_those_whose_centre_lies_in_a_polygon(labels):
    painter = Painter(labels, SPLIT, per_polygon=None)
    found = 0
    for tile in TILES:
        x, y = centres(tile)
        expected = np.full(tile.shape, IGNORED, np.uint8)
        fold = np.full(tile.shape, IGNORED, np.uint8)
        for shape, code, own in zip(labels.shapes, labels.codes, labels.folds(SPLIT), strict=True):
            inside = shapely.contains_xy(on(tile, shape), x, y)
            expected[inside], fold[inside] = code, own
        painted = painter.paint(tile, *TIME)
        assert (painted.y == expected).all()
        assert (painted.fold == fold).all()
        found += (expected != IGNORED).sum()
    assert found > 3000


def test_no_polygon_lies_in_two_folds(labels):
    painter = Painter(labels, SPLIT, per_polygon=None)
    for tile in TILES:
        x, y = centres(tile)
        painted = painter.paint(tile, *TIME)
        for shape in labels.shapes:
            assert len(set(painted.fold[shapely.contains_xy(on(tile, shape), x, y)])) <= 1


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), buffer=st.floats(0, 120), held=st.integers(0, 3), most=st.sampled_from([None, 20]))
def test_no_pixel_outside_the_buffer_is_nearer_than_it_to_one_that_is_held_out(labels, seed, buffer, held, most):
    split = SPLIT.model_copy(update={"seed": seed, "buffer_m": buffer})
    painter = Painter(labels, split, per_polygon=most)
    train, test = [], []
    for tile in TILES:
        painted, (x, y) = painter.paint(tile, *TIME), centres(tile)
        given = painted.fold != IGNORED
        out = given & (painted.fold == held)
        left = given & (painted.fold != held) & (painted.near & (1 << held) == 0)
        test.append(np.column_stack([x[out], y[out]]))
        train.append(np.column_stack([x[left], y[left]]))
    train, test = np.concatenate(train), np.concatenate(test)
    if len(train) and len(test):
        assert cKDTree(test).query(train)[0].min() >= buffer


def test_a_polygon_gives_at_most_so_many_pixels_whatever_tiles_cut_it(labels):
    small = Painter(labels, SPLIT, per_polygon=12)
    fine, coarse = {}, {}
    for tiles, found in ((TILES, fine), (list(Grid.named("utm", tile_size=192).tiles(AREA)), coarse)):
        for tile in tiles:
            painted = small.paint(tile, *TIME)
            top, left = lattice_place(tile)
            for row, col in np.argwhere(painted.y != IGNORED):
                found[row + top, col + left] = painted.y[row, col]
    whole = {place: code for place, code in coarse.items() if place in fine}
    assert fine == whole
    assert len(fine) == 12 * sum(_pixels(labels, i) >= 12 for i in range(len(labels)))


def _pixels(labels, i):
    return round(shapely.area(on(TILES[0], labels.shapes[i])) / 100)


def test_what_is_not_drawn_is_counted(labels):
    tile = TILES[0]
    all_of = Painter(labels, SPLIT, per_polygon=None).paint(tile, *TIME)
    some = Painter(labels, SPLIT, per_polygon=12).paint(tile, *TIME)
    left = int((some.y != IGNORED).sum())
    assert some.dropped[Reason.NOT_DRAWN] == int((all_of.y != IGNORED).sum()) - left > 0


def test_a_point_labels_the_pixel_that_holds_it():
    tile = TILES[0]
    points = [shapely.Point(*at(tile, place)[0]) for place in ((10.1, 20.9), (30.5, 40.5), (50.9, 60.1))]
    painted = Painter(of(points), SPLIT, per_polygon=None).paint(tile, *TIME)
    assert [tuple(place) for place in np.argwhere(painted.y != IGNORED)] == [(20, 10), (40, 30), (60, 50)]
    assert painted.y[20, 10] == 0
    assert painted.y[60, 50] == 2


def test_pixels_in_labels_of_two_classes_are_dropped_and_counted():
    tile = TILES[0]
    one, two = (shapely.Polygon(at(tile, (a, 10), (a + 20, 10), (a + 20, 30), (a, 30))) for a in (10, 20))
    painted = Painter(of([one, two]), SPLIT, per_polygon=None).paint(tile, *TIME)
    assert painted.dropped[Reason.CONTRADICTING] == 200
    assert (painted.y[10:30, 10:20] == 0).all()
    assert (painted.y[10:30, 20:30] == IGNORED).all()
    assert (painted.y[10:30, 30:40] == 1).all()


def test_a_label_holds_in_its_own_time_only():
    tile = TILES[0]
    shapes = [shapely.Polygon(at(tile, (a, 10), (a + 10, 10), (a + 10, 20), (a, 20))) for a in (10, 30, 50)]
    start = np.array(["2023-06-17", "2023-07-01", "NaT"], "datetime64[us]")
    labels = of(shapes, start=start, end=start + np.timedelta64(1, "D"))
    painted = Painter(labels, SPLIT, per_polygon=None).paint(tile, *TIME)
    assert set(np.unique(painted.y)) == {0, 2, IGNORED}


def test_a_polygon_smaller_than_a_pixel_is_counted():
    tile = TILES[0]
    shape = shapely.Polygon(at(tile, (10.6, 10.6), (10.9, 10.6), (10.9, 10.9)))
    painted = Painter(of([shape]), SPLIT, per_polygon=None).paint(tile, *TIME)
    assert painted.dropped[Reason.BETWEEN_CENTRES] == 1


def test_pixels_at_the_edge_of_a_zone_are_labelled_once():
    west, east = (Grid.named("utm", tile_size=96).tile_of(lon, 47.7) for lon in (11.999, 12.001))
    assert west.crs != east.crs
    label = of([shapely.box(11.995, 47.698, 12.005, 47.702)])
    painter = Painter(label, SPLIT, per_polygon=None)
    for tile in (west, east):
        painted = painter.paint(parse_tile(tile.id), *TIME)
        owned = tile.owned()
        assert (painted.y[~owned] == IGNORED).all()
        assert (painted.y[owned] != IGNORED).any()


def test_a_large_polygon_is_drawn_from_in_strips(labels, monkeypatch):
    one = of([shapely.box(12.5, 47.7, 12.515, 47.71)])
    whole = Painter(one, SPLIT, per_polygon=40).paint(TILES[1], *TIME)
    monkeypatch.setattr("swath.training.rasterise.STRIP_PX", 500)
    assert (Painter(one, SPLIT, per_polygon=40).paint(TILES[1], *TIME).y == whole.y).all()
    assert (whole.y != IGNORED).any()
