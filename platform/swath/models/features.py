"""The contract between encoders and heads: what one gives, the other takes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar, Literal, NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn import functional

from swath.errors import ModelError
from swath.models.spec import InputSpec

IGNORED = 255  #: index of a class that stands for "no label" in training targets


class Features(NamedTuple):
    """What an encoder sees in a window.

    Attributes:
        pyramid: Finest first; level i is (N, channels[i], H / 2^i, W / 2^i).
        vector: (N, vector_size), of the window as a whole.
    """

    pyramid: list[Tensor]
    vector: Tensor


@runtime_checkable
class ByPixel(Protocol):
    """An encoder in two parts: what it looks up in a window, where nothing is learned, and what it learns by pixel.

    What it looks up at a pixel is the same when the window is mirrored or turned by 90 degrees.
    """

    def fixed(self, x: Tensor, valid: Tensor | None = None) -> Tensor:
        """(N, T, C, H, W) and (N, T, H, W) to (N, F, H, W), the same whatever the weights."""
        ...

    def learned(self, made: Tensor) -> Features:
        """Features of (N, F, H, W), each pixel for itself."""
        ...


class Encoder(nn.Module):
    """Takes bands of one or many dates, gives features. A subclass is one file in `swath.models.encoders`.

    Args:
        spec: What the network takes.

    Attributes:
        channels: Of each level of the pyramid, finest first.
        vector_size: Length of the vector: channels of the coarsest level, whose mean it is, if a place may be added.
        reaches: For each level, how far a feature of that level sees beyond its own block of 2^i x 2^i input pixels;
            None where it sees the whole window.
        multiple: Edges and strides of windows are multiples of it, so that a shift by a stride shifts the features.
        takes_day: Whether it makes use of the day of year.
        takes_valid: Whether it makes use of the mask of valid pixels.
    """

    takes_day: ClassVar[bool] = False
    takes_valid: ClassVar[bool] = False
    channels: tuple[int, ...]
    vector_size: int
    reaches: tuple[int, ...] | None
    multiple: int

    def __init__(self, spec: InputSpec) -> None:
        super().__init__()
        self.spec = spec

    @property
    def reach(self) -> int | None:
        """Radius of the receptive field, input pixels: the most over all levels; None: the whole window."""
        return None if self.reaches is None else max(self.reaches)

    def forward(self, x: Tensor, day: Tensor | None = None, valid: Tensor | None = None) -> Features:
        """Features of windows.

        Args:
            x: (N, T, C, H, W) float32, normalised.
            day: (N, T) float32, day of year.
            valid: (N, T, H, W) float32, 1 where a step has data.
        """
        raise NotImplementedError

    def settled(self) -> Encoder:
        """The same for inference: what depends on weights only is computed once. Itself, where there is no such thing.

        The result shares weights, gives the same features, and is not for training.
        """
        return self


class Head(nn.Module):
    """Takes features, gives scores. A subclass is one file in `swath.models.heads`.

    Args:
        channels: Of each level of the pyramid, finest first.
        vector_size: Length of the vector.
        outputs: Channels that the model gives.

    Attributes:
        task: What it does, as STAC MLM names it.
        kind: Of the output that it can give.
        metrics: Names of the measures that fit it, the one that chooses the best model first.
        reaches: For each level, how far a score sees: to the furthest input pixel of the furthest block that it uses;
            None where it uses the vector.
    """

    task: ClassVar[Literal["semantic-segmentation", "regression", "classification"]]
    kind: ClassVar[Literal["classes", "values"]]
    metrics: ClassVar[tuple[str, ...]]
    reaches: tuple[int, ...] | None

    def __init__(self, channels: Sequence[int], vector_size: int, outputs: int) -> None:
        super().__init__()
        self.outputs = outputs

    @property
    def reach(self) -> int | None:
        """Pixels between a score and the furthest feature that it uses; None: the whole window."""
        return None if self.reaches is None else max(self.reaches)

    def forward(self, features: Features) -> Tensor:
        """Scores as the loss takes them: (N, outputs, H, W) without activation, unless the subclass says otherwise.

        (N, outputs) for a class of the whole window.
        """
        raise NotImplementedError

    def close(self, scores: Tensor) -> Tensor:
        """The closing formula: from scores to the output's channels, as the spec names them.

        It becomes part of a model's graph, so that a map needs nothing but the graph. By default scores are those
        channels.

        Args:
            scores: What `forward` gave.

        Returns:
            (N, outputs, H, W).
        """
        return scores

    def pooled(self, scores: Sequence[Tensor]) -> Tensor:
        """The scores of one prediction out of those of several networks that count alike; by default their mean.

        Args:
            scores: What `forward` of each gave, of one shape.
        """
        return torch.stack(list(scores)).mean(dim=0)

    def loss(self, scores: Tensor, target: Tensor, *, weights: Tensor | None = None) -> Tensor:
        """The loss that training uses if nobody says otherwise; a scalar, 0 where nothing is labelled.

        Args:
            scores: What `forward` gave.
            target: What should have come out; the subclass says how a pixel without label is marked.
            weights: (outputs,), of each output.
        """
        raise NotImplementedError


def mean_of_shares(scores: Sequence[Tensor]) -> Tensor:
    """(N, K, ...) of each network to the same, of which a softmax makes the mean of their probabilities.

    Args:
        scores: Of classes, whose softmax are probabilities.
    """
    logs = torch.stack([each.log_softmax(dim=1) for each in scores])
    return torch.logsumexp(logs, dim=0) - math.log(len(scores))


def whole(name: str, value: object, *, low: int, high: int) -> int:
    """A setting that is a whole number in a range.

    Raises:
        ModelError: It is something else.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ModelError(
            f"Setting {name} of a network is {value!r}.", fix=f"Give a whole number from {low} to {high}.", setting=name
        )
    return value


