"""The loss is the one that the config names, of what the batch tells."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from swath.errors import ModelError
from swath.models.network import Network
from swath.models.provenance import Provenance
from swath.models.spec import BandInput, ClassesOutput, PartSpec
from swath.training import losses
from swath.training.batches import Preparer
from swath.training.design import design
from swath.training.fit import fit, prepare
from swath.training.losses import Log
from swath.training.objective import Objective
from swath.training.release import by_chip, evaluate, joined, release, with_correction
from swath.training.source import Part
from swath.training.statistics import Statistics
from training.toy import Toy, config

GAUSSIAN = {"form": "gaussian", "gives": "mean,sd,q05,q95", "depth": 1}
LEVELS = (0.05, 0.5, 0.95)


def values(**settings):
    return {"head": PartSpec(name="regression", settings={"depth": 1, **settings})}


def species():
    """Records of two species and of background."""
    toy = Toy()
    output = ClassesOutput(classes=("Quercus robur", "background", "Fagus sylvatica"))
    toy.facts = replace(toy.facts, output=output)
    return toy


class Footprints(Toy):
    """Values in objects of 2 x 2 pixels, with weights and errors."""

    def read(self, indices):
        read = super().read(indices)
        cells = np.kron(np.arange(1, 65).reshape(8, 8), np.ones((2, 2))).astype(np.uint16)
        y = np.where(np.isfinite(read["y"]), 100.0 + cells, np.nan).astype(np.float32)
        weight = np.where(np.isfinite(y), 0.5 + cells / 64, 0).astype(np.float32)
        return {**read, "y": y, "object": np.broadcast_to(cells, y.shape), "weight": weight, "error": weight * 9}


def asked(toy, tmp_path, **changes):
    """Scores of a network, its batch, and the loss of the config."""
    job = prepare(config(**changes), toy, tmp_path, name="toy")
    torch.manual_seed(1)
    network = Network.build(job.spec)
    batch = Preparer(toy, job.spec).batch([0, 1, 3], Part.TRAIN)
    scores = network(*batch.inputs)
    objective = Objective(job.config, job.spec, network, job.weights, torch.device("cpu"))
    return scores, batch, objective(scores, batch), job


@pytest.mark.parametrize(
    ("settings", "loss", "expected"),
    [
        ({}, {"regression": "l1"}, lambda s, b, m: losses.regression_loss(s, b.target, kind="l1", **m)),
        ({}, {"spread": 0.7}, lambda s, b, m: losses.regression_loss(s, b.target, spread=0.7, **m)),
        (GAUSSIAN, {"beta": 0.5}, lambda s, b, m: losses.gaussian_loss(s, b.target, beta=0.5, **m)),
        ({"form": "laplace"}, {}, lambda s, b, m: losses.laplace_loss(s, b.target, **m)),
        (
            {"form": "quantiles", "levels": "0.05,0.5,0.95"},
            {},
            lambda s, b, m: losses.quantile_loss(s, b.target, levels=LEVELS, **m),
        ),
        (
            {**GAUSSIAN, "log": True, "shift": 2.0},
            {},
            lambda s, b, m: losses.gaussian_loss(s, b.target, log=Log(2.0), **m),
        ),
    ],
)
@pytest.mark.parametrize("by_object", [False, True])
def test_values_have_the_loss_of_their_form(tmp_path, settings, loss, expected, by_object):
    changes = {**values(**settings), "loss": {**loss, "by_object": by_object}}
    scores, batch, found, _ = asked(Footprints(values=True), tmp_path, **changes)
    assert batch.weight is not None and batch.error is not None
    more = {"weight": batch.weight, "objects": batch.objects if by_object else None, "error": batch.error}
    assert torch.isclose(found, expected(scores, batch, more)) and found.isfinite()


@pytest.mark.parametrize(
    ("head", "loss", "expected"),
    [
        ("segmentation", {"cross_entropy": 0, "dice": 0, "focal": 2, "gamma": 1.5}, lambda s, b, w: 2
         * losses.focal_loss(s, b.target, weights=w, gamma=1.5)),
        ("segmentation", {"dice": 0.5}, lambda s, b, w: losses.segmentation_loss(
            s, b.target, weights=w, dice_weight=0.5)),
        ("ordinal", {"ordinal": "cumulative"}, lambda s, b, w: losses.ordinal_loss(
            s, b.target, weights=w, kind="cumulative")),
    ],
)  # fmt: skip
def test_classes_have_the_losses_that_are_weighed(tmp_path, head, loss, expected):
    head = PartSpec(name=head, settings={"depth": 1})
    scores, batch, found, job = asked(Toy(), tmp_path, head=head, loss=loss)
    assert torch.isclose(found, expected(scores, batch, torch.tensor(job.weights)))


def test_large_polygons_do_not_drown_small_ones_where_labels_count_alike(tmp_path):
    toy = Toy()
    read = toy.read

    def one_large(indices):
        found = read(indices)
        cells = np.ones(found["y"].shape[1:], np.uint16)
        cells[:2] = np.arange(2, 18)
        return {**found, "object": np.broadcast_to(cells, found["y"].shape)}

    toy.read = one_large
    loss = {"dice": 0}
    _, _, by_pixel, _ = asked(toy, tmp_path, loss=loss)
    scores, batch, by_object, job = asked(toy, tmp_path, loss={**loss, "by_object": True})
    told = losses.segmentation_loss(
        scores, batch.target, weights=torch.tensor(job.weights), dice_weight=0, objects=batch.objects
    )
    assert torch.isclose(by_object, told) and not torch.isclose(by_object, by_pixel)


SPECIES = {"head": PartSpec(name="presence", settings={"depth": 1, "richness": True})}


def test_a_record_is_one_species_seen_and_background_none():
    toy = species()
    spec = design(config(**SPECIES), toy.facts, Statistics.of(toy), name="toy")
    assert [value.name for value in spec.output.values] == ["quercus_robur", "fagus_sylvatica", "richness"]
    batch = Preparer(toy, spec).batch([0], Part.TRAIN)
    target, y = batch.target[0].numpy(), toy.y[0]
    for k, seen in ((0, [1, 0]), (1, [0, 0]), (2, [0, 1])):
        assert (target[:, y == k].T == seen).all() and (y == k).any()
    assert np.isnan(target[:, y == 255]).all()
    assert batch.labelled == (y != 255).sum()


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("assume-negative", lambda s, t, b, w: losses.assume_negative_loss(s, t, background=b, positive=2.0)),
        ("weighted", lambda s, t, b, w: losses.weighted_logistic_loss(s, t, species=w, background=b)),
        ("sites", lambda s, t, b, w: losses.site_loss(s, t, background=b)),
    ],
)
def test_species_have_the_loss_that_is_named(tmp_path, kind, expected):
    scores, batch, found, job = asked(species(), tmp_path, **SPECIES, loss={"presence": kind})
    background = (batch.target == 0).all(1)
    assert background.any()
    assert torch.isclose(found, expected(scores, batch.target, background, torch.tensor(job.weights)))


def test_values_cannot_be_species(tmp_path):
    with pytest.raises(ModelError, match="needs records of species"):
        prepare(config(**SPECIES), Toy(values=True), tmp_path, name="toy")


def test_a_distribution_is_learned_scored_and_released(tmp_path):
    toy = Toy(values=True)
    fitted = fit(config(epochs=4, **values(**GAUSSIAN), loss={"by_object": False}), toy, tmp_path / "fit")
    assert [value.name for value in fitted.spec.output.values] == ["agb", "agb_sd", "q05", "q95"]
    figures = evaluate(fitted.best, toy)
    assert {"rmse", "crps", "coverage"} <= {name.split("_")[0] for name in figures}
    chips, scores = by_chip(fitted.best, toy)
    assert joined(scores).figures["rmse"] == pytest.approx(figures["rmse"]) and len(chips) == len(scores)
    package = release(
        fitted, tmp_path / "package", provenance=Provenance(licence="CC0-1.0"), held_out={"fold 0": figures}
    )
    assert package.spec == fitted.spec


def test_the_mean_of_logs_comes_back_by_the_factor_of_the_training_part(tmp_path):
    toy = Toy(values=True)
    fitted = fit(config(epochs=3, **values(log=True)), toy, tmp_path)
    corrected = with_correction(fitted, toy)
    factor = corrected.best.spec.network.head.settings["correction"]
    assert corrected.correction["factor"] == factor != 1 and corrected.correction["method"] == "duan"
    assert with_correction(corrected, toy).correction["factor"] == pytest.approx(factor)
    plain = fit(config(epochs=1, **values()), toy, tmp_path / "plain")
    assert with_correction(plain, toy) is plain


def test_the_place_is_told_to_its_own_encoder_in_degrees():
    toy = Toy()
    place = tuple(BandInput(name=name, input="location", unit="degree") for name in ("longitude", "latitude"))
    toy.facts = replace(toy.facts, bands=(toy.facts.bands[0], *place))
    asked = config(location=PartSpec(name="harmonics", settings={}))
    spec = design(asked, toy.facts, Statistics.of(toy), name="toy")
    assert [(band.mean, band.std) for band in spec.input.bands[1:]] == [(0, 1)] * 2
    assert spec.network.location.name == "harmonics" and Network.build(spec).location is not None


def test_weights_to_start_from_are_taken_and_told(tmp_path):
    first = fit(config(epochs=1), Toy(), tmp_path / "first")
    file = tmp_path / "first" / "checkpoints" / "epoch-00001" / "network.safetensors"
    asked = config(epochs=1, pretrained={"source": str(file)})
    second = fit(asked, Toy(), tmp_path / "second")
    assert second.history[0]["loss"] < first.history[0]["loss"]
    assert second.pretrained["source"] == str(file) and "tensors match" in second.pretrained["text"]
    assert first.pretrained is None
    going_on = fit(asked.model_copy(update={"epochs": 2}), Toy(), tmp_path / "second")
    assert going_on.history[1]["loss"] < second.history[0]["loss"]
