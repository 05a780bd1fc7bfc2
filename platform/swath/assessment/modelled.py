"""Totals of regions where plots are no probability sample: the map's own, model-based.

The variance of a region's mean is the covariance of the map's errors averaged over all pairs of its pixels, here over
pairs of pixels drawn at random, plus what all plots share (Wadoux and Heuvelink 2023, doi:10.1111/2041-210X.14106).
Covariances come from the variogram of residuals at the plots. The spread of refitted models is not known here.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from swath.assessment.greg import MODEL, RegionEstimate
from swath.assessment.overlay import ALL, Overlay
from swath.assessment.places import plane
from swath.assessment.published import PublishedMap
from swath.assessment.totals import COMMON_CV
from swath.assessment.values import values_of
from swath.assessment.variogram import LEAST, Variogram, fit_variogram
from swath.assessment.zones import Zones
from swath.errors import LabelError, SampleError
from swath.grid.lonlat import from_lonlat

Array = NDArray[np.float64]
PAIRS = 20_000  #: of pixels, for the mean covariance of a region
_SPOTS = 200  # pixels of a region that are drawn in each tile


def modelled(
    map_: PublishedMap, layer: str, over: Overlay, plots: pd.DataFrame, *, regions: Zones | None,
    common_cv: float = COMMON_CV, level: float = 0.95, seed: int = 0,
) -> list[RegionEstimate]:  # fmt: skip
    """What the map says of the whole and of each region, with standard errors by source: residual, common.

    Args:
        map_: Of values.
        layer: Of the values.
        over: The map by region; its places are the plots.
        plots: A row a plot: `value`, `told` (by the map, or by folds that had not seen the plot), `east`, `north`,
            `region`.
        regions: Polygons; None: the whole map only.
        common_cv: Standard deviation over the mean of what all plots share; never 0.
        level: Of the intervals.
        seed: Of pairs of pixels.

    Raises:
        SampleError: A CV outside its range.
    """
    if not 0 < common_cv < 1:
        raise SampleError(f"A common CV of {common_cv:g}: plots share an error.", fix="Give one above 0, below 1.")
    residuals = (plots["value"] - plots["told"]).to_numpy(np.float64)
    variogram = _variogram(residuals, plots)
    spots = _spots(map_, layer, regions, seed)
    made = []
    for number in range(len(over.names) + 1):
        own = over.hectares if number == 0 else over.hectares[number]
        area, total = float(own.sum()), float(over.sums.sum() if number == 0 else over.sums[number])
        mean = total / area if area > 0 else float("nan")
        here = spots if number == 0 else spots[spots["region"] == number]
        variances = {"common": (common_cv * mean) ** 2}
        if variogram is not None and len(here) > 1:
            variances["residual"] = _mean_covariance(here, variogram, seed)
        units = len(plots) if number == 0 else int((plots["region"] == number).sum())
        flags = ["model's part unknown"] + ([] if "residual" in variances else ["residual part unknown"])
        error = float(np.sqrt(sum(variances.values()))) if "residual" in variances else float("nan")
        one = RegionEstimate.of_mean(
            mean, error, area=area, degrees=10_000, level=level, region=ALL if number == 0 else over.names[number - 1],
            of="", title=MODEL, estimator="map", units=units, mapped=mean, flags=tuple(flags),
        )  # fmt: skip
        made.append(replace(one, parts={name: float(np.sqrt(part)) for name, part in variances.items()}))
    return made


def _variogram(residuals: Array, plots: pd.DataFrame) -> Variogram | None:
    """Of residuals at plots; None where they are too few for one."""
    if len(residuals) < LEAST:
        return None
    x, y = (plots[name].to_numpy(np.float64) for name in ("east", "north"))
    farthest = 0.5 * float(np.hypot(np.ptp(x), np.ptp(y)))
    try:
        return fit_variogram(residuals, x, y, noise=0.0, farthest=farthest)
    except LabelError:  # too few pairs: all plots stand on a few places
        return None


def _mean_covariance(spots: pd.DataFrame, variogram: Variogram, seed: int) -> float:
    """Covariance of the errors of two pixels of a region, drawn at random by area; they are never the same pixel."""
    random = np.random.default_rng((seed, 3))
    chance = spots["weight"].to_numpy(np.float64) / spots["weight"].sum()
    one, two = random.choice(len(spots), (2, PAIRS), p=chance)
    xy = spots[["east", "north"]].to_numpy(np.float64)
    apart = np.hypot(*(xy[one] - xy[two]).T)
    # the same spot twice stands for two pixels that are close together
    return float(variogram.covariance(np.maximum(apart, 1.0)).mean())


def _spots(map_: PublishedMap, layer: str, regions: Zones | None, seed: int) -> pd.DataFrame:
    """Mapped pixels drawn at random in each tile and region, each with the pixels that it stands for."""
    random = np.random.default_rng((seed, 4))
    found: list[tuple[Array, Array, NDArray[np.int64], Array]] = []
    for unit in map_.units:
        tile = unit.tile
        valid = np.isfinite(values_of(map_, unit, layer))
        owned = tile.owned()
        valid = valid if owned is None else valid & owned
        inside = np.zeros(tile.shape, np.uint8) if regions is None else regions.burnt(tile)
        flat = np.flatnonzero(valid)
        number = inside.ravel()[flat].astype(np.int64)
        for region in np.unique(number).tolist():
            own = flat[number == region]
            chosen = own[random.integers(0, len(own), min(_SPOTS, len(own)))]
            row, col = np.divmod(chosen, tile.shape[1])
            left, _, _, top = tile.bounds
            x, y = left + (col + 0.5) * tile.resolution, top - (row + 0.5) * tile.resolution
            lon, lat = from_lonlat(tile.crs).transform(x, y, direction="INVERSE")
            weight = np.full(len(chosen), len(own) / len(chosen))
            found.append((lon, lat, np.full(len(chosen), region), weight))
    if not found:
        return pd.DataFrame({"east": [], "north": [], "region": [], "weight": []})
    lon, lat, number, weight = (np.concatenate(part) for part in zip(*found, strict=True))
    east, north = plane(lon, lat)
    return pd.DataFrame({"east": east, "north": north, "region": number, "weight": weight})
