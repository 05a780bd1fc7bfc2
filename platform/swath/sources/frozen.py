"""Frozen items: the inputs of a run as one stac-geoparquet table, each item once, hrefs only there.

Rows lie by place (cells of 2 degrees along a Z curve), then by time, so that the scenes of a tile share few row
groups; a worker reads only those. The bytes depend on the items only, not on their order, a clock or a host.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import threading
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC
from pathlib import Path
from typing import IO, Any

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from swath.errors import SourceError
from swath.sources.facts import collection
from swath.sources.files import fsspec_options
from swath.sources.frozen_rows import DIGEST, digest_of, order, row_of, schema
from swath.sources.items import Item
from swath.sources.scenes import Asset, Scene
from swath.sources.selection import COLLECTION, DN_SHIFT, OBSERVATION

#: Rows of a row group: what a worker reads to get at one scene.
ROWS = 5_000
_CACHED_GROUPS = 8
_PART_GROUPS = 20
_FOOTPRINT = ("bbox", "geometry", "datetime", "epsg", "cloud", "observation", "collection")
# name of a column in `footprints`: columns of the file
_STORED = {
    "bbox": ("bbox.xmin", "bbox.ymin", "bbox.xmax", "bbox.ymax"),
    "epsg": ("proj:epsg",),
    "cloud": ("eo:cloud_cover",),
    "observation": (OBSERVATION,),
    "collection": (COLLECTION,),
    "digest": (DIGEST,),
}

Target = str | os.PathLike[str] | IO[bytes]
Source = str | os.PathLike[str] | bytes


def freeze(items: Iterable[Item], target: Target) -> str:
    """Write items as a frozen table.

    Args:
        items: With absolute hrefs, as `search` gives them, of one or several collections. Items without the
            `swath:` properties get them here.
        target: Path, s3 URL or binary file. A local file appears whole or not at all.

    Returns:
        Digest of the table's content, as `FrozenItems.digest`.

    Raises:
        SourceError: An item's offset cannot be decided, or an id stands there twice in one collection.
    """
    rows = sorted((row_of(item) for item in items), key=order)
    twice = [key for key, times in Counter((row[COLLECTION], row["id"]) for row in rows).items() if times > 1]
    if twice:
        raise SourceError(
            f"Item {twice[0][1]!r} is there twice.", fix="Freeze the items of a search.", item=twice[0][1]
        )
    keys = sorted({row[COLLECTION] for row in rows})
    bands = list(dict.fromkeys(band for key in keys for band in collection(key).bands))
    bands = bands or ["none"]  # Parquet has no empty struct
    digest = digest_of(rows)
    form = schema(bands)
    form = form.with_metadata({**form.metadata, b"swath:digest": digest.encode()})
    with _opened(target) as file, pq.ParquetWriter(file, form, compression="zstd", version="2.6") as writer:
        for first in range(0, len(rows), ROWS):
            writer.write_table(pa.Table.from_pylist(rows[first : first + ROWS], schema=form), row_group_size=ROWS)
        if not rows:
            writer.write_table(form.empty_table())
    return digest


@contextlib.contextmanager
def _opened(target: Target) -> Iterator[IO[bytes]]:
    if not isinstance(target, (str, os.PathLike)):
        yield target
    elif "://" in os.fspath(target):
        with fsspec.open(os.fspath(target), "wb") as file:
            yield file
    else:
        path = Path(target)
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            with part.open("wb") as file:
                yield file
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)


class FrozenItems:
    """A frozen table, read lazily. Open it with `FrozenItems.open`; it pickles by its address."""

    def __init__(self, source: Source) -> None:
        self._source = source
        try:
            self._file = self._open()
        except FileNotFoundError:
            raise SourceError(f"There is no frozen table {self._name}.", fix="Plan the run again.") from None
        except (OSError, pa.ArrowException) as error:
            raise SourceError(f"{self._name} is no frozen table: {error}.", fix="Plan the run again.") from None
        meta = self._file.schema_arrow.metadata or {}
        if COLLECTION not in self._file.schema_arrow.names:
            raise SourceError(f"{self._name} was not frozen by Swath.", fix="Give it to `search` as a source.")
        self._meta = meta
        self._starts = np.cumsum(
            [0] + [self._file.metadata.row_group(i).num_rows for i in range(self._file.num_row_groups)]
        )
        self._cached: OrderedDict[int, pa.Table] = OrderedDict()
        self._lock = threading.Lock()

    @classmethod
    def open(cls, source: Source) -> FrozenItems:
        """Open a table.

        Args:
            source: Path, URL (s3, http), or the table's bytes.

        Raises:
            SourceError: It is not there, or no frozen table.
        """
        return cls(source)

    @classmethod
    def at(cls, source: str | os.PathLike[str]) -> FrozenItems | None:
        """The frozen table that a source is, with whatever items it holds; None if the source is anything else."""
        name = os.fspath(source)
        if not name.endswith(".parquet") or ("://" not in name and not Path(name).is_file()):
            return None
        try:
            table = cls(name)
        except SourceError:
            return None
        return table if DIGEST in table._file.schema_arrow.names else None

    @property
    def collections(self) -> list[str]:
        """Keys of the collections of its items, sorted."""
        return sorted(set(pc.unique(self.footprints(("collection",))["collection"]).to_pylist()))

    def _open(self, *, memory_map: bool = True, **options: Any) -> pq.ParquetFile:
        if isinstance(self._source, bytes):
            return pq.ParquetFile(io.BytesIO(self._source), **options)
        name = os.fspath(self._source)
        if "://" in name:
            return pq.ParquetFile(fsspec.open(name, "rb", **fsspec_options(name)).open(), **options)
        return pq.ParquetFile(name, memory_map=memory_map, **options)

    @property
    def _name(self) -> str:
        return "given as bytes" if isinstance(self._source, bytes) else os.fspath(self._source)

    def __reduce__(self) -> tuple[type[FrozenItems], tuple[Source]]:
        return type(self), (self._source,)

    def __len__(self) -> int:
        return int(self._starts[-1])

    def __repr__(self) -> str:
        return f"FrozenItems({self._name}, {len(self)} items)"

    @property
    def digest(self) -> str:
        """sha256 of the content (items, assets, observations, offsets) from the footer; else of the file's bytes."""
        stored = self._meta.get(b"swath:digest")
        if stored is not None:
            return str(stored.decode())
        if isinstance(self._source, bytes):
            return hashlib.sha256(self._source).hexdigest()
        with fsspec.open(os.fspath(self._source), "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def footprints(self, columns: Sequence[str] = _FOOTPRINT) -> pa.Table:
        """What planning needs of every item, row by row, without touching any href.

        Args:
            columns: Some of `bbox` (xmin, ymin, xmax, ymax: float64, degrees, xmin > xmax over the antimeridian),
                `geometry` (WKB, dictionary-encoded: distinct footprints come for free), `datetime` (UTC), `epsg`
                (int32), `cloud` (percent), `observation` and `collection` (dictionary-encoded strings), `digest`
                (16 bytes: the item and all its assets, signatures left out).
        """
        return pa.concat_tables(self.footprint_parts(columns)).unify_dictionaries()

    def footprint_parts(self, columns: Sequence[str] = _FOOTPRINT) -> Iterator[pa.Table]:
        """As `footprints`, some row groups at a time, in order of rows: millions of items are not held at once."""
        wanted = [name for column in columns for name in _STORED.get(column, (column,))]
        # not mapped: pages of a mapped file that have been read count as this process's memory
        file = self._open(
            read_dictionary=["geometry", OBSERVATION, COLLECTION], metadata=self._file.metadata, memory_map=False
        )
        with file:
            for first in range(0, max(1, file.num_row_groups), _PART_GROUPS):
                groups = range(first, min(first + _PART_GROUPS, file.num_row_groups))
                table = file.read_row_groups(list(groups), columns=wanted)
                out: dict[str, Any] = {}
                for column in columns:
                    if column == "bbox":
                        for side in ("xmin", "ymin", "xmax", "ymax"):
                            out[side] = pc.struct_field(table["bbox"], side)
                    else:
                        out[column] = table[_STORED.get(column, (column,))[0]]
                yield pa.table(out)

    def scenes(self, rows: Sequence[int], bands: Sequence[str] | None = None) -> list[Scene]:
        """Scenes of some rows, in order of datetime, then id, whatever the order of `rows`.

        Args:
            rows: Row numbers; a row group that holds one is read once and kept for the next units nearby.
            bands: Only these assets; all by default.

        Raises:
            IndexError: A row that the table does not have.
        """
        wanted = np.unique(np.asarray(rows, dtype=np.int64))
        if wanted.size and (wanted[0] < 0 or wanted[-1] >= len(self)):
            raise IndexError(f"rows {wanted[0]} to {wanted[-1]} of a table of {len(self)}")
        groups = np.searchsorted(self._starts, wanted, side="right") - 1
        found: list[Scene] = []
        for group in np.unique(groups):
            mine = wanted[groups == group]
            table = self._group(int(group)).take(pa.array(mine - self._starts[group]))
            found += [_scene(int(row), doc, bands) for row, doc in zip(mine, table.to_pylist(), strict=True)]
        return sorted(found, key=lambda scene: (scene.datetime, scene.id))

    def _group(self, group: int) -> pa.Table:
        columns = ["id", "bbox", "assets", "datetime", "updated", "platform", "proj:epsg"]
        # a ParquetFile is not for several threads at once, and two need not read the same group
        with self._lock:
            table = self._cached.pop(group, None)
            if table is None:
                table = self._file.read_row_group(group, columns=[*columns, COLLECTION, OBSERVATION, DN_SHIFT])
            self._cached[group] = table
            while len(self._cached) > _CACHED_GROUPS:
                self._cached.popitem(last=False)
        return table


def _scene(row: int, doc: dict[str, Any], bands: Sequence[str] | None) -> Scene:
    facts = collection(doc[COLLECTION])
    assets = {
        band: Asset(asset["href"], asset["file:checksum"], facts.bands[band].index)
        for band, asset in doc["assets"].items()
        if asset and asset["href"] and (bands is None or band in bands)
    }
    box = doc["bbox"]
    return Scene(
        row=row,
        id=doc["id"],
        collection=facts.key,
        platform=doc["platform"],
        datetime=doc["datetime"].astimezone(UTC),
        observation=doc[OBSERVATION],
        epsg=doc["proj:epsg"],
        bbox=(box["xmin"], box["ymin"], box["xmax"], box["ymax"]),
        dn_shift=doc[DN_SHIFT],
        assets=assets,
        updated=doc["updated"] and f"{doc['updated']:%Y-%m-%dT%H:%M:%S.%fZ}",
    )
