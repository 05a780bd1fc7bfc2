import json
from pathlib import Path

import pystac
import pytest
from shapely.geometry import shape

from support.stac_validation import validate_stac
from swath.grid import parse_tile
from swath.mapping.item import EO, asset_facts, extensions, timestamp, unit_item

from .published import CLASSES, COLLECTION, PRODUCT, Recipe, cogs_of, item_of, scenes, unit_of

TILE = "utm33n-10m-192-x260-y3125"


def test_an_item_is_valid_against_the_core_schema() -> None:
    validate_stac(item_of(TILE))


@pytest.mark.real
def test_an_item_is_valid_against_the_schemas_of_its_extensions(real_data: Path) -> None:
    item = item_of(TILE, skipped=[{"item": "x", "band": "B04", "href": "https://e.org/x.tif", "reason": "404"}])
    assert len(validate_stac(item, real_data / "stac-schemas")) == 7


@pytest.mark.real
def test_an_item_without_optical_bands_or_classes_claims_neither_extension(real_data: Path) -> None:
    recipe = Recipe(layers=tuple(layer for layer in Recipe().layers if layer.name == "count"))
    item = item_of(TILE, recipe=recipe)
    assert EO not in item["stac_extensions"]
    validate_stac(item, real_data / "stac-schemas")


def test_an_item_says_where_it_is() -> None:
    item, tile = item_of(TILE), parse_tile(TILE)
    properties = item["properties"]
    assert (properties["proj:code"], properties["proj:shape"]) == ("EPSG:32633", [192, 192])
    assert properties["proj:transform"] == list(tile.affine)[:6]
    assert properties["proj:bbox"] == list(tile.bounds)
    assert item["bbox"] == pytest.approx(tile.bbox, abs=1e-6)
    assert shape(item["geometry"]).symmetric_difference(tile.footprint).area < 1e-6


def test_an_item_over_the_antimeridian_has_two_parts_and_a_bbox_that_turns() -> None:
    item = item_of("utm60s-10m-192-x427-ym951")
    assert item["bbox"][0] > item["bbox"][2]
    assert item["geometry"]["type"] == "MultiPolygon"
    assert len(item["geometry"]["coordinates"]) == 2
    validate_stac(item)


def test_an_item_says_when_with_the_last_second_of_the_step() -> None:
    properties = item_of(TILE)["properties"]
    assert properties["datetime"] is None
    assert properties["start_datetime"] == "2023-01-01T00:00:00Z"
    assert properties["end_datetime"] == "2023-12-31T23:59:59Z"


def test_scenes_of_one_pass_are_one_observation() -> None:
    properties = item_of(TILE)["properties"]
    assert properties["swath:inputs"] == ["S2a1-west", "S2a1-east", "S2b2"]
    assert properties["swath:observations"] == 2
    assert properties["swath:platforms"] == ["sentinel-2a", "sentinel-2b"]


def test_an_item_lists_what_could_not_be_read() -> None:
    read = {"item": "x", "band": "B04", "href": "https://e.org/x.tif", "reason": "404"}
    assert item_of(TILE, skipped=[read])["properties"]["swath:skipped"] == [read]


def test_an_asset_tells_name_checksum_and_facts_of_its_file() -> None:
    recipe, tile = Recipe(), parse_tile(TILE)
    cogs = cogs_of(tile, recipe)
    item = unit_item(unit=unit_of(tile), tile=tile, plan=recipe, cogs=cogs, scenes=scenes())
    red = item["assets"]["B04"]
    assert red["href"] == "./B04.0123456789ab.tif"
    assert red["file:checksum"] == "1220" + cogs["B04"].sha256
    assert red["file:size"] == len(cogs["B04"].data)
    band = red["bands"][0]
    assert (band["data_type"], band["nodata"], band["raster:scale"], band["raster:offset"]) == (
        "uint16",
        0,
        0.0001,
        -0.1,
    )
    assert (band["eo:common_name"], band["eo:center_wavelength"]) == ("red", 0.665)


def test_a_class_layer_carries_its_legend() -> None:
    classes = asset_facts(CLASSES)["classification:classes"]
    assert classes[0] == {
        "value": 10,
        "name": "tree_cover",
        "description": "Trees over 10 % of the ground",
        "color_hint": "006400",
    }


def test_no_data_that_json_cannot_hold_is_a_word() -> None:
    from dataclasses import replace

    assert (
        asset_facts(replace(CLASSES, legend=None, dtype="float32", nodata=float("nan")))["bands"][0]["nodata"] == "nan"
    )


def test_the_same_unit_gives_the_same_bytes() -> None:
    assert json.dumps(item_of(TILE)) == json.dumps(item_of(TILE))


def test_pystac_reads_an_item() -> None:
    item = pystac.Item.from_dict(item_of(TILE))
    assert item.assets["count"].roles == ["metadata"]
    assert item.collection_id == "mosaic-1.0"


def test_a_layer_without_a_file_is_an_error() -> None:
    tile = parse_tile(TILE)
    with pytest.raises(KeyError, match="B04"):
        unit_item(unit=unit_of(tile), tile=tile, plan=Recipe(), cogs={}, scenes=scenes())


def test_only_extensions_in_use_are_named() -> None:
    count = [layer for layer in PRODUCT.layers(COLLECTION) if layer.name == "count"]
    assert not [uri for uri in extensions(count) if "/eo/" in uri or "classification" in uri]


def test_times_are_utc_with_a_z() -> None:
    assert timestamp(unit_of(parse_tile(TILE)).start) == "2023-01-01T00:00:00Z"
