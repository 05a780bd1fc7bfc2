"""What interpreters found, joined to what was drawn."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import geopandas
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from swath.assessment.sample import Sample, named, resolved
from swath.assessment.tally import Tally
from swath.errors import SampleError

#: Names that columns may have, those of Collect Earth Online too
_PLOT = ("plot", "PLOTID", "plotid", "plot_id", "pl_plotid")
_MAP = ("map", "MAP", "pl_map", "pl_MAP")
CLASS_COLUMNS = ("class", "reference", "primary", "label", "land_cover")


@dataclass(frozen=True)
class Reference:
    """Units with their reference labels.

    Attributes:
        table: A row a unit that was looked at: plot, class, and as far as given secondary, confidence, image_dates.
        missing: Plots that were drawn and have no label.
        dropped: Rows that serve for nothing, by reason.
    """

    table: pd.DataFrame
    missing: tuple[int, ...]
    dropped: dict[str, int]

    @classmethod
    def read(cls, path: str | os.PathLike[str], sample: Sample, *, column: str | None = None) -> Reference:
        """Read what interpreters recorded for the plots of a sample.

        Args:
            path: CSV, GeoPackage or GeoJSON with a column of plots, one of the map and one of classes.
            sample: That they looked at.
            column: Of the class; by default `class`, `reference`, `primary`, `label` or `land_cover`.

        Raises:
            SampleError: It is of another map, of plots or classes that there are not, or has a plot twice.
        """
        table, numbers, label, file = plots_of(path, sample, column=column, usual=CLASS_COLUMNS)
        labels, blank = labels_of(table[label], sample.design["classes"], file)
        kept = pd.DataFrame({"plot": numbers[~blank].astype(int), "class": labels[~blank].astype(str)})
        for name in ("secondary", "confidence", "image_dates"):
            if name in table.columns:
                kept[name] = table.loc[~blank, name]
        return cls(kept.reset_index(drop=True), *left_out(sample, kept["plot"], blank, "without a class"))

    def joined(self, sample: Sample) -> pd.DataFrame:
        """A row a labelled unit with its stratum, map class and reference class."""
        return sample.drawn.merge(self.table.rename(columns={"class": "reference"}), on="plot", validate="one_to_one")

    def tally(self, sample: Sample) -> Tally:
        """Units by stratum, map class and reference class.

        Raises:
            SampleError: A stratum has fewer than two labelled units.
        """
        rows = self.joined(sample)
        strata, areas = sample.strata, [one["area_ha"] for one in sample.design["strata"]]
        present = {*rows["map_class"], *rows["reference"]}
        classes = tuple(name for name in sample.design["classes"] if name in present or name in strata)
        counts = np.zeros((len(strata), len(classes), len(classes)), np.int64)
        place = (
            _index(rows["stratum"], strata),
            _index(rows["map_class"], classes),
            _index(rows["reference"], classes),
        )
        np.add.at(counts, place, 1)
        pixels = np.array([one["pixels"] for one in sample.design["strata"]], np.int64)
        return Tally(counts, np.array(areas), classes, strata, pixels)


def labels_of(column: pd.Series[str], classes: Sequence[str], file: object) -> tuple[pd.Series[str], pd.Series[bool]]:
    """Labels without blanks at their ends, and which are missing.

    Raises:
        SampleError: Some are no classes of the map: they are counted and named.
    """
    labels = column.astype("string").str.strip()
    blank = labels.isna() | (labels == "")
    foreign = sorted(set(labels[~blank]) - set(classes))
    if foreign:
        count = int(labels.isin(foreign).sum())
        raise SampleError(
            f"{count} plots of {file} have classes that the map lacks: {named(foreign[:5])}.",
            fix=f"The map's classes are {', '.join(classes)}.", count=count, classes=foreign,
        )  # fmt: skip
    return labels, blank


def plots_of(
    path: str | os.PathLike[str], sample: Sample, *, column: str | None, usual: tuple[str, ...]
) -> tuple[pd.DataFrame, pd.Series[float], str, Path]:
    """A table whose rows are plots of a sample, the number of each row's plot, the column of labels, and the file.

    Args:
        path: CSV, GeoPackage or GeoJSON.
        sample: That the plots are of.
        column: Of labels; None: the first of `usual`.
        usual: Names that it may have.

    Raises:
        SampleError: It is of another map, of plots that there are not, or has a plot twice.
    """
    file = resolved(path)
    table = pd.read_csv(file) if file.suffix.lower() == ".csv" else pd.DataFrame(geopandas.read_file(file))
    plot = next((name for name in _PLOT if name in table.columns), None)
    if plot is None:
        raise SampleError(
            f"{file} does not say which plot of the sample a row is of.",
            fix="Keep the column `plot`. Plots that others drew need their --design; `none` if they are no probability "
            "sample.",
        )
    label = column or _found(table, usual, file)
    if label not in table.columns:
        raise SampleError(f"{file} has no column {label!r}.", fix=f"It has {', '.join(map(str, table.columns))}.")
    version = next((name for name in _MAP if name in table.columns), None)
    if version is None:
        raise SampleError(
            f"{file} does not say which version of the map its plots are of.",
            fix=f"Keep the column `map` that the plots came with: {sample.design['map']}.",
        )
    of = sorted(set(table[version].dropna().astype(str)))
    if of != [sample.design["map"]]:
        raise SampleError(
            f"{file} is of the map {named(of)}, the sample of {sample.design['map']!r}.",
            fix="Assess the map that the plots were drawn from, or draw plots of this one.",
        )
    numbers = pd.to_numeric(table[plot], errors="coerce")
    known = set(sample.drawn["plot"].tolist())
    strange = [value for value, number in zip(table[plot], numbers, strict=True) if number not in known]
    if strange:
        raise SampleError(
            f"{len(strange)} plots of {file} are not of the sample: {named([str(v) for v in strange[:5]])}.",
            fix=f"The sample has plots 1 to {len(known)}.", count=len(strange),
        )  # fmt: skip
    twice = sorted(set(numbers[numbers.duplicated()].astype(int)))
    if twice:
        raise SampleError(
            f"{len(twice)} plots of {file} come twice: {twice[:5]}.",
            fix="Agree on one label a plot.",
            count=len(twice),
        )
    return table, numbers, label, file


def left_out(
    sample: Sample, plots: pd.Series[int], blank: pd.Series[bool], reason: str
) -> tuple[tuple[int, ...], dict[str, int]]:
    """Plots that were drawn and are not among those that count, and rows that serve for nothing, by reason.

    Args:
        sample: That was drawn.
        plots: Those that count.
        blank: Which rows of the table hold nothing.
        reason: What these lack.
    """
    missing = sorted(set(sample.drawn["plot"].tolist()) - set(plots.tolist()))
    return tuple(missing), {reason: int(blank.sum())} if blank.any() else {}


def _index(values: pd.Series[str], names: tuple[str, ...]) -> NDArray[np.int64]:
    return values.map({name: number for number, name in enumerate(names)}).to_numpy(np.int64)


def _found(table: pd.DataFrame, usual: tuple[str, ...], path: object) -> str:
    for name in usual:
        if name in table.columns:
            return name
    raise SampleError(
        f"{path} has none of the columns {', '.join(usual)}.", fix=f"It has {', '.join(map(str, table.columns))}."
    )
