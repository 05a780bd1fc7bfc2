"""Two maps on the same units, and how sure their difference is: above, equal or below."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from swath.training.metrics.bootstrap import METHODS, Method, bounds, mean_of_sums
from swath.training.metrics.classes import MEASURES, Counts, Measure
from swath.training.metrics.values import VALUE_MEASURES, ValueMeasure

#: Of two maps, the one with less of these is better; |bias| and slope have no better, and are compared as they are.
LOWER_IS_BETTER = frozenset({"rmse", "mae", "crps", "ece", "log_loss", "brier"})


@dataclass(frozen=True)
class Difference:
    """A paired difference of two maps on the same units.

    Attributes:
        measure: What was compared.
        first: Of the first map over all units.
        second: Of the second.
        difference: first - second.
        low: Lower bound of the interval of the difference.
        high: Upper bound.
        level: Of the interval.
        units: How many there are.
        verdict: `above` where the first map is better: the lower bound is over 0, or the upper under 0 for a measure of
            which less is better; `below` where it is worse; else `equal`.
        unit: What was drawn: `block`, `species`, `track`.
        method: Of the interval, in words.
        left_out: Units without a figure of one of the maps.
    """

    measure: str
    first: float
    second: float
    difference: float
    low: float
    high: float
    level: float
    units: int
    verdict: Literal["above", "equal", "below"]
    unit: str = "block"
    method: str = METHODS["percentile"]
    left_out: int = 0

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return dict(vars(self))

    @property
    def text(self) -> str:
        """One line for people."""
        lost = f", {self.left_out} without a figure" if self.left_out else ""
        return (
            f"{self.measure} {self.first:.3f} against {self.second:.3f}: {self.difference:+.3f} "
            f"({self.low:+.3f} to {self.high:+.3f}, {self.level:.0%}, {self.method} of {self.units} {self.unit}"
            f"{'' if self.unit == 'species' else 's'}{lost}), {self.verdict}"
        )


def compare(
    first: Counts,
    second: Counts,
    *,
    measure: Measure,
    draws: int = 2000,
    seed: int = 0,
    level: float = 0.95,
    method: Method = "percentile",
) -> Difference:
    """Compare two maps of classes by a block bootstrap: whole blocks are drawn, the same ones for both maps.

    Args:
        first: (B, K, K) confusion matrices of the first map by block.
        second: The same blocks of the second map.
        measure: What to compare.
        draws: Bootstrap samples.
        seed: Of the draws.
        level: Of the interval.
        method: See `compare_sums`.

    Raises:
        ValueError: Matrices of different blocks or pixels, or fewer than two blocks.
    """
    if first.shape == second.shape and not np.array_equal(first.sum(-1), second.sum(-1)):
        raise ValueError("the two maps were not scored on the same labelled pixels")
    return compare_sums(
        first, second, MEASURES[measure], measure=measure, draws=draws, seed=seed, level=level, method=method
    )


def compare_values(
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    *,
    measure: ValueMeasure,
    draws: int = 2000,
    seed: int = 0,
    level: float = 0.95,
    method: Method = "percentile",
    unit: str = "block",
) -> Difference:
    """Compare two maps of values: RMSE, R2 and the like over all labels, with whole blocks drawn.

    Args:
        first: (B, ValueSums.SIZE) sums of the first map by block.
        second: The same blocks of the second map.
        measure: What to compare.
        draws: Bootstrap samples.
        seed: Of the draws.
        level: Of the interval.
        method: See `compare_sums`.
        unit: What a row is.

    Raises:
        ValueError: Sums of different blocks or labels, or fewer than two blocks.
    """
    if first.shape == second.shape and not np.allclose(first[:, [0, 4]], second[:, [0, 4]], rtol=1e-9):
        raise ValueError("the two maps were not scored on the same labels")
    return compare_sums(
        first, second, VALUE_MEASURES[measure], measure=measure, draws=draws, seed=seed, level=level, method=method,
        unit=unit,
    )  # fmt: skip


def compare_units(
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    *,
    measure: str,
    unit: str,
    lower_is_better: bool | None = None,
    draws: int = 2000,
    seed: int = 0,
    level: float = 0.95,
    method: Method = "percentile",
) -> Difference:
    """Compare the means of a figure that each unit has: AUC of species, RMSE of blocks.

    Args:
        first: (U,) of the first map; NaN where a unit has none.
        second: The same units of the second map.
        measure: What the figure is.
        unit: What has it: `species`, `block`.
        lower_is_better: None: as `LOWER_IS_BETTER` has it.
        draws: Bootstrap samples.
        seed: Of the draws.
        level: Of the interval.
        method: See `compare_sums`.

    Raises:
        ValueError: Different units, or fewer than two with a figure of both maps.
    """
    if first.shape != second.shape or first.ndim != 1:
        raise ValueError(f"figures {first.shape} and {second.shape} are not one a unit of the same units")
    both = np.isfinite(first) & np.isfinite(second)
    mine, theirs = (np.stack([part[both], np.ones(both.sum())], 1) for part in (first, second))
    return compare_sums(
        mine, theirs, mean_of_sums, measure=measure, draws=draws, seed=seed, level=level, method=method, unit=unit,
        lower_is_better=lower_is_better, left_out=int((~both).sum()),
    )  # fmt: skip


def compare_sums(
    first: NDArray[Any],
    second: NDArray[Any],
    figure: Callable[[NDArray[Any]], Any],
    *,
    measure: str,
    draws: int = 2000,
    seed: int = 0,
    level: float = 0.95,
    method: Method = "percentile",
    unit: str = "block",
    lower_is_better: bool | None = None,
    left_out: int = 0,
) -> Difference:
    """Compare any figure that is made of sums, by a paired bootstrap of the units that the sums belong to.

    Units are drawn with replacement, the same ones for both maps; see `swath.training.metrics.bootstrap`.

    Args:
        first: (U, ...) sums of the first map by unit.
        second: The same units of the second map.
        figure: Of sums (..., …) to figures (...).
        measure: Its name.
        draws: Bootstrap samples.
        seed: Of the draws.
        level: Of the interval.
        method: Of the interval.
        unit: What is drawn.
        lower_is_better: None: as `LOWER_IS_BETTER` has it.
        left_out: Units that have been left out before.

    Raises:
        ValueError: Sums of different units, fewer than two, or a figure without meaning over all of them.
    """
    if first.shape != second.shape or len(first) < 2:
        raise ValueError(f"sums {first.shape} and {second.shape} are not two maps of the same two or more {unit}s")
    of_first, of_second = float(figure(first.sum(0))), float(figure(second.sum(0)))
    if not np.isfinite(of_first - of_second):
        raise ValueError(f"{measure} has no meaning on these {len(first)} {unit}s: {of_first} and {of_second}")

    def difference(times: NDArray[np.float64]) -> NDArray[np.float64]:
        return figure(np.tensordot(times, first, 1)) - figure(np.tensordot(times, second, 1))

    low, high = bounds(difference, len(first), draws=draws, seed=seed, level=level, method=method)
    better, worse = (high < 0, low > 0) if _is_lower(measure, lower_is_better) else (low > 0, high < 0)
    return Difference(
        measure, of_first, of_second, of_first - of_second, low, high, level, len(first),
        "above" if better else "below" if worse else "equal", unit, METHODS[method], left_out,
    )  # fmt: skip


def _is_lower(measure: str, told: bool | None) -> bool:
    return measure in LOWER_IS_BETTER if told is None else told
