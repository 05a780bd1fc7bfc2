"""Every item that providers published, as it lies in the shared data."""

from pathlib import Path

import pytest

from sources.things import ALWAYS, WORLD, provider_items, when
from swath.sources import collection, decide, identify, observation, search, select
from swath.sources.items import item_assets, item_datetime, item_epsg, item_platform

pytestmark = pytest.mark.real

COGS = "https://sentinel-cogs.s3.us-west-2.amazonaws.com/sentinel-s2-l2a-cogs/31/N/BJ/2019/5/S2A_31NBJ_20190524_0_L2A"
PC = (
    "https://sentinel2l2a01.blob.core.windows.net/sentinel2-l2/06/V/VN/2019/06/29"
    "/S2B_MSIL2A_20190629T212529_N0212_R043_T06VVN_20201006T080531.SAFE"
    "/GRANULE/L2A_T06VVN_A012081_20190629T212530/IMG_DATA"
)


def usgs(folder: str, name: str) -> str:
    return f"s3://usgs-landsat/collection02/level-2/standard/{folder}/{name}/{name}"


EXPECTED = {
    "S2A_31NBJ_20190524_0_L2A": (
        "earth-search-v0-sentinel-2-l2a", 1000, 32631, "sentinel-2a_20190524T101031", 15,
        {"B8A": f"{COGS}/B8A.tif"},
    ),
    "S2B_MSIL2A_20190629T212529_R043_T06VVN_20201006T080531": (
        "planetary-computer-sentinel-2-l2a", 1000, 32606, "sentinel-2b_20190629T212529", 15,
        {"B04": f"{PC}/R10m/T06VVN_20190629T212529_B04_10m.tif",
         "SCL": f"{PC}/R20m/T06VVN_20190629T212529_SCL_20m.tif"},
    ),
    "LC08_L2SP_001062_20201031_20201106_02_T2/sr": (
        "usgs-landsat-c2-l2-sr", 0, None, "landsat-8_p001_20201031", 9,
        {"red": usgs("oli-tirs/2020/001/062", "LC08_L2SP_001062_20201031_20201106_02_T2") + "_SR_B4.TIF"},
    ),
    "LC08_L2SP_001062_20201031_20201106_02_T2/st": (
        "usgs-landsat-c2-l2-st", 0, None, "landsat-8_p001_20201031", 4,
        {"lwir11": usgs("oli-tirs/2020/001/062", "LC08_L2SP_001062_20201031_20201106_02_T2") + "_ST_B10.TIF"},
    ),
    "LE07_L2SP_044033_20210329_20210424_02_T1_SR": (
        "usgs-landsat-c2-l2-sr", 0, 32610, "landsat-7_p044_20210329", 8,
        {"red": usgs("etm/2021/044/033", "LE07_L2SP_044033_20210329_20210424_02_T1") + "_SR_B3.TIF"},
    ),
    "LC08_L2SP_028030_20200114_20200824_02_T1_SR": (
        "usgs-landsat-c2-l2-sr", 0, 32615, "landsat-8_p028_20200114", 9,
        {"red": usgs("oli-tirs/2020/028/030", "LC08_L2SP_028030_20200114_20200824_02_T1") + "_SR_B4.TIF"},
    ),
}  # fmt: skip


def label(doc: dict) -> str:
    return doc["id"] + (f"/{doc['collection'][-2:]}" if doc["stac_version"] == "0.7.0" else "")


@pytest.mark.parametrize("name", EXPECTED)
def test_an_item_is_read_to_the_right_facts_hrefs_and_offset(real_data: Path, name: str):
    doc = next(doc for doc in provider_items(real_data) if label(doc) == name)
    key, shift, epsg, seen, count, hrefs = EXPECTED[name]
    facts = identify(doc)
    assets = item_assets(doc, facts)
    assert facts.key == key and facts.verified
    assert decide(doc, facts).dn_shift == shift and decide(doc, facts).conflict is None
    assert item_epsg(doc, facts) == epsg
    assert observation(doc, facts) == seen
    assert len(assets) == count
    assert {band: assets[band].href for band in hrefs} == hrefs


def test_every_item_of_the_folder_has_a_place_in_these_tests(real_data: Path):
    names = {label(doc) for doc in provider_items(real_data)} - set(EXPECTED)
    assert len(names) == 13 and all("_T35MNM_" in name for name in names)


def test_usgs_buckets_are_those_that_its_items_name(real_data: Path):
    for doc in provider_items(real_data):
        for key, asset in doc["assets"].items():
            facts = identify(doc)
            if "alternate" in asset and key in facts.bands:
                assert item_assets(doc, facts)[key].href == asset["alternate"]["s3"]["href"]


def test_the_thirteen_of_one_tile_are_thirteen_observations_in_order(real_data: Path):
    path = real_data / "stac-items" / "planetary-computer_sentinel-2-l2a_35MNM_13-items.geojson"
    found = search(
        path, collection="planetary-computer-sentinel-2-l2a", area=WORLD, period=when("2020-06-01", "2020-08-01")
    )
    seen = [doc["properties"]["swath:observation"] for doc in found.items]
    days = ["0601", "0606", "0611", "0616", "0621", "0626", "0701", "0706", "0711", "0716", "0721", "0726", "0731"]
    assert [name[-15:-7] for name in seen] == [f"2020{day}" for day in days]
    assert [name[:11] for name in seen] == ["sentinel-2a", "sentinel-2b"] * 6 + ["sentinel-2a"]
    assert {doc["properties"]["swath:dn_shift"] for doc in found.items} == {1000}
    assert (found.left_out, found.conflicts) == ([], [])


def test_tier_2_is_left_out_and_told(real_data: Path):
    docs = [doc for doc in provider_items(real_data) if doc["collection"] == "landsat-c2l2-sr"]
    result = select(docs, collection("usgs-landsat-c2-l2-sr"))
    assert [doc["id"][:4] for doc in result.items] == ["LC08", "LE07"]
    assert result.left_out == [
        ("LC08_L2SP_001062_20201031_20201106_02_T2", "landsat:collection_category is T2, not T1")
    ]


def test_an_item_of_stac_0_7_has_date_and_platform(real_data: Path):
    doc = next(doc for doc in provider_items(real_data) if doc["stac_version"] == "0.7.0")
    assert (f"{item_datetime(doc):%Y-%m-%d}", item_platform(doc)) == ("2020-10-31", "landsat-8")


def test_the_series_is_found_whole_in_its_static_catalog(real_data: Path):
    found = search(real_data / "catalog.json", collection="landsat-035032-series", area=WORLD, period=ALWAYS)
    assert len(found.items) == 105 and found.left_out == []
    assert len({doc["properties"]["swath:observation"] for doc in found.items}) == 105
    assert all(Path(asset["href"]).is_file() for doc in found.items for asset in doc["assets"].values())


def test_the_level_1c_scene_is_raised_by_its_baseline(real_data: Path):
    found = search(real_data, collection="sentinel-2-l1c", area=WORLD, period=ALWAYS)
    assert [doc["properties"]["swath:dn_shift"] for doc in found.items] == [1000]
    assert found.conflicts == []
