"""What validation adds up: loss and figures, as one row of sums that workers can add."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from swath.errors import LabelError, ModelError
from swath.models.calibration import ClassCalibration
from swath.models.spec import ClassesOutput, ModelSpec
from swath.training.losses import ordinal_probabilities
from swath.training.metrics import (
    LOWER_IS_BETTER,
    DistributionSums,
    RankSums,
    Reliability,
    ValueBins,
    ValueSums,
    class_figures,
    confusion,
    mean_rank_error,
)
from swath.training.metrics.plain import plain
from swath.training.said import Said, head_of, said_of
from swath.training.source import IGNORED

RIM = 2  #: pixels along edges of labels that figures are told without, too
_NAMES = {"miou": "mean_iou"}  # as heads name it, and as figures do


class Score:
    """Sums over batches.

    Args:
        spec: Of the model.
        size: Of the figures' sums.

    Attributes:
        sums: float64: loss x labelled pixels, labelled pixels, then those of the figures. They add up over workers.
    """

    def __init__(self, spec: ModelSpec, size: int) -> None:
        self.spec = spec
        self.sums: NDArray[np.float64] = np.zeros(2 + size)

    def add(
        self,
        scores: Tensor,
        target: Tensor,
        *,
        loss: float,
        labelled: int,
        weight: Tensor | None = None,
        objects: Tensor | None = None,
        error: Tensor | None = None,
    ) -> None:
        """A batch.

        Args:
            scores: (N, K, H, W), or (N, K) of a head for whole windows.
            target: As `Batch` has it.
            loss: Mean over its labelled pixels.
            labelled: How many those are.
            weight: Like target: pixels of weight 0 are left out; the others count alike in every figure, but for the
                mean over an object.
            objects: Like target: values are held against their labels object by object, as in the loss; see
                `pairs_of`. Classes are held pixel by pixel all the same.
            error: Like target, standard error of values.

        Raises:
            ModelError: The network gave no number where there is a label.
        """
        self.sums[0] += loss * labelled
        self.sums[1] += labelled
        if weight is not None and weight.shape == target.shape and target.is_floating_point():
            target = target.masked_fill(weight <= 0, torch.nan)
        elif weight is not None and weight.shape == target.shape:
            target = target.masked_fill(weight <= 0, IGNORED)
        _check(scores, target)
        self.sums[2:] += self._figures_of(scores, target, weight=weight, objects=objects, error=error)

    def _figures_of(
        self, scores: Tensor, target: Tensor, *, weight: Tensor | None, objects: Tensor | None, error: Tensor | None
    ) -> NDArray[np.float64]:
        raise NotImplementedError

    @property
    def loss(self) -> float:
        """Mean over labelled pixels."""
        return float(self.sums[0] / self.sums[1])

    @property
    def measure(self) -> str:
        """What chooses the best epoch: the first measure that the head names."""
        head = head_of(self.spec)
        return self._default if head is None else _NAMES.get(head.metrics[0], head.metrics[0])

    _default = ""

    @property
    def score(self) -> float:
        """What chooses the best epoch; higher is better: `measure`, or minus it where less is better.

        Raises:
            LabelError: It has no meaning on these labels.
        """
        value = self.figures.get(self.measure)
        if value is None:
            raise LabelError(
                f"The labels held out for validation give no {self.measure}.",
                fix="Hold out blocks with more labels, or set patience to null and validate on nothing.",
                measure=self.measure,
            )
        return -float(value) if self.measure in LOWER_IS_BETTER else float(value)

    @property
    def figures(self) -> dict[str, Any]:
        """As JSON-ready values; None where a figure has no meaning."""
        raise NotImplementedError


class ClassScore(Score):
    """A confusion matrix, the same without a rim along the edges of labels, and how true the probabilities are.

    Where two classes meet, labels that an algorithm or a hand has drawn are off by a pixel or two: figures are told
    with and without these.
    """

    _default = "macro_f1"

    @classmethod
    def size(cls, classes: int) -> int:
        """Of the figures' sums."""
        return 2 * classes**2 + Reliability.SIZE

    @property
    def matrix(self) -> NDArray[np.int64]:
        """(K, K), rows are truth."""
        k = len(self.spec.output.channels)
        return self.sums[2 : 2 + k * k].astype(np.int64).reshape(k, k)

    def _figures_of(
        self, scores: Tensor, target: Tensor, *, weight: Tensor | None, objects: Tensor | None, error: Tensor | None
    ) -> NDArray[np.float64]:
        k = len(self.spec.output.channels)
        keep = target != IGNORED  # on the device, so that only labelled pixels are copied
        held = scores.movedim(1, -1).reshape(*target.shape, -1)[keep].float()
        confidence, found = self._probabilities(held).max(1)
        truth = target[keep]
        matrix = confusion(truth.cpu().numpy(), found.cpu().numpy(), k)
        inner = ~rim_of(target)[keep] if target.ndim == 3 else torch.ones_like(truth, dtype=torch.bool)
        apart = confusion(truth[inner].cpu().numpy(), found[inner].cpu().numpy(), k)
        sure = Reliability.of(confidence.cpu().numpy(), (found == truth).cpu().numpy())
        return np.concatenate([matrix.ravel(), apart.ravel(), sure.sums.ravel()])

    def _probabilities(self, scores: Tensor) -> Tensor:
        """(pixels, K) of what the head gives, calibrated where the model is."""
        output, made = self.spec.output, self.spec.calibration
        assert isinstance(output, ClassesOutput)
        if isinstance(made, ClassCalibration):
            return made.adjusted(logits_of(self.spec, scores)).softmax(1)
        if scores.shape[1] == len(output.classes) - 1:
            return ordinal_probabilities(scores)
        if output.activation == "softmax":
            return scores.softmax(1)
        return scores.sigmoid() if output.activation == "sigmoid" else scores

    @property
    def figures(self) -> dict[str, Any]:
        """See `class_figures` and `Reliability.figures`, and the confusion matrix."""
        k, network = len(self.spec.output.channels), self.spec.network
        apart, bins = np.split(self.sums[2 + k * k :], [k * k])
        sure, inner = Reliability(bins.reshape(3, -1)), apart.astype(np.int64).reshape(k, k)
        ordered = {}
        if network is not None and network.head.name == "ordinal":
            ordered = {"mean_rank_error": plain(mean_rank_error(self.matrix))}
        named = class_figures(self.matrix, self.spec.output.channels)
        without = {f"without_rim_of_{RIM}_px": class_figures(inner, self.spec.output.channels)}
        return {**named, **ordered, **sure.figures(), **without, "confusion": self.matrix.tolist()}


