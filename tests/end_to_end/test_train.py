"""`swath train`, then `swath map` with what it made: by the commands, on a simulated Earth of two granules."""

import json

import numpy as np
import pytest
import rasterio

from support.command import swath
from support.drawn_labels import saved, squares
from swath.models import Package
from swath.training.recipe import Recipe

QUICK = (
    "--set", "chips.size=32", "--set", "chips.margin=0", "--set", "train.chip=32", "--set", "train.epochs=2",
    "--set", "train.batch=8", "--set", "train.threads=1", "--set", "labels.erode_m=0", "--set", "bands=[B04, B08]",
    "--set", "chips.split={folds: 3, block_m: 200, buffer_m: 20, seed: 4}",
)  # fmt: skip

CODES = {"clear": (2, 3, 4, 5, 6, 7), "thick cloud": (8, 9, 10)}  # of SCL


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    frame = squares()
    frame["class"] = frame["class"].map({"crop": "crops", "tree": "trees", "water": "water"})
    return saved(frame, tmp_path_factory.mktemp("labels"))


def train(world, labels, out, *more, product="landcover", period="2023-06/P1M", quick=QUICK):
    return swath(
        "train", product, "--labels", labels, "--area", world.area, "--period", period, "--source", world.catalog,
        "--out", out, "--tile-size", 192, "--cluster", "inline", *quick, *more,
    )  # fmt: skip


@pytest.fixture(scope="module")
def trained(small_world, drawn, tmp_path_factory):
    out = tmp_path_factory.mktemp("trained")
    code, told = train(small_world, drawn, out)
    assert code == 0, told
    return out, told


def test_a_package_comes_out_with_what_it_learned_from_and_how_well(trained, small_world):
    out, told = trained
    package = Package.open(out / "package")
    assert package.spec.output.classes == ("tree cover", "cropland", "water")
    assert [band.name for band in package.spec.input.bands] == ["B04", "B08"]
    assert package.files >= {"model.onnx", "weights.safetensors", "metrics.json", "curves.png"}
    assert "applicability.safetensors" in package.files
    assert 0 < package.spec.applicability.within <= 1
    apart = json.loads((out / "package" / "transfer.json").read_text())
    assert apart == told["breakdown"] and apart["title"] == "transfer"
    assert (
        package.card["properties"]["swath:metrics"]["transfer_overall_accuracy_low"]
        <= told["transfer"]["overall_accuracy"]
    )
    properties = package.card["properties"]
    assert properties["start_datetime"].startswith("2023-06-01")
    scenes = {scene.name for scene in small_world.scenes}
    assert set(json.dumps(properties).split('"')) & scenes, "the items that it learned from are named"
    metrics = json.loads((out / "package" / "metrics.json").read_text())
    assert metrics["title"] == "transfer" and set(metrics["held_out"]) == {"fold 0"}
    assert told["smallest_distance_m"] > 20
    assert (out / "fit" / "curves.png").stat().st_size > 10_000
    assert list((out / "fit").rglob("events.out.tfevents.*"))


def test_the_same_command_trains_nothing_twice(trained, small_world, drawn):
    out, told = trained
    code, again = train(small_world, drawn, out, "--replace")
    assert code == 0, again
    assert again["chips"]["done"] == 0 and again["digest"] == told["digest"]


def test_what_was_trained_maps_the_area(trained, small_world, tmp_path):
    out, _ = trained
    code, told = swath(
        "map", "landcover", "--area", small_world.area, "--period", "2023-06/P1M", "--source", small_world.catalog,
        "--store", tmp_path, "--model", out / "package", "--tile-size", 192, "--cluster", "inline",
    )  # fmt: skip
    assert code == 0, told
    (path,) = tmp_path.glob("landcover/1.0/2023-06/class.utm*.vrt")
    with rasterio.open(path) as file:
        codes = file.read(1)
    assert set(np.unique(codes)) <= {0, 10, 40, 80} and (codes > 0).mean() > 0.3


def test_clouds_are_learned_from_the_items_own_band_with_the_dates_about_each(small_world, tmp_path):
    clear, cloud = (", ".join(f"{code}: {name}" for code in codes) for name, codes in CODES.items())
    legend = f"{{{clear}, {cloud}, 0: null, 1: null, 11: null}}"
    settings = "{width: 8, levels: 2, groups: 4}"
    code, told = train(
        small_world, "asset:SCL", tmp_path, "--set", "labels.legend=" + legend, "--set", "chips.steps=3",
        "--set", "chips.target=1", "--set", f"train.encoder={{name: temporal, settings: {settings}}}",
        "--set-product", "inputs.0.collection=swath-simulated-optical", "--set", "train.epochs=1",
        "--set", "sensors=[]", "--set", "train.mix=1", "--set", "labels.column=null", "--set", "labels.time=null",
        product="clouds", period="2023-06/2023-07/acquisition",
    )  # fmt: skip
    assert code == 0, told
    assert "agreement" in told and "transfer" not in told
    spec = Package.open(tmp_path / "package").spec
    assert (spec.input.steps, spec.input.target, spec.input.day_of_year) == (3, 1, True)
    code, mapped = swath(
        "map", "clouds", "--area", small_world.area, "--period", "2023-06/acquisition", "--source", small_world.catalog,
        "--store", tmp_path / "store", "--model", tmp_path / "package", "--tile-size", 192, "--cluster", "inline",
    )  # fmt: skip
    assert code == 0, mapped
    items = [json.loads(path.read_text()) for path in (tmp_path / "store").glob("clouds/1.0/2023-*/*/*.json")]
    assert len({item["properties"]["swath:step"] for item in items}) >= 3
    # an acquisition in the middle of the series was read with the one before it and the one after it
    assert max(item["properties"]["swath:observations"] for item in items) == 3


def test_labels_elsewhere_are_refused_before_any_work(small_world, drawn, tmp_path):
    moved = squares()
    moved["geometry"] = moved.translate(5, 0)
    code, told = train(small_world, saved(moved, tmp_path), tmp_path / "out")
    assert code == 2 and told["error"]["type"] == "LabelError"
    assert not (tmp_path / "out" / "chips" / "shards").exists()


def test_a_class_that_the_product_lacks_is_named_with_the_choices(small_world, tmp_path):
    frame = squares()
    frame.loc[0, "class"] = "lava"
    code, told = train(small_world, saved(frame, tmp_path), tmp_path / "out")
    assert code == 2 and "'lava'" in told["error"]["message"]


def test_a_recipe_of_two_chip_sizes_is_refused(small_world, drawn, tmp_path):
    code, told = train(small_world, drawn, tmp_path, "--set", "chips.size=64")
    assert code == 2
    assert "chips.size is 64 and train.chip 32" in told["error"]["message"]


def test_the_template_of_a_recipe_is_a_recipe():
    import yaml

    assert Recipe.parse(yaml.safe_load(Recipe.template())).train.chip == 128


def test_shipped_recipes_are_right():
    assert Recipe.load("landcover").train.encoder.name == "statistics"
    assert Recipe.load("landcover-demo").chips.size == 32
    assert {sensor.name for sensor in Recipe.load("clouds").sensors} >= {"sentinel-2", "landsat"}
    assert Recipe.load("no-such-product") == Recipe()
