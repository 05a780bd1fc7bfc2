"""A head's outputs are named and scaled as its map needs them, and means come back from logs without bias."""

import numpy as np
import pytest
import torch

from swath.errors import LabelError, ModelError
from swath.models.network import Network
from swath.models.spec import ModelSpec, NetworkSpec, PartSpec, ValueOutput
from swath.training.design import design
from swath.training.log_return import corrected, correction_of
from swath.training.said import outputs_of
from swath.training.source import IGNORED, Part
from swath.training.statistics import Statistics
from training.toy import Toy, config

AGB = ValueOutput(name="agb", unit="Mg/ha", low=0, high=600)


def outputs(**settings):
    return outputs_of(PartSpec(name="regression", settings=settings), AGB, mean=120.0, std=80.0).values


def test_the_outputs_of_a_distribution_are_the_layers_of_a_biomass_map():
    made = outputs(form="gaussian", gives="mean,sd,q05,q95")
    assert [value.name for value in made] == ["agb", "agb_sd", "q05", "q95"]
    assert {value.unit for value in made} == {"Mg/ha"}


def test_a_spread_is_scaled_but_not_moved_and_bounds_are_those_of_values():
    mean, sd = outputs(form="gaussian", gives="mean,sd")
    assert (mean.scale, mean.offset, mean.low, mean.high) == (80, 120, 0, 600)
    assert (sd.scale, sd.offset, sd.low, sd.high) == (80, 0, 0, None)


def test_a_median_has_the_value_s_name_only_where_no_mean_is_given():
    assert [value.name for value in outputs(form="gaussian", gives="median")] == ["agb"]
    assert [value.name for value in outputs(form="gaussian", gives="mean,median")] == ["agb", "agb_median"]


def test_logs_come_back_in_their_unit():
    (mean,) = outputs(log=True)
    assert (mean.scale, mean.offset) == (1, 0)


def logs(form="point", **changes):
    """Chips of skewed values, and a network of logs that has not learned a thing."""
    toy = Toy(values=True)
    rng = np.random.default_rng(0)
    toy.y = np.where(np.isfinite(toy.y), rng.lognormal(1.0, 0.8, toy.y.shape), np.nan).astype(np.float32)
    part = PartSpec(name="regression", settings={"depth": 1, "form": form, "log": True, "start": 1.2, **changes})
    spec = design(config(head=PartSpec(name="regression")), toy.facts, Statistics.of(toy), name="toy")
    network = NetworkSpec(encoder=spec.network.encoder, head=part)
    output = outputs_of(part, toy.facts.output.values[0], mean=0, std=1)
    spec = ModelSpec.model_validate({**spec.model_dump(), "network": network, "output": output})
    torch.manual_seed(0)
    return spec, Network.build(spec), toy


def ratio(spec, weights, toy):
    """Mean of (label + 1) / (mapped mean + 1) over training labels."""
    from swath.training.batches import Preparer

    network = Network.build(spec)
    network.load(weights)
    network.eval()
    batch = Preparer(toy, spec).batch(range(len(toy)), Part.TRAIN)
    with torch.no_grad():
        mean = network.close(network(*batch.inputs))[:, 0]
    known = torch.isfinite(batch.target)
    return ((batch.target[known] + 1) / (mean[known] + 1)).mean().item()


@pytest.mark.parametrize("form", ["point", "gaussian", "laplace"])
def test_a_corrected_mean_has_the_level_of_the_labels(form):
    spec, network, toy = logs(form)
    weights = network.state_dict()
    assert abs(ratio(spec, weights, toy) - 1) > 0.1
    fixed = corrected(spec, correction_of(spec, network, toy, batch=3))
    assert ratio(fixed, weights, toy) == pytest.approx(1, abs=1e-4)


def test_a_correction_does_not_see_the_one_before():
    spec, network, toy = logs()
    first = correction_of(spec, network, toy)
    assert correction_of(corrected(spec, first), network, toy).factor == first.factor


def test_a_correction_rests_on_training_labels_alone():
    spec, network, toy = logs()
    before = correction_of(spec, network, toy)
    assert before.labels == toy.counts(Part.TRAIN).sum()
    toy.y[toy.part != Part.TRAIN] *= 100
    assert correction_of(spec, network, toy) == before


def test_a_correction_without_training_labels_is_refused():
    spec, network, toy = logs()
    toy.part[toy.part == Part.TRAIN] = IGNORED
    with pytest.raises(LabelError, match="rest on 0 labels"):
        correction_of(spec, network, toy)


@pytest.mark.parametrize("settings", [{"log": False}, {"form": "quantiles"}])
def test_a_head_without_a_mean_from_logs_is_not_corrected(settings):
    spec, network, toy = logs(**settings)
    with pytest.raises(ModelError, match="has no mean to correct"):
        correction_of(spec, network, toy)
