import json
import pickle

import geopandas as gpd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import LineString, MultiPolygon, Point, Polygon, box

from swath.errors import AreaError
from swath.grid import Area

BOX = box(12.5, 52.3, 13.8, 52.7)


def frame(shapes, crs="EPSG:4326", **columns):
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=crs)


def test_a_bbox_is_west_south_east_north():
    area = Area.parse("12.5, 52.3,13.8,52.7")
    assert area.bbox == (12.5, 52.3, 13.8, 52.7)
    assert area.geometry.equals(BOX)
    assert isinstance(area.geometry, MultiPolygon)


def test_a_bbox_over_180_is_split():
    area = Area.parse("170,-20,-170,-10")
    assert area.bbox == (170, -20, -170, -10)
    assert len(area.geometry.geoms) == 2
    assert area.geometry.area == pytest.approx(200)


def test_the_world_is_an_area():
    world = Area.parse("-180,-90,180,90")
    assert world.bbox == (-180, -90, 180, 90)
    assert world.km2 == pytest.approx(510_065_621.7, rel=1e-6)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "empty"),
        ("1,2,3", "3 numbers, not 4"),
        ("1,2,3,x", "cannot be read"),
        ("1,2,e,4", "cannot be read"),
        ("nan,0,1,1", "not finite"),
        ("0,10,1,5", "lies north of.*Write 0,5,1,10"),
        ("5,10,5,12", "no extent"),
        ("5,10,6,10", "no extent"),
        ("-1.3,36,1,120", "latitude 120.*swapped"),
        ("500000,6000000,600000,6100000", "metres"),
        ("170,-20,190,-10", "longitude 190.*write -170"),
        ("nowhere.geojson", "no file"),
        ("folder/nowhere.gpkg::layer", "no file"),
        ("Atlantis", "no country"),
        ("{}", "no GeoJSON"),
        ('{"type": "Poly', "no GeoJSON"),
        ('{"type": "FeatureCollection", "features": []}', "it is empty"),
        ('{"type": "Point", "coordinates": [1, 2]}', "buffer points"),
        ('{"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [0, 0]]]}', "GeoJSON|no extent"),
        ('{"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [2, 0], [0, 0]]]}', "no extent"),
        ('{"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, NaN], [0, 0]]]}', "not finite"),
        ('{"type": "Polygon", "coordinates": [[[52, 100], [53, 100], [53, 101], [52, 100]]]}', "swapped"),
    ],
)
def test_a_bad_area_is_refused_with_value_and_fix(text, match):
    with pytest.raises(AreaError, match=match) as caught:
        Area.parse(text)
    assert caught.value.fix
    assert caught.value.exit_code == 2


def test_a_self_crossing_polygon_is_repaired():
    bow = {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}
    area = Area.parse(bow)
    assert area.geometry.is_valid
    assert area.geometry.area == pytest.approx(0.5)


def test_a_ring_that_jumps_over_180_is_split():
    ring = [[179, -17], [-179, -17], [-179, -16], [179, -16], [179, -17]]
    area = Area.parse({"type": "Polygon", "coordinates": [ring]})
    assert area.bbox == (179, -17, -179, -16)
    assert area.geometry.area == pytest.approx(2)


def test_longitudes_beyond_180_are_turned():
    area = Area.parse({"type": "Polygon", "coordinates": [[[179, 0], [181, 0], [181, 1], [179, 1], [179, 0]]]})
    assert area.bbox == (179, 0, -179, 1)


def test_a_hole_survives_the_split():
    shell = [[178, 0], [182, 0], [182, 4], [178, 4], [178, 0]]
    hole = [[179, 1], [181, 1], [181, 3], [179, 3], [179, 1]]
    area = Area.parse({"type": "Polygon", "coordinates": [shell, hole]})
    assert area.geometry.area == pytest.approx(12)


def test_z_is_dropped_and_features_are_united():
    one = Polygon([(0, 0, 5), (1, 0, 5), (1, 1, 5), (0, 1, 5)])
    features = [{"type": "Feature", "properties": {}, "geometry": shapely.geometry.mapping(g)} for g in (one, one)]
    area = Area.parse(json.dumps({"type": "FeatureCollection", "features": features}))
    assert area.geometry.equals(box(0, 0, 1, 1))
    assert not area.geometry.has_z


def test_an_old_crs_member_is_heeded():
    shape = shapely.geometry.mapping(box(400000, 5800000, 410000, 5810000))
    area = Area.parse({**shape, "crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32633"}}})
    assert area.km2 == pytest.approx(100.0, rel=2e-3)


@pytest.mark.parametrize("suffix", ["geojson", "gpkg", "parquet", "fgb", "shp"])
@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:32633", "EPSG:3035"])
def test_files_of_any_format_and_crs_are_read(tmp_path, suffix, crs):
    path = tmp_path / f"field.{suffix}"
    data = frame([box(13.0, 52.4, 13.1, 52.5)]).to_crs(crs)
    if suffix == "geojson" and crs != "EPSG:4326":
        data.to_file(path, engine="pyogrio", driver="GeoJSON", RFC7946="NO")
    elif suffix == "parquet":
        data.to_parquet(path)
    else:
        data.to_file(path, engine="pyogrio")
    area = Area.parse(path)
    assert area.name == "field"
    assert area.geometry.symmetric_difference(box(13.0, 52.4, 13.1, 52.5)).area < 1e-5
    assert Area.parse(str(path)) == area


