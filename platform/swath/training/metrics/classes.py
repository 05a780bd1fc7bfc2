"""How good a map of classes is: a confusion matrix that workers add up, and figures made of it."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from swath.training.metrics.plain import plain, ratio
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
    return ratio(np.trace(matrix, axis1=-2, axis2=-1), matrix.sum((-2, -1)))


def class_f1(matrix: NDArray[Any]) -> Any:
    """F1 by class, 2 TP / (2 TP + FP + FN); NaN for a class that neither truth nor map has."""
    return ratio(2 * _diagonal(matrix), matrix.sum(-1) + matrix.sum(-2))


def class_iou(matrix: NDArray[Any]) -> Any:
    """Intersection over union by class, TP / (TP + FP + FN); NaN for a class that neither truth nor map has."""
    hit = _diagonal(matrix)
    return ratio(hit, matrix.sum(-1) + matrix.sum(-2) - hit)


def class_recall(matrix: NDArray[Any]) -> Any:
    """Producer's accuracy by class, TP / (TP + FN); NaN for a class that truth lacks."""
    return ratio(_diagonal(matrix), matrix.sum(-1))


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
    figures: dict[str, Any] = {name: plain(measure(matrix)) for name, measure in MEASURES.items()}
    figures["f1"] = dict(zip(classes, map(plain, class_f1(matrix)), strict=True))
    figures["pixels"] = int(matrix.sum())
    return figures


def mean_rank_error(matrix: NDArray[Any]) -> Any:
    """Mean number of steps between truth and map, of classes that have an order. (..., K, K) gives (...)."""
    k = matrix.shape[-1]
    steps = np.abs(np.subtract.outer(np.arange(k), np.arange(k)))
    return ratio((matrix * steps).sum((-2, -1)), matrix.sum((-2, -1)))


def _diagonal(matrix: NDArray[Any]) -> NDArray[Any]:
    return np.diagonal(matrix, axis1=-2, axis2=-1)


def _mean(by_class: NDArray[np.float64]) -> Any:
    """Mean over the last axis without NaN; NaN where all are."""
    known = np.isfinite(by_class)
    return ratio(np.where(known, by_class, 0).sum(-1), known.sum(-1))
