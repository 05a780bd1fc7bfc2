"""How good a map is: sums that workers add up, and figures made of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from swath.training.source import IGNORED

Counts = NDArray[np.int64]
Measure = Literal["overall_accuracy", "macro_f1", "mean_iou", "balanced_accuracy"]


def confusion(truth: NDArray[Any], predicted: NDArray[Any], classes: int) -> Counts:
    """Count pairs of classes; rows are truth, columns are predicted.

    Args:
        truth: Indices of classes, any shape; 255 is left out.
        predicted: The same shape.
        classes: How many there are.

    Returns:
        (classes, classes) int64. Matrices of parts of the data add up.
    """
    keep = truth != IGNORED
    pairs = truth[keep].astype(np.int64) * classes + predicted[keep].astype(np.int64)
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes).astype(np.int64)


def overall_accuracy(matrix: NDArray[Any]) -> Any:
    """Share of pixels on the diagonal. Matrices may be stacked: (..., K, K) gives (...)."""
    return _ratio(np.trace(matrix, axis1=-2, axis2=-1), matrix.sum((-2, -1)))


def class_f1(matrix: NDArray[Any]) -> Any:
    """F1 by class, 2 TP / (2 TP + FP + FN); NaN for a class that neither truth nor map has."""
    return _ratio(2 * _diagonal(matrix), matrix.sum(-1) + matrix.sum(-2))


def class_iou(matrix: NDArray[Any]) -> Any:
    """Intersection over union by class, TP / (TP + FP + FN); NaN for a class that neither truth nor map has."""
    hit = _diagonal(matrix)
    return _ratio(hit, matrix.sum(-1) + matrix.sum(-2) - hit)


def class_recall(matrix: NDArray[Any]) -> Any:
    """Producer's accuracy by class, TP / (TP + FN); NaN for a class that truth lacks."""
    return _ratio(_diagonal(matrix), matrix.sum(-1))


def macro_f1(matrix: NDArray[Any]) -> Any:
    """Mean of F1 over the classes that truth or map has, as scikit-learn does."""
    return _mean(class_f1(matrix))


def mean_iou(matrix: NDArray[Any]) -> Any:
    """Mean of intersection over union over the classes that truth or map has."""
    return _mean(class_iou(matrix))


def balanced_accuracy(matrix: NDArray[Any]) -> Any:
    """Mean of producer's accuracy over the classes that truth has."""
    return _mean(class_recall(matrix))


MEASURES = {
    "overall_accuracy": overall_accuracy,
    "macro_f1": macro_f1,
    "mean_iou": mean_iou,
    "balanced_accuracy": balanced_accuracy,
}


def class_figures(matrix: Counts, classes: tuple[str, ...]) -> dict[str, Any]:
    """All figures of a confusion matrix as JSON-ready values; None where a figure has no meaning."""
    figures: dict[str, Any] = {name: _plain(measure(matrix)) for name, measure in MEASURES.items()}
    figures["f1"] = dict(zip(classes, map(_plain, class_f1(matrix)), strict=True))
    figures["pixels"] = int(matrix.sum())
    return figures


@dataclass(frozen=True)
class ValueSums:
    """Sums over pairs of value and estimate; those of parts of the data add up.

    Attributes:
        sums: (6,) float64: pairs, error, |error|, error^2, value, value^2.
    """

    sums: NDArray[np.float64]

    @classmethod
    def of(cls, truth: NDArray[Any], estimate: NDArray[Any]) -> ValueSums:
        """Of pairs of any shape; those whose truth is not finite are left out."""
        keep = np.isfinite(truth)
        y = truth[keep].astype(np.float64)
        e = estimate[keep].astype(np.float64) - y
        return cls(np.array([y.size, e.sum(), np.abs(e).sum(), (e * e).sum(), y.sum(), (y * y).sum()]))

    def __add__(self, other: ValueSums) -> ValueSums:
        return ValueSums(self.sums + other.sums)

    def figures(self) -> dict[str, Any]:
        """rmse, mae, bias (estimate - value), r2 (1 - residual / total squares) and pixels; None without meaning."""
        n, error, absolute, squared, value, square = self.sums
        if not n:
            return {"rmse": None, "mae": None, "bias": None, "r2": None, "pixels": 0}
        total = square - value * value / n
        return {
            "rmse": float(np.sqrt(squared / n)),
            "mae": float(absolute / n),
            "bias": float(error / n),
            "r2": float(1 - squared / total) if total > 0 else None,
            "pixels": int(n),
        }


