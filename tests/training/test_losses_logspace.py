"""Logs go there and back, and the correction makes the mean of the values right."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from swath.errors import LabelError
from swath.training.losses import Log, LogResiduals


@given(st.floats(0, 1e4), st.floats(0.1, 10))
def test_a_value_comes_back_from_its_log(value, shift):
    log = Log(shift=shift)
    assert log.back(log.of(np.array([value])))[0] == pytest.approx(value, rel=1e-9, abs=1e-9)
    assert log.back(log.of(torch.tensor([value]))).item() == pytest.approx(value, rel=1e-4, abs=1e-4)


def residuals(noise, n=200_000, seed=0):
    rng = np.random.default_rng(seed)
    z = rng.normal(4, 0.5, n)
    return z, z + noise(rng, n)


def normal(rng, n):
    return rng.normal(0, 0.6, n)


def skewed(rng, n):
    return rng.exponential(0.4, n) - 0.4


@pytest.mark.parametrize(("noise", "method"), [(normal, "duan"), (normal, "baskerville"), (skewed, "duan")])
def test_the_correction_makes_the_mean_of_the_values_that_of_the_labels(noise, method):
    z, target = residuals(noise)
    log = Log(shift=2.0)
    correction = LogResiduals.of(target, z).correction(log, method)
    labels, plain = log.back(target), log.back(z)
    assert plain.mean() < 0.93 * labels.mean()
    assert log.back(z, correction.factor).mean() == pytest.approx(labels.mean(), rel=0.01)


def test_baskerville_s_factor_is_wrong_where_residuals_are_not_normal():
    z, target = residuals(skewed)
    log = Log(shift=0.0)
    factor = LogResiduals.of(target, z).correction(log, "baskerville").factor
    assert log.back(z, factor).mean() < 0.98 * log.back(target).mean()


def test_corrections_of_parts_of_the_data_are_that_of_the_whole():
    z, target = residuals(normal, n=1000)
    weight = np.linspace(0, 2, 1000)
    parts = [LogResiduals.of(target[part], z[part], weight[part]) for part in (slice(0, 300), slice(300, None))]
    whole = LogResiduals.of(target, z, weight).correction(Log())
    both = (parts[0] + parts[1]).correction(Log())
    assert both.factor == pytest.approx(whole.factor, rel=1e-12)
    assert both.to_dict() == {"method": "duan", "factor": both.factor, "shift": 1.0, "labels": 999}
    assert whole.labels == 999  # that of weight 0 is none


def test_a_correction_without_labels_is_refused():
    nothing = LogResiduals.of(np.array([np.nan, 1.0]), np.array([0.0, 0.0]))
    with pytest.raises(LabelError, match="rest on 1 labels"):
        nothing.correction(Log())
