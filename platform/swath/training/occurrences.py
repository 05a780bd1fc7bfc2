"""Occurrence records in Darwin Core columns: read, cleaned, thinned, with the reason of every row that goes.

Presence-only records say where somebody found a species; records with `occurrenceStatus` absent say where somebody
looked and found none. Wieczorek et al. 2012 (doi:10.1371/journal.pone.0029715).
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from swath.errors import LabelError
from swath.grid import Area
from swath.grid.lonlat import from_lonlat
from swath.training.dropped import Dropped, Reason
from swath.training.label_columns import LabelColumns, place_columns, text_table
from swath.training.occurrence_cleaning import Cleaning, numbers, texts
from swath.training.occurrence_rules import OccurrenceRules, licence_of
from swath.training.splits import BLOCK_CRS

_NAMES = ("species", "scientificName", "acceptedScientificName")
_SOURCES = ("datasetName", "institutionCode", "publisher", "datasetKey")
_LISTED = 5


@dataclass(frozen=True)
class Occurrences:
    """Records that are left; in an order of their own.

    Attributes:
        names: Of the species, by alphabet.
        codes: Species of each record, int32, (n,).
        lon: Degrees, (n,).
        lat: Degrees, (n,).
        present: False where somebody looked and found none, (n,).
        year: 0 where none is told, int32, (n,).
        uncertainty: Metres, NaN where none is told, (n,).
        source: File.
        dropped: What was left out, by reason.
        rare: Species that were left out as they have too few presences, and how many they have.
        licences: Of the records, each once.
        citation: A line that credits them.
    """

    names: tuple[str, ...]
    codes: NDArray[np.int32]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    present: NDArray[np.bool_]
    year: NDArray[np.int32]
    uncertainty: NDArray[np.float64]
    source: str
    dropped: Dropped
    rare: dict[str, int]
    licences: tuple[str, ...]
    citation: str

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def has_absences(self) -> bool:
        """Whether somebody looked and found none: else the records are presence-only."""
        return not bool(self.present.all())

    @property
    def presences(self) -> dict[str, int]:
        """Number of presences by species."""
        counts = np.bincount(self.codes[self.present], minlength=len(self.names))
        return dict(zip(self.names, counts.tolist(), strict=True))

    def to_arrow(self) -> pa.Table:
        """A row a record: species, lon, lat, occ (1 or 0), year, uncertainty_m."""
        return pa.table(
            {
                "species": pa.array([self.names[code] for code in self.codes.tolist()], pa.string()),
                "lon": pa.array(self.lon), "lat": pa.array(self.lat), "occ": pa.array(self.present.astype(np.uint8)),
                "year": pa.array(self.year), "uncertainty_m": pa.array(self.uncertainty),
            }
        )  # fmt: skip


def read_occurrences(
    path: str | os.PathLike[str],
    *,
    area: Area | None = None,
    rules: OccurrenceRules | None = None,
    citation: str | None = None,
) -> Occurrences:
    """Read occurrence records.

    Args:
        path: CSV, tab-separated text or Parquet with Darwin Core columns, as GBIF gives them.
        area: Records outside are left out; None: anywhere.
        rules: How they are cleaned and thinned.
        citation: Of the download, with its DOI; by default a line that names the data sets.

    Raises:
        LabelError: Unreadable, without a needed column, swapped axes, no record left, or (as `rules.rare` asks) a
            species with too few.
    """
    rules, path = rules or OccurrenceRules(), Path(path)
    frame, columns = _frame(path)
    counts: Counter[Reason] = Counter()
    species = texts(frame, columns["species"])
    lon, lat = (pd.to_numeric(frame[columns[name]], errors="coerce").to_numpy(np.float64) for name in ("lon", "lat"))
    _check_axes(lon, lat, area, path)
    cleaning = Cleaning(frame, columns, species, lon, lat, counts)
    good = cleaning.clean(rules, area)
    chosen = _once(frame, columns, species, lon, lat, good, counts)
    present = _present(frame, columns)
    chosen = chosen[_thinned(species, lon, lat, present, cleaning.uncertainty, chosen, rules, counts)]
    chosen, rare = _frequent(species, present, chosen, rules, counts, path)
    if not len(chosen):
        few = f"; too few of {', '.join(list(rare)[:_LISTED])}" if rare else ""
        raise LabelError(
            f"{path}: no record of {len(frame)} is left ({Dropped.of(counts)}{few}).", fix="Check rules and area."
        )
    names = tuple(sorted(set(species[chosen].tolist())))
    codes = np.searchsorted(np.array(names, dtype=object), species[chosen]).astype(np.int32)
    licences = tuple(sorted({licence_of(text) for text in cleaning.licences[chosen] if text}))
    return Occurrences(
        names, codes, lon[chosen], lat[chosen], present[chosen], cleaning.year[chosen], cleaning.uncertainty[chosen],
        str(path), Dropped.of(counts), rare, licences,
        citation or _citation(frame.iloc[chosen], licences, path),
    )  # fmt: skip


def _frame(path: Path) -> tuple[pd.DataFrame, dict[str, str | None]]:
    if not path.exists():
        raise LabelError(f"There is no file {str(path)!r}.", fix="Give records in Darwin Core columns.")
    try:
        frame = pd.read_parquet(path) if path.suffix.lower() in (".parquet", ".pq") else text_table(path)
    except (OSError, ValueError) as error:
        raise LabelError(f"{path} cannot be read: {error}.", fix="Give CSV, tab-separated text or Parquet.") from error
    if frame.empty:
        raise LabelError(f"{path} has no records.", fix="Give a file with records.", file=str(path))
    told = {str(name).lower(): str(name) for name in frame.columns}
    lon, lat = place_columns([str(name) for name in frame.columns], LabelColumns(), path)
    found = next((told[name.lower()] for name in _NAMES if name.lower() in told), None)
    if found is None:
        raise LabelError(
            f"{path} has no column {' or '.join(_NAMES)}.",
            fix=f"Name the species in one of them; it has {', '.join(map(str, frame.columns))}.",
            file=str(path),
        )
    columns: dict[str, str | None] = {"species": found, "lon": lon, "lat": lat}
    for key, name in (
        ("id", "occurrenceID"), ("uncertainty", "coordinateUncertaintyInMeters"), ("basis", "basisOfRecord"),
        ("date", "eventDate"), ("year", "year"), ("licence", "license"), ("status", "occurrenceStatus"),
        ("count", "individualCount"),
    ):  # fmt: skip
        columns[key] = told.get(name.lower())
    columns["licence"] = columns["licence"] or told.get("licence")
    columns["id"] = columns["id"] or told.get("gbifid")
    return frame, columns


def _check_axes(lon: NDArray[np.float64], lat: NDArray[np.float64], area: Area | None, path: Path) -> None:
    beyond = np.abs(lat) > 90
    swapped = beyond.any() and bool((np.abs(lon[beyond]) <= 90).all()) and beyond.sum() > len(lat) / 10
    if not swapped and area is not None and not shapely.intersects_xy(area.geometry, lon, lat).any():
        swapped = bool(shapely.intersects_xy(area.geometry, lat, lon).any())
    if swapped:
        raise LabelError(
            f"{path}: with longitude and latitude swapped its records lie where they should: the axis order is wrong.",
            fix="Swap decimalLongitude and decimalLatitude.",
            axes="swapped",
        )


def _present(frame: pd.DataFrame, columns: dict[str, str | None]) -> NDArray[np.bool_]:
    """Whether each record is a presence: by occurrenceStatus, else by a count of 0."""
    status = texts(frame, columns["status"])
    absent = np.array([str(text).lower() == "absent" for text in status])
    count = numbers(frame, columns["count"])
    return ~(absent | ((status == "") & (count == 0)))


def _once(
    frame: pd.DataFrame,
    columns: dict[str, str | None],
    species: NDArray[np.object_],
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
    good: NDArray[np.bool_],
    counts: Counter[Reason],
) -> NDArray[np.int64]:
    """Records that stand there twice once: the same id, or species, place, date and status."""
    table = pd.DataFrame(
        {
            "species": species, "lon": lon, "lat": lat, "id": texts(frame, columns["id"]),
            "date": texts(frame, columns["date"] or columns["year"]), "present": _present(frame, columns),
        }
    )[good]  # fmt: skip
    table = table.sort_values(["species", "lon", "lat", "date", "id"], kind="stable")
    again = table.duplicated(["species", "lon", "lat", "date", "present"]) | (
        (table["id"] != "") & table.duplicated(["id"])
    )
    counts[Reason.TWICE] += int(again.sum())
    return table.index[~again].to_numpy(np.int64)


def _thinned(
    species: NDArray[np.object_],
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
    present: NDArray[np.bool_],
    uncertainty: NDArray[np.float64],
    chosen: NDArray[np.int64],
    rules: OccurrenceRules,
    counts: Counter[Reason],
) -> NDArray[np.bool_]:
    """One record of a species, cell and status: the one that is placed best, a presence before an absence."""
    if not rules.thin_m:
        return np.ones(len(chosen), bool)
    x, y = from_lonlat(BLOCK_CRS).transform(lon[chosen], lat[chosen])
    table = pd.DataFrame(
        {
            "species": species[chosen], "column": np.floor(np.asarray(x) / rules.thin_m),
            "row": np.floor(np.asarray(y) / rules.thin_m), "absent": ~present[chosen],
            "uncertainty": np.nan_to_num(uncertainty[chosen], nan=np.inf),
            "lon": lon[chosen], "lat": lat[chosen],
        }
    )  # fmt: skip
    order = table.sort_values(["absent", "uncertainty", "lon", "lat"], kind="stable")
    again = order.duplicated(["species", "column", "row"])
    counts[Reason.THINNED] += int(again.sum())
    return (~again).sort_index().to_numpy()


def _frequent(
    species: NDArray[np.object_],
    present: NDArray[np.bool_],
    chosen: NDArray[np.int64],
    rules: OccurrenceRules,
    counts: Counter[Reason],
    path: Path,
) -> tuple[NDArray[np.int64], dict[str, int]]:
    """Records of species with enough presences; the others by name."""
    number = Counter(species[chosen][present[chosen]].tolist())
    rare = {name: number[name] for name in sorted(set(species[chosen].tolist())) if number[name] < rules.least}
    if rare and rules.rare == "refuse":
        shown = ", ".join(f"{name} ({count})" for name, count in list(rare.items())[:_LISTED])
        raise LabelError(
            f"{path}: {len(rare)} species have fewer than {rules.least} records: {shown}.",
            fix="Give more records, leave these species out, or set rare: flag.",
            species=list(rare),
        )
    few = np.isin(species[chosen].astype(str), list(rare))
    counts[Reason.RARE] += int(few.sum())
    return chosen[~few], rare


def _citation(frame: pd.DataFrame, licences: tuple[str, ...], path: Path) -> str:
    """Data sets by number of records, licences and file."""
    name = next((column for column in _SOURCES if column in frame.columns and frame[column].notna().any()), None)
    sets = [] if name is None else [str(one) for one in frame[name].value_counts().index]
    told = ", ".join(sets[:_LISTED]) + (f" and {len(sets) - _LISTED} more" if len(sets) > _LISTED else "")
    of, rights = f" of {told}" if told else "", ", ".join(licences) or "no licence"
    return f"{len(frame)} occurrence records{of} ({rights}), from {path.name}."
