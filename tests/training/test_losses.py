"""Losses count labelled pixels only, and are what their formulas say."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from swath.models.features import cross_entropy
from swath.training.losses import dice, focal_loss, regression_loss, segmentation_loss
from swath.training.source import IGNORED


def batch(seed, share=0.3, classes=4, size=6):
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, 2, (2, classes, size, size)).astype(np.float32)
    target = rng.integers(0, classes, (2, size, size))
    target[rng.random(target.shape) > share] = IGNORED
    return scores, target.astype(np.int64)


def softmax(scores):
    e = np.exp(scores.astype(np.float64) - scores.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


@given(st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_cross_entropy_is_the_weighted_mean_over_labelled_pixels(seed):
    scores, target = batch(seed)
    weights = np.array([1.0, 5.0, 0.2, 2.0])
    probability = softmax(scores)
    top = bottom = 0.0
    for n, i, j in np.argwhere(target != IGNORED):
        label = target[n, i, j]
        top -= weights[label] * np.log(probability[n, label, i, j])
        bottom += weights[label]
    told = torch.tensor(weights, dtype=torch.float32)
    got = segmentation_loss(torch.tensor(scores), torch.tensor(target), weights=told, dice_weight=0)
    assert got.item() == pytest.approx(top / bottom, rel=1e-4)


def test_smoothing_spreads_a_share_of_each_label_over_all_classes():
    scores, target = batch(3, share=1.0)
    logs = np.log(softmax(scores))
    own = np.take_along_axis(logs, target[:, None], 1)[:, 0]
    expected = -(0.8 * own + 0.2 * logs.mean(1)).mean()
    got = segmentation_loss(torch.tensor(scores), torch.tensor(target), dice_weight=0, smoothing=0.2)
    assert got.item() == pytest.approx(expected, rel=1e-4)


@given(st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_dice_is_the_mean_over_the_classes_that_are_there(seed):
    scores, target = batch(seed)
    probability = softmax(scores)
    labelled = target != IGNORED
    values = []
    for label in range(4):
        y = (target == label)[labelled].astype(float)
        p = probability[:, label][labelled]
        if y.sum():
            values.append((2 * (p * y).sum() + 1) / (p.sum() + y.sum() + 1))
    assert dice(torch.tensor(scores), torch.tensor(target)).item() == pytest.approx(1 - np.mean(values), rel=1e-4)


def test_pixels_without_a_label_have_no_gradient():
    scores, target = batch(3)
    tensor = torch.tensor(scores, requires_grad=True)
    segmentation_loss(tensor, torch.tensor(target)).backward()
    gradient = tensor.grad.abs().sum(1).numpy()
    assert (gradient[target == IGNORED] == 0).all()
    assert (gradient[target != IGNORED] > 0).all()


@pytest.mark.parametrize("weights", [None, torch.ones(4)])
def test_a_batch_without_labels_gives_zero_and_no_nan(weights):
    scores = torch.randn(2, 4, 5, 5, requires_grad=True)
    loss = segmentation_loss(scores, torch.full((2, 5, 5), IGNORED), weights=weights)
    loss.backward()
    assert loss.item() == 0
    assert (scores.grad == 0).all()


def test_a_right_and_sure_network_has_almost_no_loss_and_a_wrong_one_much():
    target = torch.randint(0, 3, (1, 16, 16))
    right = 20 * torch.nn.functional.one_hot(target, 3).movedim(-1, 1).float()
    assert segmentation_loss(right, target).item() < 1e-4
    assert segmentation_loss(-right, target).item() > 10


def test_the_parts_of_the_loss_are_weighed():
    scores, target = (torch.tensor(part) for part in batch(5))
    both = segmentation_loss(scores, target, cross_entropy_weight=2, dice_weight=3)
    assert both.item() == pytest.approx(
        2 * cross_entropy(scores, target, None).item() + 3 * dice(scores, target).item()
    )


@pytest.mark.parametrize(
    ("kind", "formula"),
    [
        ("l1", np.abs),
        ("mse", np.square),
        ("huber", lambda e: np.where(np.abs(e) < 1, e**2 / 2, np.abs(e) - 0.5)),
    ],
)
def test_regression_is_the_mean_over_finite_targets(kind, formula):
    rng = np.random.default_rng(1)
    scores, target = rng.normal(0, 2, (2, 1, 5, 5)), rng.normal(0, 2, (2, 5, 5))
    target[rng.random(target.shape) > 0.4] = np.nan
    finite = np.isfinite(target)
    got = regression_loss(torch.tensor(scores), torch.tensor(target), kind=kind)
    assert got.item() == pytest.approx(formula((scores[:, 0] - target)[finite]).mean(), rel=1e-5)


def test_losses_of_half_precision_scores_are_made_in_float32():
    scores, target = (torch.tensor(part) for part in batch(5))
    loss = segmentation_loss(scores.bfloat16(), target)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(segmentation_loss(scores.bfloat16().float(), target).item())


def test_regression_without_a_target_is_zero_and_no_nan():
    scores = torch.randn(1, 1, 4, 4, requires_grad=True)
    loss = regression_loss(scores, torch.full((1, 4, 4), torch.nan))
    loss.backward()
    assert loss.item() == 0 and (scores.grad == 0).all()


def parted(scores, target, loss):
    """The loss of each labelled pixel by itself, and where it lies."""
    each = []
    for n, i, j in np.argwhere(target != IGNORED):
        one = np.full_like(target, IGNORED)
        one[n, i, j] = target[n, i, j]
        each.append(loss(torch.tensor(scores), torch.tensor(one)).item())
    return np.array(each), target != IGNORED


def entropy(*args, **told):
    return segmentation_loss(*args, dice_weight=0, **told)


@pytest.mark.parametrize("loss", [entropy, focal_loss])
def test_weights_of_pixels_and_classes_multiply(loss):
    scores, target = batch(6)
    weight = np.random.default_rng(0).uniform(0.1, 3, target.shape).astype(np.float32)
    weights = np.array([1.0, 5.0, 0.2, 2.0], np.float32)
    each, known = parted(scores, target, loss)
    expected = np.average(each, weights=weight[known] * weights[target[known]])
    told = {"weight": torch.tensor(weight), "weights": torch.tensor(weights)}
    assert loss(torch.tensor(scores), torch.tensor(target), **told).item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("loss", [entropy, focal_loss, dice])
def test_weights_of_1_change_nothing(loss):
    scores, target = (torch.tensor(part) for part in batch(7))
    plain = loss(scores, target).item()
    assert loss(scores, target, weight=torch.ones(target.shape)).item() == pytest.approx(plain, rel=1e-6)


@pytest.mark.parametrize("loss", [segmentation_loss, focal_loss, dice])
def test_a_pixel_of_weight_0_is_as_one_without_a_label(loss):
    scores, target = (torch.tensor(part) for part in batch(8))
    weight = torch.ones(target.shape)
    weight[:, ::2] = 0
    without = target.clone()
    without[:, ::2] = IGNORED
    assert loss(scores, target, weight=weight).item() == pytest.approx(loss(scores, without).item(), rel=1e-6)


@pytest.mark.parametrize("loss", [entropy, focal_loss])
def test_with_objects_each_label_counts_alike_however_many_pixels_it_has(loss):
    scores, target = batch(9, share=1.0)
    objects = np.ones_like(target)
    objects[:, 0, 0] = 2  # a label of one pixel beside one of 35
    each, _ = parted(scores, target, loss)
    each = each.reshape(target.shape)
    expected = np.mean([each[n][objects[n] == number].mean() for n in (0, 1) for number in (1, 2)])
    got = loss(torch.tensor(scores), torch.tensor(target), objects=torch.tensor(objects))
    assert got.item() == pytest.approx(expected, rel=1e-4)


def test_focal_loss_without_gamma_is_cross_entropy():
    scores, target = (torch.tensor(part) for part in batch(10))
    assert focal_loss(scores, target, gamma=0).item() == pytest.approx(entropy(scores, target).item(), rel=1e-5)


def test_focal_loss_is_its_formula():
    scores, target = batch(11, share=1.0)
    p = np.take_along_axis(softmax(scores), target[:, None], 1)[:, 0]
    expected = ((1 - p) ** 3 * -np.log(p)).mean()
    got = focal_loss(torch.tensor(scores), torch.tensor(target), gamma=3)
    assert got.item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_focal_loss_of_a_sure_network_has_a_finite_gradient(gamma):
    scores = torch.tensor([[100.0, -100.0]]).view(1, 2, 1, 1).requires_grad_()
    focal_loss(scores, torch.zeros(1, 1, 1, dtype=torch.int64), gamma=gamma).backward()
    assert torch.isfinite(scores.grad).all()
