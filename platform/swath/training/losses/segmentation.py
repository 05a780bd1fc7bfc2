"""Losses of classes by pixel: cross-entropy, Dice, focal."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from swath.models.features import cross_entropy
from swath.training.losses.weighing import pixel_weights, weighted_mean

_SMOOTH = 1.0  # pixels: keeps Dice of a class with few pixels from jumping between 0 and 1


def dice(scores: Tensor, target: Tensor, *, weight: Tensor | None = None, objects: Tensor | None = None) -> Tensor:
    """Soft Dice over labelled pixels: 1 - mean over classes of (2 sum p y + 1) / (sum p + sum y + 1).

    p is the probability of a class, y is 1 where it is the label; the mean goes over the classes that the batch has.
    After Sudre et al. 2017 (doi:10.1007/978-3-319-67558-9_28), equation 1, with sums over the batch.

    Args:
        scores: (N, K, H, W) before activation.
        target: (N, H, W) int64 class, 255 where there is no label.
        weight: (N, H, W) of each pixel in the sums.
        objects: See `pixel_weights`.

    Returns:
        A scalar between 0 and 1; 0 with gradient 0 where no pixel has a label.
    """
    classes = scores.shape[1]
    labelled, weights = pixel_weights(target, weight, objects)
    probability = scores.softmax(1).movedim(1, -1)[labelled]  # (pixels, K)
    truth = functional.one_hot(target[labelled], classes).to(probability.dtype)
    if weight is not None or objects is not None:
        weights = weights[:, None].to(probability.dtype)
        have, all_of, both = (weights * truth).sum(0), (weights * probability).sum(0), weights * probability * truth
    else:
        have, all_of, both = truth.sum(0), probability.sum(0), probability * truth
    score = (2 * both.sum(0) + _SMOOTH) / (all_of + have + _SMOOTH)
    present = have > 0
    # a sum rather than score[present].mean(): that of nothing is NaN
    return ((1 - score) * present).sum() / present.sum().clamp(min=1)


def segmentation_loss(
    scores: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    objects: Tensor | None = None,
    weights: Tensor | None = None,
    cross_entropy_weight: float = 1.0,
    dice_weight: float = 1.0,
    smoothing: float = 0.0,
) -> Tensor:
    """Weighted sum of class-weighted cross-entropy and `dice`, in float32.

    Args:
        scores: (N, K, H, W) before activation.
        target: (N, H, W) int64 class, 255 where there is no label.
        weight: (N, H, W) of each pixel; all 1 by default.
        objects: See `pixel_weights`.
        weights: (K,) weight of each class in cross-entropy; all 1 by default.
        cross_entropy_weight: Of cross-entropy: sum of v w[y] * -log softmax(scores)[y] over labelled pixels, / sum of
            v w[y], v being the pixel's weight.
        dice_weight: Of Dice.
        smoothing: Share of a label that cross-entropy spreads over all classes (Szegedy et al. 2016).

    Returns:
        A scalar; 0 with gradient 0 where no pixel has a label.
    """
    scores = scores.float()
    loss = scores.new_zeros(())
    if cross_entropy_weight:
        if weight is None and objects is None:
            entropy = cross_entropy(scores, target, weights, smoothing=smoothing)
        else:
            entropy = _entropy_by_pixel(scores, target, weight, objects, weights, smoothing)
        loss = loss + cross_entropy_weight * entropy
    if dice_weight:
        loss = loss + dice_weight * dice(scores, target, weight=weight, objects=objects)
    return loss


def focal_loss(
    scores: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    objects: Tensor | None = None,
    weights: Tensor | None = None,
    gamma: float = 2.0,
) -> Tensor:
    """Cross-entropy in which pixels that are already right count less: mean of w[y] (1 - p[y])^gamma * -log p[y].

    Lin et al. 2017 (doi:10.1109/ICCV.2017.324), equation 5, of softmax probabilities; gamma 0 is cross-entropy.

    Args:
        scores: (N, K, H, W) before activation.
        target: (N, H, W) int64 class, 255 where there is no label.
        weight: (N, H, W) of each pixel; all 1 by default.
        objects: See `pixel_weights`.
        weights: (K,) weight of each class, the paper's alpha; all 1 by default.
        gamma: How much less; not negative.

    Returns:
        A scalar, the sum over labelled pixels / sum of their weights; 0 with gradient 0 where none has a label.
    """
    kept, share = pixel_weights(target, weight, objects)
    label = target[kept]
    logs = scores.float().movedim(1, -1)[kept].log_softmax(-1).gather(1, label[:, None])[:, 0]
    if weights is not None:
        share = share * weights[label]
    # 1 - exp(log p) loses all digits for p near 1, and a power of 0 has no gradient: expm1 and a floor keep both
    missing = (-torch.expm1(logs)).clamp(min=1e-12)
    return weighted_mean(-logs * missing**gamma, share)


def _entropy_by_pixel(
    scores: Tensor,
    target: Tensor,
    weight: Tensor | None,
    objects: Tensor | None,
    weights: Tensor | None,
    smoothing: float,
) -> Tensor:
    kept, share = pixel_weights(target, weight, objects)
    label = target[kept]
    each = functional.cross_entropy(
        scores.movedim(1, -1)[kept], label, weight=weights, reduction="none", label_smoothing=smoothing
    )
    # torch has multiplied by the class's weight already; it must stand below the line too
    of_class = torch.ones_like(share) if weights is None else weights[label]
    return (each * share).sum() / (share * of_class).sum().clamp(min=1e-12)
