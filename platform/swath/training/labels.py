"""Labels: polygons or points with a class, and perhaps a time."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from swath.errors import LabelError
from swath.grid import Area, Period
from swath.training.dropped import Dropped, Reason
from swath.training.label_files import LabelTable, read_table
from swath.training.label_geometry import check_axes, cleaned, grown, is_areal, within
from swath.training.legend import LabelLegend, LegendLike
from swath.training.splits import SplitSpec, check_blocks, representative

Times = NDArray[np.datetime64]
MOST_CLASSES = 254  # 255 is no label


@dataclass(frozen=True)
class Labels:
    """Polygons and points with classes; in an order that rests on themselves, not on the file's.

    Attributes:
        classes: Names; codes count from 0 in this order.
        shapes: WGS84, valid, within the area, (n,).
        codes: Class of each, uint8, (n,).
        places: Longitude and latitude of a point in each whole shape (before it was cut or eroded), (n, 2).
        start: First instant at which each holds, datetime64[us], NaT at any time, (n,).
        end: Exclusive.
        source: Where they come from.
        dropped: What was left out or changed, by reason.
    """

    classes: tuple[str, ...]
    shapes: NDArray[np.object_]
    codes: NDArray[np.uint8]
    places: NDArray[np.float64]
    start: Times
    end: Times
    source: str
    dropped: Dropped = field(default_factory=Dropped)

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def digest(self) -> str:
        """sha256 of classes, shapes and times."""
        table = self.to_arrow()
        hashed = hashlib.sha256(repr(self.classes).encode())
        for name in ("geometry", "code", "lon", "lat", "start", "end"):
            hashed.update(repr(table[name].to_pylist()).encode())
        return hashed.hexdigest()

    def folds(self, split: SplitSpec) -> NDArray[np.uint8]:
        """Fold of each label by its block.

        Raises:
            LabelError: All lie in one block.
        """
        blocks = split.blocks(self.places[:, 0], self.places[:, 1])
        check_blocks(blocks, split)
        return split.folds_of(blocks)

    def fold_counts(self, split: SplitSpec) -> NDArray[np.int64]:
        """Labels by fold and class, (folds, classes)."""
        counts = np.zeros((split.folds, len(self.classes)), np.int64)
        np.add.at(counts, (self.folds(split), self.codes), 1)
        return counts

    def at(self, chosen: NDArray[Any]) -> Labels:
        """Some of them, by mask or index; classes stay."""
        return replace(
            self,
            shapes=self.shapes[chosen], codes=self.codes[chosen], places=self.places[chosen],
            start=self.start[chosen], end=self.end[chosen],
        )  # fmt: skip

    def to_arrow(self) -> pa.Table:
        """As a table, for the folder of chips."""
        return pa.table(
            {
                "geometry": pa.array(shapely.to_wkb(self.shapes, byte_order=1).tolist(), pa.binary()),
                "code": pa.array(self.codes),
                "lon": pa.array(self.places[:, 0]),
                "lat": pa.array(self.places[:, 1]),
                "start": pa.array(self.start),
                "end": pa.array(self.end),
            }
        )

    @classmethod
    def from_arrow(cls, table: pa.Table, classes: Sequence[str], source: str) -> Labels:
        """From a table of `to_arrow`."""
        shapes = shapely.from_wkb(np.array([*table["geometry"].to_pylist(), None], dtype=object))[:-1]
        places = np.stack([table["lon"].to_numpy(), table["lat"].to_numpy()], axis=1)
        start, end = (table[name].to_numpy().astype("datetime64[us]") for name in ("start", "end"))
        return cls(tuple(classes), shapes, table["code"].to_numpy(), places, start, end, source)


def read_labels(
    path: str | os.PathLike[str],
    *,
    area: Area,
    period: Period,
    column: str | None = None,
    time: str | None = None,
    legend: LegendLike | None = None,
    known: Mapping[int, str] | Sequence[str] | None = None,
    aliases: Mapping[str, str | None] | None = None,
    erode_m: float = 0.0,
) -> Labels:
    """Read labels from a file.

    Args:
        path: GeoPackage, GeoJSON, GeoParquet, FlatGeobuf or shapefile in any CRS; `path::layer` for one of its layers.
        area: Labels outside are dropped, polygons are cut at its edge.
        period: Labels of another time are dropped.
        column: Of the class; by default `class`, `fclass`, `label`, or the only column of text.
        time: Column of years (2018) or dates (2018-05-17) at which a label holds; by default it holds always.
        legend: YAML file or mapping: value of the column to name of the class, many to one, null to drop.
        known: Classes of the product in order, or by code; values are then their names or codes.
        aliases: Other names of the product's classes, for labels without a legend.
        erode_m: Polygons shrink by this many metres: at least a pixel for land use drawn along roads and fences.

    Returns:
        The labels, with what was left out counted by reason.

    Raises:
        LabelError: Unreadable, no CRS or column, an unknown class, no label in area or period, swapped axes, or fewer
            than two classes.
    """
    if erode_m < 0:
        raise LabelError(f"Polygons cannot be eroded by {erode_m:g} m.", fix="Give metres from 0.")
    table = read_table(os.fspath(path), column=column, time=time)
    counts: Counter[Reason] = Counter()
    rules = LabelLegend.of(legend, known, aliases)
    names = _classes(table, rules, counts)
    classes = rules.order(name for name in names if name is not None)
    used = np.flatnonzero(np.array([name is not None for name in names]))
    shapes = cleaned(table.shapes[used], table.crs, counts, source=table.source)
    check_axes(table.shapes[used], shapes, table.crs, area, source=table.source)
    whole = shapes
    shapes = within(shapes, area, counts)
    start, end = _times(table, used)
    _within_period(shapes, start, end, period, counts, table)
    left = np.flatnonzero(np.array([shape is not None for shape in shapes]))
    shapes, whole = shapes[left], whole[left]
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
    codes = np.array([classes.index(str(names[used[i]])) for i in left], np.uint8)
    labels = Labels(
        classes, shapes, codes, np.stack(representative(whole), axis=1), start[left], end[left], table.source
    )
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
    keys = [
        (wkb, int(code), str(start))
        for wkb, code, start in zip(
            shapely.to_wkb(labels.shapes, byte_order=1), labels.codes, labels.start, strict=True
        )
    ]
    order = sorted(range(len(keys)), key=keys.__getitem__)
    once = [i for n, i in enumerate(order) if n == 0 or keys[i] != keys[order[n - 1]]]
    counts[Reason.TWICE] += len(order) - len(once)
    again = np.array([present.index(name) if name in present else 0 for name in labels.classes], np.uint8)
    chosen = labels.at(np.array(once))
    return replace(chosen, classes=tuple(present), codes=again[chosen.codes], dropped=Dropped.of(counts))
