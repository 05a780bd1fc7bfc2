"""The default interval holds the truth where the published one is too short, whatever the number of classes."""

import numpy as np
import pytest

from swath.assessment import Tally
from swath.assessment.posterior import intervals
from swath.assessment.stratified import Figures, shares, standard_errors

PIXELS = np.array([200_000, 150_000, 3_200_000, 6_450_000]) * 0.09
MATRIX = np.array([[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]])


def coverage(truth, sizes, areas, names, *, draws, posterior=600):
    """Shares of default and of published intervals of 95 % that hold the truth, by figure."""
    random = np.random.default_rng(7)
    counts = np.stack([random.multinomial(n, row, size=draws) for n, row in zip(sizes, truth, strict=True)], axis=1)
    classes = tuple(str(k) for k in range(len(areas)))
    figures = Figures.of(classes)
    keep = [at for at, name in enumerate(figures.names) if name in names]
    asked = Figures(tuple(names), figures.above[keep], figures.below[keep])
    real = asked.ratios(truth * (areas / areas.sum())[:, None])
    ours, theirs = [], []
    for seed, one in enumerate(counts):
        tally = Tally.by_map_class(one, areas.tolist(), classes)
        ours.append(intervals(tally, asked, draws=posterior, seed=seed))
        value, error = asked.ratios(shares(tally)), standard_errors(tally, asked)
        theirs.append(np.stack([value - 1.96 * error, value + 1.96 * error], axis=1))
    return [((np.array(way)[..., 0] <= real) & (real <= np.array(way)[..., 1])).mean(axis=0) for way in (ours, theirs)]


def test_in_olofssons_example_default_intervals_of_rare_classes_hold_and_published_ones_do_not():
    names = [("producers_accuracy", "0"), ("area", "0"), ("producers_accuracy", "1"), ("area", "1")]
    ours, theirs = coverage(MATRIX / MATRIX.sum(axis=1, keepdims=True), MATRIX.sum(axis=1), PIXELS, names, draws=400)
    assert ((ours > 0.91) & (ours < 0.985)).all(), ours
    assert theirs.min() < 0.75 and theirs[1] < 0.92, theirs


def test_a_long_legend_does_not_shift_the_overall_accuracy():
    k = 11
    truth = np.full((k, k), 0.1 / (k - 1)) + np.eye(k) * (0.9 - 0.1 / (k - 1))
    (ours,), _ = coverage(truth, np.full(k, 30), np.full(k, 100.0), [("overall_accuracy", "")], draws=400)
    assert 0.92 < ours < 0.98, "a prior of 0.35 units a cell held it in 0.6 of the samples"


def test_a_design_of_half_the_variance_counts_as_twice_the_units():
    tally = Tally.by_map_class(np.array([[40, 10], [5, 45]]), [100.0, 300.0], ("a", "b"))
    figures = Figures.of(tally.classes)
    plain = intervals(tally, figures)
    twice = intervals(tally, figures, effects=np.full(len(figures.names), 0.5))
    widths = np.diff(twice)[:, 0] / np.diff(plain)[:, 0]
    assert widths == pytest.approx(np.full(len(widths), 0.5**0.5), abs=0.06)
