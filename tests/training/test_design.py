"""What a training decides of its model from its labels."""

import math

import numpy as np
import pytest

from swath.models.spec import PartSpec
from swath.training.design import design
from swath.training.statistics import Statistics
from training.toy import Toy, config


def head(statistics: Statistics | None = None, **settings):
    """The head that is trained, of labels with a mean of 100 and a deviation of 50."""
    toy = Toy(values=True)
    bands = len(toy.facts.bands)
    given = statistics or Statistics(np.zeros(bands), np.ones(bands), 9, value_mean=100.0, value_std=50.0)
    asked = config(head=PartSpec(name="regression", settings=settings))
    return design(asked, toy.facts, given, name="toy").network.head.settings


def test_logs_begin_at_the_mean_of_the_logs_of_skewed_labels():
    values = np.random.default_rng(0).lognormal(4.0, 0.7, 200_000)
    bands = len(Toy(values=True).facts.bands)
    given = Statistics(np.zeros(bands), np.ones(bands), 9, value_mean=values.mean(), value_std=values.std())
    assert head(given, log=True, shift=0.5)["start"] == pytest.approx(np.log(values + 0.5).mean(), abs=0.02)


def test_the_start_counts_the_shift_of_the_head_itself():
    assert head(log=True)["start"] == pytest.approx(math.log(101) - 0.5 * math.log1p((50 / 101) ** 2), abs=1e-5)


def test_a_start_that_is_given_stays():
    assert head(log=True, start=2.5)["start"] == 2.5


def test_values_that_are_centred_need_no_start():
    assert "start" not in head(form="gaussian", gives="mean,sd")
