"""Labels from files: polygons, points or footprints with a class or a value, and perhaps a time."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import shapely
from numpy.typing import NDArray

from swath.errors import LabelError
from swath.grid import Area, Period
from swath.models.spec import ValueOutput
from swath.training.dropped import Dropped, Reason
from swath.training.label_columns import LabelColumns
from swath.training.label_files import LabelTable, read_table
from swath.training.label_geometry import check_axes, cleaned, grown, is_areal, within
from swath.training.label_set import MOST_CLASSES, Labels, Times, value_text
from swath.training.legend import LabelLegend, LegendLike
from swath.training.splits import representative

__all__ = ["LabelColumns", "Labels", "read_labels"]


def read_labels(
    path: str | os.PathLike[str],
    *,
    area: Area,
    period: Period,
    column: str | None = None,
    time: str | None = None,
    columns: LabelColumns | None = None,
    legend: LegendLike | None = None,
    known: Mapping[int, str] | Sequence[str] | None = None,
    aliases: Mapping[str, str | None] | None = None,
    value: ValueOutput | None = None,
    erode_m: float = 0.0,
    footprint_m: float = 0.0,
) -> Labels:
    """Read labels from a file.

    Args:
        path: GeoPackage, GeoJSON, GeoParquet, FlatGeobuf or shapefile in any CRS, or a CSV or Parquet table with
            columns of longitude and latitude; `path::layer` for one of its layers.
        area: Labels outside are dropped, polygons are cut at its edge.
        period: Labels of another time are dropped.
        column: Of the class (by default `class`, `fclass`, `label`, or the only column of text) or value (by default
            the value's name, `value`, or the only column of numbers).
        time: Column of years (2018) or dates (2018-05-17) at which a label holds; by default it holds always.
        columns: Of time, weight, error, licence, group and places; `time` goes before its own.
        legend: YAML file or mapping: value of the column to name of the class, many to one, null to drop.
        known: Classes of the product in order, or by code; values are then their names or codes.
        aliases: Other names of the product's classes, for labels without a legend.
        value: What the labels measure, where they are values; those below `low` or above `high` are dropped.
        erode_m: Polygons shrink by this many metres: at least a pixel for land use drawn along roads and fences.
        footprint_m: Points stand for a disc of this radius, metres.

    Returns:
        The labels, with what was left out counted by reason.

    Raises:
        LabelError: Unreadable, no CRS or column, an unknown class, no label in area or period, swapped axes, or fewer
            than two classes.
    """
    if erode_m < 0 or footprint_m < 0:
        raise LabelError(
            f"Polygons cannot be eroded by {erode_m:g} m, or footprints have a radius of {footprint_m:g} m.",
            fix="Give metres from 0.",
        )
    named = columns or LabelColumns()
    if time is not None:
        named = replace(named, time=time)
    table = read_table(os.fspath(path), column=column, value=None if value is None else value.name, columns=named)
    counts: Counter[Reason] = Counter()
    rules = LabelLegend.of(legend, known, aliases)
    if value is None:
        names = _classes(table, rules, counts)
        classes = rules.order(name for name in names if name is not None)
        codes = np.array([0 if name is None else classes.index(name) for name in names], np.int64)
        meaning = _Meaning(classes, codes.astype(np.uint8), None, np.array([name is not None for name in names]))
    else:
        meaning = _measured(table, value, counts)
    return _placed(
        table, meaning, counts, area=area, period=period, value=value, erode_m=erode_m, footprint_m=footprint_m
    )


@dataclass(frozen=True)
class _Meaning:
    """Class or value of each row.

    Attributes:
        classes: Names; empty for values.
        codes: Index of the class, (n,).
        values: (n,) float32; None for classes.
        used: Rows that have one, (n,).
    """

    classes: tuple[str, ...]
    codes: NDArray[np.uint8]
    values: NDArray[np.float32] | None
    used: NDArray[np.bool_]


def value_labels(
    table: LabelTable,
    value: ValueOutput,
    *,
    area: Area,
    period: Period,
    counts: Counter[Reason],
    footprint_m: float = 0.0,
    notes: Sequence[str] = (),
) -> Labels:
    """Labels of a table of values that was read and filtered elsewhere; see `read_labels`."""
    return _placed(
        table, _measured(table, value, counts), counts, area=area, period=period, value=value, footprint_m=footprint_m,
        notes=notes,
    )  # fmt: skip


def _placed(
    table: LabelTable,
    meaning: _Meaning,
    counts: Counter[Reason],
    *,
    area: Area,
    period: Period,
    value: ValueOutput | None,
    erode_m: float = 0.0,
    footprint_m: float = 0.0,
    notes: Sequence[str] = (),
) -> Labels:
    """Rows with a meaning on the Earth, within area and period, each once."""
    used = np.flatnonzero(meaning.used & _weighted(table, meaning.used, counts))
    shapes = cleaned(table.shapes[used], table.crs, counts, source=table.source)
    check_axes(table.shapes[used], shapes, table.crs, area, source=table.source)
    if footprint_m:
        points = ~is_areal(shapes) & (shapes != None)  # noqa: E711 - element by element
    whole = shapes
    shapes = within(shapes, area, counts)
    start, end = _times(table, used)
    _within_period(shapes, start, end, period, counts, table)
    left = np.flatnonzero(np.array([shape is not None for shape in shapes]))
    shapes, whole = shapes[left], whole[left]
    if footprint_m:
        discs = points[left]
        shapes[discs] = grown(shapes[discs], footprint_m)
    if erode_m:
        areal = is_areal(shapes)
        shapes[areal] = grown(shapes[areal], -erode_m)
        keep = ~shapely.is_empty(shapes)
        counts[Reason.ERODED] += int((~keep).sum())
        shapes, whole, left = shapes[keep], whole[keep], left[keep]
    if not len(shapes):
        raise LabelError(
            f"{table.source}: no label is left ({Dropped.of(counts)}).", fix="Check labels, area, period and erosion."
        )
    rows = used[left]

    def some(array: NDArray[np.float64] | None) -> NDArray[np.float32] | None:
        return None if array is None else array[rows].astype(np.float32)

    licences = () if table.licences is None else tuple(sorted({text for text in table.licences[rows] if text}))
    labels = Labels(
        meaning.classes, shapes, meaning.codes[rows], np.stack(representative(whole), axis=1), start[left], end[left],
        table.source, value=value, values=None if meaning.values is None else meaning.values[rows],
        weights=some(table.weights), errors=some(_errors(table)),
        groups=None if table.groups is None else table.groups[rows],
        footprint_m=footprint_m, licences=licences, notes=tuple(notes),
    )  # fmt: skip
    return _settled(labels, counts)


def _classes(table: LabelTable, legend: LabelLegend, counts: Counter[Reason]) -> list[str | None]:
    given = [value is not None and str(value).strip() != "" for value in table.values]
    counts[Reason.WITHOUT_CLASS] += given.count(False)
    found = iter(legend.names(value for value, has in zip(table.values, given, strict=True) if has))
    names = [next(found) if has else None for has in given]
    counts[Reason.BY_LEGEND] += sum(has and name is None for has, name in zip(given, names, strict=True))
    if not any(names):
        raise LabelError(f"{table.source}: no label has a class ({Dropped.of(counts)}).", fix="Check the legend.")
    return names


def _measured(table: LabelTable, value: ValueOutput, counts: Counter[Reason]) -> _Meaning:
    """Values of the rows, of which those are used that are possible."""
    given = np.array([one is not None for one in table.values])
    numbers = np.array([np.nan if one is None else float(one) for one in table.values], np.float64)
    finite = np.isfinite(numbers)
    below = finite & (numbers < (-np.inf if value.low is None else value.low))
    above = finite & (numbers > (np.inf if value.high is None else value.high))
    counts[Reason.WITHOUT_VALUE] += int((~given).sum())
    counts[Reason.NOT_A_NUMBER] += int((given & ~finite).sum())
    counts[Reason.BELOW] += int(below.sum())
    counts[Reason.ABOVE] += int(above.sum())
    good = finite & ~below & ~above
    if not good.any():
        raise LabelError(
            f"{table.source}: no label has a value of {value_text(value)} that is possible ({Dropped.of(counts)}).",
            fix=f"Check column {table.column!r} and its unit.",
        )
    return _Meaning((), np.zeros(len(numbers), np.uint8), numbers.astype(np.float32), good)


def _weighted(table: LabelTable, used: NDArray[np.bool_], counts: Counter[Reason]) -> NDArray[np.bool_]:
    """Rows that count at all."""
    if table.weights is None:
        return np.ones(len(used), bool)
    good = np.isfinite(table.weights) & (table.weights > 0)
    counts[Reason.WITHOUT_WEIGHT] += int((used & ~good).sum())
    return good


def _errors(table: LabelTable) -> NDArray[np.float64] | None:
    """Standard errors, 0 where none is given.

    Raises:
        LabelError: One is negative.
    """
    if table.errors is None:
        return None
    if (table.errors < 0).any():
        row = int(np.argmax(table.errors < 0))
        raise LabelError(
            f"{table.source}: the standard error of row {row + 1} is {table.errors[row]:g}.",
            fix="Leave it empty where it is not known.",
        )
    return np.where(np.isfinite(table.errors), table.errors, 0.0)


def _times(table: LabelTable, used: NDArray[np.int64]) -> tuple[Times, Times]:
    if table.start is None or table.end is None:
        never = np.full(len(used), np.datetime64("NaT", "us"))
        return never, never.copy()
    return table.start[used], table.end[used]


def _within_period(
    shapes: NDArray[np.object_], start: Times, end: Times, period: Period, counts: Counter[Reason], table: LabelTable
) -> None:
    """Drop labels that hold at no time of the period; refuse if none is left."""
    first, last = (np.datetime64(moment.replace(tzinfo=None), "us") for moment in (period.start, period.end))
    outside = ~np.isnat(start) & ~((start < last) & (end > first))
    here = np.array([shape is not None for shape in shapes])
    counts[Reason.OUTSIDE_PERIOD] += int((outside & here).sum())
    if here.any() and (outside | ~here).all():
        times = start[here]
        raise LabelError(
            f"{table.source}: none of the {int(here.sum())} labels in the area holds in {period.text}; they are of "
            f"{str(times.min())[:10]} to {str(times.max())[:10]}.",
            fix="Ask for the period of the labels.",
        )
    shapes[outside] = None


def _settled(labels: Labels, counts: Counter[Reason]) -> Labels:
    """In an order of their own, each once; classes that nobody has left are gone."""
    present: list[str] = []
    if labels.value is None:
        present = _present(labels, counts)
    numbers = labels.codes if labels.values is None else labels.values
    keys = [
        (wkb, float(number), str(start))
        for wkb, number, start in zip(shapely.to_wkb(labels.shapes, byte_order=1), numbers, labels.start, strict=True)
    ]
    order = sorted(range(len(keys)), key=keys.__getitem__)
    once = [i for n, i in enumerate(order) if n == 0 or keys[i] != keys[order[n - 1]]]
    counts[Reason.TWICE] += len(order) - len(once)
    chosen = labels.at(np.array(once))
    if labels.value is not None:
        return replace(chosen, dropped=Dropped.of(counts))
    again = np.array([present.index(name) if name in present else 0 for name in labels.classes], np.uint8)
    return replace(chosen, classes=tuple(present), codes=again[chosen.codes], dropped=Dropped.of(counts))


def _present(labels: Labels, counts: Counter[Reason]) -> list[str]:
    """Classes that labels have.

    Raises:
        LabelError: Fewer than two, or more than a byte holds.
    """
    present = [name for code, name in enumerate(labels.classes) if (labels.codes == code).any()]
    if len(present) < 2:
        raise LabelError(
            f"{labels.source}: all {len(labels)} labels are {present[0]!r}: there is nothing to tell apart "
            f"({Dropped.of(counts)} left out).",
            fix="Give labels of at least two classes.",
            classes=present,
        )
    if len(present) > MOST_CLASSES:
        raise LabelError(
            f"{labels.source} has {len(present)} classes, more than {MOST_CLASSES}.", fix="Merge them by a legend."
        )
    return present
