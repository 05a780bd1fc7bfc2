"""Accuracy and area from a stratified sample, with the standard errors of the published formulas.

Every figure is a ratio R = Y / X of two totals over the cells (map class, reference class), so that one estimator
serves all: Stehman 2014 (doi:10.1080/01431161.2014.930207), equations 3 and 28, whose strata may differ from the map's
classes. Where they are those classes, this gives Olofsson et al. 2014 (doi:10.1016/j.rse.2014.02.015), equations 4 to
11, but for their finite population correction.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from swath.assessment.tally import Tally

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Figures:
    """Figures as ratios of totals over cells.

    Attributes:
        names: F names, as (`users_accuracy`, `water`); the class is empty for what is of all.
        above: (F, K, K) weight of each cell in the numerator.
        below: (F, K, K) in the denominator.
    """

    names: tuple[tuple[str, str], ...]
    above: Array
    below: Array

    @classmethod
    def of(cls, classes: tuple[str, ...]) -> Figures:
        """Overall, user's and producer's accuracy, F1 and share of the area of each class."""
        k = len(classes)
        eye, ones, zero = np.eye(k), np.ones((k, k)), np.zeros((k, k))
        made: list[tuple[tuple[str, str], Array, Array]] = [(("overall_accuracy", ""), eye, ones)]
        for c, name in enumerate(classes):
            row, column, both = zero.copy(), zero.copy(), zero.copy()
            row[c], column[:, c], both[c, c] = 1, 1, 1
            made += [
                (("users_accuracy", name), both, row),
                (("producers_accuracy", name), both, column),
                (("f1", name), 2 * both, row + column),
                (("area", name), column, ones),
            ]
        names, above, below = zip(*made, strict=True)
        return cls(tuple(names), np.stack(above), np.stack(below))

    def ratios(self, shares: Array) -> Array:
        """Figures of shares of the area by cell, (..., K, K) gives (..., F); NaN where nothing is below."""
        above, below = (np.einsum("...ij,fij->...f", shares, part) for part in (self.above, self.below))
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(below > 0, above / below, np.nan)


def shares(tally: Tally) -> Array:
    """(K, K) estimated share of the area by map class and reference class."""
    sizes = np.maximum(tally.sizes, 1)
    return np.asarray(np.einsum("h,hij->ij", tally.weights / sizes, tally.counts.astype(np.float64)))


def standard_errors(tally: Tally, figures: Figures) -> Array:
    """(F,) standard errors; NaN where a figure has no meaning.

    V(R) = X^-2 sum_h W_h^2 (1 - n_h / N_h) s_e^2 / n_h, of the residuals e = y - R x within each stratum.
    """
    n = tally.sizes.astype(np.float64)
    found = shares(tally)
    ratio = figures.ratios(found)
    below = np.einsum("ij,fij->f", found, figures.below)
    residual = figures.above - np.nan_to_num(ratio)[:, None, None] * figures.below  # (F, K, K)
    with np.errstate(invalid="ignore", divide="ignore"):
        part = tally.counts / np.maximum(n, 1)[:, None, None]
        mean = np.einsum("hij,fij->fh", part, residual)
        spread = (np.einsum("hij,fij->fh", part, residual**2) - mean**2).clip(0) * n / (n - 1)
        left = 1.0 if tally.units is None else 1 - n / tally.units
        variance = np.where(n > 1, tally.weights**2 * left * spread / n, 0).sum(axis=1)
        return np.asarray(np.where(below > 0, np.sqrt(variance) / below, np.nan))
