"""How large a map's errors are by what it predicts: heavy forest is told less surely than light forest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from swath.errors import LabelError

Array = NDArray[np.float64]
LEAST = 30  #: labels that a spread needs
_SMALL = 1e-3  # of the residuals' deviation: the least that a spread may be


@dataclass(frozen=True)
class Spread:
    """The standard deviation of a map's errors: `base + slope * prediction`, predictions below zero taken as zero.

    Attributes:
        base: Where nothing is predicted, units of the predictions; above 0.
        slope: What each unit that is predicted adds; 0 or more.
    """

    base: float
    slope: float

    def of(self, predictions: Array) -> Array:
        """Standard deviation of the errors, any shape; NaN where there is no prediction."""
        return np.asarray(self.base + self.slope * np.maximum(predictions, 0.0), np.float64)


def fit_spread(residuals: Array, predictions: Array, *, noise: Array | float) -> Spread:
    """Fit the spread of a map's errors to residuals at labels that the model has not seen.

    By pseudo-likelihood: that of normal residuals of mean zero and variance `spread^2 + noise` is made as large as it
    gets, which also finds the spread of errors that are not normal. The labels' own noise is no part of the spread.

    Args:
        residuals: Label minus prediction, (n,), of folds that held the label out.
        predictions: Of those folds, (n,).
        noise: Variance of each label's own noise, squared units of the residuals, (n,) or one for all.

    Raises:
        LabelError: Of too few labels, numbers that are none, noise below 0, or residuals that are all 0.
    """
    from scipy.optimize import minimize

    values, told = np.asarray(residuals, np.float64), np.asarray(predictions, np.float64)
    own = np.asarray(noise, np.float64)
    if values.ndim != 1 or values.shape != told.shape or own.shape not in ((), values.shape):
        raise LabelError(
            f"residuals {values.shape}, predictions {told.shape} and noise {own.shape} do not match.",
            fix="Give one each a label.",
        )
    if len(values) < LEAST:
        raise LabelError(f"{len(values)} labels are too few for a spread.", fix=f"Give {LEAST} or more.")
    bad = int((~np.isfinite(values + told + own) | (own < 0.0)).sum())
    if bad:
        raise LabelError(
            f"{bad} of {len(values)} residuals, predictions or variances of noise are no numbers, or below 0.",
            fix="Drop these labels.",
        )
    scale = float(np.sqrt((values**2).mean()))
    if scale == 0.0:
        raise LabelError("residuals are all 0.", fix="Give residuals of folds that held the labels out.")
    squared, own = (values / scale) ** 2, own / scale**2
    level = np.maximum(told, 0.0)
    typical = float(level.mean()) or 1.0
    level = level / typical

    def lack(parts: Array) -> tuple[float, Array]:
        deviation = parts[0] + parts[1] * level
        variance = deviation**2 + own
        pull = (1.0 - squared / variance) / variance * 2.0 * deviation
        return float((np.log(variance) + squared / variance).mean()), np.array([pull.mean(), (pull * level).mean()])

    found = minimize(lack, np.array([0.5, 0.5]), jac=True, method="L-BFGS-B", bounds=[(_SMALL, None), (0.0, None)])
    return Spread(float(found.x[0]) * scale, float(found.x[1]) * scale / typical)
