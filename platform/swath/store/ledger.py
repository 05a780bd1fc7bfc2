"""The books of a run: failed units, readings."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from swath.store import names
from swath.store.base import MissingKeyError, Store

STATS_SCHEMA = pa.schema(
    [
        ("unit", pa.string()),
        ("ok", pa.bool_()),
        ("attempts", pa.int32()),
        ("worker", pa.string()),
        ("seconds_wait", pa.float64()),
        ("seconds_read", pa.float64()),
        ("seconds_compute", pa.float64()),
        ("seconds_write", pa.float64()),
        ("bytes", pa.int64()),
        ("peak_rss", pa.int64()),
        ("facts", pa.string()),  # JSON: what the work itself counted (requests, bytes read, ...)
    ]
)
_ROWS = 1000  # of one part


class Failures:
    """`failed/<unit>.json`: one record a failed unit, gone when the unit succeeds.

    With `skipped` the units that were made without some of their files, gone when they are made with all.
    """

    def __init__(self, store: Store, root: str, run: str, kind: names.Records = "failed") -> None:
        self._store, self._root, self._run = store, root, run
        self._kind: names.Records = kind
        self._lock = threading.Lock()
        self._known: set[str] | None = None

    def record(self, unit: str, record: Mapping[str, Any]) -> None:
        """Write why a unit failed, over an older record of the same unit."""
        data = json.dumps({"unit": unit, **record}, indent=1, default=str).encode()
        self._store.put_bytes(self._key(unit), data)
        with self._lock:
            self._open().add(unit)

    def clear(self, unit: str) -> None:
        """The unit succeeded: forget that it failed. Asks the store only when there is a record."""
        with self._lock:
            if unit not in self._open():
                return
            self._open().discard(unit)
        self._store.delete(self._key(unit))

    def units(self) -> list[str]:
        """Ids of the failed units, sorted."""
        with self._lock:
            return sorted(self._open())

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The records, as a stream in the order of ids."""
        for unit in self.units():
            try:
                yield json.loads(self._store.read_bytes(self._key(unit)))
            except MissingKeyError:  # another driver has just done it
                continue

    def _key(self, unit: str) -> str:
        return names.failed_key(self._root, self._run, unit, self._kind)

    def _open(self) -> set[str]:
        if self._known is None:
            folder = names.failed_folder(self._root, self._run, self._kind)
            keys = (key for key, _ in self._store.list(folder))
            self._known = {key.removeprefix(f"{folder}/").removesuffix(".json") for key in keys}
        return self._known


class Stats:
    """`stats/*.parquet`: a row a try of a unit, in parts of a thousand rows. Close it, or use it in a `with`."""

    def __init__(self, store: Store, root: str, run: str) -> None:
        self._store, self._folder = store, names.stats_folder(root, run)
        self._driver, self._part = uuid4().hex[:8], 0
        self._rows: list[dict[str, Any]] = []

    def add(self, row: Mapping[str, Any]) -> None:
        """One reading; what is no column of `STATS_SCHEMA` goes into its `facts`."""
        columns = {name: row.get(name) for name in STATS_SCHEMA.names if name != "facts"}
        rest = {name: value for name, value in row.items() if name not in columns}
        self._rows.append(columns | {"facts": json.dumps(rest, default=str, sort_keys=True)})
        if len(self._rows) >= _ROWS:
            self.flush()

    def flush(self) -> None:
        """Write what has gathered as one more part."""
        if self._rows:
            buffer = io.BytesIO()
            pq.write_table(pa.Table.from_pylist(self._rows, schema=STATS_SCHEMA), buffer, compression="zstd")
            self._store.put_bytes(f"{self._folder}/{self._driver}-{self._part:06d}.parquet", buffer.getvalue())
            self._part += 1
            self._rows = []

    def __enter__(self) -> Stats:
        return self

    def __exit__(self, *_: object) -> None:
        self.flush()


def read_stats(store: Store, root: str, run: str) -> pa.Table:
    """All readings of a run, over all its drivers, with the columns of `STATS_SCHEMA`."""
    keys = [key for key, _ in store.list(names.stats_folder(root, run)) if key.endswith(".parquet")]
    parts = [pq.read_table(io.BytesIO(store.read_bytes(key)), schema=STATS_SCHEMA) for key in sorted(keys)]
    return pa.concat_tables(parts) if parts else STATS_SCHEMA.empty_table()
