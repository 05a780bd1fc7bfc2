"""How well many species are told apart from where they are not, as sums of a fixed size that workers add up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from swath.training.metrics.boyce import boyce_of_counts
from swath.training.metrics.plain import plain, ratio

Floats = NDArray[np.float64]
BINS = 256
_REACH = 16.0  # logits beyond lie in the end bins: a probability of 1e-7 and less, and of 1 - 1e-7 and more


def area(absent: Floats, present: Floats) -> Any:
    """Area under the ROC curve from counts by rising score, (..., scores); those of one score are ties and count half.

    NaN without presences or without absences.
    """
    below = np.cumsum(absent, -1) - absent
    return ratio((present * (below + absent / 2)).sum(-1), present.sum(-1) * absent.sum(-1))


def skill(absent: Floats, present: Floats) -> Any:
    """Greatest sensitivity + specificity - 1 over all thresholds, from counts by rising score; NaN as for `area`."""
    shares = [_from_here_on(counts) / np.maximum(counts.sum(-1, keepdims=True), 1e-300) for counts in (absent, present)]
    both = (absent.sum(-1) > 0) & (present.sum(-1) > 0)
    return np.where(both, np.maximum((shares[1] - shares[0]).max(-1, initial=0.0), 0.0), np.nan)[()]


def precision(absent: Floats, present: Floats) -> Any:
    """Mean of precision over the steps of recall, from counts by rising score; NaN as for `area`."""
    above = _from_here_on(present)
    at = np.nan_to_num(ratio(above, above + _from_here_on(absent)))
    return np.where(absent.sum(-1) > 0, ratio((present * at).sum(-1), present.sum(-1)), np.nan)[()]


RANK_MEASURES = {"auc": area, "average_precision": precision, "tss": skill}


@dataclass(frozen=True)
class RankSums:
    """Presences and absences of each species by bin of the score; those of parts of the data add up.

    Figures are exact but that scores of one bin (an eighth of a logit) are ties; `PresenceRows` knows no bins.

    Attributes:
        sums: (S, 2, BINS) float64: absences, presences.
    """

    sums: Floats

    SIZE = 2 * BINS  #: of a species

    @classmethod
    def of(cls, truth: NDArray[Any], logits: NDArray[Any]) -> RankSums:
        """Of rows.

        Args:
            truth: (rows, S): 1 present, 0 absent or background, NaN not told.
            logits: (rows, S).
        """
        species = truth.shape[1]
        keep = np.isfinite(truth)
        place = np.clip((logits[keep] + _REACH) * (BINS / (2 * _REACH)), 0, BINS - 1).astype(np.int64)
        of = np.broadcast_to(np.arange(species), truth.shape)[keep]
        at = (of * 2 + (truth[keep] > 0)) * BINS + place
        return cls(np.bincount(at, minlength=species * 2 * BINS).reshape(species, 2, BINS).astype(np.float64))

    def __add__(self, other: RankSums) -> RankSums:
        return RankSums(self.sums + other.sums)

    def by_species(self) -> dict[str, Floats]:
        """(S,) of auc, average_precision, tss and boyce; NaN where one has no meaning."""
        absent, present = self.sums[:, 0], self.sums[:, 1]
        suitability = expit((np.arange(BINS) + 0.5) * (2 * _REACH / BINS) - _REACH)
        told = {name: np.asarray(measure(absent, present)) for name, measure in RANK_MEASURES.items()}
        pairs = zip(absent, present, strict=True)
        told["boyce"] = np.array([boyce_of_counts(suitability, here, here + away) for away, here in pairs])
        return told

    def figures(self, species: Sequence[str]) -> dict[str, Any]:
        """See `species_figures`."""
        told = self.by_species()
        return species_figures(told, self.sums[:, 1].sum(-1), species, rows=int(self.sums.sum((1, 2)).max(initial=0)))


def species_figures(
    told: dict[str, Floats], presences: NDArray[Any], species: Sequence[str], *, rows: int, least: int = 1
) -> dict[str, Any]:
    """Means over species and each species, JSON-ready; None where a figure has no meaning.

    Args:
        told: (S,) of each measure.
        presences: (S,).
        species: Their names.
        rows: That were told.
        least: Presences below which a species is left out of the means.

    Returns:
        Means by measure; `species`, each with its presences and figures; `without`: how many species the mean AUC
        leaves out; `rows`.
    """
    enough = presences >= least
    counted = {name: np.where(enough, values, np.nan) for name, values in told.items()}
    return {
        **{name: mean_over_species(values) for name, values in counted.items()},
        "species": {
            one: {"presences": int(presences[k]), **{name: plain(values[k]) for name, values in told.items()}}
            for k, one in enumerate(species)
        },
        "without": int((~np.isfinite(counted["auc"])).sum()),
        "rows": rows,
    }


def mean_over_species(values: Floats) -> float | None:
    """Mean of what is finite; None of nothing."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None


def _from_here_on(counts: Floats) -> Floats:
    return np.flip(np.cumsum(np.flip(counts, -1), -1), -1)
