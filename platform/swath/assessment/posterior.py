"""Intervals that hold where errors are rare: a Dirichlet posterior for what each figure tells apart.

A class whose omissions are rare is seen by the sample a few times or not at all, and the interval of the published
formulas is then too short, or has no width. A figure tells at most a few kinds of cell apart: an area only whether the
reference is the class, a producer's accuracy whether the class was found, missed, or is not there. In each stratum the
shares of the kinds get a Dirichlet posterior (Gelman et al., Bayesian Data Analysis, 3.4), strata are independent, and
the interval is that of the draws.

The prior gives each kind some part of a unit in all, spread over the strata that can have it by the area for which one
of their units stands. So it depends neither on the length of the legend nor on the number of strata: a prior by cell
puts more error into each stratum with every class of the legend, and takes it for granted. Which part of a unit cannot
be known; the interval holds those of two priors (the imprecise Dirichlet model of Walley 1996,
doi:10.1111/j.2517-6161.1996.tb02065.x).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from swath.assessment.stratified import Figures
from swath.assessment.tally import Tally

Array = NDArray[np.float64]
DRAWS = 20_000
PRIORS = (0.65, 0.75)  #: units of each kind of cell; readings in docs/decisions/0019


def intervals(
    tally: Tally,
    figures: Figures,
    *,
    level: float = 0.95,
    draws: int = DRAWS,
    seed: int = 0,
    priors: tuple[float, ...] = PRIORS,
    effects: Array | None = None,
) -> Array:
    """Equal-tailed intervals of the posterior.

    What was drawn is known; of a stratum of N units only the other N - n are uncertain.

    Args:
        tally: The sample.
        figures: Of which.
        level: As 0.95.
        draws: From the posterior.
        seed: Of the draws.
        priors: Units of each kind of cell; the interval is from the least low to the largest high of these.
        effects: (F,) variance of the design over that of simple random samples; None: 1. The sample counts as one of
            its units over this (Kish 1965, section 8.2).

    Returns:
        (F, 2) low and high; NaN where a figure has no meaning in any draw.
    """
    out = np.full((len(figures.names), 2), np.nan)
    tails = [(1 - level) / 2, (1 + level) / 2]
    for prior in priors:
        rng = np.random.default_rng(seed)
        for place, (above, below) in enumerate(zip(figures.above, figures.below, strict=True)):
            effect = 1.0 if effects is None else float(effects[place])
            found = _ratios(tally, above, below, draws, rng, prior, effect)
            if np.isfinite(found).any():
                low, high = np.nanquantile(found, tails)
                out[place] = np.fmin(out[place, 0], low), np.fmax(out[place, 1], high)
    return out


def _ratios(
    tally: Tally, above: Array, below: Array, draws: int, rng: np.random.Generator, prior: float, effect: float
) -> Array:
    """(draws,) of one figure; NaN where nothing is below."""
    kinds, flat = np.unique(np.stack([above.ravel(), below.ravel()]), axis=1, return_inverse=True)
    kind = np.asarray(flat).reshape(above.shape)  # (K, K) number of each cell's kind
    hot = np.stack([kind == number for number in range(kinds.shape[1])])  # (T, K, K)
    counts = np.einsum("hij,tij->ht", tally.counts, hot).astype(np.float64)
    # a stratum has the map classes that the sample saw in it, and may have any reference class
    rows = (tally.counts.sum(axis=2) > 0).astype(np.int64)
    can = (rows @ hot.any(axis=2).T.astype(np.int64)) > 0  # (H, T)
    shares = np.zeros((draws, kinds.shape[1]))
    extra = _extra(tally, can, prior)
    for h, own in enumerate(can):
        n, weight = counts[h].sum(), tally.weights[h]
        if not n:
            continue
        if own.sum() == 1:
            shares[:, own] += weight
            continue
        drawn = rng.dirichlet(counts[h, own] / effect + extra[h, own], size=draws)
        if tally.units is not None:
            whole = float(tally.units[h])
            drawn = (counts[h, own] + (whole - n) * drawn) / whole
        shares[:, own] += weight * drawn
    over, under = shares @ kinds[0], shares @ kinds[1]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(under > 0, over / under, np.nan)


def _extra(tally: Tally, can: NDArray[np.bool_], prior: float) -> Array:
    """(H, T) units of the prior: `prior` of each kind, by the area that a unit of the stratum stands for."""
    stands = np.where(tally.sizes > 0, tally.weights / np.maximum(tally.sizes, 1), 0.0)
    # an area of nothing still needs a prior above 0
    place = np.where(can & (can.sum(axis=1) > 1)[:, None], np.maximum(stands, 1e-12)[:, None], 0.0)
    whole = place.sum(axis=0)
    return np.asarray(prior * np.divide(place, whole, out=np.zeros_like(place), where=whole > 0))
