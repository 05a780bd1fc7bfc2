"""Totals of regions and variograms of residuals."""

from __future__ import annotations

import math

import numpy as np
import pytest

from swath.assessment import Total, Variogram, fit_variogram, total_of
from swath.errors import LabelError, ProductError

SAME = np.full(10, 100.0)


def _total(variogram: Variogram, *, common_cv: float = 0.1, level: float = 0.95) -> Total:
    return total_of(np.full((20, 20), 100.0), 0.01, 10.0, variogram, SAME, common_cv=common_cv, level=level)


def test_errors_of_pixels_alone_add_as_independent_ones() -> None:
    assert _total(Variogram(4.0, (), ())).parts["residual"] == pytest.approx(2.0 * 0.01 * math.sqrt(400))


def test_errors_that_all_pixels_share_do_not_shrink_with_their_number() -> None:
    assert _total(Variogram(0.0, (9.0,), (1e9,))).parts["residual"] == pytest.approx(3.0 * 4.0, rel=1e-5)


def test_the_residual_part_is_the_covariance_over_all_pairs() -> None:
    y, x = (axis.ravel() * 10.0 for axis in np.mgrid[:20, :20])
    pairs = np.hypot(x[:, None] - x, y[:, None] - y)
    expected = 0.01 * math.sqrt((5.0 * np.exp(-pairs / 60.0)).sum())
    assert _total(Variogram(0.0, (5.0,), (60.0,))).parts["residual"] == pytest.approx(expected)


def test_the_common_part_is_the_cv_of_the_total() -> None:
    assert _total(Variogram(0.0, (), ()), common_cv=0.2).sd == pytest.approx(0.2 * 400.0)


def test_pixels_of_no_prediction_are_counted_and_not_in_the_total() -> None:
    told = np.full((4, 5), 100.0)
    told[0, :3] = np.nan
    total = total_of(told, 0.01, 10.0, Variogram(1.0, (), ()), SAME)
    assert total.missing == 3
    assert total.value == pytest.approx(17.0)


def test_a_cv_of_nothing_is_refused() -> None:
    with pytest.raises(ProductError, match="common_cv"):
        _total(Variogram(1.0, (), ()), common_cv=0.0)


def test_a_level_of_all_is_refused() -> None:
    with pytest.raises(ProductError, match="level"):
        _total(Variogram(1.0, (), ()), level=1.0)


def test_too_few_refits_are_refused() -> None:
    with pytest.raises(ProductError, match="spread"):
        total_of(np.ones((2, 2)), 0.01, 10.0, Variogram(1.0, (), ()), SAME[:3])


def test_too_few_labels_are_refused() -> None:
    with pytest.raises(LabelError, match="too few"):
        fit_variogram(np.ones(5), np.arange(5.0), np.zeros(5), noise=0.0, farthest=10.0)


def test_noise_of_labels_leaves_the_nugget() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.uniform(0, 5000, (2, 1500))
    fitted = fit_variogram(rng.normal(0, 3.0, 1500), x, y, noise=9.0, farthest=2500.0)
    assert fitted.nugget + sum(fitted.sills) < 1.0


def test_intervals_of_gaussian_fields_hold_their_totals() -> None:
    rng = np.random.default_rng(5)
    size, length, found = 24, 60.0, []
    y, x = (axis.ravel() * 10.0 for axis in np.mgrid[:size, :size])
    root = np.linalg.cholesky(
        25.0 * np.exp(-np.hypot(x[:, None] - x, y[:, None] - y) / length) + 1e-9 * np.eye(size**2)
    )
    for _ in range(50):
        field = root @ rng.normal(size=size**2)
        at = rng.choice(size**2, 300, replace=False)
        told = field[at] + rng.normal(0, 2.0, 300)
        fitted = fit_variogram(told, x[at], y[at], noise=4.0, farthest=150.0)
        total = total_of(np.full((size, size), 100.0), 0.01, 10.0, fitted, SAME, common_cv=1e-6)
        found.append(field.sum() * 0.01 / total.sd)
    assert 0.7 < np.std(found) < 1.4
    assert np.mean(np.abs(found) < 1.96) >= 0.86


def test_a_relative_variogram_without_a_spread_is_refused() -> None:
    with pytest.raises(ProductError, match="relative"):
        _total(Variogram(1.0, (), (), relative=True))


def test_a_spread_with_a_variogram_in_units_is_refused() -> None:
    told = np.full((4, 4), 100.0)
    with pytest.raises(ProductError, match="relative"):
        total_of(told, 0.01, 10.0, Variogram(1.0, (), ()), SAME, spread=np.ones((4, 4)))


def test_pixels_count_in_the_residual_part_by_their_spread() -> None:
    told, spread = np.full((4, 5), 100.0), np.arange(1.0, 21.0).reshape(4, 5)
    told[0, 0] = np.nan
    total = total_of(told, 0.01, 10.0, Variogram(1.0, (), (), relative=True), SAME, spread=spread)
    assert total.parts["residual"] == pytest.approx(0.01 * math.sqrt((np.arange(2.0, 21.0) ** 2).sum()))


def test_a_spread_of_one_size_is_that_of_a_variogram_in_units() -> None:
    told = np.full((20, 20), 100.0)
    total = total_of(
        told, 0.01, 10.0, Variogram(0.2, (0.8,), (60.0,), relative=True), SAME, spread=np.full((20, 20), 5.0)
    )
    expected = _total(Variogram(5.0, (20.0,), (60.0,)))
    assert total.parts["residual"] == pytest.approx(expected.parts["residual"])


def test_the_noise_of_labels_that_differ_leaves_each_of_them_by_itself() -> None:
    rng = np.random.default_rng(4)
    # quiet labels stand close together, noisy ones far apart: without their own noise that would look like a structure
    x, y = np.concatenate([rng.uniform(0, 1000, (2, 600)), rng.uniform(0, 5000, (2, 600))], axis=1)
    noise = np.repeat([1.0, 16.0], 600)
    fitted = fit_variogram(rng.normal(0, np.sqrt(noise)), x, y, noise=noise, farthest=2500.0)
    assert sum(fitted.sills) < 1.0


def test_a_variogram_over_a_spread_is_told_in_squared_spreads() -> None:
    rng = np.random.default_rng(6)
    x, y = rng.uniform(0, 5000, (2, 1500))
    spread = rng.uniform(5.0, 50.0, 1500)
    fitted = fit_variogram(rng.normal(0, np.hypot(spread, 10.0)), x, y, noise=100.0, farthest=2500.0, spread=spread)
    assert fitted.relative
    assert fitted.nugget + sum(fitted.sills) == pytest.approx(1.0, abs=0.15)


def test_a_spread_of_nothing_is_refused_by_the_variogram() -> None:
    with pytest.raises(LabelError, match="spread"):
        fit_variogram(np.ones(40), np.arange(40.0), np.zeros(40), noise=0.0, farthest=10.0, spread=np.zeros(40))
