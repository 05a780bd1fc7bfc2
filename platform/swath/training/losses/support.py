"""What a prediction is held against: a pixel, or the mean of the pixels that one label describes."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from swath.training.losses.logspace import Log
from swath.training.losses.weighing import object_ids

Form = Literal["point", "gaussian", "laplace", "quantiles"]  #: what the channels of a regression head are
LOG_SCALE = (-10.0, 10.0)  #: a log of a scale beyond is clipped, so that no variance overflows or is 0


class Pairs(NamedTuple):
    """Predictions and labels on the same support.

    Attributes:
        scores: (M, C) float32, channels of the head; in log space where one was asked for.
        target: (M,) float32, in the same space.
        weight: (M,) float32, above 0.
        error: (M,) float32, standard error of the label in the same space; 0 where none is known.
    """

    scores: Tensor
    target: Tensor
    weight: Tensor
    error: Tensor


def pairs_of(
    scores: Tensor,
    target: Tensor,
    *,
    form: Form = "point",
    weight: Tensor | None = None,
    objects: Tensor | None = None,
    error: Tensor | None = None,
    correlation: float = 1.0,
    log: Log | None = None,
) -> Pairs:
    """Predictions and labels that a regression loss or a figure compares.

    Without `objects` each pixel is held against its own label. With them the mean over an object's pixels is, weighted
    by the pixels' weights (a footprint's disc falls off to its rim; an area's pixels weigh alike), and the heaviest
    pixel says what the label itself weighs. In log space the mean is still that of the values, log sum p exp(z).
    A mean's scale follows from those of its pixels, whose errors correlate by `correlation`:
    sigma^2 = rho (sum q s)^2 + (1 - rho) sum q^2 s^2, q being each pixel's share in the mean. Quantiles of a mean are
    means of quantiles, as of errors that go together.

    Args:
        scores: (N, C, H, W), or (N, C) of rows; `gaussian` and `laplace` have 2 channels, mean and log of the scale.
        target: (N, H, W) or (N,) float32, NaN where there is no label. All pixels of an object have its value.
        form: What the channels are.
        weight: Like target, 0 where there is no label; all 1 by default.
        objects: Like target, number of the label within its chip, 0 where there is none.
        error: Like target, standard error of the label; none by default.
        correlation: Of the errors of two pixels of an object, 0 to 1. Errors of biomass reach over a kilometre, so that
            within a footprint they are nearly the same.
        log: Scores are logs of values.
    """
    kept = torch.isfinite(target)
    if weight is not None:
        kept = kept & (weight > 0)
    if objects is not None:
        kept = kept & (objects.long() > 0)
    found = scores.movedim(1, -1)[kept].float()
    if form in ("gaussian", "laplace"):
        found = torch.stack([found[:, 0], found[:, 1].clamp(*LOG_SCALE)], 1)
    wanted = target[kept].float()
    weights = torch.ones_like(wanted) if weight is None else weight[kept].float()
    errors = torch.zeros_like(wanted) if error is None else error[kept].float().nan_to_num(nan=0.0)
    if objects is not None:
        _, number = torch.unique(object_ids(objects)[kept], return_inverse=True)
        count = int(number.max()) + 1 if len(number) else 0
        share = weights / _sums(weights, number, count)[number]
        found = _means(found, number, count, share, form=form, correlation=correlation, log=log)
        wanted, errors = _sums(share * wanted, number, count), _sums(share * errors, number, count)
        weights = weights.new_zeros(count).scatter_reduce(0, number, weights, "amax", include_self=False)
    if log is not None:
        wanted = log.of(wanted)
        errors = log.error(wanted, errors)
    return Pairs(found, wanted, weights, errors)


def _means(
    found: Tensor, number: Tensor, count: int, share: Tensor, *, form: Form, correlation: float, log: Log | None
) -> Tensor:
    """(objects, C) of (pixels, C)."""
    with_scale = form in ("gaussian", "laplace")
    centre = found[:, :1] if with_scale else found
    at = number[:, None].expand_as(centre)
    part = share[:, None]  # of each pixel in the mean of its object
    if log is None:
        mean = _sums(part * centre, number, count)
    else:
        top = centre.detach().new_zeros(count, centre.shape[1])
        top = top.scatter_reduce(0, at, centre.detach(), "amax", include_self=False)  # no exp overflows
        raised = part * (centre - top[number]).exp()
        total = _sums(raised, number, count)
        mean, part = total.log() + top, raised / total[number]
    if not with_scale:
        return mean
    scaled = part * found[:, 1:].exp()
    together, apart = _sums(scaled, number, count) ** 2, _sums(scaled**2, number, count)
    variance = correlation * together + (1 - correlation) * apart
    return torch.cat([mean, 0.5 * variance.clamp(min=1e-12).log()], 1)


def _sums(each: Tensor, number: Tensor, count: int) -> Tensor:
    """Sums by object, over the first axis."""
    return each.new_zeros(count, *each.shape[1:]).index_add(0, number, each)
