from datetime import UTC, datetime

import pytest
import shapely

from sources.things import item
from swath.errors import SourceError
from swath.sources import collection
from swath.sources.items import (
    absolute_hrefs,
    item_assets,
    item_bbox,
    item_datetime,
    item_epsg,
    item_geometry,
    item_platform,
    item_tile,
    resolve,
)

FACTS = collection("swath-simulated-optical")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2020-10-31", datetime(2020, 10, 31, tzinfo=UTC)),
        ("2020-10-31T01:02:03Z", datetime(2020, 10, 31, 1, 2, 3, tzinfo=UTC)),
        ("2020-10-31T01:02:03.123456789Z", datetime(2020, 10, 31, 1, 2, 3, 123456, tzinfo=UTC)),
        ("2020-10-31T03:02:03+02:00", datetime(2020, 10, 31, 1, 2, 3, tzinfo=UTC)),
    ],
)
def test_dates_of_all_versions_are_read_as_utc(text, expected):
    assert item_datetime(item(when=text)) == expected


def test_an_item_without_datetime_has_the_start_of_its_span():
    assert item_datetime(item(when=None, start_datetime="2020-01-01T00:00:00Z")).year == 2020


def test_a_date_that_is_none_names_item_and_value():
    with pytest.raises(SourceError, match=r"'one'.*'yesterday'"):
        item_datetime(item("one", when="yesterday"))


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"platform": "Sentinel-2B"}, "sentinel-2b"),
        ({"platform": "LANDSAT_8"}, "landsat-8"),
        ({"platform": None, "eo__platform": "LANDSAT_7"}, "landsat-7"),
    ],
)
def test_platforms_have_one_spelling(properties, expected):
    assert item_platform(item(**properties)) == expected


@pytest.mark.parametrize(
    ("properties", "epsg"),
    [({"proj__epsg": 32633}, 32633), ({"proj__code": "EPSG:32733"}, 32733), ({}, None), ({"proj__epsg": None}, None)],
)
def test_crs_is_read_from_new_and_old_fields(properties, epsg):
    assert item_epsg(item(**properties), FACTS) == epsg


@pytest.mark.parametrize(
    "properties",
    [
        {"s2__mgrs_tile": "33UUU"},
        {"grid__code": "MGRS-33UUU"},
        {"mgrs__utm_zone": 33, "mgrs__latitude_band": "U", "mgrs__grid_square": "UU"},
        {"s2__product_uri": "S2A_MSIL2A_20230601T101031_N0509_R022_T33UUU_20230601T160000.SAFE"},
        {},
    ],
)
def test_tiles_are_found_wherever_they_stand(properties):
    assert item_tile(item(**properties)) == "33UUU"


def test_an_item_over_the_antimeridian_keeps_west_over_east():
    doc = item(box=(179.0, -17.0, -179.0, -16.0))
    assert item_bbox(doc) == (179.0, -17.0, -179.0, -16.0)
    assert item_geometry(doc).area == pytest.approx(2.0)


@pytest.mark.parametrize("east", [181.0, -179.0])
def test_a_ring_over_the_antimeridian_is_split(east):
    doc = item() | {"bbox": None}
    doc["geometry"] = {
        "type": "Polygon",
        "coordinates": [[[179, -17], [east, -17], [east, -16], [179, -16], [179, -17]]],
    }
    geometry = item_geometry(doc)
    assert geometry.area == pytest.approx(2.0)
    assert not geometry.intersects(shapely.Point(0, -16.5))
    assert item_bbox(doc) == (179.0, -17.0, -179.0, -16.0)


def test_relative_hrefs_become_absolute():
    assert resolve("./b.tif", "/data/items/one.json") == "/data/items/b.tif"
    assert resolve("../b.tif", "https://host/items/one.json") == "https://host/b.tif"
    assert resolve("./b.tif", "s3://bucket/items/one.json") == "s3://bucket/items/b.tif"
    assert resolve("s3://other/b.tif", "https://host/one.json") == "s3://other/b.tif"


@pytest.mark.parametrize(
    "href", ["file:///etc/passwd", "/vsicurl/http://host/x", "/vsizip//etc/x", "ftp://host/x", "gopher://x"]
)
def test_a_remote_item_may_not_name_local_files_or_gdal_paths(href):
    doc = item(hrefs={"B04": href})
    with pytest.raises(SourceError, match="which Swath does not follow"):
        absolute_hrefs(doc, "https://host/one.json", FACTS)


def test_an_unknown_scheme_on_an_asset_that_nobody_reads_is_dropped():
    doc = item(hrefs={"B04": "./B04.tif", "metadata": "ftp://host/x.xml"})
    assert list(absolute_hrefs(doc, "https://host/one.json", FACTS)["assets"]) == ["B04"]


def test_an_absolute_path_in_a_remote_item_stays_on_its_host():
    assert resolve("/etc/passwd", "https://host/a/one.json") == "https://host/etc/passwd"


def test_bands_that_an_item_lacks_are_absent():
    assert list(item_assets(item(), FACTS)) == ["B04", "SCL"]


def test_usgs_hrefs_become_those_of_its_bucket():
    facts = collection("usgs-landsat-c2-l2-sr")
    doc = item(platform="LANDSAT_7", hrefs={"SR_B3.TIF": "https://landsatlook.usgs.gov/data/collection02/x_SR_B3.TIF"})
    assert item_assets(doc, facts)["red"].href == "s3://usgs-landsat/collection02/x_SR_B3.TIF"
