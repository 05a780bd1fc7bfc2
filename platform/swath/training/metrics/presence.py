"""How well suitability tells where species are: exact figures of rows that fit memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from swath.training.metrics.boyce import boyce
from swath.training.metrics.ranks import area, precision, skill, species_figures

Floats = NDArray[np.float64]
PresenceMeasure = Literal["auc", "average_precision", "tss", "boyce"]


def auc(truth: NDArray[Any], score: NDArray[Any]) -> float:
    """Area under the ROC curve; ties count half. NaN without presences or without absences.

    Args:
        truth: (rows,) 1 present, 0 absent; NaN rows are left out.
        score: (rows,), any monotone scale.
    """
    return float(area(*_by_score(truth, score)))


def average_precision(truth: NDArray[Any], score: NDArray[Any]) -> float:
    """Mean of precision over the steps of recall; chance gives the prevalence. Arguments and NaN as for `auc`."""
    return float(precision(*_by_score(truth, score)))


def tss(truth: NDArray[Any], score: NDArray[Any], *, threshold: float | None = None) -> float:
    """True skill statistic, sensitivity + specificity - 1 (Allouche et al. 2006, doi:10.1111/j.1365-2664.2006.01214.x).

    Args:
        truth: (rows,) 1 present, 0 absent; NaN rows are left out.
        score: (rows,).
        threshold: Scores from it on are presences. None takes the one that gives most on these rows, which flatters:
            it is the greatest TSS that any threshold reaches.
    """
    if threshold is None:
        return float(skill(*_by_score(truth, score)))
    present, absent = (np.asarray(score)[np.asarray(truth) == kind] for kind in (1, 0))
    if not len(present) or not len(absent):
        return np.nan
    return float((present >= threshold).mean() - (absent >= threshold).mean())


@dataclass(frozen=True)
class PresenceRows:
    """Truth and scores of rows, of which every figure is exact; those of parts of the data are joined.

    Attributes:
        truth: (rows, S): 1 present, 0 absent or background, NaN not told.
        scores: (rows, S).
    """

    truth: NDArray[np.float32]
    scores: NDArray[np.float32]

    def __add__(self, other: PresenceRows) -> PresenceRows:
        return PresenceRows(np.concatenate([self.truth, other.truth]), np.concatenate([self.scores, other.scores]))

    def by_species(self, measure: PresenceMeasure) -> Floats:
        """(S,) of a measure; NaN where it has no meaning. Boyce takes all told rows for the area."""
        pairs = zip(self.truth.T, self.scores.T, strict=True)
        if measure == "boyce":
            return np.array([boyce(s[y == 1], s[np.isfinite(y)]) for y, s in pairs])
        call = {"auc": auc, "average_precision": average_precision, "tss": tss}[measure]
        return np.array([call(y, s) for y, s in pairs])

    def figures(self, species: Sequence[str], *, least: int = 1) -> dict[str, Any]:
        """Means over species and each species, JSON-ready; see `species_figures`.

        Args:
            species: Their names.
            least: Presences below which a species is left out of the means; it is counted in `without`.
        """
        names: tuple[PresenceMeasure, ...] = ("auc", "average_precision", "tss", "boyce")
        told = {str(name): self.by_species(name) for name in names}
        return species_figures(told, (self.truth == 1).sum(0), species, rows=len(self.truth), least=least)


def _by_score(truth: NDArray[Any], score: NDArray[Any]) -> tuple[Floats, Floats]:
    """Absences and presences by rising score."""
    y, s = np.asarray(truth, np.float64), np.asarray(score)
    keep = np.isfinite(y)
    levels, place = np.unique(s[keep], return_inverse=True)
    absent, present = (np.bincount(place[y[keep] == kind], minlength=len(levels)) for kind in (0, 1))
    return absent.astype(np.float64), present.astype(np.float64)
