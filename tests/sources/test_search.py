import json
import socket

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sources.things import ALWAYS, WORLD, Where, item, when, write_catalog
from swath.errors import CollectionError, SourceError
from swath.grid import Area, Period
from swath.settings import settings
from swath.sources import collection, freeze, search, select

KEY = "swath-simulated-optical"


def relative(name: str, **more) -> dict:
    return item(name, hrefs={"B04": f"./{name}/B04.tif", "SCL": f"./{name}/SCL.tif"}, **more)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setenv("SWATH_BACKOFF_S", "0.01")
    monkeypatch.setenv("SWATH_SEARCH_ATTEMPTS", "3")
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.fixture
def docs():
    return [relative(f"item-{n}", when=f"2023-06-0{n}T10:00:00Z") for n in (3, 1, 2)]


def found(source, *, area=WORLD, period=ALWAYS, **more):
    return search(source, collection=KEY, area=area, period=period, **more)


def names(source, **more):
    return [doc["id"] for doc in found(source, **more).items]


IN_ORDER = ["item-1", "item-2", "item-3"]


def test_a_catalog_file_or_its_folder_is_searched(tmp_path, docs):
    assert names(write_catalog(tmp_path, docs)) == names(tmp_path) == IN_ORDER


def test_areas_and_periods_of_the_grid_room_are_understood(tmp_path, docs):
    write_catalog(tmp_path, docs)
    period = Period.parse("2023-06-02/2023-06-03/P1D")  # the end is included
    assert names(tmp_path, area=Area.parse("12.4,52.4,12.6,52.6"), period=period) == ["item-2", "item-3"]


def test_local_hrefs_are_absolute_paths(tmp_path, docs):
    doc = found(write_catalog(tmp_path, docs)).items[0]
    assert doc["assets"]["B04"]["href"] == str(tmp_path / "items" / "item-1" / "B04.tif")


def test_a_catalog_over_http_gives_absolute_urls(tmp_path, docs, file_server):
    write_catalog(tmp_path, docs)
    items = found(file_server.url + "/catalog.json").items
    assert [doc["id"] for doc in items] == IN_ORDER
    assert items[0]["assets"]["B04"]["href"] == f"{file_server.url}/items/item-1/B04.tif"


def test_a_catalog_on_s3_gives_absolute_urls(tmp_path, docs, s3):
    import fsspec

    write_catalog(tmp_path, docs)
    fsspec.filesystem("s3").put(str(tmp_path) + "/", s3 + "/earth/", recursive=True)
    items = found(f"{s3}/earth/catalog.json").items
    assert [doc["id"] for doc in items] == IN_ORDER
    assert items[0]["assets"]["B04"]["href"] == f"{s3}/earth/items/item-1/B04.tif"


def test_a_feature_collection_and_a_single_item_are_searched(tmp_path, docs):
    (tmp_path / "all.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": docs}))
    (tmp_path / "one.json").write_text(json.dumps(docs[0]))
    assert names(tmp_path / "all.geojson") == IN_ORDER
    assert names(tmp_path / "one.json") == ["item-3"]


def test_a_frozen_table_is_a_source_too(tmp_path, docs):
    freeze(found(write_catalog(tmp_path, docs)).items, tmp_path / "items.parquet")
    again = found(tmp_path / "items.parquet")
    assert [doc["id"] for doc in again.items] == IN_ORDER
    assert again.items[0]["properties"]["swath:dn_shift"] == 0
    freeze(again.items, tmp_path / "again.parquet")
    assert (tmp_path / "again.parquet").read_bytes() == (tmp_path / "items.parquet").read_bytes()


