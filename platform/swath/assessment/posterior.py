"""Intervals that hold where errors are rare: a Dirichlet posterior for the cells of each stratum.

A class whose omissions are rare is seen by the sample a few times or not at all, and the interval of the published
formulas is then too short, or has no width. With a prior of one unit a stratum, spread evenly over its cells, the
posterior of the cells is Dirichlet (Gelman et al., Bayesian Data Analysis, 3.4), strata are independent, and every
figure's interval is that of its draws.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from swath.assessment.stratified import Figures
from swath.assessment.tally import Tally

DRAWS = 20_000
_CHUNK = 2_000  # draws at once


def intervals(
    tally: Tally, figures: Figures, *, level: float = 0.95, draws: int = DRAWS, seed: int = 0
) -> NDArray[np.float64]:
    """Equal-tailed intervals of the posterior.

    What was drawn is known; of a stratum of N units only the other N - n are uncertain.

    Args:
        tally: The sample.
        figures: Of which.
        level: As 0.95.
        draws: From the posterior.
        seed: Of the draws.

    Returns:
        (F, 2) low and high; NaN where a figure has no meaning in any draw.
    """
    rng = np.random.default_rng(seed)
    found = np.concatenate(
        [figures.ratios(_shares(tally, min(_CHUNK, draws - first), rng)) for first in range(0, draws, _CHUNK)]
    )
    tails = [(1 - level) / 2, (1 + level) / 2]
    known = np.isfinite(found).any(axis=0)
    out = np.full((len(figures.names), 2), np.nan)
    out[known] = np.nanquantile(found[:, known], tails, axis=0).T
    return out


def _shares(tally: Tally, number: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """(number, K, K) draws of the shares of the area."""
    out = np.zeros((number, *tally.counts.shape[1:]))
    for h, counts in enumerate(tally.counts):
        n = int(counts.sum())
        if not n:
            continue
        rows = counts.sum(axis=1) > 0  # map classes that the stratum has, as far as the sample knows
        cells = counts[rows].astype(np.float64)
        drawn = rng.dirichlet(cells.ravel() + 1 / cells.size, size=number).reshape(number, *cells.shape)
        if tally.units is not None:
            whole = int(tally.units[h])
            drawn = (cells + (whole - n) * drawn) / whole
        out[:, rows] += tally.weights[h] * drawn
    return out
