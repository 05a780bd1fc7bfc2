"""Totals from satellite tracks: hybrid, for the tracks are a sample and what they tell is a model's.

Tracks cross a region as clusters of unequal size: the mean is the ratio of what they tell to how many footprints they
have, and its variance is between tracks (the ratio-to-size estimator). To it comes the variance of the model that made
biomass of lidar returns (Ståhl et al. 2011, doi:10.1139/x10-161; Patterson et al. 2019, doi:10.1088/1748-9326/ab18df),
and that of what all footprints share, such as the allometry of the plots behind the model.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from swath.assessment.greg import HYBRID, RegionEstimate
from swath.assessment.measured import numbers_of
from swath.assessment.overlay import ALL, Overlay
from swath.assessment.places import Places
from swath.assessment.published import PublishedMap
from swath.assessment.survey import Survey, mean_of
from swath.assessment.totals import COMMON_CV, REFITS
from swath.errors import SampleError

Array = NDArray[np.float64]
FEW_TRACKS = 10  #: of a region; with fewer it is flagged
SENSITIVITY = 0.95  #: a footprint's, at least: above this canopy cover the ground is not seen
_TRACK = ("track", "orbit", "orbit_number")
_SHOT = "shot_number"
_ORBIT = 10**13  # a shot's number begins with its orbit's
_REFIT = "refit"  # columns that begin so hold what refitted models tell
_GOOD: tuple[tuple[str, str, Callable[[pd.Series[float]], pd.Series[bool]]], ...] = (
    ("l4_quality_flag", "without l4_quality_flag 1", lambda values: values == 1),
    ("degrade_flag", "degraded", lambda values: values == 0),
    ("sensitivity", f"sensitivity {SENSITIVITY} or less", lambda values: values > SENSITIVITY),
)


@dataclass(frozen=True)
class Tracks:
    """Footprints by track.

    Attributes:
        places: A row a footprint on the map.
        values: (n,) Mg/ha.
        track: (n,) number of the track, from 0.
        refits: (n, k) what refitted models tell, k 0 where nothing is given.
        dropped: Footprints that do not count, by reason.
    """

    places: pd.DataFrame
    values: Array
    track: NDArray[np.int64]
    refits: Array
    dropped: dict[str, int]

    @classmethod
    def read(
        cls, path: str | os.PathLike[str], map_: PublishedMap, *, column: str | None = None, crs: str | None = None
    ) -> Tracks:
        """Read footprints: columns `track` (or GEDI's `shot_number`), a value, places, and perhaps `refit_1` and on.

        Where GEDI's flags are in the table, footprints that are not good are left out and counted.

        Args:
            path: CSV, Parquet or a vector file.
            map_: That they cross.
            column: Of values; by default `agbd`, `agb` or `value`.
            crs: Of coordinates that are no degrees.

        Raises:
            SampleError: A column is missing, or fewer than two tracks cross the map.
        """
        found = Places.read(path, map_, crs=crs)
        table, file = found.table, found.file
        dropped = {"outside the map": found.outside} if found.outside else {}
        for name, reason, good in _GOOD:
            if name in table.columns:
                keep = good(pd.to_numeric(table[name], errors="coerce"))
                if not keep.all():
                    dropped[reason] = int((~keep).sum())
                table = table[keep]
        told = column or next((name for name in ("agbd", "agb", "value") if name in table.columns), None)
        if told is None or told not in table.columns:
            raise SampleError(f"{file} has no column {told or 'agbd'!r}.", fix="Name that of the values with --column.")
        values = numbers_of(table, told, file)
        if values.isna().any():
            dropped["without a value"] = int(values.isna().sum())
            table, values = table[values.notna()], values[values.notna()]
        key = next((one for one in _TRACK if one in table.columns), None)
        if key is None and _SHOT not in table.columns:
            raise SampleError(f"{file} does not say which track a footprint is of.", fix="Give a column `track`.")
        keys = table[key].astype(str) if key is not None else table[_SHOT].astype(np.int64) // _ORBIT
        track = pd.factorize(keys)[0].astype(np.int64)
        if len(set(track.tolist())) < 2:
            raise SampleError(
                f"{len(set(track.tolist()))} tracks of {file} cross the map: their variance is undefined.",
                fix="Give two or more.", count=len(set(track.tolist())),
            )  # fmt: skip
        again = [str(one) for one in table.columns if str(one).startswith(_REFIT)]
        if 0 < len(again) < REFITS:
            raise SampleError(f"{len(again)} refits do not tell a spread.", fix=f"Give {REFITS} or more, or none.")
        refits = np.stack([numbers_of(table, one, file).to_numpy(np.float64) for one in again], 1) if again else None
        if refits is not None and not np.isfinite(refits).all():
            raise SampleError(
                f"{int((~np.isfinite(refits)).sum())} values of refits in {file} are blank.",
                fix="Give what each refitted model tells of each footprint.",
            )
        values_ = values.to_numpy(np.float64)
        empty = np.empty((len(values_), 0))
        return cls(table.reset_index(drop=True), values_, track, empty if refits is None else refits, dropped)


def hybrid(
    tracks: Tracks, over: Overlay, region: NDArray[np.int64], *, common_cv: float = COMMON_CV, level: float = 0.95
) -> list[RegionEstimate]:
    """Estimates of the whole map, then of each region, with standard errors by source: tracks, model, common.

    Args:
        tracks: Footprints.
        over: The map by region, for hectares and for what it says.
        region: (n,) number of the region of each footprint.
        common_cv: Standard deviation over the mean of what all footprints share; never 0.
        level: Of the intervals.

    Raises:
        SampleError: A CV outside its range.
    """
    if not 0 < common_cv < 1:
        raise SampleError(f"A common CV of {common_cv:g}: footprints share an error.", fix="Give one above 0, below 1.")
    n = len(tracks.values)
    survey = Survey(np.ones(n), np.zeros(n, np.int64), (ALL,), np.ones(1), tracks.track)
    made = []
    for number in range(len(over.names) + 1):
        inside = np.ones(n, bool) if number == 0 else region == number
        own = over.hectares if number == 0 else over.hectares[number]
        sums = over.sums.sum() if number == 0 else over.sums[number]
        area = float(own.sum())
        mean = mean_of(tracks.values, survey, inside)
        variances = {"tracks": mean.variance, "common": (common_cv * mean.value) ** 2}
        if tracks.refits.shape[1] and mean.units:
            variances["model"] = float(tracks.refits[inside].mean(axis=0).var(ddof=1))
        flags = ("no tracks",) if not mean.units else ("few tracks",) if mean.clusters < FEW_TRACKS else ()
        one = RegionEstimate.of_mean(
            mean.value, float(np.sqrt(sum(variances.values()))), area=area, degrees=max(1, mean.clusters - 1),
            level=level, region=ALL if number == 0 else over.names[number - 1], of="", title=HYBRID,
            estimator="ratio to size", units=mean.units, mapped=float(sums) / area if area > 0 else float("nan"),
            flags=flags if "model" in variances else (*flags, "model's part unknown"),
        )  # fmt: skip
        made.append(replace(one, parts={name: float(np.sqrt(part)) for name, part in variances.items()}))
    return made
