"""Intervals by drawing whole units again: blocks, species, tracks.

`percentile` takes quantiles of the drawn figures (Efron 1979, doi:10.1214/aos/1176344552); `bca` corrects them for bias
and skewness by leaving out a unit at a time (Efron 1987, doi:10.1080/01621459.1987.10478410). Both are somewhat short
where units are few: below 30, say how many there are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special

from swath.training.metrics.classes import MEASURES, Counts, Measure

Method = Literal["percentile", "bca"]
METHODS = {"percentile": "percentiles of a bootstrap", "bca": "bias-corrected and accelerated bootstrap"}


def interval(
    matrices: Counts, *, measure: Measure, draws: int = 2000, seed: int = 0, level: float = 0.95
) -> tuple[float, float]:
    """Block-bootstrap interval of a measure of one map of classes; see `interval_of`.

    Args:
        matrices: (B, K, K) confusion matrices by block, two or more.
        measure: What to give.
        draws: Bootstrap samples.
        seed: Of the draws.
        level: Of the interval.
    """
    return interval_of(matrices, MEASURES[measure], draws=draws, seed=seed, level=level)


def interval_of(
    sums: NDArray[Any],
    figure: Callable[[NDArray[Any]], Any] | None = None,
    *,
    draws: int = 2000,
    seed: int = 0,
    level: float = 0.95,
    method: Method = "percentile",
) -> tuple[float, float]:
    """Bootstrap interval of any figure of one map, with whole units drawn.

    Args:
        sums: (U, ...) by unit, two or more; or (U,) figures of units.
        figure: Of sums (..., …) to figures (...); None: the mean over units of (U,) figures, those of NaN left out.
        draws: Bootstrap samples.
        seed: Of the draws.
        level: Of the interval.
        method: Of the interval.

    Raises:
        ValueError: Fewer than two units.
    """
    if figure is None:
        known = sums[np.isfinite(sums)]
        sums, figure = np.stack([known, np.ones(len(known))], 1), mean_of_sums
    if len(sums) < 2:
        raise ValueError(f"an interval over units needs two or more, these are {len(sums)}")
    told = figure
    return bounds(
        lambda times: told(np.tensordot(times, sums, 1)), len(sums), draws=draws, seed=seed, level=level, method=method
    )


def bounds(
    figure: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    units: int,
    *,
    draws: int,
    seed: int,
    level: float,
    method: Method,
) -> tuple[float, float]:
    """Bounds of a figure.

    Args:
        figure: Takes (draws, units), how often each unit counts, and gives (draws,).
        units: How many there are.
        draws: Bootstrap samples.
        seed: Of the draws.
        level: Of the interval.
        method: Of the interval.
    """
    rng = np.random.default_rng(seed)
    times = rng.multinomial(units, np.full(units, 1 / units), size=draws).astype(np.float64)
    drawn = figure(times)
    drawn = drawn[np.isfinite(drawn)]
    shares = np.array([(1 - level) / 2, (1 + level) / 2])
    if method == "bca":
        told = figure(np.ones((1, units)))[0]
        # ties count half, so that a figure of few steps is not taken for biased
        below = ((drawn < told).mean() + (drawn <= told).mean()) / 2
        before = special.ndtri(np.clip(below, 1e-6, 1 - 1e-6))
        off = figure(1 - np.eye(units))
        off = off[np.isfinite(off)]
        off = off.mean() - off
        bend = float(np.sum(off**3) / max(6 * np.sum(off**2) ** 1.5, 1e-300))
        z = before + special.ndtri(shares)
        shares = special.ndtr(before + z / (1 - bend * z))
    low, high = np.quantile(drawn, shares)
    return float(low), float(high)


def mean_of_sums(sums: NDArray[Any]) -> Any:
    """Of (..., 2): sum and number."""
    return sums[..., 0] / sums[..., 1]
