"""Losses of values: of a point, of a distribution, of quantiles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from swath.training.losses.logspace import Log
from swath.training.losses.support import Pairs, pairs_of
from swath.training.losses.weighing import weighted_mean


def regression_loss(
    scores: Tensor,
    target: Tensor,
    *,
    kind: Literal["l1", "mse", "huber"] = "huber",
    weight: Tensor | None = None,
    objects: Tensor | None = None,
    error: Tensor | None = None,
    spread: float | None = None,
    log: Log | None = None,
) -> Tensor:
    """Mean loss over labels; `huber` turns from square to line at 1.

    Args:
        scores: (N, 1, H, W), or (N, 1) of rows.
        target: (N, H, W) float32 in the network's own unit, NaN where there is no label.
        kind: Absolute, squared, or Huber's.
        weight: (N, H, W) of each label; all 1 by default.
        objects: (N, H, W): hold the mean over each object against its label; see `pairs_of`.
        error: (N, H, W) standard error of each label; it counts where `spread` is given.
        spread: Standard deviation of what a perfect label would still leave, in the unit of the loss: a label then
            weighs spread^2 / (spread^2 + error^2), as by the variances that add up. None: errors do not weigh.
        log: Learn logs of values.

    Returns:
        A scalar; 0 with gradient 0 where no target is finite.
    """
    pairs = pairs_of(scores, target, weight=weight, objects=objects, error=error, log=log)
    found = pairs.scores[:, 0]
    if kind == "l1":
        each = functional.l1_loss(found, pairs.target, reduction="none")
    elif kind == "mse":
        each = functional.mse_loss(found, pairs.target, reduction="none")
    else:
        each = functional.huber_loss(found, pairs.target, reduction="none")
    return weighted_mean(each, _precise(pairs, spread))


def gaussian_loss(
    scores: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    objects: Tensor | None = None,
    error: Tensor | None = None,
    beta: float = 0.0,
    correlation: float = 1.0,
    log: Log | None = None,
) -> Tensor:
    """Mean of -log N(y; m, s^2 + error^2), without the constant log(2 pi) / 2.

    The label's own variance is added, so that s is the spread of the truth about m, not of the label. With `beta` each
    label's loss is multiplied by its variance^beta, held fixed, so that labels far from the mean are not given up as
    noise: at 1 the mean follows squared errors (Seitzer et al. 2022, arXiv:2203.09168; they advise 0.5).

    Args:
        scores: (N, 2, H, W), or (N, 2) of rows: mean, log of s.
        target: (N, H, W) float32 in the network's own unit, NaN where there is no label.
        weight: (N, H, W) of each label; all 1 by default.
        objects: (N, H, W): hold the mean over each object against its label; see `pairs_of`.
        error: (N, H, W) standard error of each label; none by default.
        beta: 0 (plain likelihood) to 1.
        correlation: Of the errors of an object's pixels; see `pairs_of`.
        log: Learn logs of values: they are then log-normal.

    Returns:
        A scalar; 0 with gradient 0 where there is no label.
    """
    pairs = pairs_of(
        scores, target, form="gaussian", weight=weight, objects=objects, error=error, correlation=correlation, log=log
    )
    variance = (2 * pairs.scores[:, 1]).exp() + pairs.error**2
    each = 0.5 * (variance.log() + (pairs.target - pairs.scores[:, 0]) ** 2 / variance)
    return weighted_mean(_softened(each, variance, beta), pairs.weight)


def laplace_loss(
    scores: Tensor,
    target: Tensor,
    *,
    weight: Tensor | None = None,
    objects: Tensor | None = None,
    error: Tensor | None = None,
    beta: float = 0.0,
    correlation: float = 1.0,
    log: Log | None = None,
) -> Tensor:
    """Mean of -log of a Laplace distribution about m: log(2 b) + |y - m| / b. Wrong labels pull less than by squares.

    Its variance is 2 b^2; a label's own is added to it, b'^2 = b^2 + error^2 / 2. `beta` is as in `gaussian_loss`, with
    b'^beta: at 1 the mean follows absolute errors.

    Args:
        scores: (N, 2, H, W), or (N, 2) of rows: mean, log of b.
        target: (N, H, W) float32 in the network's own unit, NaN where there is no label.
        weight: (N, H, W) of each label; all 1 by default.
        objects: (N, H, W): hold the mean over each object against its label; see `pairs_of`.
        error: (N, H, W) standard error of each label; none by default.
        beta: 0 (plain likelihood) to 1.
        correlation: Of the errors of an object's pixels; see `pairs_of`.
        log: Learn logs of values.

    Returns:
        A scalar; 0 with gradient 0 where there is no label.
    """
    pairs = pairs_of(
        scores, target, form="laplace", weight=weight, objects=objects, error=error, correlation=correlation, log=log
    )
    scale = ((2 * pairs.scores[:, 1]).exp() + 0.5 * pairs.error**2).sqrt()
    each = math.log(2) + scale.log() + (pairs.target - pairs.scores[:, 0]).abs() / scale
    return weighted_mean(_softened(each, scale, beta), pairs.weight)


def quantile_loss(
    scores: Tensor,
    target: Tensor,
    *,
    levels: Sequence[float],
    weight: Tensor | None = None,
    objects: Tensor | None = None,
    error: Tensor | None = None,
    spread: float | None = None,
    log: Log | None = None,
) -> Tensor:
    """Mean over levels t of the pinball loss: t (y - q) where y is above q, (1 - t) (q - y) below.

    Koenker and Bassett 1978 (doi:10.2307/1913643). The quantiles are those of the labels, their noise included: noise
    that is known per label can make it count less, but is not taken out of the interval.

    Args:
        scores: (N, Q, H, W), or (N, Q) of rows: a quantile a level.
        target: (N, H, W) float32 in the network's own unit, NaN where there is no label.
        levels: Q of them, between 0 and 1, rising.
        weight: (N, H, W) of each label; all 1 by default.
        objects: (N, H, W): hold the mean over each object against its label; see `pairs_of`.
        error: (N, H, W) standard error of each label; it counts where `spread` is given.
        spread: See `regression_loss`.
        log: Learn logs of values; quantiles of values follow exactly, without a correction.

    Returns:
        A scalar; 0 with gradient 0 where there is no label.

    Raises:
        ValueError: Levels that do not rise between 0 and 1, or not one a channel.
    """
    rising = all(a < b for a, b in zip([0.0, *levels], [*levels, 1.0], strict=True))
    if len(levels) != scores.shape[1] or not rising:
        raise ValueError(
            f"{scores.shape[1]} channels and levels {tuple(levels)}: a rising level within (0, 1) for each"
        )
    pairs = pairs_of(scores, target, form="quantiles", weight=weight, objects=objects, error=error, log=log)
    above = pairs.target[:, None] - pairs.scores
    at = torch.tensor(levels, dtype=above.dtype, device=above.device)
    return weighted_mean(torch.maximum(at * above, (at - 1) * above).mean(1), _precise(pairs, spread))


def _softened(each: Tensor, size: Tensor, beta: float) -> Tensor:
    return each * size.detach() ** beta if beta else each


def _precise(pairs: Pairs, spread: float | None) -> Tensor:
    """Weights of labels, less for those of large error."""
    return pairs.weight if spread is None else pairs.weight * spread**2 / (spread**2 + pairs.error**2)
