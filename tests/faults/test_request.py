"""Requests that cannot be: told before any work, with the value and what to do, and exit code 2."""

import pytest

from support.command import swath
from support.small_world import fingerprints


def refused(world, store, *more, source=None):
    """The error document of a request that must be refused; nothing may have been mapped."""
    code, result = world.map(store, *more, source=source)
    assert code == 2, result
    assert set(result) == {"error"}
    assert result["error"]["fix"]
    assert not list(store.rglob("*.tif")) if store.exists() else True
    return result["error"]


@pytest.mark.parametrize(
    ("option", "value", "kind", "named"),
    [
        ("--area", "", "AreaError", "empty"),
        ("--area", '{"type": "Polygon", "coordinates": []}', "AreaError", "no polygon"),
        ("--area", "12.5,47.7,12.5,47.8", "AreaError", "12.5,47.7,12.5,47.8"),
        ("--area", "12.5,47.8,12.6,47.7", "AreaError", "lies north of"),
        ("--area", "Atlantis", "AreaError", "Atlantis"),
        ("--period", "2023-07/2023-06/P1M", "PeriodError", "2023-07"),
        ("--period", "next summer", "PeriodError", "next summer"),
        ("--tile-size", "100", "GridError", "100"),
        ("--set", "inputs.0.bands=[B99]", "ProductError", "B99"),
        ("--set", "inputs.0.collection=sentinel-9", "", "sentinel-9"),
        ("--set", "colour=blue", "ProductError", "colour"),
        ("--model", "forest@prod", "ProductError", "forest@prod"),
    ],
)
def test_a_wrong_option_is_named_with_its_value(small_world, tmp_path, option, value, kind, named):
    error = refused(small_world, tmp_path / "store", option, value)
    assert named in error["message"]
    assert error["type"] == kind or not kind


def test_an_area_in_the_sea_has_no_items(small_world, tmp_path):
    error = refused(small_world, tmp_path / "store", "--area", "-30,40,-29.9,40.1")
    assert error["type"] == "NoItemsError"
    assert "-30,40,-29.9,40.1" in error["message"]
    assert "sea" in error["fix"]


def test_a_period_without_scenes_has_no_items(small_world, tmp_path):
    error = refused(small_world, tmp_path / "store", "--period", "2001/P1Y")
    assert error["type"] == "NoItemsError"
    assert "2001/P1Y" in error["message"]


def test_items_beside_the_tiles_are_no_items(small_world, tmp_path):
    # 4 km east of the archive's last granule: near enough to be looked at, but no tile touches one
    error = refused(small_world, tmp_path / "store", "--area", "12.585,47.70,12.59,47.705")
    assert error["type"] == "NoItemsError"


@pytest.mark.parametrize("name", ["nowhere/catalog.json", "ftp://example.org/catalog.json"])
def test_a_source_that_is_not_there_is_named(small_world, tmp_path, name):
    error = refused(small_world, tmp_path / "store", source=name)
    assert error["type"] == "SourceError"
    assert name.split("/")[-1] in error["message"]


def test_a_source_that_is_no_stac_is_named(small_world, tmp_path):
    (tmp_path / "x.json").write_text('{"hello": 1}')
    error = refused(small_world, tmp_path / "store", source=tmp_path / "x.json")
    assert "x.json" in error["message"]


def test_a_product_that_does_not_ship_is_named_with_those_that_do(small_world, tmp_path):
    arguments = small_world.request(tmp_path / "store")
    code, result = swath("map", "mosiac", *arguments[1:])
    assert code == 2
    assert "mosiac" in result["error"]["message"]
    assert "mosaic" in str(result["error"])


@pytest.mark.parametrize(
    ("more", "differs"),
    [
        (("--tile-size", "384"), "tile_size"),
        (("--resolution", "20"), "resolution"),
        (("--set", "index_of_composite=[NDVI]"), "layers"),
        (("--set", "inputs.0.composite.method=mean"), "method"),
    ],
)
def test_a_store_of_another_recipe_is_refused_and_not_touched(small_world, mapped, more, differs):
    before = fingerprints(mapped)
    code, result = small_world.map(mapped, *more)
    assert code == 2
    assert result["error"]["type"] == "StoreMismatchError"
    assert differs in result["error"]["message"]
    assert "--store" in result["error"]["fix"]
    assert "version" in result["error"]["fix"]
    assert fingerprints(mapped) == before


def test_another_version_of_a_product_lies_beside_in_the_same_store(small_world, tmp_path):
    june = ("--period", "2023-06/P1M")
    store = tmp_path / "store"
    assert small_world.map(store, *june)[0] == 0
    code, result = small_world.map(store, *june, "--set", "version='1.1'", "--set", "inputs.0.composite.method=mean")
    assert code == 0, result
    assert {path.parent.name for path in store.glob("mosaic/*/collection.json")} == {"1.0", "1.1"}


@pytest.mark.parametrize("command", ["status", "retry", "clean"])
def test_a_store_without_a_map_is_named(tmp_path, command):
    code, result = swath(command, tmp_path / "empty")
    assert code == 2
    assert str(tmp_path / "empty") in result["error"]["message"]


def test_an_error_for_people_names_what_and_how(small_world, tmp_path, capsys):
    from swath.cli import main

    request = map(str, small_world.request(tmp_path / "store", "--period", "2023-07/2023-06/P1M"))
    assert main(["map", *request]) == 2
    said = capsys.readouterr().err
    assert "PeriodError" in said
    assert "2023-07/2023-06/P1M" in said
    assert "Traceback" not in said
