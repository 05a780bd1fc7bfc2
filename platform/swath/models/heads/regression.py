"""Physical values for each pixel."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from swath.models.features import Features, Head, whole
from swath.models.layers import Up, up_reaches


class Regression(Head):
    """The expanding path of a U-Net with skips, then a 1 x 1 convolution.

    Args:
        channels: Of each level of the pyramid, finest first.
        vector_size: Not used.
        outputs: Values.
        depth: Convolutions a level.
    """

    task = "regression"
    kind = "values"
    metrics = ("rmse", "bias", "r2")

    def __init__(self, channels: Sequence[int], vector_size: int, outputs: int, *, depth: int = 2) -> None:
        super().__init__(channels, vector_size, outputs)
        depth = whole("depth", depth, low=1, high=8)
        self.up = Up(channels, depth=depth)
        self.value = nn.Conv2d(channels[0], outputs, 1)
        self.reaches = up_reaches(len(channels), depth=depth)

    def forward(self, features: Features) -> Tensor:
        """See `Head`."""
        return self.value(self.up(features.pyramid))

    def loss(self, scores: Tensor, target: Tensor, *, weights: Tensor | None = None) -> Tensor:
        """Huber's loss with a threshold of 1 (in units of the network's numbers), mean over labelled pixels.

        Args:
            scores: (N, K, H, W).
            target: (N, K, H, W) float32 numbers of the network; NaN where there is no label.
            weights: (K,), of each value.
        """
        labelled = torch.isfinite(target)
        # a NaN times a mask of 0 is NaN still: it is replaced before the loss
        wanted = torch.where(labelled, target, scores.detach())
        each = functional.huber_loss(scores, wanted, reduction="none") * labelled
        share = labelled.to(each.dtype)
        if weights is not None:
            each, share = each * weights.view(1, -1, 1, 1), share * weights.view(1, -1, 1, 1)
        return each.sum() / share.sum().clamp(min=1e-12)