def odd(name: str, value: object, *, high: int) -> int:
    """A setting that is an odd number of pixels: the edge of something with a middle.

    Raises:
        ModelError: It is something else.
    """
    edge = whole(name, value, low=1, high=high)
    if edge % 2 == 0:
        raise ModelError(f"Setting {name} of a network is {value!r}.", fix="Give an odd number.", setting=name)
    return edge


def share(name: str, value: object) -> float:
    """A setting that is a share, from 0 to below 1.

    Raises:
        ModelError: It is something else.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise ModelError(
            f"Setting {name} of a network is {value!r}.", fix="Give a number from 0 to below 1.", setting=name
        )
    return float(value)


def number(name: str, value: object, *, low: float, high: float) -> float:
    """A setting that is a number in a range.

    Raises:
        ModelError: It is something else.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ModelError(
            f"Setting {name} of a network is {value!r}.", fix=f"Give a number from {low:g} to {high:g}.", setting=name
        )
    return float(value)


def choice(name: str, value: object, choices: Sequence[str]) -> str:
    """A setting that is one of some words.

    Raises:
        ModelError: It is something else.
    """
    if not isinstance(value, str) or value not in choices:
        raise ModelError(
            f"Setting {name} of a network is {value!r}.", fix=f"Choices: {', '.join(choices)}.", setting=name
        )
    return value


def cross_entropy(scores: Tensor, target: Tensor, weights: Tensor | None, *, smoothing: float = 0.0) -> Tensor:
    """Cross-entropy, mean over what is labelled, weighted by class; 0 where nothing is.

    Args:
        scores: (N, K, ...).
        target: (N, ...) int64, index of the class or `IGNORED`.
        weights: (K,), of each class.
        smoothing: Share of a label that is spread over all classes.
    """
    labelled = target != IGNORED
    total = functional.cross_entropy(
        scores, target, weight=weights, ignore_index=IGNORED, reduction="sum", label_smoothing=smoothing
    )
    if weights is None:
        return total / labelled.sum().clamp(min=1)
    return total / (weights[target.masked_fill(~labelled, 0)] * labelled).sum().clamp(min=1e-12)
