"""Bias by size of the prediction is exact by bin, and saturation is found where a map stops rising and only there."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swath.training.metrics import ValueBins


def plots(seed=0, n=4000, high=400):
    """Biomass, as many small as large."""
    return np.random.default_rng(seed).uniform(1, high, n)


def flat_beyond(truth, at, *, noise=25, seed=1):
    """What a sensor makes of it that sees nothing more beyond a value."""
    return np.minimum(truth, at) + np.random.default_rng(seed).normal(0, noise, len(truth))


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_bins_of_parts_of_the_data_add_up_and_hold_every_label_once(seed):
    rng = np.random.default_rng(seed)
    truth, estimate = rng.gamma(2, 60, 500), rng.normal(100, 80, 500)
    cut = int(rng.integers(0, 500))
    both = ValueBins.of(truth[:cut], estimate[:cut]) + ValueBins.of(truth[cut:], estimate[cut:])
    assert both.sums == pytest.approx(ValueBins.of(truth, estimate).sums)
    rows = both.by_prediction()
    assert sum(row["pixels"] for row in rows) == 500


def test_bias_and_rmse_by_bin_are_those_of_the_labels_in_it():
    truth = plots()
    estimate = 0.6 * truth + 60 + np.random.default_rng(2).normal(0, 20, len(truth))
    rows = ValueBins.of(truth, estimate).by_prediction()
    assert 6 <= len(rows) <= 12
    for row in rows:
        low = -np.inf if row["low"] is None else row["low"]
        high = np.inf if row["high"] is None else row["high"]
        inside = (estimate >= low) & (estimate < high)
        assert row["pixels"] == inside.sum() > 150
        assert row["bias"] == pytest.approx((estimate - truth)[inside].mean())
        assert row["rmse"] == pytest.approx(np.sqrt(((estimate - truth)[inside] ** 2).mean()))


def test_bins_meet_and_reach_over_everything():
    rows = ValueBins.of(plots(), plots(3)).by_prediction()
    assert [row["high"] for row in rows[:-1]] == [row["low"] for row in rows[1:]]
    assert rows[0]["low"] is None


def test_bins_of_nothing_are_none_at_all():
    nothing = ValueBins.of(np.array([np.nan]), np.array([3.0]))
    assert nothing.figures() == {"bias_by_bin": [], "saturation": None}


@pytest.mark.parametrize("at", [80, 150, 250])
def test_saturation_is_found_where_the_map_stops_rising(at):
    truth = plots()
    assert ValueBins.of(truth, flat_beyond(truth, at)).saturation() == pytest.approx(at, rel=0.15)


@pytest.mark.parametrize("slope", [1.0, 0.5])
def test_a_map_that_rises_all_the_way_has_no_saturation_even_if_it_flattens_differences(slope):
    truth = plots()
    estimate = slope * truth + np.random.default_rng(4).normal(0, 40, len(truth))
    assert ValueBins.of(truth, estimate).saturation() is None


def test_a_map_that_rises_nowhere_has_no_saturation():
    truth = plots()
    assert ValueBins.of(truth, np.random.default_rng(5).normal(100, 20, len(truth))).saturation() is None


def test_saturation_is_rarely_seen_where_there_is_none():
    found = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        truth = rng.gamma(2, 60, 300)
        found.append(ValueBins.of(truth, 0.5 * truth + 60 + rng.normal(0, 40, 300)).saturation())
    assert sum(value is not None for value in found) <= 6


def test_values_below_0_have_bins_too():
    truth = np.random.default_rng(6).normal(0, 5, 2000)
    rows = ValueBins.of(truth, truth - 1).by_prediction()
    assert len(rows) > 5 and all(row["bias"] == pytest.approx(-1) for row in rows)
