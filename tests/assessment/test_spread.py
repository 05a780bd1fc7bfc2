"""How large errors are by what is predicted."""

from __future__ import annotations

import numpy as np
import pytest

from swath.assessment import fit_spread
from swath.errors import LabelError


def test_a_spread_that_grows_is_found_without_the_noise_of_labels() -> None:
    rng = np.random.default_rng(1)
    told = rng.uniform(0.0, 200.0, 4000)
    noise = 4.0 * told * 2.1**2 + 2.0 * 2.1**4
    residuals = rng.normal(0.0, np.sqrt((5.0 + 0.4 * told) ** 2 + noise))
    fitted = fit_spread(residuals, told, noise=noise)
    assert fitted.base == pytest.approx(5.0, abs=2.0)
    assert fitted.slope == pytest.approx(0.4, abs=0.03)


def test_the_spread_of_errors_that_are_not_normal_is_their_standard_deviation() -> None:
    rng = np.random.default_rng(2)
    told = rng.uniform(0.0, 200.0, 4000)
    residuals = rng.uniform(-1.0, 1.0, 4000) * np.sqrt(3.0) * (10.0 + 0.3 * told)
    fitted = fit_spread(residuals, told, noise=0.0)
    assert fitted.of(np.array([100.0]))[0] == pytest.approx(40.0, rel=0.05)


def test_a_spread_stays_above_zero_where_nothing_is_predicted() -> None:
    rng = np.random.default_rng(3)
    told = rng.uniform(0.0, 200.0, 500)
    fitted = fit_spread(rng.normal(0.0, 0.3 * told), told, noise=0.0)
    assert fitted.of(np.array([-5.0, 0.0])).min() > 0.0


def test_a_pixel_without_a_prediction_has_no_spread() -> None:
    fitted = fit_spread(np.tile([1.0, -1.0], 20), np.ones(40), noise=0.0)
    assert np.isnan(fitted.of(np.array([np.nan]))).all()


def test_too_few_labels_for_a_spread_are_refused() -> None:
    with pytest.raises(LabelError, match="too few"):
        fit_spread(np.ones(5), np.ones(5), noise=0.0)


def test_residuals_that_are_no_numbers_are_counted_and_refused() -> None:
    residuals = np.ones(40)
    residuals[:3] = np.nan
    with pytest.raises(LabelError, match="3 of 40"):
        fit_spread(residuals, np.ones(40), noise=0.0)


def test_residuals_that_are_all_nothing_are_refused() -> None:
    with pytest.raises(LabelError, match="all 0"):
        fit_spread(np.zeros(40), np.ones(40), noise=1.0)
