"""Rare classes, values and regions come more often, the same on all workers, in as many chips as without."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swath.errors import ModelError
from swath.training.batches import epoch_order, share
from swath.training.config import Sampling
from swath.training.sampling import chances, draw, times_before
from swath.training.source import IGNORED, Part
from training.toy import Toy


def one_class_a_chip(classes):
    """Chips that hold one class each, all for training."""
    toy = Toy(len(classes))
    for chip, k in enumerate(classes):
        known = toy.y[chip] != IGNORED
        toy.y[chip][known] = k
        toy.part[chip][known] = Part.TRAIN
    return toy


class Placed(Toy):
    """Ten chips at one place, two at another."""

    def lonlat(self):
        return np.array([10.0] * 10 + [40.0] * 2), np.full(12, 50.0)


def of_class(toy, chance, classes):
    return [chance[np.array(classes) == k].sum() for k in range(3)]


def test_with_power_1_each_class_is_drawn_alike_and_with_power_0_each_chip():
    classes = [0] * 8 + [1] * 3 + [2]
    toy = one_class_a_chip(classes)
    assert of_class(toy, chances(toy, Sampling(by="class", power=1)), classes) == pytest.approx([1 / 3] * 3, rel=0.15)
    assert chances(toy, Sampling(by="class", power=0)) == pytest.approx(1 / 12)


def test_power_between_lies_between():
    classes = [0] * 8 + [1] * 3 + [2]
    toy = one_class_a_chip(classes)
    rare = [of_class(toy, chances(toy, Sampling(by="class", power=power)), classes)[2] for power in (0, 0.5, 1)]
    assert rare[0] < rare[1] < rare[2]


def test_a_chip_without_training_labels_is_never_drawn():
    toy = Toy()
    chance = chances(toy, Sampling(by="class"))
    assert ((chance > 0) == (toy.counts(Part.TRAIN).sum(1) > 0)).all()
    assert chance.sum() == pytest.approx(1)


def test_rare_values_come_more_often():
    toy = Toy(40, values=True)
    toy.part[np.isfinite(toy.y)] = Part.TRAIN
    means = np.where(np.arange(40) < 36, 100.0, 300.0)
    toy.y = np.where(np.isfinite(toy.y), means[:, None, None], np.nan).astype(np.float32)
    chance = chances(toy, Sampling(by="value", power=1))
    assert chance[36:].sum() == pytest.approx(0.5) and chance[:36].sum() == pytest.approx(0.5)


def test_regions_come_alike_however_many_chips_they_have():
    toy = Placed(12)
    toy.part[toy.y != IGNORED] = Part.TRAIN
    chance = chances(toy, Sampling(by="region", power=1))
    assert chance[10:].sum() == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("toy", "by", "named"),
    [
        (Toy(), "value", "Labels are classes"),
        (Toy(values=True), "class", "Labels are values"),
        (Toy(), "region", "do not tell where"),
    ],
)
def test_what_chips_cannot_be_drawn_by_is_told(toy, by, named):
    with pytest.raises(ModelError, match=named):
        chances(toy, Sampling(by=by))


@given(chips=st.integers(1, 50), number=st.integers(1, 90), seed=st.integers(0, 99))
@settings(max_examples=100, deadline=None)
def test_a_chip_comes_as_often_as_its_chance_says_give_or_take_one(chips, number, seed):
    chance = np.random.default_rng(seed).random(chips) ** 3 + 1e-6
    chance /= chance.sum()
    drawn = draw(np.arange(chips), chance, number=number, rng=np.random.default_rng(seed))
    times = np.bincount(drawn, minlength=chips)
    assert len(drawn) == number
    assert (np.abs(times - number * chance) < 1 + 1e-9).all()


def test_over_epochs_chips_come_as_their_chance_says():
    chance = np.array([0.5, 0.25, 0.125, 0.125, 0.0])
    orders = [epoch_order(np.arange(4), seed=1, epoch=epoch, chances=chance) for epoch in range(400)]
    times = np.bincount(np.concatenate(orders), minlength=5) / (400 * 4)
    assert times == pytest.approx(chance, abs=0.02) and times[4] == 0
    assert all(len(order) == 4 for order in orders)


def test_workers_share_what_one_worker_would_draw():
    chance = np.random.default_rng(0).random(17)
    order = epoch_order(np.arange(17), seed=2, epoch=5, chances=chance / chance.sum())
    assert (order == epoch_order(np.arange(17), seed=2, epoch=5, chances=chance / chance.sum())).all()
    shares = [np.concatenate(share(order, rank=rank, world=3, batch=2)) for rank in range(3)]
    assert sorted(np.concatenate(shares)) == sorted(order)


def test_a_chip_that_comes_again_is_counted():
    assert times_before(np.array([3, 1, 3, 3, 2, 1])).tolist() == [0, 0, 1, 2, 0, 1]