@pytest.mark.parametrize("flag", [True, None])
def test_a_frozen_table_keeps_observations_and_offsets_that_its_columns_do_not_tell(tmp_path, flag):
    facts = collection("earth-search-v0-sentinel-2-l2a")
    docs = [
        item(
            f"S2A_31N{square}_20230601_0_L2A",
            collection="sentinel-s2-l2a-cogs",
            when=instant,
            hrefs={"B04": f"https://sentinel-cogs.s3.us-west-2.amazonaws.com/{square}.tif"},
            s2__datatake_id=None,
            s2__processing_baseline=None,
            sentinel__product_id=f"S2A_MSIL2A_20230601T101031_N0509_R022_T31N{square}_20230601T130304",
            sentinel__boa_offset_applied=flag,
        )
        for square, instant in (("BJ", "2023-06-01T10:28:59Z"), ("CJ", "2023-06-01T10:28:44Z"))
    ]
    made = select(docs, facts, read=lambda _: np.full(9, 1100, np.uint16)).items
    assert {doc["properties"]["swath:dn_shift"] for doc in made} == ({1000} if flag else {0})
    freeze(made, tmp_path / "items.parquet")
    again = search(tmp_path / "items.parquet", collection=facts, area=WORLD, period=ALWAYS).items
    for name in ("swath:observation", "swath:dn_shift"):
        assert [doc["properties"][name] for doc in again] == [doc["properties"][name] for doc in made]
    assert len({doc["properties"]["swath:observation"] for doc in again}) == 1


def test_a_table_of_the_stac_geoparquet_library_is_searched(tmp_path, docs):
    from stac_geoparquet.arrow import parse_stac_items_to_arrow, to_parquet

    absolute = [item(doc["id"], when=doc["properties"]["datetime"]) for doc in docs]
    to_parquet(pa.table(parse_stac_items_to_arrow(absolute)), tmp_path / "t.parquet")
    assert names(tmp_path / "t.parquet") == IN_ORDER
    assert names(tmp_path / "t.parquet", period=when("2023-06-02", "2023-06-03")) == ["item-2"]
    assert names(tmp_path / "t.parquet", area=Where.box(100, 0, 101, 1)) == []


def test_items_outside_area_period_or_cloud_limit_are_not_kept(tmp_path, docs):
    write_catalog(
        tmp_path, [*docs, relative("cloudy", eo__cloud_cover=80), relative("far", box=(50.0, 0.0, 51.0, 1.0))]
    )
    box = Where.box(12.4, 52.4, 12.6, 52.6)
    assert names(tmp_path, area=box, max_cloud=50) == IN_ORDER
    assert names(tmp_path, area=box, period=when("2023-06-02", "2023-06-03")) == ["item-2"]


def test_the_footprint_decides_not_its_box(tmp_path):
    corner = relative("corner")
    corner["geometry"] = {"type": "Polygon", "coordinates": [[[12, 52], [13, 52], [12, 53], [12, 52]]]}
    write_catalog(tmp_path, [corner])
    assert names(tmp_path, area=Where.box(12.9, 52.9, 13.0, 53.0)) == []
    assert names(tmp_path, area=Where.box(12.1, 52.1, 12.2, 52.2)) == ["corner"]


def test_an_item_without_a_verdict_is_left_out_and_told(tmp_path):
    write_catalog(tmp_path, [relative("sure"), relative("unsure", s2__processing_baseline=None)])
    result = found(tmp_path)
    assert [doc["id"] for doc in result.items] == ["sure"]
    assert result.left_out == [
        ("unsure", "offset undecided: no processing baseline in properties, product id or item id")
    ]


def test_a_lying_flag_is_told_and_the_item_used(tmp_path):
    write_catalog(tmp_path, [relative("liar", earthsearch__boa_offset_applied=True)])
    result = found(tmp_path)
    assert [doc["properties"]["swath:dn_shift"] for doc in result.items] == [0]
    assert [name for name, _ in result.conflicts] == ["liar"]


def test_an_item_without_any_known_asset_is_left_out_and_told(tmp_path):
    write_catalog(tmp_path, [item("bare", hrefs={"visual": "./v.tif"})])
    assert found(tmp_path).left_out == [("bare", f"has none of the assets of {KEY} (its assets: visual)")]


