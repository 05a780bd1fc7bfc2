"""`swath tune`, and `swath train --folds` with a peer: by the commands, on a simulated Earth of two granules."""

import json

import pytest
import yaml

from end_to_end.test_train import QUICK
from support.command import swath
from support.drawn_labels import saved, squares
from swath.models import Package
from swath.training.recipe import Recipe

SMALL = ("--set", "train.encoder={name: unet, settings: {width: 8, levels: 2}}", "--set", "train.mix=1")


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    frame = squares()
    frame["class"] = frame["class"].map({"crop": "crops", "tree": "trees", "water": "water"})
    return saved(frame, tmp_path_factory.mktemp("labels"))


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    return tmp_path_factory.mktemp("trained")


def run(command, world, labels, out, *more):
    return swath(
        command, "landcover", "--labels", labels, "--area", world.area, "--period", "2023-06/P1M",
        "--source", world.catalog, "--out", out, "--tile-size", 192, "--cluster", "inline", *QUICK, *SMALL, *more,
    )  # fmt: skip


def test_a_search_ends_with_a_recipe_a_table_and_a_picture(small_world, drawn, out, tmp_path):
    space = tmp_path / "space.yaml"
    space.write_text("train.optimiser.lr: {kind: loguniform, low: 0.0001, high: 0.02}\n")
    asked = ("--space", space, "--trials", 2, "--grace", 1, "--set", "train.patience=5", "--set", "validate_on=1")
    code, told = run("tune", small_world, drawn, out, *asked)
    assert code == 0, told
    assert len(told["trials"]) == 2 and told["trials"][0]["score"] >= told["trials"][1]["score"]
    recipe = Recipe.load(out / "tune" / "best.yaml")
    assert recipe.train.optimiser.lr == told["best"]["values"]["train.optimiser.lr"]
    assert recipe.bands == ("B04", "B08") and recipe.chips.size == 32
    assert (out / "tune" / "trials.png").stat().st_size > 10_000
    again, same = run("tune", small_world, drawn, out, *asked)
    assert again == 0 and same["trials"] == told["trials"] and same["best"] == told["best"]


def test_every_fold_is_held_out_and_a_peer_is_compared(small_world, drawn, out, tmp_path):
    code, template = run("train", small_world, drawn, out, "--peer", "landcover")
    assert code == 2 and "--folds" in template["error"]["fix"]
    first = Recipe.load("landcover").with_overrides([*QUICK[1::2], *SMALL[1::2]])
    slow = first.with_overrides(["train.optimiser.lr=1.0e-7"]).model_dump(mode="json")
    peer = tmp_path / "peer.yaml"
    peer.write_text(yaml.safe_dump(slow))
    code, told = run("train", small_world, drawn, out, "--folds", "--peer", peer)
    assert code == 0, told
    assert set(told["folds"]["folds"]) == {"fold 0", "fold 1", "fold 2"}
    assert told["transfer"] == told["folds"]["pooled"]
    assert {one["measure"] for one in told["differences"]} >= {"macro_f1", "overall_accuracy"}
    kept = json.loads((out / "folds.json").read_text())
    assert kept["mean"] == told["folds"]["mean"] and kept["differences"] == told["differences"]
    package = Package.open(out / "package")
    held = json.loads(package.path("metrics.json").read_text())["held_out"]
    assert set(held) == {"fold 0", "fold 1", "fold 2"}


def test_values_are_learned_with_their_uncertainty_and_come_back_from_logs(small_world, tmp_path):
    frame = squares()
    frame["height"] = frame["class"].map({"crop": 1.0, "tree": 18.0, "water": 0.0})
    labels = saved(frame.drop(columns="class"), tmp_path)
    value = "labels.value={name: height, unit: m, low: 0}"
    head = "train.head={name: regression, settings: {form: gaussian, log: true, gives: 'mean,sd,q05,q95', depth: 1}}"
    legend, loss = "labels.legend=null", "train.loss.by_object=true"
    asked = [part for text in (value, head, legend, loss, "labels.column=height") for part in ("--set", text)]
    code, told = run("train", small_world, labels, tmp_path / "out", *asked)
    assert code == 0, told
    assert 0 < told["transfer"]["rmse"] and 0 <= told["transfer"]["coverage_90"] <= 1
    package = Package.open(tmp_path / "out" / "package")
    assert [(v.name, v.unit) for v in package.spec.output.values][:2] == [("height", "m"), ("height_sd", "m")]
    assert package.spec.network.head.settings["correction"] != 1
    assert "log_correction" in json.dumps(package.card)
