"""Footprints of GEDI L4A as labels of above-ground biomass: filtered, with their noise, in whole tracks.

Dubayah et al. 2022, GEDI L4A Footprint Level Aboveground Biomass Density, Version 2.1 (doi:10.3334/ORNLDAAC/2056);
Kellner et al. 2023, Algorithm Theoretical Basis Document (doi:10.1029/2022EA002516).
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Literal

import geopandas
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from swath.errors import LabelError
from swath.grid import Area, Period
from swath.models.spec import ValueOutput
from swath.training.dropped import Dropped, Reason
from swath.training.gedi_files import footprint_files, joined, read_footprints
from swath.training.label_files import LabelTable
from swath.training.label_set import Labels
from swath.training.labels import value_labels

AGB = ValueOutput(name="agb", unit="Mg/ha", low=0.0)
_EPOCH = np.datetime64("2018-01-01", "us")
_FAR_NORTH = 51.6  # degrees: the orbit of the space station
_TROPICS = 23.44
_EVERGREEN_BROADLEAF = 2  # of MODIS MCD12Q1's plant functional types
_Z90 = 1.6448536269514722  # half of a 90 % interval of a normal distribution, in its deviations
#: agbd / agbd_t^2 where a model was fitted to square roots: the factor that corrects the bias of squaring.
_SQUARES = (0.8, 1.6)


class GediFilter(BaseModel):
    """Which footprints are learned from, and how."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sensitivity: float = Field(default=0.95, ge=0, le=1, description="Footprints at or below are left out.")
    sensitivity_tropics: float = Field(
        default=0.98, ge=0, le=1, description="The same in broadleaf evergreen forest of the tropics."
    )
    leaf_on: bool = Field(default=True, description="Leave out footprints that were taken with leaves off.")
    footprint_m: float = Field(default=12.5, gt=0, description="Radius of the disc that a footprint labels, metres.")
    track: Literal["orbit", "beam"] = Field(
        default="orbit",
        description="What is never in training and test at once: an orbit, whose beams share the error of place, or "
        "each of its beams.",
    )
    weight_by_error: bool = Field(
        default=False,
        description="Weigh footprints by 1 / (1 + (error / median error)^2), for losses that take no error.",
    )


def gedi_labels(
    path: str | os.PathLike[str],
    *,
    area: Area,
    period: Period,
    rules: GediFilter | None = None,
    value: ValueOutput = AGB,
) -> Labels:
    """Labels of a granule or table of GEDI L4A.

    The standard error of a label comes from the model's prediction error in its fit units (`agbd_t`, `agbd_t_se`), else
    from the prediction interval; never from `agbd_se`, which is flat while biomass runs from 25 to 300 Mg/ha.

    Args:
        path: HDF5 granule, a Parquet or CSV table with its columns, or a folder of such files.
        area: Footprints outside are dropped.
        period: Footprints of another time are dropped, where the file tells their time.
        rules: Which footprints are learned from.
        value: Name, unit and range of the value.

    Raises:
        LabelError: Another product or version, or no footprint is left.
    """
    rules, path = rules or GediFilter(), Path(path)
    counts: Counter[Reason] = Counter()
    notes: list[str] = []
    frame = _chosen(path, area, rules, counts, notes)
    lon, lat = (frame[name].to_numpy(np.float64) for name in ("lon_lowestmode", "lat_lowestmode"))
    errors = _errors(frame, notes)
    start, end = _times(frame, notes)
    table = LabelTable(
        np.asarray(geopandas.points_from_xy(lon, lat), dtype=object), "OGC:CRS84",
        np.array([None if np.isnan(one) else one for one in frame["agbd"].to_numpy(np.float64)], dtype=object),
        "agbd", start, end, str(path), weights=_weights(errors, rules), errors=errors,
        groups=tracks(frame, rules.track),
    )  # fmt: skip
    return value_labels(
        table, value, area=area, period=period, counts=counts, footprint_m=rules.footprint_m, notes=notes
    )


def _chosen(path: Path, area: Area, rules: GediFilter, counts: Counter[Reason], notes: list[str]) -> pd.DataFrame:
    """Footprints of a file, or of all files of a folder, that pass and lie in the box of the area."""
    west, south, east, north = area.geometry.bounds
    near, far, seen = list[pd.DataFrame](), list[pd.DataFrame](), 0
    for file in footprint_files(path):
        frame = read_footprints(file)
        seen += len(frame)
        frame = frame[_good(frame, rules, counts, notes)]
        lon, lat = frame["lon_lowestmode"].to_numpy(), frame["lat_lowestmode"].to_numpy()
        here = (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)
        counts[Reason.OUTSIDE_AREA] += int((~here).sum())
        near += [frame[here]] if here.any() else []
        far += [frame] if len(frame) and not far else []
    if not far:
        raise LabelError(
            f"{path}: no footprint of {seen} is good enough ({Dropped.of(counts)}).",
            fix="Give more footprints, or lower what the filter asks for.",
            file=str(path),
        )
    notes[:] = list(dict.fromkeys(notes))
    # where all lie elsewhere, one file's are enough to tell where
    return joined(near or far)


