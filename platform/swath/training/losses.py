"""What training makes small: sums over labelled pixels only."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from swath.models.features import IGNORED, cross_entropy

_SMOOTH = 1.0  # pixels: keeps Dice of a class with few pixels from jumping between 0 and 1


def dice(scores: Tensor, target: Tensor) -> Tensor:
    """Soft Dice over labelled pixels: 1 - mean over classes of (2 sum p y + 1) / (sum p + sum y + 1).

    p is the probability of a class, y is 1 where it is the label; the mean goes over the classes that the batch has.
    After Sudre et al. 2017 (doi:10.1007/978-3-319-67558-9_28), equation 1, with sums over the batch.

    Args:
        scores: (N, K, H, W) before activation.
        target: (N, H, W) int64 class, 255 where there is no label.

    Returns:
        A scalar between 0 and 1; 0 with gradient 0 where no pixel has a label.
    """
    classes = scores.shape[1]
    labelled = target != IGNORED
    probability = scores.softmax(1).movedim(1, -1)[labelled]  # (pixels, K)
    truth = functional.one_hot(target[labelled], classes).to(probability.dtype)
    have = truth.sum(0)
    both = (probability * truth).sum(0)
    score = (2 * both + _SMOOTH) / (probability.sum(0) + have + _SMOOTH)
    present = have > 0
    # a sum rather than score[present].mean(): that of nothing is NaN
    return ((1 - score) * present).sum() / present.sum().clamp(min=1)


def segmentation_loss(
    scores: Tensor,
    target: Tensor,
    *,
    weights: Tensor | None = None,
    cross_entropy_weight: float = 1.0,
    dice_weight: float = 1.0,
    smoothing: float = 0.0,
) -> Tensor:
    """Weighted sum of class-weighted cross-entropy and `dice`, in float32.

    Args:
        scores: (N, K, H, W) before activation.
        target: (N, H, W) int64 class, 255 where there is no label.
        weights: (K,) weight of each class in cross-entropy; all 1 by default.
        cross_entropy_weight: Of cross-entropy: sum of w[y] * -log softmax(scores)[y] over labelled pixels, / sum of
            w[y].
        dice_weight: Of Dice.
        smoothing: Share of a label that cross-entropy spreads over all classes (Szegedy et al. 2016).

    Returns:
        A scalar; 0 with gradient 0 where no pixel has a label.
    """
    scores = scores.float()
    loss = scores.new_zeros(())
    if cross_entropy_weight:
        loss = loss + cross_entropy_weight * cross_entropy(scores, target, weights, smoothing=smoothing)
    if dice_weight:
        loss = loss + dice_weight * dice(scores, target)
    return loss


def regression_loss(scores: Tensor, target: Tensor, *, kind: Literal["l1", "mse", "huber"] = "huber") -> Tensor:
    """Mean loss over finite targets; `huber` turns from square to line at 1.

    Args:
        scores: (N, 1, H, W).
        target: (N, H, W) float32 in the network's own unit, NaN where there is no label.
        kind: Absolute, squared, or Huber's.

    Returns:
        A scalar; 0 with gradient 0 where no target is finite.
    """
    finite = torch.isfinite(target)
    estimate, truth = scores[:, 0].float()[finite], target[finite]
    if kind == "l1":
        total = functional.l1_loss(estimate, truth, reduction="sum")
    elif kind == "mse":
        total = functional.mse_loss(estimate, truth, reduction="sum")
    else:
        total = functional.huber_loss(estimate, truth, reduction="sum")
    return total / max(1, truth.numel())
