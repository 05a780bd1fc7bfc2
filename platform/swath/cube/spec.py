"""What a cube is made of and how it is reduced: the settings that touch pixels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from swath.sources.facts import MaskRule


class Method(StrEnum):
    """How the dates of a pixel become one value."""

    MEDIAN = "median"
    MEAN = "mean"
    PERCENTILE = "percentile"
    GEOMEDIAN = "geomedian"
    BEST = "best"
    FIRST = "first"


Adjust = Literal["none", "roy-2016"]
Resampling = Literal["nearest", "bilinear", "cubic", "average"]


@dataclass(frozen=True)
class CubeSpec:
    """Everything about a composite cube that touches its pixels; part of the resume key.

    Attributes:
        bands: Names of the collection's facts, in output order.
        masks: Rules that drop pixels; the collection's default unless the product says otherwise.
        dilate_m: Dropped pixels grow by this many metres (square window).
        method: How dates are reduced.
        percentiles: For `percentile`, in percent; output layers are then `<band>_p<NN>`.
        score: For `best`: the named score that picks the date.
        min_obs: Fewer clear dates than this are flagged, none is no-data.
        max_cloud: Items with more `eo:cloud_cover` (percent) are left out of the plan.
        resampling: How continuous bands come to the tile's lattice when refined or warped; coarsening is
            always by area mean, masks and classes always nearest.
        band_resampling: Exceptions by band.
        adjust: Coefficients that bring Landsat's TM and ETM+ to OLI; a mix without them is refused.
        on_missing: A band file that cannot be read: `fail` the unit, or `skip` that date and list it.
    """

    bands: tuple[str, ...]
    masks: tuple[MaskRule, ...] = ()
    dilate_m: float = 0.0
    method: Method = Method.MEDIAN
    percentiles: tuple[float, ...] = ()
    score: str | None = None
    min_obs: int = 1
    max_cloud: float = 100.0
    resampling: Resampling = "nearest"
    band_resampling: Mapping[str, Resampling] = field(default_factory=dict)
    adjust: Adjust = "none"
    on_missing: Literal["fail", "skip"] = "fail"