@dataclass(frozen=True)
class Difference:
    """A paired difference of two maps on the same blocks.

    Attributes:
        measure: What was compared.
        first: Of the first map over all blocks.
        second: Of the second.
        difference: first - second.
        low: Lower bound of the interval of the difference.
        high: Upper bound.
        level: Of the interval.
        blocks: How many there are.
        verdict: `above` where the lower bound is over 0, `below` where the upper is under 0, else `equal`.
    """

    measure: Measure
    first: float
    second: float
    difference: float
    low: float
    high: float
    level: float
    blocks: int
    verdict: Literal["above", "equal", "below"]


def compare(
    first: Counts, second: Counts, *, measure: Measure, draws: int = 2000, seed: int = 0, level: float = 0.95
) -> Difference:
    """Compare two maps by a block bootstrap: whole blocks are drawn, the same ones for both maps.

    The percentile interval of the difference (Efron 1979), with blocks as the units that may be exchanged.

    Args:
        first: (B, K, K) confusion matrices of the first map by block.
        second: The same blocks of the second map.
        measure: What to compare.
        draws: Bootstrap samples.
        seed: Of the draws.
        level: Of the interval.

    Raises:
        ValueError: Matrices of different blocks, or fewer than two blocks.
    """
    if first.shape != second.shape or len(first) < 2:
        raise ValueError(f"matrices {first.shape} and {second.shape} are not two maps of the same two or more blocks")
    if not np.array_equal(first.sum(-1), second.sum(-1)):
        raise ValueError("the two maps were not scored on the same labelled pixels")
    blocks = len(first)
    rng = np.random.default_rng(seed)
    times = rng.multinomial(blocks, np.full(blocks, 1 / blocks), size=draws).astype(np.float64)
    score = MEASURES[measure]
    drawn = score(np.tensordot(times, first, 1)) - score(np.tensordot(times, second, 1))
    low, high = np.nanquantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    of_first, of_second = float(score(first.sum(0))), float(score(second.sum(0)))
    verdict: Literal["above", "equal", "below"] = "above" if low > 0 else "below" if high < 0 else "equal"
    return Difference(
        measure, of_first, of_second, of_first - of_second, float(low), float(high), level, blocks, verdict
    )


def interval(
    matrices: Counts, *, measure: Measure, draws: int = 2000, seed: int = 0, level: float = 0.95
) -> tuple[float, float]:
    """Block-bootstrap interval of a measure of one map.

    Args:
        matrices: (B, K, K) confusion matrices by block, two or more.
        measure: What to give.
        draws: Bootstrap samples.
        seed: Of the draws.
        level: Of the interval.
    """
    blocks = len(matrices)
    if blocks < 2:
        raise ValueError(f"an interval over blocks needs two or more, these are {blocks}")
    rng = np.random.default_rng(seed)
    times = rng.multinomial(blocks, np.full(blocks, 1 / blocks), size=draws).astype(np.float64)
    low, high = np.nanquantile(MEASURES[measure](np.tensordot(times, matrices, 1)), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _diagonal(matrix: NDArray[Any]) -> NDArray[Any]:
    return np.diagonal(matrix, axis1=-2, axis2=-1)


def _ratio(top: Any, bottom: Any) -> Any:
    bottom = np.asarray(bottom, np.float64)
    return np.divide(top, bottom, out=np.full(bottom.shape, np.nan), where=bottom > 0)[()]


def _mean(by_class: NDArray[np.float64]) -> Any:
    """Mean over the last axis without NaN; NaN where all are."""
    known = np.isfinite(by_class)
    return _ratio(np.where(known, by_class, 0).sum(-1), known.sum(-1))


def _plain(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None