def test_lines_of_a_projected_file_stay_straight_where_they_were_drawn(tmp_path):
    path = tmp_path / "long.gpkg"
    drawn = box(4_000_000, 3_000_000, 4_600_000, 3_000_100)  # 600 km: its middle bends 20 km away in degrees
    frame([drawn], crs="EPSG:3035").to_file(path, engine="pyogrio")
    back = gpd.GeoSeries([Area.parse(path).geometry], crs="EPSG:4326").to_crs("EPSG:3035")[0]
    assert back.symmetric_difference(drawn).area < drawn.area * 0.01


def test_a_polar_file_round_the_pole_reaches_it(tmp_path):
    path = tmp_path / "pole.parquet"
    frame([Point(0, 0).buffer(500_000)], crs="EPSG:6931").to_parquet(path)
    area = Area.parse(path)
    assert area.bbox[3] == 90.0
    assert area.km2 == pytest.approx(Point(0, 0).buffer(500).area, rel=1e-3)


def test_layers_and_values_choose_ones_own_boundaries(tmp_path):
    path = tmp_path / "official.gpkg"
    districts = frame([box(0, 0, 1, 1), box(1, 0, 2, 1)], name=["Gitega", "Ngozi"], code=[1, 2])
    districts.to_file(path, layer="districts", engine="pyogrio")
    frame([box(0, 0, 9, 9)], name=["all"]).to_file(path, layer="land", engine="pyogrio")
    assert Area.parse(f"{path}::land").bbox == (0, 0, 9, 9)
    chosen = Area.parse(f"{path}::districts::name=ngozi")
    assert chosen.bbox == (1, 0, 2, 1)
    assert chosen.name == "official districts::name=ngozi"
    for text, match in [
        (f"{path}", "2 layers.*districts, land"),
        (f"{path}::rivers", "no layer 'rivers'.*districts"),
        (f"{path}::districts::area=1", "no column 'area'.*name, code"),
        (f"{path}::districts::name=Muyinga", "no name 'Muyinga'.*Gitega, Ngozi"),
    ]:
        with pytest.raises(AreaError, match=match):
            Area.parse(text)


def test_a_value_of_a_geojson_or_parquet_file_can_be_chosen(tmp_path):
    data = frame([box(0, 0, 1, 1), box(1, 0, 2, 1)], code=[1, 2])
    data.to_file(tmp_path / "a.geojson", engine="pyogrio")
    data.to_parquet(tmp_path / "a.parquet")
    assert Area.parse(f"{tmp_path}/a.geojson::code=2").bbox == (1, 0, 2, 1)
    assert Area.parse(f"{tmp_path}/a.parquet::code=2").bbox == (1, 0, 2, 1)


def test_a_file_without_a_crs_is_refused(tmp_path):
    path = tmp_path / "bare.parquet"
    gpd.GeoDataFrame(geometry=[box(0, 0, 1, 1)]).to_parquet(path)
    with pytest.raises(AreaError, match="does not name its CRS"):
        Area.parse(path)


def test_a_file_that_is_no_vector_is_refused(tmp_path):
    for name in ("x.gpkg", "x.parquet", "x.geojson"):
        (tmp_path / name).write_bytes(b"\xffnot a vector")
        with pytest.raises(AreaError, match=r"cannot be read|no GeoJSON"):
            Area.parse(tmp_path / name)


def test_lines_are_refused(tmp_path):
    frame([LineString([(0, 0), (1, 1)])]).to_parquet(tmp_path / "road.parquet")
    with pytest.raises(AreaError, match=r"LineString|GeometryCollection"):
        Area.parse(tmp_path / "road.parquet")


def test_a_name_is_an_area():
    area = Area.parse("kenya")
    assert area.name == "Kenya"
    assert area.bbox == pytest.approx((33.9, -4.69, 41.88, 5.49), abs=0.01)


def test_countries_over_180_have_a_narrow_bbox():
    west, _, east, _ = Area.parse("Fiji").bbox
    assert west > 170 > -170 > east


def test_the_digest_knows_the_shape_and_not_its_writing():
    turned = {"type": "Polygon", "coordinates": [[[1, 0], [0, 0], [0, 1], [1, 1], [1, 0]]]}
    assert Area.parse(turned).digest == Area.parse("0,0,1,1").digest
    assert Area.parse("0,0,1,2").digest != Area.parse("0,0,1,1").digest


@given(st.floats(-179, 179), st.floats(-89, 88), st.floats(0.01, 300), st.floats(0.01, 1))
def test_a_bbox_comes_back(west, south, width, height):
    east = west + width
    east = east - 360 if east > 180 else east
    area = Area.parse(f"{west!r},{south!r},{east!r},{south + height!r}")
    assert area.bbox == pytest.approx((west, south, east, south + height), abs=1e-9)
    assert Area.parse(area.to_geojson()).digest == area.digest


def test_an_area_pickles():
    area = Area.parse("kenya")
    assert pickle.loads(pickle.dumps(area)) == area
