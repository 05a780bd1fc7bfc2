"""How good a map of values is: sums that workers add up, and figures made of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from swath.training.metrics.plain import plain, ratio

ValueMeasure = Literal["rmse", "mae", "bias", "r2", "slope"]


@dataclass(frozen=True)
class ValueSums:
    """Sums over pairs of value and estimate; those of parts of the data add up.

    Attributes:
        sums: (SIZE,) float64: pairs, error, |error|, error^2, value, value^2, estimate^2. (..., SIZE) for a stack.
    """

    sums: NDArray[np.float64]

    SIZE = 7

    @classmethod
    def of(cls, truth: NDArray[Any], estimate: NDArray[Any]) -> ValueSums:
        """Of pairs of any shape; those whose truth is not finite are left out."""
        keep = np.isfinite(truth)
        y, p = truth[keep].astype(np.float64), estimate[keep].astype(np.float64)
        e = p - y
        return cls(np.array([y.size, e.sum(), np.abs(e).sum(), (e * e).sum(), y.sum(), (y * y).sum(), (p * p).sum()]))

    def __add__(self, other: ValueSums) -> ValueSums:
        return ValueSums(self.sums + other.sums)

    def figures(self) -> dict[str, Any]:
        """rmse, mae, bias (estimate - value), r2 (1 - residual / total squares), slope, pixels; None without meaning.

        `slope` is that of the value on the estimate: 1 where differences that a map shows are as large as it shows.
        """
        named = {name: plain(measure(self.sums)) for name, measure in VALUE_MEASURES.items()}
        return {**named, "pixels": int(self.sums[0])}


def rmse(sums: NDArray[Any]) -> Any:
    """Root mean squared error. Sums may be stacked: (..., SIZE) gives (...)."""
    return np.sqrt(ratio(sums[..., 3], sums[..., 0]))


def mae(sums: NDArray[Any]) -> Any:
    """Mean absolute error."""
    return ratio(sums[..., 2], sums[..., 0])


def bias(sums: NDArray[Any]) -> Any:
    """Mean of estimate - value."""
    return ratio(sums[..., 1], sums[..., 0])


def r2(sums: NDArray[Any]) -> Any:
    """1 - residual / total squares; NaN where all values are one."""
    n, squared, value, square = sums[..., 0], sums[..., 3], sums[..., 4], sums[..., 5]
    return 1 - ratio(squared, _spread(square, value, n))


def slope(sums: NDArray[Any]) -> Any:
    """Of the regression of the value on the estimate; NaN where all estimates are one."""
    n, error, squared, value, square, estimates = (sums[..., i] for i in (0, 1, 3, 4, 5, 6))
    estimate, both = value + error, (square + estimates - squared) / 2
    return ratio(both - ratio(value * estimate, n), _spread(estimates, estimate, n))


VALUE_MEASURES = {"rmse": rmse, "mae": mae, "bias": bias, "r2": r2, "slope": slope}


def _spread(square: NDArray[Any], total: NDArray[Any], n: NDArray[Any]) -> Any:
    """Sum of squares about the mean; 0 where it is no more than what rounding leaves."""
    spread = square - ratio(total * total, n)
    return np.where(spread > 1e-12 * square, spread, 0)
