"""Probabilities and sets of classes are true on blocks that the fit has not seen."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import special

from swath.training.calibration import CalibrationSettings
from swath.training.calibration.calibrate import fit_rows
from swath.training.calibration.classes import calibrate_classes, class_truth, scaling_of, threshold_of
from swath.training.calibration.held import chosen_rows
from training.calibration.drawn import class_rows


def after(rows, test, **changes):
    made, how = calibrate_classes(rows, level=0.9)
    return made, how, class_truth(test, None), class_truth(test, made)


def test_a_network_that_is_too_sure_is_cooled():
    made, how, before, found = after(class_rows(scale=0.4), class_rows(scale=0.4, seed=1, blocks=150))
    assert (
        how["method"] == "temperature" and made.scale[0] == pytest.approx(0.4, rel=0.15) and len(set(made.scale)) == 1
    )
    assert before["ece"] > 0.1 and found["ece"] < 0.02 and found["nll"] < before["nll"] - 0.1


def test_a_network_that_takes_rare_classes_for_common_is_turned_back():
    moved = -0.8 * np.arange(4)
    made, how, before, found = after(class_rows(bias=moved), class_rows(bias=moved, seed=1, blocks=150))
    assert how["method"] == "vector"
    # a constant for all classes changes no probability
    assert np.subtract(made.bias, made.bias[0]) == pytest.approx(moved, abs=0.35)
    assert before["ece"] > 0.04 and found["ece"] < 0.02


def test_without_biases_the_likeliest_class_stays_and_the_best_single_scale_is_taken():
    moved = -0.8 * np.arange(4)
    rows = class_rows(bias=moved)
    made, how = fit_rows(rows, CalibrationSettings(biases=False))
    assert how["method"] == "temperature"
    assert made.bias == (0.0,) * 4 and len(set(made.scale)) == 1
    assert how["nll_of_blocks_left_out"]["vector"] < how["nll_of_blocks_left_out"]["temperature"]


def test_a_network_that_is_right_stays_nearly_as_it_is():
    rows = class_rows(between=0.0)
    made, _, before, found = after(rows, class_rows(between=0.0, seed=1, blocks=150))
    assert found["ece"] < 0.015 and found["nll"] == pytest.approx(before["nll"], abs=0.005)
    assert np.allclose(made.scale, 1, atol=0.1) and np.ptp(made.bias) < 0.2


def test_few_blocks_move_biases_less_than_many():
    rows = class_rows(bias=-1.5 * np.arange(4))
    few = chosen_rows(rows, rows.block < 3)
    many, less = (scaling_of(one, "vector").bias for one in (rows, few))
    assert np.ptp(less) < 0.8 * np.ptp(many)


def test_a_class_without_a_label_keeps_a_probability():
    rows = class_rows(blocks=20)
    rows = chosen_rows(rows, rows.truth != 3)
    bias = scaling_of(rows, "vector").bias
    assert np.isfinite(bias).all() and abs(bias[3]) < 8


def test_the_method_is_that_which_tells_blocks_left_out_best():
    _, how, _, _ = after(class_rows(scale=0.5), class_rows(seed=1, blocks=150))
    told = how["nll_of_blocks_left_out"]
    assert told["temperature"] < told["none"] and how["method"] == min(told, key=told.get)


def test_weights_of_labels_count():
    rows = class_rows(scale=0.4)
    wrong = np.arange(len(rows.truth)) % 2 == 1
    noisy = np.where(wrong, (rows.truth + 1) % 4, rows.truth)
    weight = np.where(wrong, 1e-6, 1.0)
    told = type(rows)(rows.scores, noisy, weight, rows.block)
    assert scaling_of(told, "temperature").scale[0] == pytest.approx(0.4, rel=0.2)


@pytest.mark.parametrize("seed", [0, 1])
def test_sets_hold_nine_of_ten_labels_of_other_blocks(seed):
    test = class_rows(seed=100 + seed, blocks=200)
    made, _ = calibrate_classes(class_rows(seed=seed), level=0.9)
    assert class_truth(test, made)["set_coverage"] == pytest.approx(0.9, abs=0.02)


def test_a_set_holds_the_likeliest_class_and_grows_as_the_threshold_falls():
    rows = class_rows()
    plain = scaling_of(rows, "none")
    first, second, third = (threshold_of(rows, plain, level=level) for level in (0.7, 0.9, 0.99))
    assert first > second > third
    made, _ = calibrate_classes(rows, level=0.9)
    likely = special.softmax(rows.scores * made.scale + np.array(made.bias), axis=1).argmax(1) == rows.truth
    assert class_truth(rows, made)["set_coverage"] > likely.mean()


def wrong_at(rows, share, seed=5):
    """A share of the labels is drawn anew, as labels are."""
    rng = np.random.default_rng(seed)
    drawn = rng.permutation(rows.truth)
    return replace(rows, truth=np.where(rng.random(len(drawn)) < share, drawn, rows.truth))


@pytest.mark.parametrize("wrong", [None, 0.2])
def test_wrong_labels_do_not_make_a_network_look_too_sure(wrong):
    rows, test = class_rows(scale=0.5), class_rows(seed=1, blocks=150, scale=0.5)
    made, how = calibrate_classes(wrong_at(rows, 0.2), level=0.9, wrong=wrong)
    assert how["wrong_labels"] == pytest.approx(0.2, abs=0.05)
    truth, labels = class_truth(test, made, how), class_truth(wrong_at(test, 0.2), made, how)
    assert truth["ece"] < 0.025 and truth["set_coverage"] == pytest.approx(0.9, abs=0.02)
    assert labels["ece_of_labels"] < 0.025 < 0.06 < labels["ece"]
    believed, told = calibrate_classes(wrong_at(rows, 0.2), level=0.9)
    assert told["wrong_labels"] == 0 and class_truth(test, believed)["ece"] > 0.06


def test_right_labels_are_not_taken_for_wrong_ones():
    _, how = calibrate_classes(class_rows(scale=0.5), level=0.9, wrong=None)
    assert how["wrong_labels"] < 0.05


def test_the_fit_is_where_the_slope_is_nothing():
    rows = wrong_at(class_rows(blocks=10, of_block=20, scale=0.6), 0.1)
    best = scaling_of(rows, "temperature", None)
    loss = best.losses(rows).mean()
    for scale, wrong in ((1.03, 1), (0.97, 1), (1, 1.1), (1, 0.9)):
        moved = replace(best, scale=best.scale * scale, wrong=best.wrong * wrong)
        assert moved.losses(rows).mean() > loss