class ValueScore(Score):
    """Errors in the unit of the value, and of its uncertainty where the head tells one.

    The best epoch is that of least CRPS where the head gives a distribution: RMSE would not see a wrong interval.
    """

    _default = "rmse"

    def __init__(self, spec: ModelSpec, size: int) -> None:
        super().__init__(spec, size)
        self.said: Said = said_of(spec)

    @property
    def measure(self) -> str:
        """CRPS of a distribution, else the first measure that the head names."""
        return super().measure if self.said.form == "point" else "crps"

    def _figures_of(
        self, scores: Tensor, target: Tensor, *, weight: Tensor | None, objects: Tensor | None, error: Tensor | None
    ) -> NDArray[np.float64]:
        said = self.said
        value, told = said.value, {"weight": weight, "objects": objects, "error": error}
        truth, estimate, noise = said.means(scores, target, **told)
        estimate = np.clip(estimate, value.low, value.high)
        sums = [ValueSums.of(truth, estimate).sums, ValueBins.of(truth, estimate).sums.ravel()]
        if said.form != "point":
            of_each = said.distributions(scores, target, **told)
            sums.append(DistributionSums.of(truth, of_each, noise, low=value.low, high=value.high).sums)
        return np.concatenate(sums)

    @property
    def figures(self) -> dict[str, Any]:
        """See `ValueSums.figures`, `ValueBins.figures` and, of a distribution, `DistributionSums.figures`."""
        values, bins, spread = np.split(self.sums[2:], np.cumsum([ValueSums.SIZE, ValueBins.SIZE]))
        told = {**ValueSums(values).figures(), **ValueBins(bins.reshape(ValueBins.SHAPE)).figures()}
        return {**told, **(DistributionSums(spread).figures() if len(spread) else {})}


