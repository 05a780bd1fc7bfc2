"""The average of a network's weights is normalised by what comes out of it, not by what came out of each step."""

import copy

import pytest
import torch
from torch import nn

from swath.models.network import Network
from swath.models.spec import PartSpec
from swath.training import checkpoint
from swath.training.average import LOOKS, Average
from swath.training.batches import Preparer
from swath.training.design import design
from swath.training.fit import fit
from swath.training.source import Part
from swath.training.statistics import Statistics
from training.toy import Toy, config

STATISTICS = {"encoder": PartSpec(name="statistics", settings={"width": 8, "boxes": "3"})}


@pytest.fixture
def begun():
    """An average of two unlike networks, the network, and the inputs of a batch."""
    toy = Toy()
    spec = design(config(), toy.facts, Statistics.of(toy, seed=0), name="toy")
    network, inputs = Network.build(spec), Preparer(toy, spec).batch([0, 1, 3, 4], Part.TRAIN).inputs
    average = Average(network, decay=0.5, steps=2)
    average.update(1)
    average.update(2)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(3)
    average.update(3)
    return average, network, inputs


def by_batch(network, inputs):
    """Scores that are normalised by the batch itself."""
    network = copy.deepcopy(network)
    for one in network.modules():
        if isinstance(one, nn.BatchNorm2d):
            one.train()
    return network(*inputs)


def test_what_the_average_has_seen_normalises_it(begun):
    average, _, inputs = begun
    expected = by_batch(average.kept.eval(), inputs)
    before = (average.kept(*inputs) - expected).abs().mean()
    for _ in range(LOOKS):
        average.look(inputs, lambda network: network)
    after = (average.kept(*inputs) - expected).abs().mean()
    assert after < 0.1 * before


def test_looking_changes_neither_the_network_nor_the_weights_of_the_average(begun):
    average, network, inputs = begun
    mine, theirs = (copy.deepcopy(one.state_dict()) for one in (network, average.kept))
    average.look(inputs, lambda network: network)
    assert all(torch.equal(mine[name], now) for name, now in network.state_dict().items())
    weights = dict(average.kept.named_parameters())
    assert all(torch.equal(theirs[name], now) for name, now in weights.items())


def test_there_is_nothing_to_look_at_before_an_average_has_begun(begun):
    _, network, inputs = begun
    average = Average(network, decay=0.5, steps=4)
    before = copy.deepcopy(network.state_dict())
    average.look(inputs, lambda network: network)
    assert all(torch.equal(before[name], now) for name, now in network.state_dict().items())


@pytest.mark.parametrize("mix", [1, 2])
def test_statistics_of_the_data_are_those_of_the_network(tmp_path, mix):
    held = checkpoint.last(fit(config(epochs=3, average=0.9, mix=mix, **STATISTICS), Toy(), tmp_path).out)
    kept, walking = held.network(), held.walking()
    of_data = [name for name in kept if "scale.running" in name]
    assert of_data and all(torch.equal(kept[name], walking[name]) for name in of_data)
    of_weights = [name for name in kept if "body" in name and "running_mean" in name]
    assert of_weights and all(not torch.equal(kept[name], walking[name]) for name in of_weights)
