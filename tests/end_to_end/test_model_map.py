"""A product with a model, by the command: the same road as a mosaic, the package kept with the plan."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import rasterio

from support.command import swath
from support.small_world import layer_bytes
from support.tiny_models import write_onnx
from swath.models import Package, Provenance
from swath.models.spec import BandInput, ClassesOutput, InputSpec, ModelSpec
from swath.store import Store

BANDS = (
    BandInput(name="B04", common_name="red", mean=0.1, std=0.1),
    BandInput(name="B08", common_name="nir", mean=0.3, std=0.1),
)
CLASSES = ("tree cover", "grassland", "water")


def package(folder: Path, *, kind: str = "conv", bands=BANDS, **given) -> Path:
    known = {"unit": "reflectance", "gsd": 10, "window": 64, "stride": 32, "margin": 16}
    spec = ModelSpec(
        name=f"tiny-{kind}", input=InputSpec(bands=bands, **{**known, **given}), output=ClassesOutput(classes=CLASSES)
    )
    onnx = write_onnx(folder.with_suffix(".onnx"), spec, kind=kind)
    Package.write(folder, spec, provenance=Provenance(licence="CC0-1.0"), onnx=onnx)
    return folder


def land_cover(world, store, model, *more, tile_size=192):
    return swath(
        "map", "landcover", "--area", world.area, "--period", "2023-06/P1M", "--source", world.catalog,
        "--store", store, "--model", model, "--tile-size", tile_size,
        *(more if "--cluster" in more else (*more, "--cluster", "inline")),
    )  # fmt: skip


@pytest.fixture(scope="module")
def conv(tmp_path_factory) -> Path:
    return package(tmp_path_factory.mktemp("models") / "conv")


@pytest.fixture(scope="module")
def inline(small_world, conv, tmp_path_factory) -> Path:
    store = tmp_path_factory.mktemp("inline")
    code, told = land_cover(small_world, store, conv, "--set", "model.probabilities=[all]")
    assert code == 0, told
    return store


def mosaic_of(store: Path, layer: str, step: str = "2023-06") -> tuple[np.ndarray, rasterio.Affine]:
    (path,) = store.glob(f"landcover/1.0/{step}/{layer}.utm*.vrt")
    with rasterio.open(path) as file:
        return file.read(1), file.transform


def test_layers_legend_and_counts_are_published(inline):
    collection = json.loads((inline / "landcover/1.0/collection.json").read_text())
    assert list(collection["item_assets"]) == [
        "class", "confidence", "probability_tree_cover", "probability_grassland", "probability_water", "count",
    ]  # fmt: skip
    shown = {c["value"]: c["name"] for c in collection["item_assets"]["class"]["classification:classes"]}
    assert shown[10] == "tree_cover" and shown[80] == "water"
    codes, _ = mosaic_of(inline, "class")
    count, _ = mosaic_of(inline, "count")
    confidence, _ = mosaic_of(inline, "confidence")
    assert set(np.unique(codes)) <= {0, 10, 30, 80} and (codes > 0).mean() > 0.3
    np.testing.assert_array_equal(codes == 0, count == 0)
    np.testing.assert_array_equal(confidence == 255, count == 0)


def test_tiles_of_another_size_give_the_same_map(small_world, conv, inline, tmp_path):
    code, told = land_cover(small_world, tmp_path, conv, tile_size=384)
    assert code == 0, told
    for layer in ("class", "confidence"):
        small, at = mosaic_of(inline, layer)
        large, there = mosaic_of(tmp_path, layer)
        col, row = (round(v) for v in ~there @ (at.c, at.f))
        np.testing.assert_array_equal(small, large[row : row + small.shape[0], col : col + small.shape[1]])


@pytest.mark.ray
def test_ray_gives_the_same_bytes(small_world, conv, inline, tmp_path, ray_cluster):
    code, told = land_cover(small_world, tmp_path, conv, "--set", "model.probabilities=[all]", "--cluster", "auto")
    assert code == 0, told
    assert layer_bytes(tmp_path) == layer_bytes(inline)


def test_a_store_on_s3_keeps_the_package_and_workers_fetch_it_once(
    small_world, conv, inline, s3, tmp_path, monkeypatch
):
    from swath.settings import settings

    monkeypatch.setenv("SWATH_CACHE", str(tmp_path / "cache"))
    settings.cache_clear()
    try:
        code, told = land_cover(small_world, s3, conv, "--set", "model.probabilities=[all]")
        assert code == 0, told
    finally:
        settings.cache_clear()
    store = Store.open(s3)
    keys = {key.rsplit("/", 1)[1]: key for key, _ in store.list("landcover/1.0") if key.endswith(".tif")}
    ours = {path.name: path.read_bytes() for path in inline.rglob("*.tif")}
    assert {name: store.read_bytes(key) for name, key in keys.items()} == ours
    assert len(list((tmp_path / "cache" / "models").iterdir())) == 1


def test_the_run_goes_on_without_the_folder_that_the_package_came_from(small_world, tmp_path):
    model = package(tmp_path / "gone")
    code, plan = swath(
        "plan", "landcover", "--area", small_world.area, "--period", "2023-06/P1M", "--source", small_world.catalog,
        "--store", tmp_path / "store", "--model", model, "--tile-size", 192,
    )  # fmt: skip
    assert code == 0, plan
    shutil.rmtree(model)
    code, told = swath("retry", tmp_path / "store", "--cluster", "inline")
    assert code == 0, told
    assert told["units"]["done"] == plan["units"]


def test_another_model_makes_no_part_of_the_same_map(small_world, inline, tmp_path):
    other = package(tmp_path / "other", kind="pool")
    code, told = land_cover(small_world, inline, other)
    assert code == 2
    assert told["error"]["type"] == "StoreMismatchError"


def test_a_coarser_model_is_brought_to_the_product_s_pixels(small_world, tmp_path):
    model = package(tmp_path / "coarse", gsd=20)
    code, told = land_cover(small_world, tmp_path / "store", model, "--resolution", 10)
    assert code == 0, told
    codes, affine = mosaic_of(tmp_path / "store", "class")
    count, _ = mosaic_of(tmp_path / "store", "count")
    assert affine.a == 10 and (codes > 0).mean() > 0.3
    np.testing.assert_array_equal(codes == 0, count == 0)


def test_nan_from_a_network_fails_the_unit_and_names_it(small_world, tmp_path):
    code, told = land_cover(small_world, tmp_path / "store", package(tmp_path / "log", kind="log"))
    assert code == 1
    assert told["units"]["failed"] == 2 and told["units"]["done"] == 0
    error = told["failures"][0]["error"]
    assert error["type"] == "UnitError" and "tiny-log" in error["message"] and "NaN" in error["message"]


def test_a_package_of_bands_that_the_collection_lacks_is_refused_before_any_work(small_world, tmp_path):
    thermal = (*BANDS, BandInput(name="B10", common_name="lwir11", wavelength=10.9))
    code, told = land_cover(small_world, tmp_path / "store", package(tmp_path / "thermal", bands=thermal))
    assert code == 2
    assert "lacks bands that the model takes: B10 (lwir11)" in told["error"]["message"]
    assert not list((tmp_path / "store").rglob("*.tif"))


def test_a_package_with_a_changed_byte_is_refused(small_world, conv, tmp_path):
    broken = shutil.copytree(conv, tmp_path / "broken")
    data = bytearray((broken / "model.onnx").read_bytes())
    data[len(data) // 2] ^= 1
    (broken / "model.onnx").write_bytes(data)
    code, told = land_cover(small_world, tmp_path / "store", broken)
    assert code == 2 and "model.onnx was changed" in told["error"]["message"]


def test_a_product_without_a_model_takes_none(small_world, conv, tmp_path):
    code, told = small_world.map(tmp_path / "store", "--model", conv)
    assert code == 2 and "takes no model" in told["error"]["message"]
