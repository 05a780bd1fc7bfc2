"""A loss of classes that have an order (cover in steps, age, severity): cumulative logits."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from swath.training.losses.weighing import pixel_weights, weighted_mean


def ordinal_loss(
    scores: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    objects: Tensor | None = None,
    weights: Tensor | None = None,
    kind: Literal["coral", "cumulative"] = "coral",
) -> Tensor:
    """Loss of K ordered classes from K - 1 logits, of which score k says whether the class lies above k.

    `coral`: the sum over thresholds of binary cross-entropy of [y > k] (Cao, Mirjalili and Raschka 2020,
    doi:10.1016/j.patrec.2020.11.008). `cumulative`: -log of the class's own probability, the difference of
    two neighbours (McCullagh 1980, doi:10.1111/j.2517-6161.1980.tb01109.x); it needs logits that fall with k, as those
    of one value minus rising cuts do, and has no gradient through a class whose cuts have crossed.

    Args:
        scores: (N, K - 1, H, W), logits of P(y > 0), P(y > 1), …
        target: (N, H, W) int64, place of the class from 0; 255 where there is no label.
        weight: (N, H, W) of each pixel; all 1 by default.
        objects: See `pixel_weights`.
        weights: (K,) weight of each class; all 1 by default.
        kind: Which of the two.

    Returns:
        A scalar; 0 with gradient 0 where no pixel has a label.
    """
    kept, share = pixel_weights(target, weight, objects)
    label, logits = target[kept], scores.float().movedim(1, -1)[kept]  # (pixels, K - 1)
    if weights is not None:
        share = share * weights[label]
    if kind == "coral":
        above = (label[:, None] > torch.arange(logits.shape[1], device=label.device)).to(logits.dtype)
        each = functional.binary_cross_entropy_with_logits(logits, above, reduction="none").sum(1)
    else:
        each = -ordinal_probabilities(logits).gather(1, label[:, None])[:, 0].clamp(min=1e-9).log()
    return weighted_mean(each, share)


def ordinal_probabilities(scores: Tensor) -> Tensor:
    """Probabilities of K classes from K - 1 cumulative logits: differences of neighbours, never below 0.

    Args:
        scores: (N, K - 1, ...), logits of P(y > 0), P(y > 1), …

    Returns:
        (N, K, ...) that sums to 1: where logits do not fall with k, each takes the least of those before it.
    """
    above = torch.cummin(scores.sigmoid(), dim=1).values
    edge = torch.ones_like(above[:, :1])
    return torch.cat([edge, above], 1) - torch.cat([above, torch.zeros_like(edge)], 1)
