"""A training's network is calibrated on labels that it has not seen, and its package and figures are of that."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from swath.models.network import Network
from swath.models.package import Package
from swath.models.predictor import Predictor
from swath.models.provenance import Provenance
from swath.training.batches import Preparer
from swath.training.calibration import CalibrationSettings
from swath.training.calibration.calibrate import Unseen, calibrated, calibrated_folds, calibration_text
from swath.training.calibration.held import rows_of
from swath.training.fit import fit
from swath.training.recipe import Recipe
from swath.training.release import evaluate, release
from swath.training.source import Part
from training.toy import Toy, config

SETTINGS = CalibrationSettings(least_blocks=4)
GAUSSIAN = {"name": "regression", "settings": {"depth": 1, "form": "gaussian", "gives": "mean,sd,q05,q95"}}


@pytest.fixture(scope="module")
def toy():
    return Toy(chips=20)


@pytest.fixture(scope="module")
def fitted(toy, tmp_path_factory):
    return fit(config(epochs=2), toy, tmp_path_factory.mktemp("fit"), name="toy")


@pytest.fixture(scope="module")
def made(toy, fitted):
    return calibrated(fitted, [Unseen(fitted, toy, Part.VALIDATE, "fold 1")], SETTINGS, test=toy)


@pytest.fixture(scope="module")
def values():
    return Toy(chips=20, values=True)


@pytest.fixture(scope="module")
def of_values(values, tmp_path_factory):
    return fit(config(epochs=2, head=GAUSSIAN), values, tmp_path_factory.mktemp("fit"), name="toy")


@pytest.fixture(scope="module")
def package(made, tmp_path_factory):
    folder = tmp_path_factory.mktemp("package") / "toy"
    return release(made, folder, provenance=Provenance(licence="CC0-1.0"), held_out={})


def test_the_package_maps_with_calibrated_probabilities(package, made, fitted):
    assert fitted.best.spec.calibration is None
    assert Package.open(package.folder).spec.calibration == made.best.spec.calibration is not None
    assert Predictor(package, threads=1).spec.calibration == made.best.spec.calibration


def test_figures_of_the_test_part_are_of_the_calibrated_network(made, fitted, toy):
    told = made.calibration["test"]
    assert evaluate(fitted.best, toy)["ece"] == pytest.approx(told["before"]["ece"])
    assert evaluate(made.best, toy)["ece"] == pytest.approx(told["after"]["ece"])
    assert evaluate(made.best, toy)["overall_accuracy"] == pytest.approx(told["after"]["overall_accuracy"])


def test_the_card_tells_on_what_it_was_fitted_and_what_that_changed(package, made):
    told = json.loads(package.path("metrics.json").read_text())["calibration"]
    assert told["on"] == ["fold 1"] and told["blocks"] == 6 and told["test"]["blocks"] == 2
    metrics = package.card["properties"]["swath:metrics"]
    assert metrics["transfer_ece_uncalibrated"] == told["test"]["before"]["ece"]
    assert metrics["transfer_nll_calibrated"] == told["test"]["after"]["nll"]
    assert "on 6 blocks of fold 1" in calibration_text(made.calibration)


def test_too_few_blocks_leave_the_network_as_it_is_and_say_so(fitted, toy):
    told = calibrated(
        fitted, [Unseen(fitted, toy, Part.VALIDATE, "fold 1")], CalibrationSettings(least_blocks=7), test=toy
    )
    assert told.best.spec.calibration is None
    assert told.calibration["reason"] == "labels of fold 1 lie in 6 blocks, and 7 are needed"
    assert calibration_text(told.calibration).startswith("not calibrated: labels of fold 1")


def test_a_recipe_that_does_not_ask_gets_none(fitted, toy):
    told = calibrated(fitted, [Unseen(fitted, toy, Part.VALIDATE, "fold 1")], None, test=toy)
    assert told.best is fitted.best and told.calibration["reason"] == "the recipe does not ask for it"
    assert Recipe().calibrate == CalibrationSettings() and Recipe.parse({"calibrate": None}).calibrate is None


def test_points_have_no_interval_and_stay_as_they_are(values, tmp_path):
    fitted = fit(config(epochs=1, head={"name": "regression", "settings": {"depth": 1}}), values, tmp_path)
    told = calibrated(fitted, [], SETTINGS, test=values)
    assert told.calibration == {"fitted": False, "reason": "the head gives points, no interval"}


def test_rows_are_the_scores_of_labelled_pixels_of_the_part(fitted, toy):
    rows = rows_of(fitted.best, toy, Part.TEST)
    batch = Preparer(toy, fitted.spec).batch([18, 19], Part.TEST)
    network = Network.build(fitted.spec)
    network.load(fitted.best.network())
    with torch.no_grad():
        scores = network.eval()(*batch.inputs).movedim(1, -1)[batch.target != 255]
    np.testing.assert_allclose(rows.scores, scores.numpy(), atol=1e-5)
    assert (rows.truth == batch.target[batch.target != 255].numpy()).all()
    assert np.unique(rows.block).tolist() == [18, 19]


def test_a_label_of_weight_0_is_no_row(fitted):
    class Weighed(Toy):
        def read(self, indices):
            found = super().read(indices)
            found["weight"][:, :8] = 0
            return found

    toy = Weighed(chips=20)
    rows = rows_of(fitted.best, toy, Part.TEST)
    assert len(rows.truth) == (toy.part[18:, 8:] == Part.TEST).sum()


def test_intervals_of_the_map_are_those_that_were_calibrated(of_values, values):
    made = calibrated(of_values, [Unseen(of_values, values, Part.VALIDATE, "fold 1")], SETTINGS, test=values)
    told = made.calibration
    assert told["fitted"] and told["kind"] == "values"
    before, after = evaluate(of_values.best, values), evaluate(made.best, values)
    assert before["rmse"] == pytest.approx(after["rmse"])
    spec = made.best.spec
    network = Network.build(spec)
    network.load(made.best.network())
    batch = Preparer(values, spec).batch([18, 19], Part.TEST)
    with torch.no_grad():
        out = network.eval().finished()(*batch.inputs).numpy()
    _, _, low, high = (out[:, n] * v.scale + v.offset for n, v in enumerate(spec.output.values))
    truth, known = values.y[18:], values.part[18:] == Part.TEST
    # as the map does it: bounds are cut where the value cannot be
    inside = ((truth >= np.maximum(low, 0)) & (truth <= high))[known]
    assert after["coverage_90"] == pytest.approx(inside.mean(), abs=1e-6)
    assert after["width_90"] == pytest.approx((high - np.maximum(low, 0))[known].mean(), rel=1e-4)
    assert after["coverage_90"] != before["coverage_90"]


def test_with_folds_a_network_is_calibrated_by_the_others(of_values, values):
    other = replace(of_values, config=of_values.config)
    two = calibrated_folds([of_values, other], [values, values], CalibrationSettings(least_blocks=2))
    assert [one.calibration["on"] for one in two] == [["fold 1"], ["fold 0"]]
    one = calibrated_folds([of_values, other], [values, values], CalibrationSettings(least_blocks=3))[0]
    assert one.calibration["reason"] == "labels of fold 1 lie in 2 blocks, and 3 are needed"
