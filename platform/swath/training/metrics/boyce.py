"""Whether presences grow with suitability, where absences are not known: the continuous Boyce index."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_WINDOW, _STEPS = 0.1, 100  # of the range of suitability; windows less one. As in R's ecospat.boyce


def boyce(presences: NDArray[Any], background: NDArray[Any]) -> float:
    """Continuous Boyce index (Hirzel et al. 2006, doi:10.1016/j.ecolmodel.2006.05.017), for presence-only data.

    A window of a tenth of the range of suitability moves in 101 places over it; in each, the share of presences is
    divided by the share of the area. The index is Spearman's correlation of these quotients with the suitability,
    windows without area and repeats of the one before left out, as in R's ecospat. 1: presences grow with suitability,
    0: they do not follow it, -1: they avoid it.

    Args:
        presences: Suitability at presences.
        background: Suitability over the area, or at a random sample of it (presences among them).

    Returns:
        NaN where there is no presence, or fewer than three windows differ.
    """
    seen, area = (np.asarray(part, np.float64)[np.isfinite(part)] for part in (presences, background))
    levels = np.unique(np.concatenate([seen, area]))
    counts = [np.bincount(np.searchsorted(levels, part), minlength=len(levels)) for part in (seen, area)]
    return boyce_of_counts(levels, counts[0].astype(np.float64), counts[1].astype(np.float64))


def boyce_of_counts(suitability: Floats, presences: Floats, background: Floats) -> float:
    """The index from counts by suitability; see `boyce`.

    Args:
        suitability: (levels,), rising.
        presences: (levels,) presences of each.
        background: (levels,) area of each.
    """
    # takes half a second to import
    from scipy.stats import spearmanr

    if not presences.sum() or not background.sum():
        return np.nan
    there = np.flatnonzero((presences > 0) | (background > 0))
    low, high = suitability[there[0]], suitability[there[-1]]
    of_area = suitability[np.flatnonzero(background)]
    width = (of_area[-1] - of_area[0]) * _WINDOW
    if width <= 0:
        return np.nan
    starts = np.linspace(low, high - width, _STEPS + 1)
    ends = starts + width
    ends[-1] = np.inf  # rounding must not leave the greatest out
    first, last = np.searchsorted(suitability, starts, "left"), np.searchsorted(suitability, ends, "right")

    def share(counts: Floats) -> Floats:
        total = np.concatenate([[0.0], np.cumsum(counts)])
        return (total[last] - total[first]) / total[-1]

    expected = share(background)
    kept = expected > 0
    quotient = (share(presences)[kept] / expected[kept]).round(10)
    fresh = np.append(quotient[1:] != quotient[:-1], True)
    if fresh.sum() < 3:
        return np.nan
    return float(spearmanr(quotient[fresh], starts[kept][fresh]).statistic)
