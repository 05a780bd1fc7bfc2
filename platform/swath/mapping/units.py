"""Units of a run: one tile at one time step, as rows of tiles.parquet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate, pairwise
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

BATCH = 2048

SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("tile", pa.string()),
        ("step", pa.string()),
        ("start", pa.timestamp("us", tz="UTC")),
        ("end", pa.timestamp("us", tz="UTC")),
        ("bbox", pa.list_(pa.float64(), 4)),
        ("scenes", pa.int32()),
        ("items", pa.list_(pa.int32())),
        ("key", pa.string()),
        ("content", pa.string()),
        ("km2", pa.float32()),
        ("bytes", pa.int64()),
        ("seconds", pa.float32()),
        ("counts", pa.list_(pa.int32())),
    ]
)


@dataclass(frozen=True)
class Unit:
    """One tile at one time step: what is planned, committed and retried.

    Attributes:
        id: `<tile>_<step>`.
        tile: Id of the tile.
        step: Id of the time step.
        start: First instant, UTC.
        end: UTC, exclusive.
        bbox: Of the tile, degrees.
        scenes: How many items it is made of; 0 where the search found none.
        items: Their rows in items.parquet; empty also where a unit was read without them.
        key: Resume key.
        content: The key without the code's version.
        km2: True area of the tile's owned pixels.
        bytes: Expected bytes to read.
        seconds: Expected seconds on one core.
        counts: Of a product of several inputs: how many items each reads; `items` has them input by input.
    """

    id: str
    tile: str
    step: str
    start: datetime
    end: datetime
    bbox: tuple[float, float, float, float]
    scenes: int
    items: tuple[int, ...]
    key: str
    content: str
    km2: float
    bytes: int
    seconds: float
    counts: tuple[int, ...] = ()

    @property
    def by_input(self) -> tuple[tuple[int, ...], ...]:
        """Rows of the items of each input."""
        if not self.counts:
            return (self.items,)
        edges = list(accumulate(self.counts, initial=0))
        return tuple(self.items[first:last] for first, last in pairwise(edges))


class UnitWriter:
    """Writes units as they come; memory is that of one batch."""

    def __init__(self, file: BinaryIO | str) -> None:
        # a column of distinct values gains nothing from a dictionary, and building one takes its time
        coded = ["tile", "step", "start", "end", "scenes"]
        self._writer = pq.ParquetWriter(file, SCHEMA, compression="zstd", store_schema=False, use_dictionary=coded)
        self._units: list[Unit] = []
        self._items: list[NDArray[np.int32]] = []

    def add(self, unit: Unit, items: NDArray[np.int32]) -> None:
        """Append one unit.

        Args:
            unit: Its own `items` stay unread: a continent's make a hundred million Python numbers.
            items: Rows of its items, shape (scenes,).
        """
        self._units.append(unit)
        self._items.append(items)
        if len(self._units) >= BATCH:
            self._flush()

    def _flush(self) -> None:
        if self._units:
            columns = {field.name: field.type for field in SCHEMA}
            arrays = []
            for name, kind in columns.items():
                if name == "items":
                    ends = np.cumsum([0, *(len(rows) for rows in self._items)], dtype=np.int32)
                    rows = np.concatenate(self._items).astype(np.int32, copy=False)
                    arrays.append(pa.ListArray.from_arrays(pa.array(ends), pa.array(rows)))
                else:
                    arrays.append(pa.array([getattr(unit, name) for unit in self._units], kind))
            self._writer.write_table(pa.Table.from_arrays(arrays, schema=SCHEMA))
            self._units.clear()
            self._items.clear()

    def close(self) -> None:
        """Write what is left and the file's end."""
        self._flush()
        self._writer.close()


def read_units(file: Any, *, items: bool = True) -> Iterator[Unit]:
    """Units in order of the plan, a batch at a time.

    Args:
        file: Path or binary file.
        items: With their rows of items; without them a pass over a continent takes a second.
    """
    with pq.ParquetFile(file) as table:
        # plans of older code have no counts: their products read one input
        there = set(table.schema_arrow.names)
        columns = [name for name in SCHEMA.names if name in there and (items or name != "items")]
        for batch in table.iter_batches(batch_size=BATCH, columns=columns):
            for row in batch.to_pylist():
                yield _unit(row)


def _unit(row: dict[str, Any]) -> Unit:
    west, south, east, north = row["bbox"]
    return Unit(
        **row
        | {
            "items": tuple(row.get("items", ())),
            "counts": tuple(row.get("counts", ())),
            "bbox": (west, south, east, north),
            "start": row["start"].astimezone(UTC),
            "end": row["end"].astimezone(UTC),
        }
    )
