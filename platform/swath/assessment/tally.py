"""What a probability sample found: how many units of each stratum have which map class and which reference class."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from swath.errors import SampleError
from swath.forms import suggest

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Tally:
    """A stratified sample of a map, counted.

    Attributes:
        counts: (H, K, K) int64 units by stratum, map class, reference class.
        areas: (H,) of the strata, hectares.
        classes: K names, in the order of both class axes.
        strata: H names.
        units: (H,) units that each stratum has, for the finite population correction; None: so many that it is 1.
    """

    counts: NDArray[np.int64]
    areas: Array
    classes: tuple[str, ...]
    strata: tuple[str, ...]
    units: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        h, k = len(self.strata), len(self.classes)
        if self.counts.shape != (h, k, k) or self.areas.shape != (h,):
            raise ValueError(f"counts {self.counts.shape} and areas {self.areas.shape} for {h} strata, {k} classes")
        if (self.counts < 0).any():
            raise SampleError(f"A count is {self.counts.min()}.", fix="Counts are 0 or more.")
        if not (np.isfinite(self.areas) & (self.areas >= 0)).all() or not self.areas.sum() > 0:
            raise SampleError(f"Areas of strata are {self.areas.tolist()}.", fix="They are hectares, 0 or more.")
        for name, number, area in zip(self.strata, self.sizes.tolist(), self.areas.tolist(), strict=True):
            if area > 0 and number < 2:
                raise SampleError(
                    f"Stratum {name!r} of {area:g} ha has {number} unit{'' if number == 1 else 's'}: its variance is "
                    "undefined.",
                    fix="Take two or more units of each stratum, or join it to another one.",
                    stratum=name, units=number,
                )  # fmt: skip
        if self.units is not None and (self.units < self.sizes).any():
            worst = int(np.argmax(self.sizes - self.units))
            raise SampleError(
                f"Stratum {self.strata[worst]!r} has {self.units[worst]} units, {self.sizes[worst]} were drawn.",
                fix="Say how many units the whole stratum has.",
            )

    @property
    def sizes(self) -> NDArray[np.int64]:
        """(H,) units of each stratum that were drawn."""
        return np.asarray(self.counts.sum(axis=(1, 2)))

    @property
    def weights(self) -> Array:
        """(H,) share of the area in each stratum."""
        return np.asarray(self.areas / self.areas.sum())

    @property
    def area(self) -> float:
        """Hectares, of all strata."""
        return float(self.areas.sum())

    @classmethod
    def by_map_class(
        cls, matrix: NDArray[Any], areas: Sequence[float], classes: Sequence[str], *, units: Sequence[int] | None = None
    ) -> Tally:
        """A sample whose strata are the classes of the map.

        Args:
            matrix: (K, K) units, rows map, columns reference.
            areas: Of each map class, hectares.
            classes: K names.
            units: Of each map class, as pixels; see `Tally`.
        """
        k = len(classes)
        counts = np.zeros((k, k, k), np.int64)
        counts[np.arange(k), np.arange(k)] = matrix
        told = None if units is None else np.asarray(units, np.int64)
        return cls(counts, np.asarray(areas, np.float64), tuple(classes), tuple(classes), told)

    @classmethod
    def read(cls, matrix: str | os.PathLike[str], areas: str | os.PathLike[str]) -> Tally:
        """A sample by map class, from two tables.

        Args:
            matrix: CSV, rows map, columns reference, names in the first row and column.
            areas: CSV, a row a map class: name and hectares; a first row of words is passed over.

        Raises:
            SampleError: They cannot be read, or do not fit: the name or value is told.
        """
        rows = _rows(matrix)
        columns = tuple(rows[0][1:])
        names = tuple(row[0] for row in rows[1:])
        _same(names, columns, where=str(matrix))
        counts = np.zeros((len(names),) * 2, np.int64)
        for i, row in enumerate(rows[1:]):
            if len(row) != len(columns) + 1:
                raise SampleError(
                    f"{matrix}: the row of {row[0]!r} has {len(row) - 1} counts, the first row {len(columns)} classes.",
                    fix="Give a count for each class, 0 where there is none.",
                )
            for name, text in zip(columns, row[1:], strict=True):
                counts[i, names.index(name)] = _count(text, where=f"{matrix}: {row[0]!r}, {name!r}")
        told = {row[0]: row[1] for row in _rows(areas) if len(row) > 1 and _is_number(row[1])}
        _same(names, tuple(told), where=str(areas))
        return cls.by_map_class(counts, [float(told[name]) for name in names], names)


def _rows(path: str | os.PathLike[str]) -> list[list[str]]:
    """Rows of a CSV without empty ones, blanks at the ends of cells taken away."""
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            rows = [[cell.strip() for cell in row] for row in csv.reader(file)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SampleError(f"{path} cannot be read: {error}", fix="Give a CSV in UTF-8.") from error
    rows = [row for row in rows if any(row)]
    if len(rows) < 2:
        raise SampleError(f"{path} has {len(rows)} rows.", fix="Give a table with names in its first row and column.")
    return rows


def _same(names: tuple[str, ...], others: tuple[str, ...], *, where: str) -> None:
    """Refuse names that differ, or come twice."""
    for several in (names, others):
        twice = sorted({name for name in several if several.count(name) > 1})
        if twice:
            raise SampleError(f"{where}: {', '.join(map(repr, twice))} comes twice.", fix="Name each class once.")
    parted = sorted(set(names) ^ set(others))
    if parted:
        hint = suggest(parted[0], [name for name in {*names, *others} if name != parted[0]])
        raise SampleError(
            f"{where}: {', '.join(map(repr, parted))} stands on one side only.",
            fix=hint or "Rows, columns and areas name the same classes.", classes=parted,
        )  # fmt: skip


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _count(text: str, *, where: str) -> int:
    if not _is_number(text) or float(text) != int(float(text)):
        raise SampleError(f"{where}: {text!r} is no count.", fix="Counts are whole numbers of sample units.")
    return int(float(text))
