"""Figures of maps agree with those of scikit-learn and torchmetrics; differences come with intervals."""

import numpy as np
import pytest
import torch
import torchmetrics.functional as tm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import linregress
from sklearn import metrics as sk

from swath.training.metrics import (
    MEASURES,
    Reliability,
    ValueSums,
    class_f1,
    class_figures,
    compare,
    confusion,
    interval,
    macro_f1,
    mean_iou,
    mean_rank_error,
)
from swath.training.source import IGNORED


def pairs(seed, classes=5, n=300):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes, n)
    predicted = np.where(rng.random(n) < 0.6, truth, rng.integers(0, classes, n))
    return truth, predicted


@given(st.integers(0, 10_000), st.integers(2, 6))
@settings(max_examples=25, deadline=None)
def test_figures_of_classes_are_those_of_scikit_learn(seed, classes):
    truth, predicted = pairs(seed, classes)
    matrix = confusion(truth, predicted, classes)
    assert (matrix == sk.confusion_matrix(truth, predicted, labels=range(classes))).all()
    assert MEASURES["overall_accuracy"](matrix) == pytest.approx(sk.accuracy_score(truth, predicted))
    assert macro_f1(matrix) == pytest.approx(sk.f1_score(truth, predicted, average="macro"))
    assert mean_iou(matrix) == pytest.approx(sk.jaccard_score(truth, predicted, average="macro"))
    assert MEASURES["balanced_accuracy"](matrix) == pytest.approx(sk.balanced_accuracy_score(truth, predicted))


def test_figures_of_classes_are_those_of_torchmetrics():
    truth, predicted = pairs(3)
    matrix, t, p = confusion(truth, predicted, 5), torch.tensor(truth), torch.tensor(predicted)
    assert mean_iou(matrix) == pytest.approx(tm.jaccard_index(p, t, task="multiclass", num_classes=5).item())
    f1 = tm.f1_score(p, t, task="multiclass", num_classes=5, average=None)
    assert class_f1(matrix) == pytest.approx(f1.numpy(), rel=1e-5)


def test_pixels_without_a_label_are_not_counted():
    truth, predicted = pairs(1)
    some = truth.copy()
    some[::2] = IGNORED
    assert (confusion(some, predicted, 5) == confusion(truth[1::2], predicted[1::2], 5)).all()


def test_a_class_that_neither_truth_nor_map_has_is_left_out_of_means_and_told_as_none():
    matrix = confusion(np.array([0, 0, 1]), np.array([0, 1, 1]), 3)
    assert macro_f1(matrix) == pytest.approx(2 / 3)
    assert class_figures(matrix, ("a", "b", "c"))["f1"]["c"] is None


def test_figures_of_nothing_are_none():
    figures = class_figures(np.zeros((2, 2), np.int64), ("a", "b"))
    assert figures["macro_f1"] is None and figures["pixels"] == 0


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_figures_of_values_are_those_of_scikit_learn_however_the_data_are_parted(seed):
    rng = np.random.default_rng(seed)
    truth = rng.gamma(2, 60, 200)
    estimate = truth * 0.8 + rng.normal(5, 30, 200)
    cut = int(rng.integers(0, 200))
    figures = (ValueSums.of(truth[:cut], estimate[:cut]) + ValueSums.of(truth[cut:], estimate[cut:])).figures()
    assert figures["rmse"] == pytest.approx(sk.root_mean_squared_error(truth, estimate))
    assert figures["mae"] == pytest.approx(sk.mean_absolute_error(truth, estimate))
    assert figures["bias"] == pytest.approx((estimate - truth).mean())
    assert figures["r2"] == pytest.approx(sk.r2_score(truth, estimate))
    assert figures["slope"] == pytest.approx(linregress(estimate, truth).slope)


def test_values_without_truth_are_not_counted():
    figures = ValueSums.of(np.array([1.0, np.nan]), np.array([2.0, 9.0])).figures()
    assert (figures["pixels"], figures["bias"], figures["r2"]) == (1, 1.0, None)
    assert ValueSums.of(np.array([np.nan]), np.array([9.0])).figures()["rmse"] is None