class PresenceScore(Score):
    """Ranks of many species, each by itself; targets are (N, S, H, W) or (N, S), NaN where nothing is told."""

    _default = "auc"

    @property
    def species(self) -> tuple[str, ...]:
        """Names of the species that have a score."""
        return self.spec.output.channels[: len(self.sums[2:]) // RankSums.SIZE]

    def _figures_of(
        self, scores: Tensor, target: Tensor, *, weight: Tensor | None, objects: Tensor | None, error: Tensor | None
    ) -> NDArray[np.float64]:
        if weight is not None and weight.shape != target.shape:  # one for all species
            target = target.masked_fill((weight <= 0).unsqueeze(1), torch.nan)
        rows = (part.movedim(1, -1).reshape(-1, part.shape[1]).cpu().numpy() for part in (target, scores.float()))
        return RankSums.of(*rows).sums.ravel()

    @property
    def figures(self) -> dict[str, Any]:
        """See `RankSums.figures`."""
        sums = self.sums[2:].reshape(len(self.species), 2, -1)
        return RankSums(sums).figures(self.species)


def score_of(spec: ModelSpec) -> Score:
    """Empty sums for a model.

    Raises:
        ModelError: Quantiles without an interval that can be scored.
    """
    if isinstance(spec.output, ClassesOutput):
        return ClassScore(spec, ClassScore.size(len(spec.output.classes)))
    if spec.network is not None and spec.network.head.name == "presence":
        species = len(spec.output.channels) - bool(spec.network.head.settings.get("richness", False))
        return PresenceScore(spec, species * RankSums.SIZE)
    spread = 0 if said_of(spec).form == "point" else DistributionSums.SIZE
    return ValueScore(spec, ValueSums.SIZE + ValueBins.SIZE + spread)


def logits_of(spec: ModelSpec, scores: Tensor) -> Tensor:
    """(pixels, K) whose softmax are the probabilities, of what a head for classes gives; before calibration."""
    ordered = scores.shape[1] == len(spec.output.channels) - 1
    return ordinal_probabilities(scores).clamp(min=1e-9).log() if ordered else scores


def rim_of(target: Tensor, width: int = RIM) -> Tensor:
    """Pixels that lie within some pixels of a label of another class.

    Args:
        target: (N, H, W) int64 class, 255 where there is no label.
        width: Pixels, along rows, columns and diagonals.

    Returns:
        (N, H, W) bool.
    """
    known, size = target != IGNORED, 2 * width + 1
    highest, lowest = (
        functional.max_pool2d(torch.where(known, sign * target, -IGNORED).float(), size, stride=1, padding=width) * sign
        for sign in (1, -1)
    )
    return known & (highest != lowest)


def _check(scores: Tensor, target: Tensor) -> None:
    """Refuse scores that are no numbers: figures of them would be, or hide them among the wrong ones."""
    known = torch.isfinite(target) if target.is_floating_point() else target != IGNORED
    if target.ndim == scores.ndim:  # a target a channel
        wrong = known & ~torch.isfinite(scores[:, : target.shape[1]])
    else:
        wrong = known & ~torch.isfinite(scores).all(1).reshape(target.shape)
    if wrong.any():
        raise ModelError(
            f"The network gave no number on {int(wrong.sum())} of {int(known.sum())} labels.",
            fix="Look at the numbers of these chips, or lower optimiser.lr.",
        )
