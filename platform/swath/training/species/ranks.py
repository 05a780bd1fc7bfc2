"""Scores to ranks: what makes models of unlike scales comparable, and can be averaged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
ALIKE = 1e-6  #: a species whose scores spread less than this has one rank
CLOSE = 1e-4  #: of the range of scores: quantiles that are nearer are one, at the mean of their ranks


@dataclass(frozen=True)
class RankMap:
    """For each species a rising, piecewise linear curve from 0 to 1: the share of a reference with lower scores.

    A rank is the sum over pieces of height x clip((score - low) / width, 0, 1).

    Attributes:
        low: (S, pieces).
        width: Likewise, above 0.
        height: Likewise; 0 for pieces that a species does not need.
    """

    low: Floats
    width: Floats
    height: Floats

    @classmethod
    def of(cls, scores: Floats, knots: int) -> RankMap:
        """From scores of a reference, (n, S).

        Scores that many places share have one rank, the middle of theirs, so that the last digit of a score leaps over
        nothing. The ends lie a tenth of the range beyond: a score beyond all that were seen is still told from them.

        Args:
            scores: Of sites and background.
            knots: Quantiles.
        """
        levels = np.linspace(0, 1, knots)
        shape = (scores.shape[1], knots + 1)
        low, width, height = np.zeros(shape), np.ones(shape), np.zeros(shape)
        for row, found in enumerate(np.quantile(scores.astype(np.float64), levels, axis=0).T):
            span = found[-1] - found[0] if found[-1] - found[0] > ALIKE else 1.0
            group = np.concatenate([[0], np.cumsum(np.diff(found) > CLOSE * span)])
            count = np.bincount(group)
            values, ranks = (np.bincount(group, given) / count for given in (found, levels))
            values = np.concatenate([[values[0] - span / 10], values, [values[-1] + span / 10]])
            # the outer pieces lift what is told apart beyond the extremes
            ranks = np.concatenate([[0.0], (0.5 + ranks * (knots - 1)) / knots, [1.0]])
            pieces = len(values) - 1
            low[row, :pieces], width[row, :pieces] = values[:-1], np.diff(values)
            height[row, :pieces] = np.diff(ranks)
        return cls(*(part.astype(np.float32) for part in (low, width, height)))

    def __call__(self, scores: Floats) -> Floats:
        """(n, S) ranks of scores (n, S)."""
        made = np.empty_like(scores)
        for column in range(scores.shape[1]):
            share = np.clip((scores[:, column, None] - self.low[column]) / self.width[column], 0, 1)
            made[:, column] = share @ self.height[column]
        return made
