"""Which occurrence records pass: by name, place, uncertainty, basis, licence, year and nearness to a centroid."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from swath.grid import Area
from swath.grid.lonlat import WGS84
from swath.training.dropped import Reason
from swath.training.label_columns import LabelColumns, place_columns, text_table
from swath.training.occurrence_rules import OccurrenceRules, licence_of


class Cleaning:
    """Which records pass; the first reason against one is counted.

    Args:
        frame: The records.
        columns: Names of its columns by what they hold, None where it has none.
        species: Of each record, "" where none is told.
        lon: Degrees, NaN where none is told.
        lat: Degrees.
        counts: Reasons are added.

    Attributes:
        good: Which pass so far.
        licences: As they are told.
        uncertainty: Metres, NaN where none is told.
        year: 0 where none is told.
    """

    def __init__(
        self,
        frame: pd.DataFrame,
        columns: dict[str, str | None],
        species: NDArray[np.object_],
        lon: NDArray[np.float64],
        lat: NDArray[np.float64],
        counts: Counter[Reason],
    ) -> None:
        self._species, self._lon, self._lat, self._counts = species, lon, lat, counts
        self.good = np.ones(len(frame), bool)
        self.licences = texts(frame, columns["licence"])
        self._basis = texts(frame, columns["basis"])
        self.uncertainty = numbers(frame, columns["uncertainty"])
        year = numbers(frame, columns["year"])
        if columns["date"] is not None:
            dates = [text[:4] for text in texts(frame, columns["date"])]
            told = np.array([float(text) if text.isdigit() else np.nan for text in dates])
            year = np.where(np.isfinite(year), year, told)
        self.year = np.where(np.isfinite(year), year, 0).astype(np.int32)

    def _drop(self, reason: Reason, wrong: NDArray[np.bool_]) -> None:
        self._counts[reason] += int((self.good & wrong).sum())
        self.good &= ~wrong

    def clean(self, rules: OccurrenceRules, area: Area | None) -> NDArray[np.bool_]:
        """Mask of the records that pass."""
        lon, lat = self._lon, self._lat
        self._drop(Reason.NO_NAME, self._species == "")
        if rules.species is not None:
            self._drop(Reason.TAXON, ~np.isin(self._species.astype(str), rules.species))
        self._drop(Reason.NO_PLACE, ~(np.isfinite(lon) & np.isfinite(lat)))
        self._drop(Reason.OFF_EARTH, (np.abs(lat) > 90) | (np.abs(lon) > 180))
        self._drop(Reason.ZERO_PLACE, (lon == 0) & (lat == 0))
        self._drop(Reason.EQUAL_PLACE, np.abs(lon) == np.abs(lat))
        if area is not None:
            self._drop(Reason.OUTSIDE_AREA, ~shapely.intersects_xy(area.geometry, lon, lat))
        self._drop(Reason.UNCERTAIN, self.uncertainty > rules.uncertainty_m)
        if rules.unknown_uncertainty == "drop":
            self._drop(Reason.UNCERTAIN, ~np.isfinite(self.uncertainty))
        if rules.basis is not None:
            # MachineObservation and MACHINE_OBSERVATION are one
            kept = {name.replace("_", "").upper() for name in rules.basis}
            told = [str(text).replace("_", "").upper() for text in self._basis]
            self._drop(Reason.BASIS, np.array([text not in kept and text != "" for text in told]))
        if rules.licences is not None:
            allowed = {licence_of(name) for name in rules.licences}
            self._drop(Reason.LICENCE, np.array([licence_of(str(text)) not in allowed for text in self.licences]))
        if rules.years is not None:
            first, last = rules.years
            self._drop(Reason.NO_YEAR, self.year == 0)
            self._drop(Reason.YEAR, (self.year < first) | (self.year > last))
        if rules.centroids is not None:
            self._drop(Reason.CENTROID, self._at_centroids(Path(rules.centroids), rules.centroid_m))
        return self.good

    def _at_centroids(self, path: Path, metres: float) -> NDArray[np.bool_]:
        frame = text_table(path)
        lon, lat = place_columns([str(name) for name in frame.columns], LabelColumns(), path)
        near = np.zeros(len(self.good), bool)
        here = np.flatnonzero(self.good)
        tree = cKDTree(_in_space(frame[lon].to_numpy(np.float64), frame[lat].to_numpy(np.float64)))
        away, _ = tree.query(_in_space(self._lon[here], self._lat[here]))
        near[here] = away <= metres
        return near


def _in_space(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Metres from the Earth's centre, on a sphere."""
    a, b = np.radians(lon), np.radians(lat)
    return np.stack([np.cos(b) * np.cos(a), np.cos(b) * np.sin(a), np.sin(b)], axis=1) * WGS84.a


def numbers(frame: pd.DataFrame, name: str | None) -> NDArray[np.float64]:
    """A column as numbers, NaN where there is none or no such column."""
    if name is None:
        return np.full(len(frame), np.nan)
    return pd.to_numeric(frame[name], errors="coerce").to_numpy(np.float64)


def texts(frame: pd.DataFrame, name: str | None) -> NDArray[np.object_]:
    """A column as texts without spaces around them, "" where there is none or no such column."""
    if name is None:
        return np.full(len(frame), "", dtype=object)
    return np.array(["" if pd.isna(value) else str(value).strip() for value in frame[name]], dtype=object)
