"""Intervals of the figures of held-out labels, with whole blocks drawn again.

Pixels of a block are alike: drawing pixels would make every interval too short. What is told is transfer to other
blocks, not the accuracy of a map.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from swath.training.metrics import MEASURES, VALUE_MEASURES, DistributionSums, RankSums, Reliability, ValueBins
from swath.training.metrics import ValueSums as Sums
from swath.training.metrics.bootstrap import METHODS, interval_of
from swath.training.metrics.distributions import coverage, crps
from swath.training.metrics.plain import plain, ratio
from swath.training.scores import ClassScore, PresenceScore, Score, ValueScore

LEVEL, DRAWS = 0.95, 2000
FEW = 30  #: blocks below which a bootstrap's interval is somewhat short (Efron 1987)
Figure = Callable[[NDArray[Any]], Any]


def intervals(scores: Sequence[Score], *, seed: int = 0) -> dict[str, Any]:
    """Figures over all labels with the interval of each, JSON-ready.

    Args:
        scores: One a block, of one model or of several that did not see their blocks.
        seed: Of the draws.

    Returns:
        By figure `value`, `low` and `high`, these None where there are fewer than two blocks or a figure has no meaning
        in most draws; of species `auc` with species drawn.
    """
    if isinstance(scores[0], PresenceScore):
        return {"auc": _of_species(scores, seed=seed)}
    return {name: _told(sums, figure, seed=seed) for name, (sums, figure) in _figures(scores).items()}


def drawn(blocks: int, *, what: str = "block") -> str:
    """How intervals were made, in words."""
    few = f"; fewer than {FEW} make it somewhat short" if blocks < FEW else ""
    return f"{LEVEL:.0%}, {METHODS['percentile']} of {blocks} {what}s{few}"


def _figures(scores: Sequence[Score]) -> dict[str, tuple[NDArray[np.float64], Figure]]:
    """Sums (blocks, …) of each figure, and how it is made of them."""
    sums = np.stack([score.sums[2:] for score in scores])
    first = scores[0]
    if isinstance(first, ClassScore):
        k = len(first.spec.output.channels)
        matrices = sums[:, : k * k].reshape(-1, k, k)
        sure = sums[:, 2 * k * k : 2 * k * k + Reliability.SIZE].reshape(len(sums), 3, -1)
        return {**{name: (matrices, measure) for name, measure in MEASURES.items()}, "ece": (sure, _ece)}
    assert isinstance(first, ValueScore)
    values = sums[:, : Sums.SIZE]
    found: dict[str, tuple[NDArray[np.float64], Figure]] = {
        name: (values, measure) for name, measure in VALUE_MEASURES.items()
    }
    spread = sums[:, Sums.SIZE + ValueBins.SIZE :]
    if spread.shape[1] == DistributionSums.SIZE:
        found |= {"crps": (spread, crps), "coverage_90": (spread, coverage)}
    return found


def _told(sums: NDArray[np.float64], figure: Figure, *, seed: int) -> dict[str, float | None]:
    value = plain(figure(sums.sum(axis=0)))
    if value is None or len(sums) < 2:
        return {"value": value, "low": None, "high": None}
    low, high = interval_of(sums, figure, draws=DRAWS, seed=seed, level=LEVEL)
    return {"value": value, "low": plain(low), "high": plain(high)}


def _of_species(scores: Sequence[Score], *, seed: int) -> dict[str, float | None]:
    whole = np.sum([score.sums[2:] for score in scores], axis=0)
    auc = RankSums(whole.reshape(-1, 2, RankSums.SIZE // 2)).by_species()["auc"]
    known = auc[np.isfinite(auc)]
    if len(known) < 2:
        return {"value": plain(known.mean() if len(known) else np.nan), "low": None, "high": None}
    low, high = interval_of(known, draws=DRAWS, seed=seed, level=LEVEL)
    return {"value": plain(known.mean()), "low": low, "high": high}


def _ece(sums: NDArray[Any]) -> Any:
    """Expected calibration error of sums (..., 3, bins), see `Reliability.error`."""
    pixels, confidence, right = sums[..., 0, :], sums[..., 1, :], sums[..., 2, :]
    return ratio(np.abs(right - confidence).sum(-1), pixels.sum(-1))
