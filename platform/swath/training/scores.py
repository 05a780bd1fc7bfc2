"""What validation adds up: loss and figures, as one row of sums that workers can add."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from swath.models.spec import ClassesOutput, ModelSpec, ValuesOutput
from swath.training.metrics import ValueSums, class_figures, confusion, macro_f1
from swath.training.source import IGNORED


class Score:
    """Sums over batches.

    Args:
        spec: Of the model.

    Attributes:
        sums: float64: loss x labelled pixels, labelled pixels, then those of the figures. They add up over workers.
    """

    def __init__(self, spec: ModelSpec, size: int) -> None:
        self.spec = spec
        self.sums: NDArray[np.float64] = np.zeros(2 + size)

    def add(self, scores: Tensor, target: Tensor, *, loss: float, labelled: int) -> None:
        """A batch.

        Args:
            scores: (N, K, H, W), or (N, K) of a head for whole windows.
            target: As `Batch` has it.
            loss: Mean over its labelled pixels.
            labelled: How many those are.
        """
        self.sums[0] += loss * labelled
        self.sums[1] += labelled
        self.sums[2:] += self._figures_of(scores, target)

    def _figures_of(self, scores: Tensor, target: Tensor) -> NDArray[np.float64]:
        raise NotImplementedError

    @property
    def loss(self) -> float:
        """Mean over labelled pixels."""
        return float(self.sums[0] / self.sums[1])

    @property
    def score(self) -> float:
        """What chooses the best epoch; higher is better."""
        raise NotImplementedError

    @property
    def figures(self) -> dict[str, Any]:
        """As JSON-ready values."""
        raise NotImplementedError


class ClassScore(Score):
    """A confusion matrix; the score is macro-F1."""

    spec: ModelSpec

    @property
    def matrix(self) -> NDArray[np.int64]:
        """(K, K), rows are truth."""
        k = len(self.spec.output.channels)
        return self.sums[2:].astype(np.int64).reshape(k, k)

    def _figures_of(self, scores: Tensor, target: Tensor) -> NDArray[np.float64]:
        k = len(self.spec.output.channels)
        found = scores.argmax(1).reshape(target.shape)
        keep = target != IGNORED  # on the device, so that only labelled pixels are copied
        return confusion(target[keep].cpu().numpy(), found[keep].cpu().numpy(), k).ravel().astype(np.float64)

    @property
    def score(self) -> float:
        """Macro-F1."""
        return float(macro_f1(self.matrix))

    @property
    def figures(self) -> dict[str, Any]:
        """See `class_figures`, and the confusion matrix."""
        return {**class_figures(self.matrix, self.spec.output.channels), "confusion": self.matrix.tolist()}


class ValueScore(Score):
    """Errors in the unit of the value; the score is minus RMSE."""

    def _figures_of(self, scores: Tensor, target: Tensor) -> NDArray[np.float64]:
        value = self.spec.output.values[0] if isinstance(self.spec.output, ValuesOutput) else None
        assert value is not None
        keep = torch.isfinite(target)
        truth, found = (
            part[keep].cpu().numpy().astype(np.float64) * value.scale + value.offset for part in (target, scores[:, 0])
        )
        return ValueSums.of(truth, np.clip(found, value.low, value.high)).sums

    @property
    def score(self) -> float:
        """Minus RMSE."""
        return -float(self.figures["rmse"])

    @property
    def figures(self) -> dict[str, Any]:
        """See `ValueSums.figures`."""
        return ValueSums(self.sums[2:]).figures()


def score_of(spec: ModelSpec) -> Score:
    """Empty sums for a model."""
    if isinstance(spec.output, ClassesOutput):
        return ClassScore(spec, len(spec.output.classes) ** 2)
    return ValueScore(spec, 6)
