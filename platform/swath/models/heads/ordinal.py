"""Classes that have an order, for each pixel."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from swath.errors import ModelError
from swath.models.features import IGNORED, Features, Head, whole
from swath.models.layers import Up, up_reaches

LEAST = 1e-9  #: a probability whose logarithm is taken


class Ordinal(Head):
    """One number a pixel on a scale that rising cuts divide into classes (cumulative logits, McCullagh 1980).

    Scores are K - 1 logits, of which score k says whether the class lies above k: the number minus cut k. Cuts rise by
    construction, so that probabilities of classes are never below 0 (CORAL, Cao et al. 2020,
    doi:10.1016/j.patrec.2020.11.008). The model's outputs are logarithms of probabilities: activation `softmax`.

    Args:
        channels: Of each level of the pyramid, finest first.
        vector_size: Not used.
        outputs: Classes, from the least to the most.
        depth: Convolutions a level.
    """

    task = "semantic-segmentation"
    kind = "classes"
    metrics = ("macro_f1", "overall_accuracy", "miou")

    def __init__(self, channels: Sequence[int], vector_size: int, outputs: int, *, depth: int = 2) -> None:
        super().__init__(channels, vector_size, outputs)
        depth = whole("depth", depth, low=1, high=8)
        if outputs < 2:
            raise ModelError(f"Head ordinal has {outputs} classes.", fix="Name two at least, in their order.")
        self.up = Up(channels, depth=depth)
        self.number = nn.Conv2d(channels[0], 1, 1, bias=False)
        self.first = nn.Parameter(torch.tensor(-(outputs - 2) / 2.0))
        # softplus(0.54) is 1: cuts a logit apart
        self.steps = nn.Parameter(torch.full((outputs - 2,), 0.5413))
        self.reaches = up_reaches(len(channels), depth=depth)

    @property
    def cuts(self) -> Tensor:
        """(K - 1,), rising."""
        rises = functional.softplus(self.steps)
        return self.first + torch.cat([torch.zeros_like(self.first).view(1), rises.cumsum(0)])

    def forward(self, features: Features) -> Tensor:
        """(N, K - 1, H, W): logits of P(y > 0), P(y > 1) and so on."""
        number: Tensor = self.number(self.up(features.pyramid))
        return number - self.cuts.view(1, -1, 1, 1)

    def close(self, scores: Tensor) -> Tensor:
        """(N, K, H, W): logarithms of the classes' probabilities."""
        above = scores.sigmoid()
        edge = torch.ones_like(above[:, :1])
        shares = torch.cat([edge, above], dim=1) - torch.cat([above, torch.zeros_like(edge)], dim=1)
        return shares.clamp(min=LEAST).log()

    def loss(self, scores: Tensor, target: Tensor, *, weights: Tensor | None = None) -> Tensor:
        """Binary cross-entropy of each threshold, summed over them, mean over labelled pixels weighted by class.

        Args:
            scores: (N, K - 1, H, W).
            target: (N, H, W) int64, place of the class; 255 where there is no label.
            weights: (K,), of each class.
        """
        labelled = target != IGNORED
        places = torch.arange(self.outputs - 1, device=target.device).view(1, -1, 1, 1)
        above = (target.unsqueeze(1) > places).to(scores.dtype)
        each = functional.binary_cross_entropy_with_logits(scores, above, reduction="none").sum(dim=1)
        share = labelled.to(each.dtype)
        if weights is not None:
            share = share * weights[target.masked_fill(~labelled, 0)]
        return (each * share).sum() / share.sum().clamp(min=1e-12)
