"""A class for each pixel."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from swath.models.features import Features, Head, cross_entropy, mean_of_shares, whole
from swath.models.layers import Up, up_reaches


class Segmentation(Head):
    """The expanding path of a U-Net with skips, then a 1 x 1 convolution.

    Args:
        channels: Of each level of the pyramid, finest first.
        vector_size: Not used.
        outputs: Classes.
        depth: Convolutions a level.
    """

    task = "semantic-segmentation"
    kind = "classes"
    metrics = ("macro_f1", "overall_accuracy", "miou")

    def __init__(self, channels: Sequence[int], vector_size: int, outputs: int, *, depth: int = 2) -> None:
        super().__init__(channels, vector_size, outputs)
        depth = whole("depth", depth, low=1, high=8)
        self.up = Up(channels, depth=depth)
        self.score = nn.Conv2d(channels[0], outputs, 1)
        self.reaches = up_reaches(len(channels), depth=depth)

    def forward(self, features: Features) -> Tensor:
        """See `Head`."""
        return self.score(self.up(features.pyramid))

    def pooled(self, scores: Sequence[Tensor]) -> Tensor:
        """See `Head`: the mean is of probabilities."""
        return mean_of_shares(scores)

    def loss(self, scores: Tensor, target: Tensor, *, weights: Tensor | None = None) -> Tensor:
        """Cross-entropy, mean over labelled pixels weighted by class.

        Args:
            scores: (N, K, H, W).
            target: (N, H, W) int64, index of the class; 255 where there is no label.
            weights: (K,), of each class.
        """
        return cross_entropy(scores, target, weights)
