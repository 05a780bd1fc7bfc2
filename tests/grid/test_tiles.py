import pickle

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod, Transformer

from swath.errors import GridError
from swath.grid import Grid, owner_zone, parse_tile

GEOD = Geod(ellps="WGS84")

keys = st.one_of(
    st.builds("utm{:02d}{}".format, st.integers(1, 60), st.sampled_from("ns")),
    st.builds("landsat{:02d}".format, st.integers(1, 60)),
    st.sampled_from(["epsg6933", "epsg3035", "esri102022"]),
)
sizes = st.sampled_from([("10", 1536), ("10", 3072), ("20", 96), ("30", 1024), ("60", 7), ("2p5", 480), ("100", 3)])
indices = st.integers(-300, 300)


def number(value):
    return f"m{-value}" if value < 0 else str(value)


tile_ids = st.builds(
    lambda key, size, x, y: f"{key}-{size[0]}m-{size[1]}-x{number(x)}-y{number(y)}", keys, sizes, indices, indices
).filter(lambda i: not (i.startswith("landsat") and ("-2p5m" in i or "-20m" in i or "-10m" in i)))


@given(tile_ids)
def test_an_id_parses_back(tile_id):
    try:
        tile = parse_tile(tile_id)
    except GridError as error:
        assert "off the map" in str(error) or "multiple" in str(error)
        return
    assert tile.id == tile_id
    assert parse_tile(tile.id) == tile
    assert hash(parse_tile(tile.id)) == hash(tile)


@given(st.integers(1, 60), st.sampled_from("ns"), st.integers(0, 60), st.integers(-500, 500))
def test_utm_tiles_lie_on_the_sentinel_2_lattice(zone, half, x, y):
    tile = parse_tile(f"utm{zone:02d}{half}-10m-1536-x{number(x)}-y{number(y)}")
    left, bottom, right, top = tile.bounds
    north = 0 if half == "n" else 10_000_000
    assert left % 60 == right % 60 == (top - north) % 60 == (bottom - north) % 60 == 0
    assert tile.crs == f"EPSG:{(32600 if half == 'n' else 32700) + zone}"


@given(st.integers(1, 60), st.integers(0, 60), st.integers(-500, 500))
def test_landsat_tiles_have_edges_at_15_mod_30(zone, x, y):
    tile = parse_tile(f"landsat{zone:02d}-30m-512-x{number(x)}-y{number(y)}")
    assert {edge % 30 for edge in tile.bounds} == {15}
    assert tile.crs == f"EPSG:{32600 + zone}"


@given(st.integers(-200, 200), st.integers(-200, 200))
def test_neighbours_share_edges(x, y):
    here, east, north = (
        parse_tile(f"utm33n-10m-1536-x{number(a)}-y{number(b)}") for a, b in [(x, y), (x + 1, y), (x, y + 1)]
    )
    assert here.bounds[2] == east.bounds[0]
    assert here.bounds[3] == north.bounds[1]


def test_the_id_of_the_design_is_where_it_says():
    tile = parse_tile("utm33n-10m-1536-x21-y379")
    assert tile.bounds == (322560, 5821440, 337920, 5836800)
    assert tile.geobox.shape == (1536, 1536)
    assert tile.owned() is None


@pytest.mark.parametrize(
    "tile_id",
    [
        "",
        "utm33n",
        "utm61n-10m-1536-x1-y1",
        "utm33-10m-1536-x1-y1",
        "utm33n-10m-1536-x01-y1",
        "utm33n-10m-1536-xm0-y1",
        "UTM33N-10m-1536-x1-y1",
        "utm33n-10.0m-1536-x1-y1",
        "utm33n-10m-1024-x1-y1",
        "utm33n-0m-1536-x1-y1",
        "utm33n-10m-0-x1-y1",
        "utm33n-10m-1536-x99999-y1",
        "epsg3857-10m-1536-x1-y1",
        "epsg1-10m-1536-x1-y1",
        "landsat33n-30m-512-x1-y1",
        "utm33n-10m-1536-x1-y1/../x",
    ],
)
def test_what_is_no_tile_is_refused(tile_id):
    with pytest.raises(GridError) as caught:
        parse_tile(tile_id)
    assert caught.value.fix


def test_a_tile_pickles_and_stays_frozen():
    tile = parse_tile("utm33n-10m-1536-x21-y379")
    assert pickle.loads(pickle.dumps(tile)) == tile
    with pytest.raises(AttributeError):
        tile.crs = "EPSG:4326"


def full_owned(tile, zone, *, half):
    """Every pixel looked up: what `owned` must equal."""
    rows, cols = np.indices(tile.shape)
    x = tile.affine.c + (cols + 0.5) * tile.resolution
    y = tile.affine.f - (rows + 0.5) * tile.resolution
    lon, lat = Transformer.from_crs(tile.crs, "OGC:CRS84", always_xy=True).transform(x, y)
    owner = owner_zone(lon, lat)
    return owner == zone if half else np.abs(owner) == abs(zone)


