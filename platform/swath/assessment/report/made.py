"""How a map was made: from which images, by which runs, and what of it failed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from swath.assessment.published import TABLE, PublishedMap
from swath.store import Failures, names, read_progress, read_stats

MOST_FAILURES = 200  #: of them are listed; all are counted


def how_made(map_: PublishedMap) -> dict[str, Any]:
    """Images, runs and failures of a map, JSON-ready.

    Returns:
        `images`: how many were used, from when to when, by month and by platform; `observations`: least, median and
        most of a tile; `runs`: planned and actual; `failures` and `incomplete`: counts, and the first of each.
    """
    runs = [run for run in _runs(map_) if map_.step in run["steps"]]
    return {
        "images": _images(map_, [run["run"] for run in runs]),
        "observations": _observations(map_),
        "runs": runs,
        "failures": _records(map_, runs, "failed"),
        "incomplete": _records(map_, runs, "skipped"),
    }


def _runs(map_: PublishedMap) -> Iterator[dict[str, Any]]:
    store, root = map_.store, map_.root
    keys = (key for key, _ in store.list(f"{root}/{names.RUNS}"))
    for run in sorted(key.split("/")[3] for key in keys if key.endswith("/run.json")):
        facts = json.loads(store.read_bytes(names.run_file(root, run, "run.json")))
        with store.open_read(names.run_file(root, run, "tiles.parquet")) as file:
            steps = pc.unique(pq.read_table(file, columns=["step"])["step"]).to_pylist()
        progress = read_progress(store, root, run)
        planned = facts["totals"]
        yield {
            "run": run,
            "steps": sorted(steps),
            "state": "planned" if progress is None else progress.state,
            "area": facts["request"]["area"],
            "period": facts["request"]["period"],
            "source": facts["request"]["source"],
            "software": facts["swath"]["version"],
            "backend": facts["backend"],
            "model": (((facts["product"].get("model") or {}).get("bound")) or {}).get("digest"),
            "planned": {name: planned[name] for name in ("units", "km2", "bytes", "seconds")},
            "actual": _actual(map_, run)
            | ({} if progress is None or progress.ended is None else {"wall_s": progress.ended - progress.started}),
        }


def _actual(map_: PublishedMap, run: str) -> dict[str, Any]:
    """Sums of the readings that units left: of a unit that was made twice, both times were paid for."""
    table = read_stats(map_.store, map_.root, run)
    facts = [json.loads(text or "{}") for text in table["facts"].to_pylist()]
    stages = [f"seconds_{stage}" for stage in ("read", "compute", "write")]
    return {
        "units": len(set(table.filter(table["ok"])["unit"].to_pylist())),
        "attempts": int(pc.sum(table["attempts"]).as_py() or 0),
        "km2": sum(fact.get("km2", 0.0) for fact in facts),
        "bytes": sum(fact.get("bytes_read", 0) for fact in facts),
        "bytes_written": sum(fact.get("bytes_written", 0) for fact in facts),
        "seconds": float(sum(pc.sum(table[stage]).as_py() or 0.0 for stage in stages)),
        "peak_rss": int(pc.max(table["peak_rss"]).as_py() or 0),
    }


def _images(map_: PublishedMap, runs: list[str]) -> dict[str, Any]:
    """The items that units of this time step were planned from, each once."""
    seen: set[str] = set()
    months: Counter[str] = Counter()
    platforms: Counter[str] = Counter()
    collections: set[str] = set()
    days: list[str] = []
    for run in runs:
        file = names.run_file(map_.root, run, "tiles.parquet")
        with map_.store.open_read(file) as stream:
            tiles = pq.read_table(stream, columns=["step", "items"])
        used = pc.unique(pc.list_flatten(tiles.filter(pc.equal(tiles["step"], map_.step))["items"])).to_numpy()
        with map_.store.open_read(names.run_file(map_.root, run, "items.parquet")) as stream:
            held = pq.ParquetFile(stream)
            wanted = [name for name in ("id", "collection", "datetime", "platform") if name in held.schema_arrow.names]
            items = held.read(columns=wanted).take(np.sort(used))
        for item in items.to_pylist():
            if item["id"] in seen:
                continue
            seen.add(item["id"])
            collections.add(item.get("collection") or "")
            if item.get("datetime") is not None:
                days.append(item["datetime"].date().isoformat())
                months[days[-1][:7]] += 1
            platforms[item.get("platform") or "not told"] += 1
    return {
        "count": len(seen),
        "first": min(days, default=None),
        "last": max(days, default=None),
        "months": dict(sorted(months.items())),
        "platforms": dict(platforms.most_common()),
        "collections": sorted(filter(None, collections)),
    }


def _observations(map_: PublishedMap) -> dict[str, Any]:
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


def _records(map_: PublishedMap, runs: list[dict[str, Any]], kind: names.Records) -> dict[str, Any]:
    """Units that failed or lack a file, of the runs of this time step."""
    found: dict[str, dict[str, Any]] = {}
    for run in runs:
        for record in Failures(map_.store, map_.root, run["run"], kind):
            if names.parse_unit_id(record["unit"])[1] == map_.step:
                found[record["unit"]] = _told(record)
    return {"count": len(found), "first": [found[unit] for unit in sorted(found)[:MOST_FAILURES]]}


def _told(record: dict[str, Any]) -> dict[str, Any]:
    """What a reader wants to know of a record: why, and which files."""
    errors = [record["error"]] if "error" in record else record.get("reads", [])
    first = errors[0] if errors else {}
    return {
        "unit": record["unit"],
        "type": first.get("type", ""),
        "message": first.get("message", ""),
        "hrefs": [str(one["href"]) for one in errors[:20] if one.get("href")],
    }
