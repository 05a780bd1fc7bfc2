"""What makes a model's uncertainty true: numbers fitted on blocks held out, and what its graph does with them.

Probabilities of classes go through a line of their logarithms (temperature and vector scaling, Guo et al. 2017,
arXiv:1706.04599). Intervals of values are widened about their middle by a factor that depends on the prediction.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

if TYPE_CHECKING:
    from torch import Tensor

MIDDLES = ("median", "mean")  #: outputs that stay as they are, the one that lies within every interval first
LEAST_FACTOR, MOST_FACTOR = 0.2, 10.0  #: of an interval's half width


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class PredictionSets(_Part):
    """Which classes are in a pixel's set: those whose calibrated probability reaches a threshold, and the likeliest."""

    level: float = Field(gt=0, lt=1, description="Share of labels that sets should hold.")
    threshold: float = Field(gt=0, le=1, description="Least probability of a class in a set.")


class ClassCalibration(_Part):
    """Calibrated probabilities are the softmax of `scale x score + bias`."""

    kind: Literal["classes"] = "classes"
    scale: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        min_length=2, description="By class; all alike: temperature scaling."
    )
    bias: tuple[float, ...] = Field(min_length=2, description="By class; temperature scaling has none.")
    sets: PredictionSets | None = Field(default=None, description="Of layer `set`; null: it cannot be written.")

    @model_validator(mode="after")
    def _alike(self) -> ClassCalibration:
        if len(self.scale) != len(self.bias):
            raise ValueError(f"{len(self.scale)} scales and {len(self.bias)} biases")
        return self

    def adjusted(self, scores: Tensor) -> Tensor:
        """Scores (N, K) or (N, K, H, W) whose softmax is calibrated."""
        shape = [1, -1, *[1] * (scores.ndim - 2)]
        scale, bias = (scores.new_tensor(part).view(shape) for part in (self.scale, self.bias))
        return scores * scale + bias


class ValueCalibration(_Part):
    """Quantiles move away from the middle: `middle + factor x (quantile - middle)`; a standard deviation is multiplied.

    The factor runs straight between knots of the middle, and is flat beyond them. A factor with steps would leave steps
    in maps, and a pixel at one could fall on either side in another backend.
    """

    kind: Literal["values"] = "values"
    level: float = Field(default=0.9, gt=0, lt=1, description="Of the interval that was held against labels.")
    knots: tuple[float, ...] = Field(min_length=1, description="Rising, in the unit of the value.")
    factors: tuple[Annotated[float, Field(ge=LEAST_FACTOR, le=MOST_FACTOR)], ...] = Field(
        min_length=1, description="One a knot."
    )

    @model_validator(mode="after")
    def _rise(self) -> ValueCalibration:
        if len(self.knots) != len(self.factors):
            raise ValueError(f"{len(self.knots)} knots and {len(self.factors)} factors")
        if not all(a < b for a, b in pairwise(self.knots)):
            raise ValueError(f"knots {list(self.knots)} do not rise")
        return self

    def factor(self, middle: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of middles in the unit of the value, any shape."""
        return np.interp(middle, self.knots, self.factors)

    def widened(self, outputs: Tensor, names: Sequence[str], *, scale: float, offset: float) -> Tensor:
        """Outputs of one value, (N, C, H, W), in numbers of the network.

        Args:
            outputs: In the order of `names`.
            names: What each is: `mean`, `median`, `sd`, `q05` and the like.
            scale: Value = number x scale + offset.
            offset: See scale.
        """
        place = middle_of(names)
        if place is None:
            return outputs
        middle = outputs[:, place : place + 1]
        # a scale below 0 turns the order round
        knots = sorted(((knot - offset) / scale, factor) for knot, factor in zip(self.knots, self.factors, strict=True))
        factor = middle * 0 + knots[0][1]
        # a sum of clipped lines: operators that every backend computes alike
        for (low, at_low), (high, at_high) in pairwise(knots):
            factor = factor + (middle.clamp(low, high) - low) * ((at_high - at_low) / (high - low))
        parts = []
        for number, name in enumerate(names):
            part = outputs[:, number : number + 1]
            if name == "sd":
                part = part * factor
            elif name not in MIDDLES:
                part = middle + factor * (part - middle)
            parts.append(part)
        return _joined(parts)


Calibration = Annotated[ClassCalibration | ValueCalibration, Field(discriminator="kind")]


def middle_of(names: Sequence[str]) -> int | None:
    """Place of what an interval is widened about: the median, else the mean; None where it is all that is given."""
    found = next((names.index(word) for word in MIDDLES if word in names), None)
    return None if all(name in MIDDLES for name in names) else found


def _joined(parts: Sequence[Tensor]) -> Tensor:
    import torch

    return torch.cat(list(parts), dim=1)
