"""The ordinal losses are what their formulas say, and learn an order."""

import numpy as np
import pytest
import torch

from swath.training.losses import ordinal_loss, ordinal_probabilities
from swath.training.source import IGNORED


def batch(seed=0, classes=4):
    rng = np.random.default_rng(seed)
    scores = -np.sort(-rng.normal(0, 2, (2, classes - 1, 5, 5)), axis=1)
    target = rng.integers(0, classes, (2, 5, 5))
    target[rng.random(target.shape) > 0.5] = IGNORED
    return torch.tensor(scores, dtype=torch.float32), torch.tensor(target)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_coral_is_the_sum_of_binary_cross_entropies_over_thresholds():
    scores, target = batch()
    each = []
    for n, i, j in np.argwhere(target.numpy() != IGNORED):
        p = sigmoid(scores[n, :, i, j].double().numpy())
        above = target[n, i, j].item() > np.arange(3)
        each.append(-np.log(np.where(above, p, 1 - p)).sum())
    assert ordinal_loss(scores, target).item() == pytest.approx(np.mean(each), rel=1e-5)


def test_the_cumulative_loss_is_minus_the_log_of_the_class_s_probability():
    scores, target = batch(1)
    each = []
    for n, i, j in np.argwhere(target.numpy() != IGNORED):
        p = np.concatenate([[1], sigmoid(scores[n, :, i, j].double().numpy()), [0]])
        each.append(-np.log(p[target[n, i, j]] - p[target[n, i, j] + 1]))
    assert ordinal_loss(scores, target, kind="cumulative").item() == pytest.approx(np.mean(each), rel=1e-4)


def test_probabilities_are_never_negative_and_sum_to_1_even_where_logits_cross():
    found = ordinal_probabilities(torch.randn(50, 5, 3, 3))
    assert (found >= 0).all() and torch.allclose(found.sum(1), torch.ones(50, 3, 3), atol=1e-6)


@pytest.mark.parametrize("kind", ["coral", "cumulative"])
def test_weights_of_classes_and_pixels_count(kind):
    scores, target = batch(2)
    weights, weight = torch.tensor([1.0, 3.0, 0.5, 2.0]), torch.rand(2, 5, 5) + 0.1
    each, share = [], []
    for n, i, j in np.argwhere(target.numpy() != IGNORED):
        one = torch.full_like(target, IGNORED)
        one[n, i, j] = target[n, i, j]
        each.append(ordinal_loss(scores, one, kind=kind).item())
        share.append((weights[target[n, i, j]] * weight[n, i, j]).item())
    got = ordinal_loss(scores, target, kind=kind, weights=weights, weight=weight)
    assert got.item() == pytest.approx(np.average(each, weights=share), rel=1e-4)


@pytest.mark.parametrize("kind", ["coral", "cumulative"])
def test_pixels_without_an_ordered_label_have_no_gradient(kind):
    scores, target = batch(3)
    scores.requires_grad_()
    ordinal_loss(scores, target, kind=kind).backward()
    gradient = scores.grad.abs().sum(1)
    assert (gradient[target == IGNORED] == 0).all() and (gradient[target != IGNORED] > 0).all()


def test_a_batch_without_ordered_labels_gives_zero():
    scores, target = batch(3)
    assert ordinal_loss(scores, torch.full_like(target, IGNORED)).item() == 0
