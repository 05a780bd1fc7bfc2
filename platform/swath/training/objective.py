"""What a training makes small: the loss that its config names, of a batch."""

from __future__ import annotations

import torch
from torch import Tensor

from swath.models.network import Network
from swath.models.spec import ModelSpec
from swath.training.batches import Batch
from swath.training.config import TrainConfig
from swath.training.losses import regression_loss, segmentation_loss


class Objective:
    """The loss of a batch.

    Args:
        config: Names it.
        spec: Of the model.
        network: Whose head may have a loss of its own.
        weights: Of the classes; None where labels are values, or all count alike.
        device: Where batches are.
    """

    def __init__(
        self,
        config: TrainConfig,
        spec: ModelSpec,
        network: Network,
        weights: tuple[float, ...] | None,
        device: torch.device,
    ) -> None:
        self._asked, self._spec, self._head = config.loss, spec, network.head
        self._weights = None if weights is None else torch.tensor(weights, device=device)

    def __call__(self, scores: Tensor, batch: Batch) -> Tensor:
        """A scalar; 0 with gradient 0 where nothing is labelled.

        Args:
            scores: What the network gave.
            batch: What it was given.
        """
        asked, target = self._asked, batch.target
        values = self._spec.output.kind == "values"
        if self._spec.task == "classification":
            return self._head.loss(scores, target[:, 0, 0], weights=self._weights)
        if asked.own:
            return self._head.loss(scores, target[:, None] if values else target, weights=self._weights)
        if values:
            return regression_loss(scores, target, kind=asked.regression)
        return segmentation_loss(
            scores,
            target,
            weights=self._weights,
            cross_entropy_weight=asked.cross_entropy,
            dice_weight=asked.dice,
            smoothing=asked.smoothing,
        )