def test_an_estimate_that_is_the_same_everywhere_has_no_slope():
    truth = np.array([280.1, 290.7, 301.3])
    assert ValueSums.of(truth, np.full(3, 291.1)).figures()["slope"] is None


def test_values_far_from_0_lose_no_digits_that_count():
    rng = np.random.default_rng(0)
    truth = 300 + rng.normal(0, 1, 5000)
    estimate = truth + rng.normal(0, 0.5, 5000)
    figures = ValueSums.of(truth, estimate).figures()
    assert figures["r2"] == pytest.approx(sk.r2_score(truth, estimate), rel=1e-6)
    assert figures["slope"] == pytest.approx(linregress(estimate, truth).slope, rel=1e-6)


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_the_calibration_error_is_that_of_torchmetrics_however_the_data_are_parted(seed):
    rng = np.random.default_rng(seed)
    scores = torch.tensor(rng.normal(0, 2, (300, 4)), dtype=torch.float32)
    truth = torch.tensor(rng.integers(0, 4, 300))
    confidence, chosen = scores.softmax(1).max(1)
    right = (chosen == truth).numpy()
    cut = int(rng.integers(0, 300))
    parts = [Reliability.of(confidence.numpy()[part], right[part]) for part in (slice(0, cut), slice(cut, None))]
    peer = tm.calibration_error(scores.softmax(1), truth, task="multiclass", num_classes=4, n_bins=15)
    assert (parts[0] + parts[1]).error == pytest.approx(peer.item(), abs=1e-6)


def test_a_calibration_of_nothing_is_none():
    assert Reliability.of(np.array([]), np.array([])).figures() == {"ece": None, "reliability": []}


def test_a_map_that_is_a_step_off_is_a_step_off():
    truth = np.array([0, 1, 2, 3])
    assert mean_rank_error(confusion(truth, np.array([1, 1, 0, 3]), 4)) == 0.75


def maps(seed, better, blocks=40, classes=3, spread=0.15):
    """Two maps by block, the first right more often by `better`; blocks differ in how hard they are."""
    rng = np.random.default_rng(seed)
    first, second = [], []
    for _ in range(blocks):
        ease = rng.normal(0.6, spread)
        truth = rng.integers(0, classes, 400)
        for out, right in ((first, ease + better), (second, ease)):
            guess = np.where(rng.random(400) < right, truth, (truth + 1) % classes)
            out.append(confusion(truth, guess, classes))
    return np.array(first), np.array(second)


@pytest.mark.parametrize(("better", "verdict"), [(0.1, "above"), (0.0, "equal"), (-0.1, "below")])
def test_the_verdict_says_above_equal_or_below(better, verdict):
    first, second = maps(7, better)
    found = compare(first, second, measure="macro_f1")
    assert found.verdict == verdict
    assert found.low < found.difference < found.high
    assert found.difference == pytest.approx(macro_f1(first.sum(0)) - macro_f1(second.sum(0)))


def test_an_interval_of_the_difference_is_narrower_than_those_of_the_maps_since_blocks_are_paired():
    first, second = maps(1, 0.05)
    paired = compare(first, second, measure="overall_accuracy")
    low, high = interval(first, measure="overall_accuracy")
    assert paired.high - paired.low < 0.5 * (high - low)


def test_the_interval_holds_the_true_difference_about_as_often_as_it_says():
    inside = 0
    for seed in range(100):
        first, second = maps(seed, 0.05, blocks=30)
        found = compare(first, second, measure="overall_accuracy", draws=300, seed=seed)
        inside += found.low <= 0.05 <= found.high
    assert 86 <= inside <= 100


def test_the_same_seed_gives_the_same_interval():
    first, second = maps(2, 0.02)
    assert compare(first, second, measure="mean_iou") == compare(first, second, measure="mean_iou")


def test_maps_scored_on_other_pixels_are_not_compared():
    first, second = maps(2, 0.02)
    with pytest.raises(ValueError, match="same labelled pixels"):
        compare(first, second[::-1], measure="mean_iou")
    with pytest.raises(ValueError, match="same two or more blocks"):
        compare(first[:1], second[:1], measure="mean_iou")
