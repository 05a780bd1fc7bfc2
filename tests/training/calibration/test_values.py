"""Intervals hold nine of ten values of blocks that the fit has not seen, in every part of their range."""

import numpy as np
import pytest

from swath.models.calibration import ValueCalibration
from swath.training.calibration.blocks import covered
from swath.training.calibration.held import ValueRows
from swath.training.calibration.values import bins_of, calibrate_values, needed_of, value_truth
from training.calibration.drawn import value_rows


def holds(rows, truth, made):
    factor = made.factor(rows.middle)
    low, high = (rows.middle + factor * (bound - rows.middle) for bound in (rows.low, rows.high))
    return (truth >= low) & (truth <= high)


@pytest.mark.parametrize("told", [0.5, 1.0, 2.0])
def test_intervals_that_are_too_narrow_or_too_wide_hold_nine_of_ten(told):
    made, _ = calibrate_values(value_rows(told=told)[0], least_blocks=30)
    test, truth = value_rows(told=told, seed=1, blocks=200)
    assert covered(holds(test, truth, made), test.block, test.weight).mean() == pytest.approx(0.9, abs=0.02)
    assert np.median(made.factors) == pytest.approx(1 / told, rel=0.15)


def test_each_part_of_the_range_gets_a_factor_of_its_own():
    rows, _ = value_rows()
    half = np.where(rows.middle < 150, 3.0, 0.5) * (rows.high - rows.middle)
    odd = ValueRows(
        rows.truth, rows.middle, rows.middle - half, rows.middle + half, rows.noise, rows.weight, rows.block
    )
    made, how = calibrate_values(odd, least_blocks=30)
    assert len(how["bins"]) > 2 and made.factor(np.array([20.0]))[0] < 0.5 < 1.5 < made.factor(np.array([280.0]))[0]


def test_errors_that_are_taken_off_are_not_the_maps():
    rows, _ = value_rows(noise=40.0, told=0.7)
    made, _ = calibrate_values(rows, least_blocks=30, errors="taken off")
    test, truth = value_rows(noise=40.0, seed=1, blocks=200, told=0.7)
    assert covered(holds(test, truth, made), test.block, test.weight).mean() == pytest.approx(0.9, abs=0.03)
    told = value_truth(test, made)
    assert told["coverage_90_label"] == pytest.approx(0.9, abs=0.02) and told["coverage_90"] < 0.8


def test_errors_that_are_kept_widen_the_interval_to_hold_labels():
    made, how = calibrate_values(value_rows(noise=40.0)[0], least_blocks=30)
    test, truth = value_rows(noise=40.0, seed=1, blocks=200)
    assert how["errors_of_labels"] == "kept"
    assert covered(holds(test, test.truth, made), test.block, test.weight).mean() == pytest.approx(0.9, abs=0.02)
    assert holds(test, truth, made).mean() > 0.95


def test_errors_that_explain_everything_leave_the_networks_own_width():
    rows, _ = value_rows()
    vast = ValueRows(rows.truth, rows.middle, rows.low, rows.high, rows.noise + 1e4, rows.weight, rows.block)
    made, _ = calibrate_values(vast, least_blocks=30, errors="taken off")
    assert set(made.factors) == {1.0}


def test_the_factor_that_a_label_needs_puts_it_on_the_bound():
    rows = ValueRows(
        *(np.array(part, float) for part in ([16, 4, 10], [10] * 3, [8] * 3, [13] * 3, [0] * 3, [1] * 3)), np.arange(3)
    )
    assert needed_of(rows).tolist() == [2, 3, 0]


def test_a_bin_has_enough_blocks_or_is_none():
    rows, _ = value_rows(blocks=40)
    assert bins_of(rows, 30).max() == 5 and bins_of(rows, 41).max() == 0
    alike = ValueRows(
        rows.truth,
        np.where(rows.middle < 200, 0, rows.middle),
        rows.low,
        rows.high,
        rows.noise,
        rows.weight,
        rows.block,
    )
    assert len(np.unique(alike.middle[bins_of(alike, 30) == 0])) == 1  # one value is not cut in two


def test_without_calibration_the_networks_own_intervals_are_told():
    rows, _ = value_rows(told=0.5)
    assert value_truth(rows, None)["coverage_90"] == pytest.approx(0.59, abs=0.06)
    assert value_truth(rows, ValueCalibration(knots=(0,), factors=(2,)))["coverage_90"] == pytest.approx(0.9, abs=0.04)
