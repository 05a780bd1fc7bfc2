"""A product of several inputs by the command: optical, radar by two ways, heights, climate and each pixel's place."""

import json
from pathlib import Path

import numpy as np
import pytest

from support.command import swath
from support.several import ALL, OPTICAL, PLACE, PRODUCT, RADAR, STATIC, mosaic_of, package
from support.small_world import layer_bytes
from swath import open_cube
from swath.products import Product

UP = ", where: {sat:orbit_state: ascending}"


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return package(tmp_path_factory.mktemp("models") / "all")


@pytest.fixture(scope="module")
def product(several_world, tmp_path_factory) -> Path:
    return several_world.product(tmp_path_factory.mktemp("product"))


@pytest.fixture(scope="module")
def inline(several_world, product, model, tmp_path_factory) -> Path:
    store = tmp_path_factory.mktemp("inline")
    code, told = several_world.map(store, product, model)
    assert code == 0, told
    return store


def items_of(store: Path) -> list[dict]:
    return [json.loads(path.read_text()) for path in sorted(store.glob("several/1/2023-06/*/*.json"))]


def test_values_are_mapped_and_the_collection_says_of_what(inline):
    collection = json.loads((inline / "several/1/collection.json").read_text())
    assert list(collection["item_assets"]) == ["agb", "agb_sd", "count"]
    assert collection["swath:sources"] == {
        "first": "swath-simulated-optical", "up": "swath-simulated-radar", "down": "swath-simulated-radar",
        "height": "swath-simulated-elevation", "climate": "swath-simulated-climate",
    }  # fmt: skip
    values, _ = mosaic_of(inline, "agb")
    assert np.isfinite(values).mean() > 0.5 and np.nanstd(values) > 0
    read = {name.split("_")[0] for item in items_of(inline) for name in item["properties"]["swath:inputs"]}
    assert {"sim-dem", "sim-climate"} < read
    assert not any("swath:lacking" in item["properties"] for item in items_of(inline))


def test_tiles_of_another_size_give_the_same_map(several_world, product, model, inline, tmp_path):
    code, told = several_world.map(tmp_path, product, model, "--tile-size", 384)
    assert code == 0, told
    for layer in ("agb", "agb_sd", "count"):
        small, at = mosaic_of(inline, layer)
        large, there = mosaic_of(tmp_path, layer)
        col, row = (round(v) for v in ~there @ (at.c, at.f))
        # GDAL's bilinear weights of the heights differ in a float's last digit by where the window begins
        part = large[row : row + small.shape[0], col : col + small.shape[1]]
        np.testing.assert_allclose(small, part, rtol=0, atol=1e-6)


@pytest.mark.ray
def test_ray_gives_the_same_bytes(several_world, product, model, inline, tmp_path, ray_cluster):
    code, told = several_world.map(tmp_path, product, model, "--cluster", "auto")
    assert code == 0, told
    assert layer_bytes(tmp_path) == layer_bytes(inline)


def test_the_same_command_finds_what_is_made(several_world, product, model, inline):
    code, told = several_world.map(inline, product, model)
    assert code == 0 and told["units"]["done"] == 0 and told["units"]["found"] > 0


def test_composites_of_several_inputs_are_those_of_each_alone(several_world, tmp_path):
    text = PRODUCT.replace("model: {kind: values}\n", "")
    for bands in ("[B04]", "[vv, vh]", "[vv, vh]", "[elevation]", "[bio12]"):
        text = text.replace("[model]", bands, 1)
    code, told = several_world.map(tmp_path / "all", several_world.product(tmp_path, text), None)
    assert code == 0, told
    alone = (
        "{name: several, version: '1', title: Up, inputs: [{collection: swath-simulated-radar, bands: [all], "
        "composite: {method: mean}" + UP + "}]}\n"
    )
    code, told = several_world.map(tmp_path / "up", several_world.product(tmp_path / "alone", alone), None)
    assert code == 0, told
    for ours, theirs in (("vv", "vv"), ("vh", "vh"), ("up_count", "count")):
        np.testing.assert_array_equal(mosaic_of(tmp_path / "all", ours)[0], mosaic_of(tmp_path / "up", theirs)[0])
    up, down = mosaic_of(tmp_path / "all", "vv")[0], mosaic_of(tmp_path / "all", "down_vv")[0]
    assert (up != down).mean() > 0.5
    layers = json.loads((tmp_path / "all/several/1/collection.json").read_text())["item_assets"]
    assert "elevation" in layers and "bio12" in layers and "height_count" not in layers


def test_the_lazy_cube_has_the_numbers_of_the_map(several_world, tmp_path):
    text = PRODUCT.replace("model: {kind: values}\n", "")
    for bands in ("[B04]", "[vv]", "[vv]", "[elevation]", "[bio12]"):
        text = text.replace("[model]", bands, 1)
    product = several_world.product(tmp_path, text)
    code, told = several_world.map(tmp_path / "store", product, None)
    assert code == 0, told
    cube = open_cube(Product.load(product), several_world.area, "2023-06/P1M", source=several_world.catalog)
    assert set(cube.data_vars) >= {"B04", "count", "vv", "up_count", "down_vv", "elevation", "bio12"}
    for layer in ("B04", "vv", "up_count", "down_vv", "bio12"):
        whole, at = mosaic_of(tmp_path / "store", layer)
        col, row = (int(v) for v in ~at @ (float(cube.x[0]), float(cube.y[0])))
        ours = cube[layer].isel(time=0).compute(scheduler="threads").values
        part = whole[max(0, row) : row + ours.shape[0], max(0, col) : col + ours.shape[1]]
        inside = ours[max(0, -row) :, max(0, -col) :][: part.shape[0], : part.shape[1]]
        assert part.size > 5000
        # GDAL's bilinear weights of the climate differ in a float's last digit by where the window begins
        np.testing.assert_allclose(inside, part, rtol=1e-6, err_msg=layer)


