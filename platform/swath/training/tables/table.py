"""Samples that are rows: what a model takes, where each lies, and what is learned of it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from swath.errors import LabelError
from swath.forms import suggest
from swath.training.tables.schema import TableSchema

if TYPE_CHECKING:
    import pandas as pd

_PARQUET = (".parquet", ".pq", ".geoparquet")
_SHOWN = 5


@dataclass(frozen=True)
class Table:
    """Rows that have been checked against a schema.

    Attributes:
        schema: Which columns are what.
        values: (n, columns of the schema) float32: numbers, NaN where an optional one is not there; then codes.
        xy: (n, 2) float64 in the schema's CRS; None without places.
        target: (n,) of what is learned, as it stands; None where the schema names none.
        weight: (n,) float32, 1 unless the schema names a column.
        group: (n,) as it stands; None where the schema names none.
        source: File, for messages.
    """

    schema: TableSchema
    values: NDArray[np.float32]
    xy: NDArray[np.float64] | None
    target: NDArray[Any] | None
    weight: NDArray[np.float32]
    group: NDArray[Any] | None
    source: str = "table"

    def __len__(self) -> int:
        return len(self.values)

    @classmethod
    def read(cls, path: str | os.PathLike[str], schema: TableSchema) -> Table:
        """Read CSV or Parquet.

        Raises:
            LabelError: The file cannot be read, or does not fit the schema; see `of`.
        """
        import pandas as pd

        path = Path(path)
        if not path.is_file():
            raise LabelError(f"There is no file {str(path)!r}.", fix="Check the path.", file=str(path))
        try:
            frame = pd.read_parquet(path) if path.suffix.lower() in _PARQUET else pd.read_csv(path)
        except (OSError, ValueError) as error:
            raise LabelError(
                f"Table {path} cannot be read: {error}.", fix="Give CSV or Parquet.", file=str(path)
            ) from error
        return cls.of(frame, schema, source=str(path))

    @classmethod
    def of(cls, frame: pd.DataFrame, schema: TableSchema, *, source: str = "table") -> Table:
        """Take a data frame; columns that the schema does not name are left aside.

        Args:
            frame: A row a sample.
            schema: Which columns are what.
            source: For messages.

        Raises:
            LabelError: No row; a column that is not there; a number or place that is missing, not finite or no number;
                a code that the schema does not list; a weight that is not above 0. Names column, rows and values.
        """
        if frame.empty:
            raise LabelError(f"{source} has no rows.", fix="Give a table with rows.", file=source)
        have = [str(name) for name in frame.columns]
        asked = (*schema.columns, schema.x, schema.y, schema.target, schema.weight, schema.group)
        for name in filter(None, asked):
            if name not in have:
                raise LabelError(
                    f"{source} has no column {name!r}.", fix=suggest(name, have), column=name, choices=have
                )
        made = [_numbers(frame, name, source, missing=name in schema.optional) for name in schema.features]
        made += [_codes(frame, name, codes, source) for name, codes in schema.categories.items()]
        xy = None
        if schema.x is not None and schema.y is not None:
            xy = np.stack([_numbers(frame, name, source) for name in (schema.x, schema.y)], axis=1)
            _check_degrees(xy, schema, source)
        weight = np.ones(len(frame))
        if schema.weight is not None:
            weight = _numbers(frame, schema.weight, source)
            _refuse(weight <= 0, weight, schema.weight, source, "not above 0", "Leave such rows out of the table.")
        return cls(
            schema=schema,
            values=np.stack(made, axis=1).astype(np.float32),
            xy=xy,
            target=_column(frame, schema.target, source),
            weight=weight.astype(np.float32),
            group=_column(frame, schema.group, source),
            source=source,
        )

    def take(self, rows: NDArray[Any]) -> Table:
        """Rows by number or by a mask, in that order."""
        return replace(
            self,
            values=self.values[rows],
            xy=None if self.xy is None else self.xy[rows],
            target=None if self.target is None else self.target[rows],
            weight=self.weight[rows],
            group=None if self.group is None else self.group[rows],
        )

    def column(self, name: str) -> NDArray[np.float32]:
        """(n,) of one of the columns that a model takes."""
        return self.values[:, self.schema.columns.index(name)]

    def places(self) -> NDArray[np.float64]:
        """(n, 2) of x and y.

        Raises:
            LabelError: The schema names none.
        """
        if self.xy is None:
            raise LabelError(f"{self.source} has no places.", fix="Name x and y in the schema.", file=self.source)
        return self.xy

    def blocks(self, edge: float) -> NDArray[np.int64]:
        """Number of the block of each row, squares of this edge in the units of x and y; (n,), from 0.

        Rows of one group lie in one block: that of the group's first row.
        """
        cells = np.floor(self.places() / edge).astype(np.int64)
        _, block = np.unique(cells, axis=0, return_inverse=True)
        block = block.reshape(-1)
        if self.group is None:
            return block
        _, first, number = np.unique(self.group.astype(str), return_index=True, return_inverse=True)
        return block[first][number]


def _column(frame: pd.DataFrame, name: str | None, source: str) -> NDArray[Any] | None:
    if name is None:
        return None
    missing = frame[name].isna().to_numpy()
    if missing.any():
        raise LabelError(
            f"{source}: column {name!r} is empty in {missing.sum()} rows, the first of them {_rows(missing)}.",
            fix="Fill it, or leave these rows out.",
            column=name,
        )
    return np.asarray(frame[name].to_numpy())


def _numbers(frame: pd.DataFrame, name: str, source: str, *, missing: bool = False) -> NDArray[np.float64]:
    import pandas as pd

    given = frame[name]
    numbers = pd.to_numeric(given, errors="coerce").to_numpy(np.float64)
    wrong = ~np.isfinite(numbers)
    if missing:
        wrong &= given.notna().to_numpy()
    _refuse(wrong, given.to_numpy(), name, source, "no finite number", "Fill them, or leave these rows out.")
    return numbers


def _codes(frame: pd.DataFrame, name: str, codes: Iterable[int], source: str) -> NDArray[np.float64]:
    numbers = _numbers(frame, name, source)
    known = sorted(codes)
    fix = f"Known codes of {name}: {', '.join(map(str, known))}. Add it to the schema, or leave these rows out."
    _refuse(~np.isin(numbers, known), numbers, name, source, "a code that nothing is known of", fix)
    return numbers


def _check_degrees(xy: NDArray[np.float64], schema: TableSchema, source: str) -> None:
    if not schema.is_lonlat:
        return
    wrong = (np.abs(xy[:, 1]) > 90) | (np.abs(xy[:, 0]) > 540)
    if wrong.any():
        swapped = (np.abs(xy[:, 0]) <= 90).all() and (np.abs(xy[:, 1]) <= 180).all()
        raise LabelError(
            f"{source}: {wrong.sum()} rows lie beyond the poles, as at {xy[wrong][0].tolist()}.",
            fix="Swap x and y in the schema." if swapped else f"Say the CRS: {schema.crs} holds degrees.",
            axes="swapped" if swapped else "crs",
        )


def _refuse(wrong: NDArray[np.bool_], values: NDArray[Any], name: str, source: str, what: str, fix: str) -> None:
    if wrong.any():
        shown = ", ".join(str(value) for value in values[wrong][:_SHOWN])
        raise LabelError(
            f"{source}: column {name!r} holds {what} in {int(wrong.sum())} rows (row {_rows(wrong)}): {shown}.",
            fix=fix,
            column=name,
            rows=int(wrong.sum()),
        )


def _rows(mask: NDArray[np.bool_]) -> int:
    """Number of the first row, from 0."""
    return int(np.flatnonzero(mask)[0])
