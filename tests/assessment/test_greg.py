"""Model-assisted estimates are unbiased whatever the map is worth, and regions with few units say so."""

import numpy as np
import pytest

from swath.assessment import Survey, Tally, accuracy
from swath.assessment.greg import Assisted, greg
from swath.assessment.overlay import Overlay

PIXELS = 4_000
rng = np.random.default_rng(4)
REGION = np.repeat([1, 2, 3], [2_000, 1_900, 100])
TRUTH = rng.gamma(2.0, 40.0, PIXELS)
GOOD = TRUTH * 0.7 + 10 + rng.normal(0, 12, PIXELS)  # a map that saturates
AREA = 0.01


def whole(told):
    def by(values):
        return np.bincount(REGION, values, 4)

    return Overlay(
        ("one", "two", "small"), ("all",), by(np.full(PIXELS, AREA))[:, None], np.bincount(REGION, minlength=4),
        by(told * AREA), np.zeros(4), np.empty(0), np.empty(0, np.int64),
    )  # fmt: skip


def estimated(told, seed, n=120, **more):
    at = np.random.default_rng(seed).choice(PIXELS, n, replace=False)
    survey = Survey(np.full(n, PIXELS * AREA / n), np.zeros(n, np.int64), ("all",), np.array([1 - n / PIXELS]))
    over = whole(told)
    return greg([Assisted("", TRUTH[at], told[at], over.sums)], over, REGION[at], survey, **more)


@pytest.mark.parametrize("told", [GOOD, np.full(PIXELS, 300.0)], ids=["a map that saturates", "a map of nothing"])
def test_the_estimate_of_many_samples_is_the_truth_and_its_error_what_they_vary_by(told):
    found = [estimated(told, seed)[0] for seed in range(300)]
    means = np.array([one.mean for one in found])
    assert means.mean() == pytest.approx(TRUTH.mean(), abs=4 * means.std() / 300**0.5)
    assert np.mean([one.standard_error for one in found]) == pytest.approx(means.std(), rel=0.1)
    assert 0.91 <= np.mean([one.low <= TRUTH.mean() <= one.high for one in found]) <= 0.98


def test_intervals_of_a_region_hold_its_truth():
    truth = TRUTH[REGION == 2].mean()
    found = [next(one for one in estimated(GOOD, seed) if one.region == "two") for seed in range(300)]
    assert 0.91 <= np.mean([one.low <= truth <= one.high for one in found]) <= 0.98


def test_a_good_map_gains_as_many_units_as_its_residuals_vary_less():
    one = estimated(GOOD, 1, n=1_000)[0]
    assert one.gain == pytest.approx(TRUTH.var() / (TRUTH - GOOD).var(), rel=0.15)


def test_totals_are_means_times_hectares():
    one = estimated(GOOD, 1)[0]
    assert (one.area_ha, one.total, one.total_error) == pytest.approx((40.0, one.mean * 40, one.standard_error * 40))


def test_a_region_with_few_units_is_flagged_and_has_a_model_based_estimate_beside():
    own, beside = (one for one in estimated(GOOD, 1) if one.region == "small")
    assert own.flags in (("few units",), ("no units",)) and own.title == "design-based"
    assert (beside.title, beside.estimator) == ("model-based", "synthetic")
    assert beside.mean == pytest.approx(GOOD[REGION == 3].mean() + estimated(GOOD, 1)[0].mean - GOOD.mean())


def test_a_region_without_units_has_no_design_based_estimate():
    seed = next(s for s in range(200) if not (REGION[np.random.default_rng(s).choice(PIXELS, 40, False)] == 3).any())
    own = next(one for one in estimated(GOOD, seed, n=40) if one.region == "small")
    assert np.isnan(own.mean) and own.flags == ("no units",)


def test_by_map_class_areas_of_the_whole_are_those_of_olofsson():
    matrix = np.array([[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]])
    areas = np.array([18_000.0, 13_500.0, 288_000.0, 580_500.0])
    names = tuple("abcd")
    told, true = (np.repeat(axis.ravel(), matrix.ravel()) for axis in np.indices((4, 4)))
    survey = Survey((areas / matrix.sum(axis=1))[told], told, names, np.ones(4))
    over = Overlay(
        (), names, areas[None], np.array([1]), np.zeros(1), np.zeros(1), told.astype(float), np.zeros(len(told), int)
    )
    parts = [Assisted(name, (true == k) * 1.0, (told == k) * 1.0, areas[[k]]) for k, name in enumerate(names)]
    found = greg(parts, over, over.region, survey)
    wanted = accuracy(Tally.by_map_class(matrix, areas.tolist(), names))
    for one in found:
        area = wanted.of("area", one.of)
        assert (one.total, one.total_error) == pytest.approx((area.value, area.standard_error))
        assert ("few omissions" in one.flags) == area.is_few