def test_a_model_that_takes_less_reads_less(several_world, product, tmp_path):
    code, told = several_world.map(tmp_path / "s", product, package(tmp_path / "m", (*OPTICAL, STATIC[0], *PLACE)))
    assert code == 0, told
    read = {name.split("_")[0] for item in items_of(tmp_path / "s") for name in item["properties"]["swath:inputs"]}
    assert "sim-dem" in read and not any(name.startswith(("sim-1", "sim-climate")) for name in read)


def test_a_frozen_table_of_several_collections_is_a_source(several_world, product, tmp_path):
    model = package(tmp_path / "m", (*OPTICAL, *STATIC))
    code, told = several_world.map(tmp_path / "one", product, model)
    assert code == 0, told
    (table,) = (tmp_path / "one").glob("several/1/runs/*/items.parquet")
    code, told = several_world.map(tmp_path / "two", product, model, "--source", table)
    assert code == 0, told
    assert layer_bytes(tmp_path / "one") == layer_bytes(tmp_path / "two")


def test_units_that_lack_an_input_are_left_aside_and_counted_by_its_name(several_world, tmp_path):
    model = package(tmp_path / "m", (*OPTICAL, RADAR[0]))
    product = several_world.product(tmp_path)
    code, told = several_world.map(tmp_path / "s", product, model, "--period", "2023-06-01/2023-06-14/P5D")
    assert code == 0, told
    code, plan = swath(
        "plan", product, "--area", several_world.area, "--period", "2023-06-01/2023-06-14/P5D", "--tile-size", 192,
        "--source", several_world.catalog, "--store", tmp_path / "s", "--model", model,
    )  # fmt: skip
    lacking = plan["lacking"]
    assert set(lacking) == {"up"} and lacking["up"] > 0
    assert told["units"]["without_input"] == plan["without_input"] == len(plan["tiles_without_input"])
    assert plan["without_input"] == lacking["up"] and told["units"]["done"] == plan["units"] > 0
    code, told = several_world.map(tmp_path / "t", product, model, "--period", "2023-06-01/2023-06-14/P2D")
    assert code == 2
    assert "several: no tile and step has items of every input that it needs; of 14 units" in told["error"]["message"]
    assert " lack up" in told["error"]["message"]


def test_an_input_may_have_a_source_of_its_own(several_world, model, inline, tmp_path):
    text = PRODUCT
    for name in ("up", "down", "height", "climate"):
        text = text.replace(f"{{name: {name},", f"{{name: {name}, source: {several_world.catalog},")
    optical = several_world.catalog.parent / "swath-simulated-optical" / "collection.json"
    product = several_world.product(tmp_path, text)
    code, told = several_world.map(tmp_path / "store", product, model, "--source", optical)
    assert code == 0, told
    assert layer_bytes(tmp_path / "store") == layer_bytes(inline)


def sideways(optional: bool) -> str:
    given = f", collection: swath-simulated-radar, optional: {str(optional).lower()}"
    return PRODUCT.replace(UP, ", where: {sat:orbit_state: sideways}" + given)


def test_an_input_that_is_needed_and_has_no_items_is_refused_by_name(several_world, model, tmp_path):
    product = several_world.product(tmp_path, sideways(optional=False))
    code, told = several_world.map(tmp_path / "store", product, model)
    assert code == 2 and told["error"]["type"] == "NoItemsError"
    assert "no item of swath-simulated-radar for input up with sat:orbit_state: sideways" in told["error"]["message"]
    assert not list((tmp_path / "store").rglob("*.tif"))


def test_a_model_that_cannot_do_without_an_optional_input_refuses_too(several_world, model, tmp_path):
    code, told = several_world.map(tmp_path / "store", several_world.product(tmp_path, sideways(optional=True)), model)
    assert code == 2 and "for input up" in told["error"]["message"]


def test_a_model_that_can_do_without_fills_it_and_the_item_says_so(several_world, tmp_path):
    can = tuple(band.model_copy(update={"optional": band.input == "up"}) for band in ALL)
    product = several_world.product(tmp_path, sideways(optional=True))
    code, told = several_world.map(tmp_path / "store", product, package(tmp_path / "m", can))
    assert code == 0, told
    values, _ = mosaic_of(tmp_path / "store", "agb")
    assert np.isfinite(values).mean() > 0.5
    assert all(item["properties"]["swath:lacking"] == ["up"] for item in items_of(tmp_path / "store"))
    code, plan = swath(
        "plan", product, "--area", several_world.area, "--period", "2023-06/P1M", "--source", several_world.catalog,
        "--store", tmp_path / "store", "--model", tmp_path / "m", "--tile-size", 192,
    )  # fmt: skip
    assert code == 0 and plan["lacking"] == {"up (optional)": plan["units"]}


def test_acquisitions_are_of_one_series(several_world, product, model, tmp_path):
    code, told = several_world.map(tmp_path, product, model, "--period", "2023-06/acquisition")
    assert code == 2
    assert "several reads the first and up and down, and 2023-06/acquisition is single" in told["error"]["message"]


def test_a_model_of_an_input_that_the_product_lacks_is_refused(several_world, product, tmp_path):
    snow = RADAR[0].model_copy(update={"input": "snow"})
    code, told = several_world.map(tmp_path / "s", product, package(tmp_path / "m", (*OPTICAL, snow)))
    assert code == 2 and "takes vv of an input 'snow', which the product does not have" in told["error"]["message"]
