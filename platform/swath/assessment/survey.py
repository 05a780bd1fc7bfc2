"""A mean over a region from a probability sample: one estimator for strata, clusters, unequal chances and regions.

The mean is a ratio of weighted sums over the units of the region (Hájek); its variance is that of the ratio's
residuals, summed by cluster, within strata (Särndal, Swensson and Wretman 1992, chapters 5 and 10; first-stage units as
if drawn with replacement but for the finite population correction). With equal chances in each stratum, no clusters and
the whole map this is the textbook's stratified variance; with tracks as clusters it is the ratio-to-size estimator.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from swath.errors import SampleError

Array = NDArray[np.float64]
Variance = Literal["simple", "local"]
NEIGHBOURS = 4  #: of a unit, for the local variance: those of a square lattice
LEAST_LOCAL = 20  #: units that a local variance needs
_LEAST_RATIO = 0.05  # of the local to the simple variance: a map of few errors has none in most neighbours


@dataclass(frozen=True)
class Survey:
    """How units were drawn.

    Attributes:
        weights: (n,) what each unit stands for, as hectares; above 0.
        strata: (n,) number of the stratum of each, from 0.
        names: H names of strata.
        left: (H,) share of a stratum's units that were not drawn: 1 - n / N; 1 for large ones.
        clusters: (n,) number of the cluster of each; None: each unit is one.
        x: (n,) metres, for the local variance; y likewise.
        y: See x.
    """

    weights: Array
    strata: NDArray[np.int64]
    names: tuple[str, ...]
    left: Array
    clusters: NDArray[np.int64] | None = None
    x: Array | None = None
    y: Array | None = None

    def __post_init__(self) -> None:
        what = "unit" if self.clusters is None else "cluster"
        for number, name in enumerate(self.names):
            own = self.strata == number
            count = int(own.sum()) if self.clusters is None else len(np.unique(self.clusters[own]))
            if count == 1:
                raise SampleError(
                    f"Stratum {name!r} has 1 {what}: its variance is undefined.",
                    fix=f"Take two or more {what}s of each stratum, or join it to another one.", stratum=name, units=1,
                )  # fmt: skip

    def __len__(self) -> int:
        return len(self.weights)

    @property
    def degrees(self) -> int:
        """Of freedom: first-stage units less strata."""
        first = len(self) if self.clusters is None else len(np.unique(np.stack([self.strata, self.clusters]), axis=1).T)
        return max(1, first - len(np.unique(self.strata)))


@dataclass(frozen=True)
class Mean:
    """A mean over a region.

    Attributes:
        value: Of it; NaN without units.
        variance: Of it; NaN with fewer than two units, or clusters, in the region.
        units: In the region.
        clusters: In the region; units where there are none.
    """

    value: float
    variance: float
    units: int
    clusters: int


def mean_of(
    values: Array, survey: Survey, inside: NDArray[np.bool_] | None = None, *, how: Variance = "simple"
) -> Mean:
    """The mean over a region, by its units alone.

    Args:
        values: (n,) of the units.
        survey: How they were drawn.
        inside: (n,) whether each is of the region; None: all are.
        how: `simple`, or `local` for a systematic sample: times Geary's ratio of the values, which compares neighbours
            (D'Orazio 2003, doi:10.1198/1085711032174).
    """
    own = np.ones(len(survey), bool) if inside is None else inside
    weights = np.where(own, survey.weights, 0.0)
    count, whole = int(own.sum()), float(weights.sum())
    if not count:
        return Mean(np.nan, np.nan, 0, 0)
    mean = float((weights * np.where(own, values, 0.0)).sum() / whole)
    parts = weights * np.where(own, values - mean, 0.0) / whole
    strata, clusters = survey.strata, count
    if survey.clusters is not None:
        key, inverse = np.unique(np.stack([strata, survey.clusters]), axis=1, return_inverse=True)
        place = np.asarray(inverse).ravel()
        clusters = len(np.unique(place[own]))
        parts, strata = np.asarray(np.bincount(place, parts), np.float64), key[0]
    if clusters < 2:
        return Mean(mean, np.nan, count, clusters)
    number = len(survey.names)
    n = np.bincount(strata, minlength=number).astype(np.float64)
    total = np.bincount(strata, parts, number)
    squares = np.bincount(strata, parts**2, number) - total**2 / np.maximum(n, 1)
    variance = float((survey.left * n / np.maximum(n - 1, 1) * squares.clip(0)).sum())
    if how == "local":
        variance *= geary(values[own], survey, own)
    return Mean(mean, variance, count, clusters)


def geary(values: Array, survey: Survey, inside: NDArray[np.bool_] | None = None) -> float:
    """Geary's ratio: half the mean squared difference of neighbours over the variance; 1 where it is not known.

    Args:
        values: (m,) of the units in the region.
        survey: How all units were drawn.
        inside: (n,) which units these are; None: all.

    Raises:
        SampleError: The units have no places, strata or clusters.
    """
    from scipy.spatial import cKDTree

    if survey.x is None or survey.y is None or len(survey.names) > 1 or survey.clusters is not None:
        raise SampleError(
            "A local variance is for a systematic sample without strata or clusters.", fix="Take --variance simple."
        )
    own = np.ones(len(survey), bool) if inside is None else inside
    spread = float(values.var(ddof=1)) if len(values) > 1 else 0.0
    if len(values) < LEAST_LOCAL or not spread > 0:
        return 1.0
    points = np.stack([survey.x[own], survey.y[own]], axis=1)
    _, near = cKDTree(points).query(points, k=NEIGHBOURS + 1)
    one = np.repeat(np.arange(len(points)), NEIGHBOURS)
    pairs = np.unique(np.sort(np.stack([one, near[:, 1:].ravel()], axis=1), axis=1), axis=0)
    found = float(0.5 * ((values[pairs[:, 0]] - values[pairs[:, 1]]) ** 2).mean() / spread)
    return max(_LEAST_RATIO, found)
