"""Means over what is labelled, and what a label weighs."""

from __future__ import annotations

import torch
from torch import Tensor

from swath.models.features import IGNORED


def weighted_mean(each: Tensor, weight: Tensor) -> Tensor:
    """Sum of w x / sum of w; 0 with gradient 0 where nothing weighs anything.

    Args:
        each: Losses, any shape.
        weight: The same shape, not negative.
    """
    return (each * weight).sum() / weight.sum().clamp(min=1e-12)


def object_ids(objects: Tensor) -> Tensor:
    """Numbers of objects that differ between the chips of a batch.

    Args:
        objects: (N, ...) number of each pixel's object within its chip; 0 where it belongs to none.

    Returns:
        The same shape, int64; still 0 where there is none.
    """
    ids = objects.long()
    most = ids.max() + 1 if ids.numel() else 1
    chips = torch.arange(len(ids), device=ids.device).view(-1, *[1] * (ids.ndim - 1))
    return torch.where(ids > 0, chips * most + ids, 0)


def pixel_weights(target: Tensor, weight: Tensor | None, objects: Tensor | None) -> tuple[Tensor, Tensor]:
    """Which pixels have a class, and what each weighs in the mean.

    Args:
        target: (N, H, W) int64 class, 255 where there is no label.
        weight: (N, H, W) of each pixel; None: all alike.
        objects: (N, H, W) number of the label within its chip, 0 where there is none. With it each label counts alike,
            however many pixels it has: a large polygon does not drown the small ones. None: each pixel counts alike.

    Returns:
        (N, H, W) bool, and the weights of those pixels, (pixels,) float32.
    """
    kept = target != IGNORED
    if weight is not None:
        kept = kept & (weight > 0)
    if objects is not None:
        kept = kept & (objects.long() > 0)
    weights = torch.ones_like(target[kept], dtype=torch.float32) if weight is None else weight[kept].float()
    if objects is not None:
        _, number = torch.unique(object_ids(objects)[kept], return_inverse=True)
        weights = weights / torch.bincount(number).clamp(min=1)[number]
    return kept, weights