def _good(frame: pd.DataFrame, rules: GediFilter, counts: Counter[Reason], notes: list[str]) -> NDArray[np.bool_]:
    """Footprints that pass; the first reason against one is counted."""
    good = np.ones(len(frame), bool)

    def drop(reason: Reason, wrong: NDArray[np.bool_]) -> None:
        counts[reason] += int((good & wrong).sum())
        good[wrong] = False

    lat = frame["lat_lowestmode"].to_numpy(np.float64)
    drop(Reason.LATITUDE, ~(np.abs(lat) <= _FAR_NORTH))
    drop(Reason.QUALITY, frame["l4_quality_flag"].to_numpy() != 1)
    drop(Reason.DEGRADED, frame["degrade_flag"].to_numpy() != 0)
    least = np.full(len(frame), rules.sensitivity)
    if "pft_class" in frame:
        evergreen = (frame["pft_class"].to_numpy() == _EVERGREEN_BROADLEAF) & (np.abs(lat) <= _TROPICS)
        least[evergreen] = max(rules.sensitivity, rules.sensitivity_tropics)
    else:
        least[np.abs(lat) <= _TROPICS] = max(rules.sensitivity, rules.sensitivity_tropics)
        notes.append("The file has no pft_class: the higher sensitivity was asked for everywhere in the tropics.")
    drop(Reason.SENSITIVITY, ~(frame["sensitivity"].to_numpy(np.float64) > least))
    if rules.leaf_on:
        if "leaf_off_flag" in frame:
            drop(Reason.LEAF_OFF, frame["leaf_off_flag"].to_numpy() != 0)
        else:
            notes.append("The file has no leaf_off_flag: footprints with leaves off could not be left out.")
    return good


def _errors(frame: pd.DataFrame, notes: list[str]) -> NDArray[np.float64] | None:
    """Standard error of each footprint, Mg/ha; None where the file does not allow one."""
    agbd = frame["agbd"].to_numpy(np.float64)
    if {"agbd_t", "agbd_t_se"} <= set(frame):
        root, error = (frame[name].to_numpy(np.float64) for name in ("agbd_t", "agbd_t_se"))
        known = (root > 1) & (agbd > 0)
        factor = float(np.median(agbd[known] / root[known] ** 2)) if known.any() else np.nan
        if _SQUARES[0] <= factor <= _SQUARES[1]:
            # the variance of the square of a normal variable
            sd: NDArray[np.float64] = factor * np.sqrt(4 * root**2 * error**2 + 2 * error**4)
            return np.where(np.isfinite(sd) & (error > 0), sd, 0.0)
    if {"agbd_pi_lower", "agbd_pi_upper"} <= set(frame):
        low, high = (frame[name].to_numpy(np.float64) for name in ("agbd_pi_lower", "agbd_pi_upper"))
        sd = (high - low) / (2 * _Z90)
        return np.where(np.isfinite(sd) & (sd > 0) & (low > -9999), sd, 0.0)
    notes.append(
        "The file has neither agbd_t with agbd_t_se nor the prediction interval: footprints have no standard error "
        "(agbd_se is none)."
    )
    return None


def _weights(errors: NDArray[np.float64] | None, rules: GediFilter) -> NDArray[np.float64] | None:
    if not rules.weight_by_error or errors is None or not (errors > 0).any():
        return None
    usual = float(np.median(errors[errors > 0]))
    known = np.where(errors > 0, errors, usual)
    return np.asarray(1 / (1 + (known / usual) ** 2))


def _times(
    frame: pd.DataFrame, notes: list[str]
) -> tuple[NDArray[np.datetime64], NDArray[np.datetime64]] | tuple[None, None]:
    """The day of each footprint, from seconds since 2018."""
    if "delta_time" not in frame:
        notes.append("The file has no delta_time: the footprints hold at any time.")
        return None, None
    seconds = frame["delta_time"].to_numpy(np.float64)
    day = (_EPOCH + (np.nan_to_num(seconds) * 1e6).astype("timedelta64[us]")).astype("datetime64[D]")
    start = day.astype("datetime64[us]")
    start[~np.isfinite(seconds)] = np.datetime64("NaT", "us")
    return start, start + np.timedelta64(1, "D")


def tracks(frame: pd.DataFrame, by: Literal["orbit", "beam"]) -> NDArray[np.object_]:
    """Track of each footprint from its shot number OOOOOBBRRGNNNNNNNN: orbit, beam, ... (18 digits)."""
    shots = frame["shot_number"].to_numpy().astype(np.uint64)
    orbits = (shots // np.uint64(10**13)).astype(np.int64)
    beams = (shots // np.uint64(10**11) % np.uint64(100)).astype(np.int64)
    if by == "orbit":
        return np.array([f"orbit {orbit:05d}" for orbit in orbits.tolist()], dtype=object)
    return np.array(
        [f"orbit {orbit:05d} beam {beam:02d}" for orbit, beam in zip(orbits.tolist(), beams.tolist(), strict=True)],
        dtype=object,
    )
