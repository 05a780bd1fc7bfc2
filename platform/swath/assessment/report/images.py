"""The images that a map was made of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from swath.assessment.published import TABLE, PublishedMap
from swath.assessment.runs import Run
from swath.store import names

_ITEM = {
    "id": pa.string(), "collection": pa.string(), "datetime": pa.timestamp("us", tz="UTC"), "platform": pa.string(),
}  # fmt: skip
_NO_ITEM = pa.schema(_ITEM.items()).empty_table()


def images_of(map_: PublishedMap, runs: list[Run], makers: dict[str, int]) -> dict[str, Any]:
    """The items that tiles of this time step were made of, each once, JSON-ready.

    Args:
        map_: The map.
        runs: Of it.
        makers: Place of the run that made each tile.
    """
    tables = [_items(map_, run, {tile for tile, by in makers.items() if by == place}) for place, run in enumerate(runs)]
    # of an item that several runs read, one row
    held = [(name, "min") for name in _ITEM if name != "id"]
    once = pa.concat_tables([_NO_ITEM, *tables]).group_by("id").aggregate(held)
    taken = once["datetime_min"].drop_null()
    first, last = (None if edge is None else edge.date().isoformat() for edge in pc.min_max(taken).as_py().values())
    return {
        "count": once.num_rows,
        "first": first,
        "last": last,
        "months": dict(sorted(_counted(pc.strftime(taken, format="%Y-%m")).items())),
        "platforms": _counted(pc.fill_null(once["platform_min"], "not told")),
        "collections": sorted(_counted(once["collection_min"].drop_null())),
    }


def _items(map_: PublishedMap, run: Run, tiles: set[str]) -> pa.Table:
    """What a run's tiles of this time step were made of: a row an item."""
    with map_.store.open_read(names.run_file(map_.root, run.id, "items.parquet")) as stream:
        file = pq.ParquetFile(stream)
        wanted = [name for name in _ITEM if name in file.schema_arrow.names]
        used = np.zeros(file.metadata.num_rows, bool)
        for unit in run.units(map_.step, items=True) if tiles else ():
            if unit.tile in tiles:
                used[list(unit.items)] = True
        table = file.read(columns=wanted).filter(pa.array(used))
    columns = {
        name: table[name].cast(kind) if name in wanted else pa.nulls(table.num_rows, kind)
        for name, kind in _ITEM.items()
    }
    return pa.table(columns)


def _counted(values: Any) -> dict[str, int]:
    """How often each occurs, the commonest first."""
    told = {one["values"]: one["counts"] for one in pc.value_counts(values).to_pylist()}
    return dict(sorted(told.items(), key=lambda one: (-one[1], one[0])))


def observations_of(map_: PublishedMap) -> dict[str, Any]:
    """How many images a tile has: least, median and most, and how many files were left out, JSON-ready."""
    with map_.store.open_read(f"{map_.root}/{TABLE}") as file:
        table = pq.read_table(file, columns=["swath:step", "swath:observations", "swath:skipped"])
    here = table.filter(pc.equal(table["swath:step"], map_.step))
    counts = here["swath:observations"].to_numpy()
    return {
        "tiles": here.num_rows,
        "least": int(counts.min()),
        "median": float(np.median(counts)),
        "most": int(counts.max()),
        "files_left_out": int(pc.sum(here["swath:skipped"]).as_py() or 0),
    }
