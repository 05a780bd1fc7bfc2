"""The best checkpoint becomes a package that maps as the network did on chips."""

import json

import numpy as np
import pytest
import torch

from swath.errors import LabelError
from swath.models.network import Network
from swath.models.package import Package
from swath.models.provenance import Provenance
from swath.training.batches import Preparer
from swath.training.fit import fit
from swath.training.metrics import confusion
from swath.training.release import by_chip, evaluate, joined, release
from swath.training.source import Part
from training.toy import Toy, config

PROVENANCE = Provenance(licence="Apache-2.0", labels=("toy labels",), hyperparameters={"note": "small"})


@pytest.fixture(scope="module")
def toy():
    return Toy()


@pytest.fixture(scope="module")
def fitted(toy, tmp_path_factory):
    return fit(config(epochs=4), toy, tmp_path_factory.mktemp("fit"), name="toy")


@pytest.fixture(scope="module")
def package(toy, fitted, tmp_path_factory):
    folder = tmp_path_factory.mktemp("package") / "toy"
    return release(fitted, folder, provenance=PROVENANCE, held_out={"fold 0": evaluate(fitted.best, toy)})


def test_the_package_opens_and_is_the_model_that_was_trained(package, fitted):
    opened = Package.open(package.folder)
    assert opened.digest == package.digest and opened.spec == fitted.spec
    assert {"model.onnx", "weights.safetensors", "metrics.json", "curves.png"} <= opened.files


def test_its_weights_are_those_of_the_best_epoch(package, fitted):
    from safetensors.torch import load_file

    held, best = load_file(package.path("weights.safetensors")), fitted.best.network()
    assert held.keys() == best.keys() and all(torch.equal(held[name], best[name]) for name in held)


def test_its_input_is_normalised_by_training_pixels(package, toy):
    chosen = (toy.part == Part.TRAIN) & (toy.numbers[:, 0] != 0).all(1)
    for c, band in enumerate(package.spec.input.bands):
        physical = toy.numbers[:, 0, c][chosen] * 0.0001 - 0.1
        assert band.mean == pytest.approx(physical.mean(), rel=1e-6)
        assert band.std == pytest.approx(physical.std(), rel=1e-6)


def test_its_margin_covers_the_reach_of_the_network(package):
    assert package.spec.input.margin >= Network.build(package.spec).reach


def test_its_figures_are_of_held_out_labels_and_titled_transfer(package, toy, fitted):
    told = json.loads(package.path("metrics.json").read_text())
    assert told["title"] == "transfer"
    held = told["held_out"]["fold 0"]
    assert held["pixels"] == toy.counts(Part.TEST).sum()
    assert "transfer_macro_f1" in json.dumps(package.card)


def test_its_card_tells_what_it_was_made_by(package):
    text = json.dumps(package.card)
    for part in ("toy labels", "Apache-2.0", "PyTorch", '"note": "small"', '"epochs": 4'):
        assert part in text


def test_figures_are_those_of_the_network_on_the_held_out_chips(toy, fitted):
    chips, scores = by_chip(fitted.best, toy)
    network = Network.build(fitted.spec)
    network.load(fitted.best.network())
    batch = Preparer(toy, fitted.spec).batch(chips.tolist(), Part.TEST)
    with torch.no_grad():
        found = network.eval()(*batch.inputs).argmax(1).numpy()
    target = batch.target.numpy()
    for row, score in enumerate(scores):
        assert (score.matrix == confusion(target[row], found[row], 3)).all()
    assert (joined(scores).matrix == confusion(target, found, 3)).all()
    assert evaluate(fitted.best, toy, batch=1)["macro_f1"] == pytest.approx(joined(scores).score)


def test_without_held_out_labels_there_are_no_figures(toy, fitted):
    other = Toy()
    other.part[other.part == Part.TEST] = 255
    with pytest.raises(LabelError, match="part test"):
        evaluate(fitted.best, other)


def test_values_come_back_in_their_unit(tmp_path):
    toy = Toy(values=True)
    fitted = fit(config(epochs=4, head={"name": "regression", "settings": {"depth": 1}}), toy, tmp_path)
    figures = evaluate(fitted.best, toy)
    truth = toy.y[toy.part == Part.TEST]
    assert 5 < figures["rmse"] < 1.2 * np.nanstd(truth)
