"""The total of a region from a map, and how far it may be off: model-based, never as of independent pixels.

Variance of a total = residuals that hang together + the model + what all labels share, after Wadoux and Heuvelink
(2023, doi:10.1111/2041-210X.14106).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from swath.assessment.variogram import Variogram
from swath.errors import ProductError

Array = NDArray[np.float64]
COMMON_CV = 0.10  #: of what all labels share (allometry), where the user does not know it better
REFITS = 10  #: at least, for the spread of the model


@dataclass(frozen=True)
class Total:
    """A total, Mg, with its interval.

    Attributes:
        value: The sum of predictions times areas, Mg.
        sd: Its standard deviation, Mg.
        parts: Standard deviation by source, Mg: `residual`, `model`, `common`.
        low: Of the interval, Mg.
        high: Of the interval, Mg.
        level: Share of such intervals that should hold the truth.
        area: Of the pixels that count, ha.
        missing: Pixels of no prediction, which are not in the total.
        title: By what right the total is told.
    """

    value: float
    sd: float
    parts: dict[str, float]
    low: float
    high: float
    level: float
    area: float
    missing: int
    title: Literal["model-based"] = "model-based"

    @property
    def mean(self) -> float:
        """Mg/ha."""
        return self.value / self.area


def total_of(
    predictions: Array, areas: Array | float, pixel: float, variogram: Variogram, refits: Array, *,
    spread: Array | None = None, common_cv: float = COMMON_CV, level: float = 0.95,
) -> Total:  # fmt: skip
    """Total of a region and its interval.

    The residuals' part is the variogram's covariance summed over all pairs of pixels, exactly, by way of the
    autocorrelation of areas times spreads (FFT). The model's part is the spread of the refits' totals.

    Args:
        predictions: Mg/ha, (rows, cols); NaN where there is none or the region does not reach.
        areas: Of the pixels, ha: (rows, cols), or one for all. Corrected for the projection's scale by the caller.
        pixel: Edge of a pixel, metres.
        variogram: Of the residuals at labels, (Mg/ha)^2, or squared spreads if it is relative.
        refits: Totals by models refitted on resampled blocks of labels, over the same pixels and areas, Mg, (k,).
        spread: Standard deviation of each pixel's error, Mg/ha, (rows, cols), where the variogram is relative.
        common_cv: Standard deviation over the total of what all labels share; never 0.
        level: Of the interval.

    Raises:
        ProductError: Of no predictions, areas or refits that do not fit, a relative variogram without a spread
            or the other way round, or a CV or a level outside their range.
    """
    from scipy.signal import fftconvolve
    from scipy.stats import norm

    told = np.asarray(predictions, np.float64)
    if told.ndim != 2 or not np.isfinite(told).any():
        raise ProductError(
            f"predictions {told.shape} hold no pixel of the region.", fix="Give rows and columns of Mg/ha."
        )
    try:
        hectares = np.broadcast_to(np.asarray(areas, np.float64), told.shape)
    except ValueError as error:
        raise ProductError(
            f"areas {np.shape(areas)}, predictions {told.shape}.", fix="Give an area each pixel."
        ) from error
    inside = np.isfinite(told)
    if not np.isfinite(hectares[inside]).all() or (hectares[inside] <= 0.0).any() or not pixel > 0.0:
        raise ProductError("pixels whose area or edge is not above 0.", fix="Give hectares and metres above 0.")
    again = np.asarray(refits, np.float64)
    if again.ndim != 1 or len(again) < REFITS or not np.isfinite(again).all():
        raise ProductError(f"refits {again.shape} do not tell a spread.", fix=f"Give {REFITS} totals or more.")
    if (spread is not None) != variogram.relative:
        raise ProductError(
            f"a variogram with relative {variogram.relative}, and {'no' if spread is None else 'a'} spread.",
            fix="Give the spread of the pixels' errors with a variogram that was fitted with one, and only then.",
        )
    deviation = np.ones(told.shape) if spread is None else np.asarray(spread, np.float64)
    if deviation.shape != told.shape or not (deviation[inside] > 0.0).all() or np.isinf(deviation[inside]).any():
        raise ProductError(
            f"spread {deviation.shape}, predictions {told.shape}.", fix="Give Mg/ha above 0 for each pixel."
        )
    if not 0.0 < common_cv < 1.0:
        raise ProductError(f"common_cv {common_cv}: labels share an error.", fix="Give a CV above 0 and below 1.")
    if not 0.0 < level < 1.0:
        raise ProductError(f"level {level}.", fix="Give a share between 0 and 1.")
    weights = np.where(inside, hectares, 0.0)
    value = float((np.where(inside, told, 0.0) * weights).sum())
    errors = np.where(inside, hectares * deviation, 0.0)
    shared = fftconvolve(errors, errors[::-1, ::-1])
    rows, cols = told.shape
    apart = pixel * np.hypot(np.arange(1 - rows, rows)[:, None], np.arange(1 - cols, cols)[None, :])
    variances = {
        "residual": max(float((shared * variogram.covariance(apart)).sum()), 0.0),
        "model": float(again.var(ddof=1)),
        "common": (common_cv * value) ** 2,
    }
    sd = math.sqrt(sum(variances.values()))
    reach = float(norm.ppf(0.5 + level / 2.0)) * sd
    return Total(
        value, sd, {name: math.sqrt(part) for name, part in variances.items()}, value - reach, value + reach, level,
        float(weights.sum()), int((~inside).sum()),
    )  # fmt: skip
