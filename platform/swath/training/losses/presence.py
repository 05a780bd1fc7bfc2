"""Losses of many species at once from where they were seen: absence is assumed, or replaced by background."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from swath.training.losses.weighing import weighted_mean


def assume_negative_loss(
    scores: Tensor,
    target: Tensor,
    *,
    background: Tensor | None = None,
    weight: Tensor | None = None,
    positive: float = 2048.0,
    background_weight: float = 1.0,
) -> Tensor:
    """Full assume-negative: what was not seen at a record is taken as absent there, and all species on background.

    Mean over records and species of (positive * -log p where seen, -log(1 - p) elsewhere), plus the mean over
    background of -log(1 - p). L_AN-full of Cole et al. 2023 (arXiv:2306.02564), whose positive weight of
    2048 suits tens of thousands of species: take about the number of species.

    Args:
        scores: (N, S), or (N, S, H, W): logits, a species a channel.
        target: Like scores, float32: 1 seen, 0 not seen, NaN: says nothing of the species.
        background: (N,), or (N, H, W), bool: true where a row is background, on which its targets are left aside.
        weight: Like background, of each row or pixel; all 1 by default, 0 leaves it out.
        positive: Of a presence against an assumed absence.
        background_weight: Of the background's mean against that of the records.

    Returns:
        A scalar; 0 with gradient 0 where there is nothing.
    """
    found, wanted, rows, is_background = _rows(scores, target, weight, background)
    seen = wanted == 1
    known = torch.isfinite(wanted) & ~is_background[:, None]
    each = torch.where(seen, positive * functional.softplus(-found), functional.softplus(found))
    loss = weighted_mean(each, rows[:, None] * known)
    if background is not None:
        empty = rows[:, None] * is_background[:, None]
        loss = loss + background_weight * weighted_mean(functional.softplus(found), empty.expand_as(found))
    return loss


def weighted_logistic_loss(
    scores: Tensor,
    target: Tensor,
    *,
    species: Tensor,
    background: Tensor | None = None,
    weight: Tensor | None = None,
    positive: float = 1.0,
    assumed: float = 0.8,
) -> Tensor:
    """Logistic loss in which presences and absences of a species weigh alike, however rare it is.

    Mean over rows and species of positive w -log p where seen, and assumed w / (w - 1) -log(1 - p) where it was not;
    plus (1 - assumed) times the mean over background of -log(1 - p). With w = rows / presences, both kinds of a species
    have the same total. The full weighted loss of Zbinden et al. 2024 (doi:10.1016/j.ecoinf.2024.102623):
    records of other species are a target-group background, which shares the survey's bias; random places are another.

    Args:
        scores: (N, S), or (N, S, H, W): logits, a species a channel.
        target: Like scores, float32: 1 seen, 0 not seen, NaN: says nothing of the species.
        species: (S,) float32 of `species_weights`, w above 1.
        background: (N,), or (N, H, W), bool: true where a row is random background; its targets are left aside.
        weight: Like background, of each row or pixel; all 1 by default, 0 leaves it out.
        positive: Of presences.
        assumed: 0 to 1, of absences assumed at records of others; what remains is the random background's.

    Returns:
        A scalar; 0 with gradient 0 where there is nothing.
    """
    found, wanted, rows, is_background = _rows(scores, target, weight, background)
    known = torch.isfinite(wanted) & ~is_background[:, None]
    seen, unseen = positive * species, assumed * species / (species - 1).clamp(min=1e-3)
    each = torch.where(wanted == 1, seen * functional.softplus(-found), unseen * functional.softplus(found))
    loss = weighted_mean(each, rows[:, None] * known)
    if background is not None:
        empty = rows[:, None] * is_background[:, None]
        loss = loss + (1 - assumed) * weighted_mean(functional.softplus(found), empty.expand_as(found))
    return loss


def site_loss(
    scores: Tensor,
    target: Tensor,
    *,
    background: Tensor | None = None,
    weight: Tensor | None = None,
    species: Tensor | None = None,
) -> Tensor:
    """Maximum entropy over the places of a batch: mean over presences of -log softmax over places of their species.

    A place is a record of any species, or background; where all are records, the others are a target-group background.
    The normalised Poisson loss of DeepMaxent (Ryckewaert et al. 2024, arXiv:2412.19217); with one species and linear
    scores it is MaxEnt's. Scores are logs of relative intensity: only their differences between places mean anything.

    Args:
        scores: (N, S), or (N, S, H, W): log intensity, a species a channel.
        target: Like scores, float32: 1 seen (or a count), 0 not seen, NaN: the place is none of the species' choices.
        background: (N,), or (N, H, W), bool: true where a row is background: a place without records.
        weight: Like background, of each place; all 1 by default, 0 leaves it out.
        species: (S,) weight of each species; all presences count alike by default.

    Returns:
        A scalar; 0 with gradient 0 where nothing was seen.
    """
    found, wanted, rows, is_background = _rows(scores, target, weight, background)
    places = (torch.isfinite(wanted) | is_background[:, None]) & (rows > 0)[:, None]
    counts = torch.where(places & ~is_background[:, None], wanted, 0.0).nan_to_num() * rows[:, None]
    # a weight multiplies a place's intensity, so that a place that stands for two counts as two below the line
    level = (found + rows.clamp(min=1e-12).log()[:, None]).masked_fill(~places, float("-inf"))
    chosen = counts.sum(0) > 0
    level, found, counts = level[:, chosen], found[:, chosen], counts[:, chosen]
    each = level.logsumexp(0)[None] - found
    shares = counts if species is None else counts * species[chosen]
    return weighted_mean(each, shares)


def species_weights(
    presences: NDArray[np.int64], rows: int, how: Literal["balanced", "root", "none"] = "balanced"
) -> NDArray[np.float32]:
    """Weights of species for `weighted_logistic_loss`, from all training rows and not from a batch.

    Args:
        presences: (S,) rows with each species, 1 or more.
        rows: Records in all.
        how: balanced: rows / presences; root: its square root, at least; none: 2 for each, so that presence and absence
            count alike.

    Returns:
        (S,) float32, above 1.

    Raises:
        ValueError: A species without presences: it cannot be learned.
    """
    if (presences < 1).any():
        raise ValueError(f"species {np.flatnonzero(presences < 1).tolist()} have no presence to learn from")
    if how == "none":
        return np.full(len(presences), 2, np.float32)
    ratio = rows / presences.astype(np.float64)
    weights = ratio if how == "balanced" else np.sqrt(ratio)
    return weights.clip(1 + 1e-3).astype(np.float32)


def _rows(
    scores: Tensor, target: Tensor, weight: Tensor | None, background: Tensor | None
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Scores and targets (M, S), weights (M,) and marks of background (M,), of rows or of all pixels."""
    species = scores.shape[1]
    found = scores.float().movedim(1, -1).reshape(-1, species)
    wanted = target.movedim(1, -1).reshape(-1, species)
    rows = found.new_ones(len(found)) if weight is None else weight.reshape(-1).float()
    marks = torch.zeros_like(rows, dtype=torch.bool) if background is None else background.reshape(-1)
    kept = rows > 0
    return found[kept], wanted[kept], rows[kept], marks[kept]
