"""Which items a tile gets."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer

from swath.grid import Area, Grid
from swath.planning.join import MARGIN_M, Footprints, Join, searched_area

GRID = Grid.named("utm", resolution=10, tile_size=768)


def area_at(lon: float, lat: float, size: float = 0.12) -> Area:
    return Area.parse(f"{lon},{lat},{lon + size},{lat + size}")


def metres_apart(tile, footprint) -> float:
    """Distance of a footprint to a tile in the tile's own CRS."""
    turn = Transformer.from_crs("EPSG:4326", tile.crs, always_xy=True).transform
    flat = shapely.transform(shapely.segmentize(footprint, 0.02), turn, interleaved=False)
    return shapely.distance(flat, shapely.box(*tile.bounds))


@settings(max_examples=30, deadline=None)
@given(
    lon=st.floats(-179, 178),
    lat=st.floats(-79, 79),
    seed=st.integers(0, 2**32 - 1),
)
def test_no_item_within_the_margin_is_lost(lon, lat, seed):
    random = np.random.default_rng(seed)
    tiles = list(GRID.tiles(area_at(lon, lat, 0.05)))
    corners = random.uniform((lon - 0.15, lat - 0.15), (lon + 0.15, lat + 0.15), (12, 2))
    sizes = random.uniform(0.005, 0.15, (12, 2))
    shapes = shapely.box(*corners.T, *(corners + sizes).T)
    shape_of = random.integers(0, 12, 40).astype(np.int32)
    for tile, rows in Join(Footprints(shapes, shape_of)).rows(tiles):
        apart = np.array([metres_apart(tile, shape) for shape in shapes])
        near, far = np.flatnonzero(apart < 0.95 * MARGIN_M), np.flatnonzero(apart > 20 * MARGIN_M)
        assert set(np.flatnonzero(np.isin(shape_of, near))) <= set(rows.tolist())
        assert not set(np.flatnonzero(np.isin(shape_of, far))) & set(rows.tolist())


def test_rows_come_sorted_and_once():
    area = area_at(10, 50)
    shapes = np.array([area.geometry.envelope, area.geometry.envelope.buffer(0.1)], dtype=object)
    join = Join(Footprints(shapes, np.array([1, 0, 1, 0], np.int32)))
    for _, rows in join.rows(GRID.tiles(area)):
        assert rows.tolist() == [0, 1, 2, 3]


def test_items_that_may_not_be_used_are_left_out():
    area = area_at(10, 50)
    footprints = Footprints(np.array([area.geometry.envelope], dtype=object), np.zeros(4, np.int32))
    join = Join(footprints, np.array([True, False, True, False]))
    assert all(rows.tolist() == [0, 2] for _, rows in join.rows(GRID.tiles(area)))


def test_a_tile_without_items_comes_with_none():
    footprints = Footprints(np.array([shapely.box(0, 0, 1, 1)], dtype=object), np.zeros(1, np.int32))
    found = list(Join(footprints).rows(GRID.tiles(area_at(10, 50))))
    assert found
    assert all(len(rows) == 0 for _, rows in found)


def test_an_item_over_the_antimeridian_is_found_from_both_sides():
    west, east = shapely.box(179.97, -17.1, 180, -16.9), shapely.box(-180, -17.1, -179.97, -16.9)
    footprints = Footprints(np.array([shapely.MultiPolygon([west, east])], dtype=object), np.zeros(1, np.int32))
    tiles = list(GRID.tiles(Area.parse("179.98,-17.02,-179.98,-16.98")))
    assert {tile.crs for tile in tiles} == {"EPSG:32701", "EPSG:32760"}
    assert all(rows.tolist() == [0] for _, rows in Join(footprints).rows(tiles))


def test_the_margin_goes_on_behind_the_antimeridian():
    """An item that ends at 180 by its footprint, and a tile that begins there."""
    footprints = Footprints(np.array([shapely.box(-180, -17.1, -179.9, -16.9)], dtype=object), np.zeros(1, np.int32))
    tiles = [
        tile for tile in GRID.tiles(Area.parse("179.90,-17.02,179.999,-16.98")) if tile.footprint.bounds[2] > 179.998
    ]
    assert tiles
    assert all(rows.tolist() == [0] for _, rows in Join(footprints).rows(tiles))


@settings(max_examples=40, deadline=None)
@given(lon=st.floats(-179.99, 179.8), lat=st.floats(-79, 79), size=st.floats(0.001, 0.15))
def test_the_searched_area_holds_every_tile_with_its_margin(lon, lat, size):
    area = area_at(lon, lat, size)
    wide = searched_area(area, GRID).geometry
    for tile in GRID.tiles(area):
        assert wide.covers(tile.footprint.buffer(-1e-9))
        assert shapely.distance(wide.boundary, tile.footprint) * 111_320 > MARGIN_M or wide.bounds[0] <= -179.99


def test_the_searched_area_of_a_continent_is_quick_and_barely_wider():
    africa = Area.parse("Africa")
    wide = searched_area(africa, Grid.named("utm", resolution=10, tile_size=3072))
    assert wide.km2 < 1.2 * africa.km2


@pytest.mark.parametrize("text", ["-180,-20,180,20", "170,60,-170,70", "10,83,20,84"])
def test_the_searched_area_stays_on_the_earth(text):
    west, south, east, north = searched_area(Area.parse(text), GRID).geometry.bounds
    assert -180 <= west < east <= 180
    assert -90 <= south < north <= 90
