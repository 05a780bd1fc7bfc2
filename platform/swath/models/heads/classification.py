"""One class for a whole window."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from swath.models.features import Features, Head, cross_entropy, mean_of_shares


class Classification(Head):
    """A linear map of the encoder's vector.

    Args:
        channels: Not used.
        vector_size: Length of the vector.
        outputs: Classes.
    """

    task = "classification"
    kind = "classes"
    metrics = ("macro_f1", "overall_accuracy")

    def __init__(self, channels: Sequence[int], vector_size: int, outputs: int) -> None:
        super().__init__(channels, vector_size, outputs)
        self.score = nn.Linear(vector_size, outputs)
        self.reaches = None

    def forward(self, features: Features) -> Tensor:
        """See `Head`."""
        return self.score(features.vector)

    def pooled(self, scores: Sequence[Tensor]) -> Tensor:
        """See `Head`: the mean is of probabilities."""
        return mean_of_shares(scores)

    def loss(self, scores: Tensor, target: Tensor, *, weights: Tensor | None = None) -> Tensor:
        """Cross-entropy, mean over labelled windows weighted by class.

        Args:
            scores: (N, K).
            target: (N,) int64, index of the class; 255 where there is no label.
            weights: (K,), of each class.
        """
        return cross_entropy(scores, target, weights)
