import itertools
import pickle
import tracemalloc

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from swath.errors import AreaError, GridError
from swath.grid import Area, Grid, owner_zone
from swath.grid.lonlat import from_lonlat

UTM = Grid.named("utm")


def owners(tiles, lon, lat):
    """By how many of the tiles the pixels that places lie in are owned."""
    found = np.zeros(lon.shape, int)
    for tile in tiles:
        x, y = from_lonlat(tile.crs).transform(lon, lat)
        col, row = (np.floor(v).astype(int) for v in ~tile.affine @ (x, y))
        within = (row >= 0) & (row < tile.shape[0]) & (col >= 0) & (col < tile.shape[1])
        if within.any():
            owned = tile.owned()
            found[within] += 1 if owned is None else owned[row[within], col[within]]
    return found


@pytest.mark.parametrize(
    ("place", "bbox"),
    [
        ("Bergen", "2.7,60.2,3.3,60.5"),
        ("the foot of 32V", "2.8,55.9,3.2,56.1"),
        ("the head of 32V", "5.8,63.9,6.2,64.1"),
        ("Svalbard", "20.5,77.9,21.5,78.1"),
        ("the foot of Svalbard's zones", "8.6,71.9,9.4,72.1"),
        ("the equator", "11.9,-0.1,12.1,0.1"),
        ("180 degrees", "179.9,-17.1,-179.9,-16.9"),
        ("180 degrees on the equator", "179.9,-0.1,-179.9,0.1"),
        ("84 N", "8,83.9,10,84"),
    ],
)
@pytest.mark.parametrize("name", ["utm", "landsat"])
def test_each_place_at_a_seam_is_owned_once(name, place, bbox):
    grid = Grid.named(name, resolution=60, tile_size=256)
    area = Area.parse(bbox)
    tiles = list(grid.tiles(area))
    assert len({tile.id for tile in tiles}) == len(tiles)
    rng = np.random.default_rng(7)
    west, south, east, north = area.bbox
    lon = (west + (((east - west) % 360) * rng.random(60)) + 180) % 360 - 180
    lat = south + (north - south) * rng.random(60)
    # within a pixel of a seam the lattices of two zones cut a place up differently
    step = 1e-3
    turns = step / np.cos(np.radians(lat))
    around = np.array(
        [owner_zone(lon + a * turns, lat + b * step) for a, b in [(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)]]
    )
    around = np.abs(around) if name == "landsat" else around
    clear = (around == around[0]).all(axis=0)
    assert clear.sum() > 30
    assert (owners(tiles, lon, lat)[clear] == 1).all(), place
    assert all(grid.tile_of(x, y) in tiles for x, y in zip(lon[clear].tolist(), lat[clear].tolist(), strict=True))


def test_the_owned_pixels_of_all_zones_add_up_to_the_area():
    grid = Grid.named("utm", resolution=60, tile_size=64)
    area = Area.parse("2.8,55.9,3.2,56.1")  # the foot of 32V
    total = 0.0
    for tile in grid.tiles(area):
        rows, cols = np.indices(tile.shape)
        lon, lat = from_lonlat(tile.crs).transform(*(tile.affine @ (cols + 0.5, rows + 0.5)), direction="INVERSE")
        counted = shapely.contains_xy(area.geometry, lon, lat) & (True if tile.owned() is None else tile.owned())
        total += (counted * tile.pixel_area()).sum(dtype=float) / 1e6
    assert total == pytest.approx(area.km2, rel=2e-3)


@settings(max_examples=10, deadline=None)
@given(st.floats(-179, 179), st.floats(-78, 82), st.floats(0.02, 0.4), st.floats(0.02, 0.3))
def test_tiles_are_those_of_a_plain_search(west, south, width, height):
    east = west + width
    area = Area.parse(f"{west!r},{south!r},{east if east <= 180 else east - 360!r},{south + height!r}")
    grid = Grid.named("utm", resolution=60, tile_size=100)
    streamed = [tile.id for tile in grid.tiles(area)]
    assert len(set(streamed)) == len(streamed)
    lon, lat = np.meshgrid(np.linspace(west, east, 12), np.linspace(south, south + height, 12))
    asked = {grid.tile_of(float(x), float(y)).id for x, y in zip(lon.ravel(), lat.ravel(), strict=True)}
    assert {tile for tile in asked if _inside(grid, tile, area)} <= set(streamed)
    for tile in streamed:
        assert grid.parse(tile).footprint.intersects(area.geometry)


def _inside(grid, tile, area):
    """Whether a tile owns a pixel's centre in the area, so that it must be given out."""
    tile = grid.parse(tile)
    rows, cols = np.indices(tile.shape)
    x, y = tile.affine @ (cols + 0.5, rows + 0.5)
    lon, lat = from_lonlat(tile.crs).transform(x, y, direction="INVERSE")
    owned = tile.owned()
    return bool((shapely.contains_xy(area.geometry, lon, lat) & (True if owned is None else owned)).any())


def test_every_tile_given_out_owns_a_pixel():
    grid = Grid.named("utm", resolution=10, tile_size=96)
    for tile in grid.tiles(Area.parse("11.99,-0.03,12.01,0.03")):
        owned = tile.owned()
        assert owned is None or owned.any()


def test_the_order_is_fixed_and_the_tiles_are_a_stream():
    area = Area.parse("South America")
    stream = UTM.tiles(area)
    first = list(itertools.islice(stream, 500))
    assert first == list(itertools.islice(UTM.tiles(area), 500))
    tracemalloc.start()
    for _ in itertools.islice(stream, 2000):
        pass
    _, before = tracemalloc.get_traced_memory()
    count = sum(1 for _ in itertools.islice(stream, 10000))
    _, after = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 10000
    assert after < before + 3e6


