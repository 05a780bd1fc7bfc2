"""Model-assisted means and totals of regions: what the map says, put right by a probability sample (GREG).

The mean of a region is the map's mean over its pixels plus the mean of reference minus map over the sample's units in
it (Särndal, Swensson and Wretman 1992, chapters 6 and 10; for biomass McRoberts et al. 2013,
doi:10.1016/j.rse.2012.10.007). It is nearly unbiased whatever the map is worth: a bad map makes it uncertain, not
wrong. Its variance is that of the residuals, which says too little where the model has seen the units: then residuals
must be those of folds that had not.

Hectares of a class are the same estimator with 1 where the unit, or the pixel, is of the class; by map class as strata
this is the stratified estimator of Olofsson et al. 2014.

A region with few units gets, beside its own, a *synthetic* estimate: the map put right by all units of the map. It
takes for granted that regions differ in what is wrong with the map as a random effect would have it, and is titled
`model-based`; its variance is that of the effect (Rao and Molina 2015, chapter 7).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from swath.assessment.overlay import ALL, Overlay
from swath.assessment.survey import Mean, Survey, Variance, mean_of

Array = NDArray[np.float64]
LEAST = 10  #: units of a region; with fewer it is flagged
FEW = 5  #: omission units of a class in a region; with fewer its area is flagged
DESIGN, MODEL, HYBRID = "design-based", "model-based", "hybrid"


@dataclass(frozen=True)
class RegionEstimate:
    """The mean and total of a region.

    Attributes:
        region: Its name; `all` for the whole map.
        of: Class; empty for values.
        title: `design-based`, `model-based` or `hybrid`.
        estimator: `greg`, `synthetic`, `expansion`, `ratio to size` or `map`.
        units: Sample units in the region.
        area_ha: Mapped hectares of the region.
        mapped: Mean by the map, or share of the class.
        mean: Estimated; NaN where it cannot be.
        standard_error: Of the mean.
        low: Of the mean's interval.
        high: Of it.
        total: Mean times hectares: Mg for Mg/ha, hectares for shares.
        total_error: Standard error of the total.
        total_low: Of the total's interval.
        total_high: Of it.
        gain: Variance without the map over variance with it; None where that is not asked.
        flags: Why to be careful: `few units`, `few omissions`, `no units`.
        parts: Standard error of the mean by source, where it has several.
    """

    region: str
    of: str
    title: str
    estimator: str
    units: int
    area_ha: float
    mapped: float
    mean: float
    standard_error: float
    low: float
    high: float
    total: float
    total_error: float
    total_low: float
    total_high: float
    gain: float | None = None
    flags: tuple[str, ...] = ()
    parts: dict[str, float] | None = None

    @classmethod
    def of_mean(
        cls, mean: float, error: float, *, area: float, degrees: int, level: float, **more: Any
    ) -> RegionEstimate:
        """With its interval, by Student's t of the degrees of freedom, and the total.

        Args:
            mean: Estimated.
            error: Its standard error.
            area: Hectares.
            degrees: Of freedom.
            level: Of the interval.
            more: Other fields.
        """
        from scipy.stats import t

        reach = float(t.ppf(0.5 + level / 2, degrees)) * error
        low, high = mean - reach, mean + reach
        if more.get("of"):
            low, high = max(low, 0.0) if low == low else low, min(high, 1.0) if high == high else high
        return cls(
            area_ha=area, mean=mean, standard_error=error, low=low, high=high, total=mean * area,
            total_error=error * area, total_low=low * area, total_high=high * area, **more,
        )  # fmt: skip


@dataclass(frozen=True)
class Assisted:
    """What a sample says of one quantity, unit by unit.

    Attributes:
        of: Class; empty for values.
        found: (n,) by the reference.
        told: (n,) by the map, or by folds of its model that had not seen the unit.
        mapped: (R + 1,) sum of the map over value times hectares, by region.
    """

    of: str
    found: Array
    told: Array
    mapped: Array


def greg(
    quantities: Sequence[Assisted], over: Overlay, region: NDArray[np.int64], survey: Survey, *,
    level: float = 0.95, how: Variance = "simple",
) -> list[RegionEstimate]:  # fmt: skip
    """Estimates of the whole map, then of each region; small regions get a synthetic one too.

    Args:
        quantities: Values, or classes one by one.
        over: The map by region.
        region: (n,) number of the region of each unit, 0 for none.
        survey: How units were drawn.
        level: Of the intervals.
        how: The variance is computed.
    """
    made = []
    for one in quantities:
        whole = _direct(one, over, None, region, survey, level, how)
        made.append(whole)
        effect = _effect(one.found - one.told, region)
        for number in range(1, len(over.names) + 1):
            own = _direct(one, over, number, region, survey, level, how)
            made.append(own)
            if own.units < LEAST and own.area_ha > 0:
                made.append(_synthetic(one, over, number, own, effect, survey, level))
    return made


def _direct(
    one: Assisted, over: Overlay, number: int | None, region: NDArray[np.int64], survey: Survey, level: float,
    how: Variance,
) -> RegionEstimate:  # fmt: skip
    inside = np.ones(len(survey), bool) if number is None else region == number
    area, mapped = _of_map(one, over, number)
    residual, plain = (mean_of(values, survey, inside, how=how) for values in (one.found - one.told, one.found))
    error = _error(residual)
    gain = plain.variance / residual.variance if residual.variance > 0 else None
    omitted = int(((one.found > 0.5) & (one.told < 0.5) & inside).sum()) if one.of else FEW
    flags = (["no units"] if not residual.units else ["few units"] if residual.units < LEAST else []) + (
        ["few omissions"] if omitted < FEW else []
    )
    degrees = max(1, min(survey.degrees, residual.clusters - 1))
    return RegionEstimate.of_mean(
        mapped + residual.value, error, area=area, degrees=degrees, level=level,
        region=ALL if number is None else over.names[number - 1], of=one.of, title=DESIGN, estimator="greg",
        units=residual.units, mapped=mapped, gain=gain, flags=tuple(flags),
    )  # fmt: skip


def _synthetic(
    one: Assisted, over: Overlay, number: int, own: RegionEstimate, effect: Array | None, survey: Survey, level: float
) -> RegionEstimate:
    area, mapped = _of_map(one, over, number)
    common = mean_of(one.found - one.told, survey)
    # what a region of its own deviates by, and how well the common mean is known
    error = float("nan") if effect is None else float(np.sqrt(effect[0] + max(effect[1], common.variance)))
    made = RegionEstimate.of_mean(
        mapped + common.value, error, area=area, degrees=survey.degrees, level=level, region=own.region, of=one.of,
        title=MODEL, estimator="synthetic", units=own.units, mapped=mapped,
    )  # fmt: skip
    return made if effect is not None else replace(made, flags=("spread of regions unknown",))


def _of_map(one: Assisted, over: Overlay, number: int | None) -> tuple[float, float]:
    """Hectares, and the map's mean over them."""
    area = float(over.hectares.sum() if number is None else over.hectares[number].sum())
    total = float(one.mapped.sum() if number is None else one.mapped[number])
    return area, total / area if area > 0 else float("nan")


def _error(mean: Mean) -> float:
    return float(np.sqrt(mean.variance))


def _effect(residuals: Array, region: NDArray[np.int64]) -> Array | None:
    """Variance of what regions deviate by, and of the common mean under it; None where fewer than three have units.

    Analysis of variance of residuals by region with unequal numbers (Rao and Molina 2015, chapter 7).
    """
    keys, place, n = np.unique(region[region > 0], return_inverse=True, return_counts=True)
    values = residuals[region > 0]
    total, groups = len(values), len(keys)
    if groups < 3 or total <= groups:
        return None
    means = np.bincount(place, values) / n
    within = float(((values - means[place]) ** 2).sum() / (total - groups))
    between = float((n * (means - values.mean()) ** 2).sum())
    spread = max(0.0, (between - (groups - 1) * within) / (total - (n**2).sum() / total))
    return np.array([spread, spread * (n**2).sum() / total**2 + within / total])
