import hashlib
import json
from pathlib import Path

import geopandas
import pyarrow.parquet as pq
import pystac
import pytest
from stac_geoparquet.arrow import stac_table_to_items

import swath.mapping.collection as module
from support.stac_validation import validate_stac
from swath.mapping.collection import Summaries, item_path, make_collection, table_asset, write_items_table

from .published import Recipe, item_of

TILES = ("utm33n-10m-192-x260-y3125", "utm33n-10m-192-x261-y3125", "utm32n-10m-192-x260-y3125")


@pytest.fixture(scope="module")
def items() -> list[dict]:
    skipped = [{"item": "x", "band": "B04", "href": "https://e.org/x.tif", "reason": "404"}]
    return [
        item_of(tile, step=step, skipped=skipped if tile == TILES[2] else [])
        for step in ("2022", "2023")
        for tile in TILES
    ]


def summaries_of(items: list[dict]) -> Summaries:
    summaries = Summaries()
    assert list(summaries.watch(items)) == items
    return summaries


def test_a_collection_is_valid_against_the_core_schema(items: list[dict]) -> None:
    validate_stac(make_collection(Recipe(), summaries_of(items)))


@pytest.mark.real
def test_a_collection_is_valid_against_the_schemas_of_its_extensions(items: list[dict], real_data: Path) -> None:
    assets = {"items": table_asset("./items.parquet", size=3, multihash="1220" + "0" * 64)}
    collection = make_collection(Recipe(), summaries_of(items), assets=assets)
    assert len(validate_stac(collection, real_data / "stac-schemas")) == 7


def test_the_extent_holds_all_items_and_steps(items: list[dict]) -> None:
    extent = make_collection(Recipe(), summaries_of(items))["extent"]
    boxes = [item["bbox"] for item in items]
    assert extent["spatial"]["bbox"] == [
        [min(b[0] for b in boxes), min(b[1] for b in boxes), max(b[2] for b in boxes), max(b[3] for b in boxes)]
    ]
    assert extent["temporal"]["interval"] == [["2022-01-01T00:00:00Z", "2023-12-31T23:59:59Z"]]


@pytest.mark.parametrize(
    ("boxes", "expected"),
    [
        ([(179.5, -180 + 0.5)], (179.5, -179.5)),
        ([(178, 179), (-179, -178)], (178, -178)),
        ([(10, 11), (20, 21)], (10, 21)),
        ([(-5, 5), (20, 21)], (-5, 21)),
        ([(-75, -70)], (-75, -70)),
    ],
)
def test_the_extent_is_the_narrower_way_round_the_globe(items: list[dict], boxes: list, expected: tuple) -> None:
    turned = [items[0] | {"bbox": [west, -1, east, 1]} for west, east in boxes]
    west, _, east, _ = summaries_of(turned).extent["spatial"]["bbox"][0]
    assert (west, east) == expected


def test_summaries_name_zones_platforms_and_bands(items: list[dict]) -> None:
    summaries = make_collection(Recipe(), summaries_of(items))["summaries"]
    assert summaries["proj:code"] == ["EPSG:32632", "EPSG:32633"]
    assert summaries["platform"] == ["sentinel-2a", "sentinel-2b"]
    assert summaries["gsd"] == [10.0]
    assert [band["name"] for band in summaries["bands"]] == ["B04", "B08", "count", "NDVI", "landcover"]


def test_a_collection_carries_licence_providers_and_legend(items: list[dict]) -> None:
    collection = make_collection(Recipe(), summaries_of(items))
    assert collection["license"] == "CC-BY-4.0"
    assert [p["name"] for p in collection["providers"]] == ["An agency", "Swath"]
    assert len(collection["item_assets"]["landcover"]["classification:classes"]) == 2


def test_links_lead_to_each_item(items: list[dict]) -> None:
    links = [link["href"] for link in make_collection(Recipe(), summaries_of(items))["links"] if link["rel"] == "item"]
    assert links[0] == "./2022/utm33n-10m-192-x260-y3125/0123456789ab.json"
    assert len(links) == 6


def test_pystac_reads_a_collection_and_its_items(items: list[dict], tmp_path: Path) -> None:
    for item in items:
        file = tmp_path / item_path(item)
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(item))
    path = tmp_path / "collection.json"
    path.write_text(json.dumps(make_collection(Recipe(), summaries_of(items))))
    read = pystac.Collection.from_file(str(path))
    assert sorted(item.id for item in read.get_items()) == sorted(item["id"] for item in items)


def test_a_collection_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"mosaic-1\.0.*no items"):
        make_collection(Recipe(), Summaries())


def test_the_table_gives_back_the_items_with_paths_from_the_root(items: list[dict], tmp_path: Path) -> None:
    path = tmp_path / "items.parquet"
    assert write_items_table(iter(items), path) == 6
    rows = list(stac_table_to_items(pq.read_table(path)))
    assert [row["id"] for row in rows] == [item["id"] for item in items]
    assert rows[0]["assets"]["B04"]["href"] == "./2022/utm33n-10m-192-x260-y3125/B04.0123456789ab.tif"
    assert rows[0]["properties"]["swath:item"] == "./2022/utm33n-10m-192-x260-y3125/0123456789ab.json"
    assert [row["properties"]["swath:skipped"] for row in rows[:3]] == [0, 0, 1]
    validate_stac(rows[0])


def test_geopandas_opens_the_table(items: list[dict], tmp_path: Path) -> None:
    write_items_table(items, tmp_path / "items.parquet")
    frame = geopandas.read_parquet(tmp_path / "items.parquet")
    assert len(frame) == 6
    assert frame.crs.to_epsg() == 4326


def test_publishing_twice_gives_the_same_bytes(items: list[dict], tmp_path: Path) -> None:
    digests = set()
    for name in ("a", "b"):
        write_items_table(items, tmp_path / name)
        collection = json.dumps(make_collection(Recipe(), summaries_of(items)))
        digests.add((hashlib.sha256((tmp_path / name).read_bytes()).hexdigest(), collection))
    assert len(digests) == 1


def test_a_table_of_many_chunks_keeps_the_order_and_fields_of_only_some_items(
    items: list[dict], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNK", 2)
    # as another version of the code would have written it
    newer = items[-1] | {"properties": items[-1]["properties"] | {"swath:new": 5}}
    write_items_table([*items[:-1], newer], tmp_path / "items.parquet")
    rows = list(stac_table_to_items(pq.read_table(tmp_path / "items.parquet")))
    assert [row["id"] for row in rows] == [item["id"] for item in items]
    assert rows[-1]["properties"]["swath:new"] == 5


def test_a_table_of_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one item"):
        write_items_table([], tmp_path / "items.parquet")
