"""Paired differences of any figure: over species, blocks or tracks; the verdict knows which way is better."""

import json

import numpy as np
import pytest
from scipy import stats

from swath.training.metrics import (
    DistributionSums,
    Normal,
    ValueSums,
    compare_sums,
    compare_units,
    compare_values,
    crps,
    interval_of,
)
from swath.training.metrics.values import rmse


def species(seed, gain, n=40):
    """AUC of two models by species: they are hard alike."""
    rng = np.random.default_rng(seed)
    ease = rng.normal(0.7, 0.08, n)
    return ease + gain + rng.normal(0, 0.02, n), ease + rng.normal(0, 0.02, n)


def blocks(seed, noise, n=30):
    """Sums of two maps of biomass by block."""
    rng = np.random.default_rng(seed)
    both = ([], [])
    for _ in range(n):
        truth = rng.gamma(3, 40, 50)
        for out, sd in zip(both, noise, strict=True):
            out.append(ValueSums.of(truth, truth + rng.normal(0, sd, 50)).sums)
    return np.array(both[0]), np.array(both[1])


@pytest.mark.parametrize(("gain", "verdict"), [(0.03, "above"), (0.0, "equal"), (-0.03, "below")])
def test_auc_over_species_is_compared_species_by_species(gain, verdict):
    first, second = species(1, gain)
    found = compare_units(first, second, measure="auc", unit="species")
    assert found.verdict == verdict
    assert found.difference == pytest.approx((first - second).mean())
    assert found.low < found.difference < found.high and found.units == 40


@pytest.mark.parametrize(("noise", "verdict"), [((20, 30), "above"), ((25, 25), "equal"), ((30, 20), "below")])
def test_of_rmse_less_is_better(noise, verdict):
    first, second = blocks(2, noise)
    found = compare_values(first, second, measure="rmse")
    assert found.verdict == verdict
    assert found.first == pytest.approx(rmse(first.sum(0)))


def test_r2_over_blocks_is_of_all_labels_and_not_a_mean_of_blocks():
    first, second = blocks(3, (20, 40))
    found = compare_values(first, second, measure="r2")
    assert found.verdict == "above"
    assert found.first == pytest.approx(ValueSums(first.sum(0)).figures()["r2"])


def test_species_without_a_figure_are_left_out_of_both_and_counted():
    first, second = species(4, 0.02)
    first[3], second[7] = np.nan, np.nan
    found = compare_units(first, second, measure="auc", unit="species")
    assert (found.units, found.left_out) == (38, 2)
    kept = np.delete(first - second, [3, 7])
    assert found.difference == pytest.approx(kept.mean())


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_intervals_are_those_of_scipy(method):
    rng = np.random.default_rng(5)
    values = rng.lognormal(0, 0.8, 40)
    low, high = interval_of(values, draws=20_000, method=method)
    peer = stats.bootstrap((values,), np.mean, n_resamples=20_000, method=method, rng=rng).confidence_interval
    assert (low, high) == pytest.approx((peer.low, peer.high), rel=0.02)


def test_intervals_of_skewed_figures_cover_better_when_corrected():
    inside = {"percentile": 0, "bca": 0}
    truth = np.exp(0.5)
    for seed in range(200):
        values = np.random.default_rng(seed).lognormal(0, 1, 30)
        for method in inside:
            low, high = interval_of(values, draws=500, seed=seed, method=method)
            inside[method] += low <= truth <= high
    assert 160 < inside["percentile"] < inside["bca"] < 196


def test_the_interval_of_a_paired_difference_of_rmse_holds_the_truth_as_often_as_it_says():
    inside = 0
    for seed in range(100):
        first, second = blocks(seed, (20, 25), n=30)
        found = compare_values(first, second, measure="rmse", draws=300, seed=seed)
        inside += found.low <= -5 <= found.high
    assert 86 <= inside <= 100


def test_a_comparison_says_its_method_units_and_verdict_in_words_and_json():
    first, second = species(6, 0.03)
    first[0] = np.nan
    found = compare_units(first, second, measure="auc", unit="species", method="bca")
    assert "bias-corrected and accelerated bootstrap of 39 species, 1 without a figure), above" in found.text
    assert json.loads(json.dumps(found.to_dict()))["method"].startswith("bias-corrected")


def test_a_figure_of_one_s_own_says_which_way_is_better():
    first, second = blocks(7, (20, 30))
    told = {"measure": "mse", "lower_is_better": True}
    assert compare_sums(first, second, lambda sums: sums[..., 3] / sums[..., 0], **told).verdict == "above"


def test_crps_of_two_maps_is_compared_over_blocks():
    rng = np.random.default_rng(10)
    sums = ([], [])
    for _ in range(30):
        mean, sd = rng.uniform(50, 200, 40), rng.uniform(10, 30, 40)
        truth = rng.normal(mean, sd)
        for out, width in zip(sums, (1.0, 0.4), strict=True):
            out.append(DistributionSums.of(truth, Normal(mean, width * sd)).sums)
    found = compare_sums(np.array(sums[0]), np.array(sums[1]), crps, measure="crps")
    assert found.verdict == "above" and found.first < found.second


def test_maps_of_other_labels_are_not_compared():
    first, _ = blocks(8, (20, 20))
    other, _ = blocks(9, (20, 20))
    with pytest.raises(ValueError, match="same labels"):
        compare_values(first, other, measure="rmse")
    with pytest.raises(ValueError, match="two or more blocks"):
        compare_values(first[:1], first[:1], measure="rmse")


def test_a_figure_without_meaning_is_not_compared():
    nothing = np.full(3, np.nan)
    with pytest.raises(ValueError, match="two or more species"):
        compare_units(nothing, nothing, measure="auc", unit="species")
    empty = np.zeros((3, ValueSums.SIZE))
    with pytest.raises(ValueError, match="rmse has no meaning on these 3 blocks"):
        compare_values(empty, empty, measure="rmse")
