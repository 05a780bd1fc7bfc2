"""What a map of `support.class_map` can have besides: other layers, and runs that made it."""

import json
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rasterio.io import MemoryFile

from swath.assessment import PublishedMap
from swath.mapping.units import Unit, UnitWriter
from swath.store import Failures, Progress, names

SPREAD = {"low": 1.0, "expected": 2.0, "high": 4.0}


def add_layer(store, root, layer, draw, *, nodata=255, dtype="uint8", **facts):
    """Write one layer more of every tile, and tell of it in the collection."""
    map_ = PublishedMap.open(store)
    for unit in map_.units:
        tile = unit.tile
        with MemoryFile() as memory:
            with memory.open(
                driver="GTiff", width=tile.shape[1], height=tile.shape[0], count=1, dtype=dtype, nodata=nodata,
                crs=tile.crs, transform=tile.affine,
            ) as file:  # fmt: skip
                file.write(np.asarray(draw(tile), dtype), 1)
            store.put_bytes(names.layer_key(root, unit.step, tile.id, layer, unit.key), memory.read())
    collection = map_.collection
    collection["item_assets"][layer] = {"roles": ["metadata"], "bands": [{"name": layer, "nodata": nodata}], **facts}
    store.put_bytes(f"{root}/collection.json", json.dumps(collection).encode())


def add_run(store, root, run, units, *, items=(1,), bill=None, update=None, failed=(), skipped=(), step="2023"):
    """Write what a run leaves.

    Args:
        store: Of the map.
        root: Of the map.
        run: Its id.
        units: (tile, key) of what it planned.
        items: Days of May 2023 of the scenes that each of them was made of.
        bill: Content of bill.json.
        update: What run.json says of an update.
        failed: Tiles with a record of failure.
        skipped: Tiles with a record of a file that was left out.
        step: Of all units.
    """
    data = pa.BufferOutputStream()
    writer = UnitWriter(data)
    for tile, key in units:
        unit = Unit(
            id=f"{tile}_{step}", tile=tile, step=step, start=datetime(2023, 1, 1, tzinfo=UTC),
            end=datetime(2024, 1, 1, tzinfo=UTC), bbox=(12.0, 47.7, 12.1, 47.8), scenes=len(items),
            items=tuple(range(len(items))), key=key, content=key, km2=1.0, bytes=10, seconds=1.0,
        )  # fmt: skip
        writer.add(unit, np.arange(len(items), dtype=np.int32))
    writer.close()
    store.put_bytes(names.run_file(root, run, "tiles.parquet"), data.getvalue().to_pybytes())
    scenes = [
        {"id": f"scene-{day}", "collection": "c", "datetime": datetime(2023, 5, day, tzinfo=UTC), "platform": "sim"}
        for day in items
    ]
    data = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(scenes), data)
    store.put_bytes(names.run_file(root, run, "items.parquet"), data.getvalue().to_pybytes())
    facts = {
        "totals": {"units": len(units), "km2": 4.0, "bytes": 3e9, "seconds": 7200.0},
        "request": {"area": "somewhere", "period": "2023/P1Y", "source": "an archive"},
        "swath": {"version": "0.0"}, "backend": "numba", "product": {},
    }  # fmt: skip
    facts |= {} if update is None else {"update": update}
    store.put_bytes(names.run_file(root, run, "run.json"), json.dumps(facts).encode())
    progress = Progress(run=run, state="done", total=len(units), started=0.0, heartbeat=1.0, ended=60.0)
    store.put_bytes(names.run_file(root, run, "progress.json"), progress.model_dump_json().encode())
    if bill is not None:
        store.put_bytes(names.run_file(root, run, "bill.json"), json.dumps(bill).encode())
    for kind, tiles in (("failed", failed), ("skipped", skipped)):
        for tile in tiles:
            Failures(store, root, run, kind).record(f"{tile}_{step}", {"error": {"type": "X", "message": "it broke"}})


def bill(*, planned=4, made=2, priced=True):
    """A bill: of each thing 1, 2 or 4 are planned, and as many units were made as is said, each of twice the cost."""
    use = {name: SPREAD for name in ("bytes_in", "bytes_out", "gets", "puts", "core_hours")}
    none = {"low": 0.0, "expected": 0.0, "high": 0.0}
    rate = {**SPREAD, "basis": "assumed", "source": "a guess"}
    rates = {"busy": rate | {"expected": 0.5}, "gpu_a_pixel": rate | none}
    rates["cpu_a_pixel"] = rate | {"basis": "measured", "source": "a run"}
    spent = dict.fromkeys(SPREAD, 2.0)
    money = {"currency": "EUR", "money": {"compute": SPREAD, "total": SPREAD}, "kwh": SPREAD, "grams_co2e": SPREAD}
    paid = {"use": dict.fromkeys(use, spent), "money": {"compute": spent, "total": spent}, "kwh_basis": "measured"}
    table = {"name": "List prices", "date": "2026-11-01", "region": "here", "note": "No tax."}
    return {
        "plan": {
            "amounts": {"units": planned}, "workers": 1, "cores": 2, "wall_s": SPREAD, "rates": rates,
            "use": use | {"gpu_hours": none}, "prices": table if priced else None, "carbon": table if priced else None,
            **(money if priced else {}),
        },
        "limits": {"cost": 9.0 if priced else None, "carbon": None},
        "actual": {
            "used": {
                "units": made, "bytes_in": 2.0, "bytes_out": 2.0, "cpu_s": 3600.0, "wall_s": 9.0,
                "stage_s": {"compute": 1.0},
            },
            "bill": {**paid, "kwh": spent, "grams_co2e": spent} if priced else None,
        },
    }  # fmt: skip