def test_an_area_cut_along_a_tile_gives_that_tile_alone():
    tile = UTM.parse("utm33n-10m-1536-x21-y379")
    area = Area.of(tile.footprint.buffer(-1e-6), name="tile")
    assert list(UTM.tiles(area)) == [tile]


def test_an_area_smaller_than_a_pixel_has_its_tile():
    assert [tile.id for tile in UTM.tiles(Area.parse("13.00001,52.40001,13.00004,52.40003"))] == [
        UTM.tile_of(13.00002, 52.40002).id
    ]


def test_a_hole_has_no_tiles():
    around = Area.parse("12,51,15,54").geometry.difference(Area.parse("12.5,51.5,14.5,53.5").geometry)
    ids = {tile.id for tile in UTM.tiles(Area.of(around, name="ring"))}
    assert UTM.tile_of(13.5, 52.5).id not in ids
    assert UTM.tile_of(12.2, 52.5).id in ids


def test_an_area_in_the_sea_has_tiles_like_any_other():
    assert sum(1 for _ in UTM.tiles(Area.parse("-30,10,-29.9,10.1"))) >= 1


@pytest.mark.parametrize("code", ["EPSG:6933", "ESRI:102022", "epsg:8857"])
def test_equal_area_tiles_cover_an_area_once(code):
    grid = Grid.named(code, resolution=1000, tile_size=100)
    area = Area.parse("Kenya")
    tiles = list(grid.tiles(area))
    union = shapely.union_all([tile.footprint for tile in tiles])
    assert union.buffer(0.01).contains(area.geometry)
    assert len(tiles) == len({tile.id for tile in tiles})
    assert all(tile.km2 == 10_000.0 for tile in tiles)
    assert grid.tile_of(37.0, 0.0) in tiles


def test_the_whole_world_fits_on_a_global_equal_area_grid():
    grid = Grid.named("EPSG:6933", resolution=2000, tile_size=1024)
    assert sum(tile.km2 for tile in grid.tiles(Area.parse("-180,-85,180,85"))) == pytest.approx(
        Area.parse("-180,-90,180,90").km2, rel=0.03
    )


def test_a_polar_grid_holds_what_utm_refuses():
    area = Area.parse("-180,84,180,90")
    with pytest.raises(AreaError, match="EPSG:6931"):
        UTM.tiles(area)
    grid = Grid.named("EPSG:6931", resolution=1000, tile_size=512)
    assert grid.tile_of(0, 89.99) in list(grid.tiles(area))


def test_an_area_over_the_edge_of_a_map_is_refused_before_the_first_tile():
    with pytest.raises(AreaError, match=r"edge of the map of ESRI:102022"):
        Grid.named("ESRI:102022", resolution=1000).tiles(Area.parse("-180,-60,180,60"))


@pytest.mark.parametrize("code", ["EPSG:3857", "EPSG:32633", "EPSG:4326", "EPSG:2163", "ESRI:54009"])
def test_a_crs_that_is_not_equal_area_is_refused(code):
    with pytest.raises(GridError, match=r"not equal-area|not a projection in metres") as caught:
        Grid.named(code)
    assert "EPSG:6933" in str(caught.value)


@pytest.mark.parametrize("code", ["EPSG:6933", "ESRI:102022", "EPSG:3035", "EPSG:5070", "EPSG:6931", "EPSG:6932"])
def test_equal_area_crs_are_taken(code):
    assert Grid.named(code.lower()).name == code


@pytest.mark.parametrize(
    ("name", "resolution", "size", "match"),
    [
        ("mercator", 10, 1536, "no grid 'mercator'"),
        ("EPSG:1", 10, 1536, "Unknown CRS"),
        ("utm", 10, 1024, "10240 m.*multiple of 60.*1020 px and 1026 px.*1536"),
        ("utm", 30, 1, "nearest sizes are 2 px"),
        ("utm", 20, 512, "510 px and 513 px"),
        ("landsat", 10, 100, "99 px and 102 px"),
        ("utm", 0, 1536, "Resolution 0"),
        ("utm", -10, 1536, "Resolution -10"),
        ("utm", float("nan"), 1536, "Resolution nan"),
        ("utm", 10, 0, "0 px is empty"),
    ],
)
def test_sizes_that_cut_bands_through_are_refused_with_the_nearest(name, resolution, size, match):
    with pytest.raises(GridError, match=match):
        Grid.named(name, resolution=resolution, tile_size=size)


def test_a_halo_is_held_to_the_same_rule():
    UTM.check_halo(0)
    UTM.check_halo(96)
    with pytest.raises(GridError, match="60 m"):
        UTM.check_halo(100)


def test_a_tile_of_another_grid_is_refused():
    with pytest.raises(GridError, match="not of the grid utm 10 m, 1536 px"):
        UTM.parse("utm33n-20m-1536-x2-y3")


def test_resolution_defaults_to_that_of_the_sensor():
    assert (UTM.resolution, Grid.named("landsat").resolution) == (10.0, 30.0)


def test_a_place_beyond_utm_is_refused():
    with pytest.raises(AreaError, match="EPSG:6931"):
        UTM.tile_of(0, 89)


def test_a_grid_pickles():
    assert pickle.loads(pickle.dumps(UTM)) == UTM
