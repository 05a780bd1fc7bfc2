"""Scores of uncertainty are what integrals say, and tell a right distribution from one too narrow."""

import numpy as np
import pytest
from scipy import integrate, stats

from swath.training.metrics import DistributionSums, Laplace, LogNormal, Normal, Quantiles, check_levels

N = 20_000


def crps_by_integral(y, cdf, low, high):
    """Its definition: the integral over x of (F(x) - [y <= x])^2."""
    below = integrate.quad(lambda x: cdf(x) ** 2, low, y, limit=200)[0]
    return below + integrate.quad(lambda x: (1 - cdf(x)) ** 2, y, high, limit=200)[0]


CASES = {
    "normal": (Normal, (2.0, 1.5), stats.norm(2.0, 1.5).cdf, -30, 30),
    "laplace": (Laplace, (2.0, 1.5), stats.laplace(2.0, 1.5).cdf, -60, 60),
    "log-normal": (LogNormal, (0.5, 0.6), stats.lognorm(0.6, scale=np.exp(0.5)).cdf, 0, 400),
}


@pytest.mark.parametrize("y", [0.4, 2.0, 7.0])
@pytest.mark.parametrize("case", CASES)
def test_crps_and_pit_are_their_definitions(case, y):
    kind, parameters, cdf, low, high = CASES[case]
    said = kind(*(np.array([p]) for p in parameters))
    assert said.crps(np.array([y]))[0] == pytest.approx(crps_by_integral(y, cdf, low, high), rel=1e-5)
    assert said.pit(np.array([y]))[0] == pytest.approx(cdf(y))


@pytest.mark.parametrize("case", CASES)
def test_the_interval_holds_nine_tenths(case):
    kind, parameters, cdf, *_ = CASES[case]
    low, high = kind(*(np.array([p]) for p in parameters)).interval()
    assert (cdf(low[0]), cdf(high[0])) == pytest.approx((0.05, 0.95))


def test_a_shift_moves_a_log_normal_and_changes_nothing_else():
    mean, sd, y = np.array([0.5]), np.array([0.6]), np.array([2.0])
    plain, moved = LogNormal(mean, sd), LogNormal(mean, sd, shift=1.5)
    assert moved.crps(y - 1.5) == pytest.approx(plain.crps(y))
    assert moved.pit(y - 1.5) == pytest.approx(plain.pit(y))
    assert np.array(moved.interval()) == pytest.approx(np.array(plain.interval()) - 1.5)


def test_crps_from_many_quantiles_is_that_of_the_distribution():
    levels = tuple(np.round(np.arange(0.005, 1, 0.005), 3))
    values = stats.norm(3, 2).ppf(levels)[None]
    y = np.array([4.2])
    exact = Normal(np.array([3.0]), np.array([2.0])).crps(y)
    assert Quantiles(values, levels).crps(y) == pytest.approx(exact, rel=0.01)


def test_crps_of_one_quantile_is_the_absolute_error_of_the_median():
    assert Quantiles(np.array([[3.0]]), (0.5,)).crps(np.array([5.0]))[0] == 2.0


def truths(seed=0, *, error=0.0):
    """Labels whose truth has a known mean and spread of its own each."""
    rng = np.random.default_rng(seed)
    mean, sd = rng.uniform(50, 200, N), rng.uniform(5, 40, N)
    noise = rng.uniform(0.5, 1.5, N) * error
    return mean, sd, noise, rng.normal(mean, sd) + rng.normal(0, 1, N) * noise


def test_a_right_distribution_covers_nine_tenths_and_spreads_labels_evenly():
    mean, sd, _, y = truths()
    figures = DistributionSums.of(y, Normal(mean, sd)).figures()
    assert figures["coverage_90"] == pytest.approx(0.9, abs=0.01)
    assert figures["pit"] == pytest.approx([0.1] * 10, abs=0.01)
    assert figures["width_90"] == pytest.approx(2 * 1.6449 * sd.mean(), rel=1e-4)


def test_quantiles_that_are_right_spread_labels_evenly_over_their_levels():
    mean, sd, _, y = truths(1)
    levels = (0.05, 0.25, 0.5, 0.75, 0.95)
    values = mean[:, None] + sd[:, None] * stats.norm.ppf(levels)
    said = Quantiles(values, levels)
    assert DistributionSums.of(y, said).figures()["coverage_90"] == pytest.approx(0.9, abs=0.01)
    shares = np.histogram(said.pit(y), [0, *levels, 1])[0] / N
    assert shares == pytest.approx(np.diff([0, *levels, 1]), abs=0.01)


def test_a_distribution_that_is_too_narrow_is_told_by_coverage_ends_of_pit_and_crps():
    mean, sd, _, y = truths(2)
    right, narrow = (DistributionSums.of(y, Normal(mean, sd * part)).figures() for part in (1, 0.4))
    assert narrow["coverage_90"] < 0.6
    assert min(narrow["pit"][0], narrow["pit"][-1]) > 0.15
    assert narrow["crps"] > right["crps"]


def test_labels_with_errors_lie_outside_the_interval_of_the_truth_and_inside_their_own():
    mean, sd, noise, y = truths(3, error=30)
    figures = DistributionSums.of(y, Normal(mean, sd), noise).figures()
    assert figures["coverage_90"] < 0.8
    assert figures["coverage_90_label"] == pytest.approx(0.9, abs=0.01)
    assert figures["pit"] == pytest.approx([0.1] * 10, abs=0.01)


def test_without_errors_there_is_no_coverage_that_includes_them():
    mean, sd, _, y = truths(4)
    assert DistributionSums.of(y, Normal(mean, sd), np.zeros(N)).figures()["coverage_90_label"] is None


def test_bounds_of_the_map_cut_its_interval():
    said = Normal(np.array([10.0]), np.array([20.0]))
    figures = DistributionSums.of(np.array([0.0]), said, low=0.0, high=30.0).figures()
    assert (figures["width_90"], figures["coverage_90"]) == (30.0, 1.0)


def test_sums_of_parts_of_the_labels_add_up():
    mean, sd, noise, y = truths(5, error=10)
    parts = [
        DistributionSums.of(y[part], Laplace(mean[part], sd[part]), noise[part])
        for part in (slice(0, 700), slice(700, None))
    ]
    whole = DistributionSums.of(y, Laplace(mean, sd), noise)
    assert (parts[0] + parts[1]).sums == pytest.approx(whole.sums)


def test_uncertainty_of_nothing_is_none():
    nothing = np.array([])
    figures = DistributionSums.of(nothing, Normal(nothing, nothing)).figures()
    assert set(figures.values()) == {None}


@pytest.mark.parametrize("levels", [(0.95, 0.05), (0.0, 0.95), (0.1, 0.9)])
def test_levels_that_do_not_rise_or_have_no_interval_are_refused(levels):
    with pytest.raises(ValueError, match="levels"):
        check_levels(levels)