def test_items_of_other_collections_are_passed_by(tmp_path, docs):
    docs[0]["collection"] = "something-else"
    assert names(write_catalog(tmp_path, docs)) == ["item-1", "item-2"]


def test_items_of_another_provider_under_the_same_id_are_refused(tmp_path):
    doc = item(
        "one", collection="sentinel-2-l2a", hrefs={"B04": "https://sentinel2l2a01.blob.core.windows.net/B04.tif"}
    )
    (tmp_path / "one.json").write_text(json.dumps(doc))
    facts = collection("cdse-sentinel-2-l2a").model_copy(update={"verified": True})
    with pytest.raises(CollectionError, match="is of planetary-computer-sentinel-2-l2a, not of cdse-sentinel-2-l2a"):
        search(tmp_path / "one.json", collection=facts, area=WORLD, period=ALWAYS)


@pytest.mark.parametrize("link", ["file:///etc/passwd", "/vsizip/etc/x"])
def test_a_remote_catalog_may_not_link_to_local_files(tmp_path, file_server, link):
    links = [{"rel": "item", "href": link}]
    (tmp_path / "catalog.json").write_text(json.dumps({"type": "Catalog", "id": "bad", "links": links}))
    with pytest.raises(SourceError, match="which Swath does not follow"):
        found(file_server.url + "/catalog.json")


def test_a_dead_address_says_so():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}/stac"
    with pytest.raises(SourceError, match=f"{url} cannot be reached: connection refused"):
        found(url)


def test_an_address_that_is_no_stac_says_so(tmp_path, file_server):
    (tmp_path / "index.html").write_text("<html>")
    (tmp_path / "other.json").write_text('{"hello": 1}')
    (tmp_path / "list.json").write_text("[1]")
    with pytest.raises(SourceError, match=r"not with JSON.*this is no STAC"):
        found(file_server.url + "/index.html")
    with pytest.raises(SourceError, match="is no STAC catalog, collection, item or FeatureCollection"):
        found(file_server.url + "/other.json")
    with pytest.raises(SourceError, match="holds JSON, but no STAC"):
        found(tmp_path / "list.json")


def test_a_missing_page_of_a_catalog_names_its_url(tmp_path, docs, file_server):
    write_catalog(tmp_path, docs)
    file_server.fault = lambda path, asked: 404 if path.endswith("item-2.json") else None
    with pytest.raises(SourceError, match=r"items/item-2.json answers HTTP 404"):
        found(file_server.url + "/catalog.json")


def test_a_stumbling_file_server_is_tried_again(tmp_path, docs, file_server):
    write_catalog(tmp_path, docs)
    file_server.fault = lambda path, asked: 503 if asked == 1 else None
    assert names(file_server.url + "/catalog.json") == IN_ORDER


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("ftp://host/catalog.json", "has the scheme 'ftp'"),
        ("http:///x", "names no host"),
        ("/nowhere/catalog.json", "There is no /nowhere/catalog.json"),
    ],
)
def test_a_source_that_cannot_be_one_says_why(source, said):
    with pytest.raises(SourceError, match=said):
        found(source)


def test_a_folder_without_catalog_and_a_broken_file_say_so(tmp_path):
    with pytest.raises(SourceError, match=r"holds no catalog.json"):
        found(tmp_path)
    (tmp_path / "catalog.json").write_text("{")
    with pytest.raises(SourceError, match=r"catalog.json is not JSON"):
        found(tmp_path)


def test_a_parquet_file_that_is_no_item_table_says_what_it_lacks(tmp_path):
    pq.write_table(pa.table({"id": ["a"]}), tmp_path / "x.parquet")
    (tmp_path / "y.parquet").write_bytes(b"not parquet")
    with pytest.raises(SourceError, match="is no stac-geoparquet table: it lacks assets, bbox, datetime, geometry"):
        found(tmp_path / "x.parquet")
    with pytest.raises(SourceError, match=r"y.parquet cannot be read as Parquet"):
        found(tmp_path / "y.parquet")
