"""Learning the log of a value, and the number that makes its way back unbiased."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from swath.errors import LabelError

Array = TypeVar("Array", Tensor, NDArray[Any])


@dataclass(frozen=True)
class Log:
    """z = log(value + shift).

    Attributes:
        shift: In the unit of the value; above 0 where labels may be 0.
    """

    shift: float = 1.0

    def of(self, value: Array) -> Array:
        """Log of values, NaN where they lie at -shift or below: the loss of these is no number, and names its chips."""
        if isinstance(value, Tensor):
            return torch.log(value + self.shift)
        with np.errstate(invalid="ignore", divide="ignore"):
            logs = np.log(value + self.shift)
        return np.where(np.isfinite(logs), logs, np.nan)

    def error(self, z: Array, error: Array) -> Array:
        """Standard error of the log, by the delta method: that of the value / (value + shift).

        Args:
            z: Log of the value.
            error: Standard error of the value.
        """
        return error * (torch.exp(-z) if isinstance(z, Tensor) else np.exp(-z))

    def back(self, z: Array, factor: float = 1.0) -> Array:
        """Value of a log: exp(z) * factor - shift.

        Args:
            z: Logs.
            factor: See `Correction`; 1 gives the median of a symmetric error, which lies below its mean.
        """
        return (torch.exp(z) if isinstance(z, Tensor) else np.exp(z)) * factor - self.shift


@dataclass(frozen=True)
class Correction:
    """What a prediction in log space is multiplied by, so that the values have the right mean.

    Attributes:
        method: `duan`: mean of exp(residual), whatever their distribution (Duan 1983,
            doi:10.1080/01621459.1983.10478017); `baskerville`: exp(variance of the residuals / 2), of normal ones
            (Baskerville 1972, doi:10.1139/x72-009).
        factor: The number.
        shift: Of the log.
        labels: That it comes from.
    """

    method: Literal["duan", "baskerville"]
    factor: float
    shift: float
    labels: int

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, for a package's hyperparameters."""
        return {"method": self.method, "factor": self.factor, "shift": self.shift, "labels": self.labels}


@dataclass(frozen=True)
class LogResiduals:
    """Sums over residuals in log space; those of parts of the data add up.

    Attributes:
        sums: (5,) float64: labels, then sums of w, w r, w r^2, w exp(r), where r = log of the label - prediction.
    """

    sums: NDArray[np.float64]

    SIZE = 5

    @classmethod
    def of(cls, target: NDArray[Any], predicted: NDArray[Any], weight: NDArray[Any] | None = None) -> LogResiduals:
        """Of logs of any shape; those of which one is not finite, or that weigh nothing, are left out.

        Args:
            target: Logs of labels.
            predicted: What the network gave.
            weight: Of each label; all 1 by default.
        """
        w = np.ones(target.shape) if weight is None else weight.astype(np.float64)
        keep = np.isfinite(target) & np.isfinite(predicted) & (w > 0)
        w, r = w[keep], target[keep].astype(np.float64) - predicted[keep].astype(np.float64)
        return cls(np.array([r.size, w.sum(), (w * r).sum(), (w * r * r).sum(), (w * np.exp(r)).sum()]))

    def __add__(self, other: LogResiduals) -> LogResiduals:
        return LogResiduals(self.sums + other.sums)

    def correction(self, log: Log, method: Literal["duan", "baskerville"] = "duan") -> Correction:
        """The factor of the way back.

        Args:
            log: That was learned.
            method: See `Correction`.

        Raises:
            LabelError: Fewer than two labels.
        """
        labels, w, first, second, raised = self.sums
        if labels < 2:
            raise LabelError(
                f"The return from log space would rest on {int(labels)} labels.",
                fix="Give it the residuals of the training blocks, two or more.",
            )
        variance = (second / w - (first / w) ** 2) * labels / (labels - 1)
        factor = raised / w if method == "duan" else math.exp(variance / 2)
        return Correction(method, float(factor), log.shift, int(labels))
