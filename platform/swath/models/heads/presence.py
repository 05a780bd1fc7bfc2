"""Relative suitability of each pixel for many species at once."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from swath.errors import ModelError
from swath.models.features import Features, Head, whole
from swath.models.layers import Up, up_reaches


class Presence(Head):
    """The expanding path of a U-Net with skips (nothing where the pyramid has one level), then a logit a species.

    Species do not exclude each other: the model's outputs are values, the logistic function of each score. From
    presence-only labels they are a relative index from 0 to 1, and no probability.

    Args:
        channels: Of each level of the pyramid, finest first.
        vector_size: Not used.
        outputs: Species, and one more with `richness`.
        depth: Convolutions a level.
        richness: The last output is the sum over species: relative richness.
    """

    task = "regression"
    kind = "values"
    metrics = ("auc", "tss", "boyce")

    def __init__(
        self, channels: Sequence[int], vector_size: int, outputs: int, *, depth: int = 2, richness: bool = False
    ) -> None:
        super().__init__(channels, vector_size, outputs)
        depth = whole("depth", depth, low=1, high=8)
        if not isinstance(richness, bool):
            raise ModelError(f"Setting richness of a network is {richness!r}.", fix="Give true or false.")
        if outputs - richness < 1:
            raise ModelError(
                f"Head presence has {outputs} outputs, none of which is a species.", fix="Name one species at least."
            )
        self.richness = richness
        self.up = Up(channels, depth=depth)
        self.score = nn.Conv2d(channels[0], outputs - richness, 1)
        self.reaches = up_reaches(len(channels), depth=depth)

    def forward(self, features: Features) -> Tensor:
        """(N, species, H, W) logits."""
        scores: Tensor = self.score(self.up(features.pyramid))
        return scores

    def close(self, scores: Tensor) -> Tensor:
        """See `Head`."""
        found = scores.sigmoid()
        return torch.cat([found, found.sum(dim=1, keepdim=True)], dim=1) if self.richness else found

    def loss(self, scores: Tensor, target: Tensor, *, weights: Tensor | None = None) -> Tensor:
        """Binary cross-entropy, mean over what is known: of presence and absence, or absence that is assumed.

        Args:
            scores: (N, species, H, W).
            target: The same shape, float32: 1 seen, 0 not, NaN where nothing is known of a species.
            weights: (species,), of each.
        """
        known = torch.isfinite(target)
        wanted = torch.where(known, target, torch.zeros_like(target))
        each = functional.binary_cross_entropy_with_logits(scores, wanted, reduction="none")
        share = known.to(each.dtype)
        if weights is not None:
            share = share * weights.view(1, -1, 1, 1)
        return (each * share).sum() / share.sum().clamp(min=1e-12)