@pytest.mark.parametrize(
    ("name", "lon", "lat", "zone"),
    [
        ("utm", 2.999, 60.4, 31),
        ("utm", 3.001, 60.4, 32),
        ("utm", 3.001, 56.001, 32),  # the corner of 32V
        ("utm", 20.999, 78.0, 33),
        ("utm", 9.001, 72.001, 33),  # the corner of 33X
        ("utm", 12.001, 0.001, 33),  # the equator at a zone's edge
        ("utm", 12.001, -0.001, -33),
        ("utm", 179.999, -17.0, -60),
        ("utm", -179.999, -17.0, -1),
        ("utm", 10.0, 83.999, 33),
        ("landsat", 12.001, 0.001, 33),
    ],
)
def test_owned_is_the_owner_of_each_pixel_at_a_seam(name, lon, lat, zone):
    grid = Grid.named(name, resolution=60, tile_size=250)
    tile = grid.tile_of(lon, lat)
    expected = full_owned(tile, zone, half=name == "utm")
    owned = tile.owned()
    assert expected.any()
    assert np.array_equal(np.ones_like(expected) if owned is None else owned, expected)


def test_landsat_owns_both_sides_of_the_equator():
    tile = Grid.named("landsat").tile_of(15.0, -0.001)
    assert tile.bounds[1] < 0
    assert tile.owned() is None


@settings(max_examples=25, deadline=None)
@given(st.floats(-179.9, 179.9), st.floats(-79, 83))
def test_pixel_area_is_the_true_one(lon, lat):
    tile = Grid.named("utm").tile_of(lon, lat)
    area = np.broadcast_to(tile.pixel_area(), tile.shape)
    for row, col in [(0, 0), (1436, 1436), (700, 0)]:
        left, top = tile.affine @ (col, row)
        block = shapely.segmentize(shapely.box(left, top - 1000, left + 1000, top), 100)
        xy = shapely.get_coordinates(block)
        lonlat = Transformer.from_crs(tile.crs, "OGC:CRS84", always_xy=True).transform(xy[:, 0], xy[:, 1])
        true = abs(GEOD.polygon_area_perimeter(*lonlat)[0])
        assert area[row : row + 100, col : col + 100].sum(dtype=float) == pytest.approx(true, rel=1e-5)


def test_areas_of_utm_stay_within_what_the_scale_factor_allows():
    middle, edge = Grid.named("utm").tile_of(15.0, 1.0), Grid.named("utm").tile_of(17.99, 1.0)
    assert middle.pixel_area().mean() == pytest.approx(100 * 1.0008, rel=1e-4)
    assert 99.75 < edge.pixel_area().mean() < 99.9
    assert middle.km2 == pytest.approx(15.36**2 * 1.0008, rel=1e-4)


def test_pixels_of_an_equal_area_grid_have_one_area():
    tile = Grid.named("EPSG:6933", resolution=100, tile_size=100).tile_of(15.0, 60.0)
    assert tile.pixel_area() == 10_000.0
    assert tile.km2 == 100.0


def test_a_tile_past_the_edge_of_the_world_owns_only_what_is_on_it():
    tile = Grid.named("EPSG:6933", resolution=100, tile_size=999).tile_of(179.999, 10.0)
    owned = tile.owned()
    assert 0 < owned.mean() < 1
    assert owned[:, 0].all()
    assert not owned[:, -1].any()


def test_a_footprint_is_split_at_180_and_its_bbox_crosses_it():
    tile = Grid.named("utm").tile_of(179.999, 10.0)
    west, _, east, _ = tile.bbox
    assert west > 179 > -179 > east
    assert len(tile.footprint.geoms) == 2
    assert tile.footprint.bounds[0] == -180.0


def test_a_tile_over_the_pole_has_a_footprint_up_to_it():
    tile = Grid.named("EPSG:6931", resolution=1000, tile_size=999).tile_of(10.0, 89.9)
    tiles = [parse_tile(f"epsg6931-1000m-999-x{x}-y{y}") for x in ("m1", "0") for y in ("m1", "0")]
    assert tile in tiles
    assert tile.bbox[3] == pytest.approx(90.0, abs=1e-6)


@settings(max_examples=30, deadline=None)
@given(st.floats(-180, 179.99), st.floats(-79.9, 83.9))
def test_the_tile_of_a_place_has_it_in_its_footprint(lon, lat):
    tile = Grid.named("utm").tile_of(lon, lat)
    assert tile.footprint.buffer(1e-6).contains(shapely.Point(lon, lat))
