"""What a training makes small: the loss that its config names, of a batch."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from swath.models.network import Network
from swath.models.spec import ModelSpec, ValuesOutput
from swath.training import losses
from swath.training.batches import Batch
from swath.training.config import TrainConfig
from swath.training.losses import Log
from swath.training.said import Said, said_of
from swath.training.suitability import is_presence


class Objective:
    """The loss of a batch.

    Args:
        config: Names it.
        spec: Of the model.
        network: Whose head may have a loss of its own.
        weights: Of the classes, or of species in the weighted loss; None where labels are values, or all count alike.
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
        self._is_presence = is_presence(spec)
        self._said: Said | None = None
        if isinstance(spec.output, ValuesOutput) and not self._is_presence:
            self._said = said_of(spec)

    def __call__(self, scores: Tensor, batch: Batch) -> Tensor:
        """A scalar; 0 with gradient 0 where nothing is labelled. Of several members the mean of what each loses.

        Args:
            scores: What the network gave; members follow one another as further windows.
            batch: What it was given.
        """
        members = len(scores) // len(batch.target)
        if members == 1:
            return self._one(scores, batch)
        return torch.stack([self._one(part, batch) for part in scores.chunk(members)]).mean()

    def _one(self, scores: Tensor, batch: Batch) -> Tensor:
        """Of one prediction."""
        if self._spec.task == "classification":
            return self._head.loss(scores, batch.target[:, 0, 0], weights=self._weights)
        if self._asked.own:
            target = batch.target[:, None] if self._said is not None else batch.target
            return self._head.loss(scores, target, weights=None if self._is_presence else self._weights)
        if self._is_presence:
            return self._presence(scores, batch)
        if self._said is not None:
            return self._values(scores, batch, self._said)
        return self._classes(scores, batch)

    def told(self, batch: Batch) -> dict[str, Tensor | None]:
        """What else scores hold a prediction against: weight, error, and objects where they are taken together."""
        objects = batch.objects if self._asked.by_object else None
        return {"weight": batch.weight, "objects": objects, "error": batch.error}

    def _classes(self, scores: Tensor, batch: Batch) -> Tensor:
        asked, target, told = self._asked, batch.target, self.told(batch)
        told.pop("error")
        if self._spec.network is not None and self._spec.network.head.name == "ordinal":
            return losses.ordinal_loss(scores, target, weights=self._weights, kind=asked.ordinal, **told)
        loss = scores.new_zeros(())
        if asked.cross_entropy or asked.dice:
            loss = losses.segmentation_loss(
                scores, target, weights=self._weights, cross_entropy_weight=asked.cross_entropy,
                dice_weight=asked.dice, smoothing=asked.smoothing, **told,
            )  # fmt: skip
        if asked.focal:
            focal = losses.focal_loss(scores, target, weights=self._weights, gamma=asked.gamma, **told)
            loss = loss + asked.focal * focal
        return loss

    def _values(self, scores: Tensor, batch: Batch, said: Said) -> Tensor:
        asked, target, reading = self._asked, batch.target, said.reading
        more: dict[str, Any] = {**self.told(batch), "log": Log(reading.shift) if reading.log else None}
        if reading.name == "quantiles":
            return losses.quantile_loss(scores, target, levels=reading.levels, spread=asked.spread, **more)
        if reading.name == "point":
            return losses.regression_loss(scores, target, kind=asked.regression, spread=asked.spread, **more)
        of_form = losses.gaussian_loss if reading.name == "gaussian" else losses.laplace_loss
        return of_form(scores, target, beta=asked.beta, correlation=asked.correlation, **more)

    def _presence(self, scores: Tensor, batch: Batch) -> Tensor:
        """A record has one species that was seen, background has none; targets are made so in `Preparer`."""
        asked, target = self._asked, batch.target
        background, species = target.sum(1) == 0, target.shape[1]
        if asked.presence == "assume-negative":
            return losses.assume_negative_loss(
                scores, target, background=background, weight=batch.weight, positive=asked.positive or float(species)
            )
        if asked.presence == "sites":
            return losses.site_loss(scores, target, background=background, weight=batch.weight)
        assert self._weights is not None
        return losses.weighted_logistic_loss(
            scores, target, species=self._weights, background=background, weight=batch.weight,
            positive=asked.positive or 1.0, assumed=asked.assumed,
        )  # fmt: skip
