"""How a map was made: from which images, by which runs, and what of it failed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow.compute as pc

from swath.assessment.published import PublishedMap
from swath.assessment.report.bills import bill_of
from swath.assessment.report.images import images_of, observations_of
from swath.assessment.runs import Run, runs_of
from swath.store import Failures, names, read_stats

MOST_FAILURES = 200  #: of them are listed; all are counted


def how_made(map_: PublishedMap) -> dict[str, Any]:
    """Images, runs and failures of a map, JSON-ready.

    Returns:
        `images`: how many were used, from when to when, by month and by platform; `observations`: least, median and
        most of a tile; `runs`: each with what was planned, what was used, its bill, what it was to change if it is an
        update, and how many of the map's tiles are its; `tiles_of_no_run`: those whose run is gone; `unmade`: how many
        were planned, did not fail and are not there; `failures`, `not_renewed` (an update failed, what stood before
        stands) and `incomplete`: counts, and the first of each.
    """
    runs = [run for run in runs_of(map_) if map_.step in run.steps]
    makers = _makers(map_, runs)
    tiles = Counter(makers.values())
    failed, kept = _failures(map_, runs, makers)
    return {
        "images": images_of(map_, runs, makers),
        "observations": observations_of(map_),
        "runs": [_run(run) | {"tiles": tiles[place]} for place, run in enumerate(runs)],
        "tiles_of_no_run": len(map_.units) - len(makers),
        "unmade": _unmade(map_, runs, failed),
        "failures": _listed(failed),
        "not_renewed": _listed(kept),
        "incomplete": _listed(_incomplete(map_, runs, makers)),
    }


def _makers(map_: PublishedMap, runs: list[Run]) -> dict[str, int]:
    """Place of the run that made each tile of the map.

    Of two that planned the very same it is the earlier one. Where a tile stands as older code made it, no plan has its
    key any more: the last run that planned it is as good as the one that made it, for inputs are the same.
    """
    keys = {unit.tile.id: unit.key for unit in map_.units}
    made: dict[str, int] = {}
    planned: dict[str, int] = {}
    for place, run in enumerate(runs):
        for unit in run.units(map_.step):
            if unit.tile in keys and unit.scenes:
                planned[unit.tile] = place
                if unit.key == keys[unit.tile]:
                    made.setdefault(unit.tile, place)
    return planned | made


def _unmade(map_: PublishedMap, runs: list[Run], failed: Mapping[str, Any]) -> int:
    """Tiles that a run which began was to make, and which neither stand nor failed: it stopped, or goes on."""
    there = {names.unit_id(unit.tile.id, unit.step) for unit in map_.units} | set(failed)
    moved = frozenset[str]().union(*(run.moved for run in runs))
    planned = {
        unit.id for run in runs if run.progress is not None for unit in run.units(map_.step) if unit.scenes
    }  # fmt: skip
    return len(planned - there - moved)


def _run(run: Run) -> dict[str, Any]:
    facts, progress, planned = run.facts, run.progress, run.facts["totals"]
    request = facts["request"]
    return {
        "run": run.id,
        "steps": list(run.steps),
        "state": "planned" if progress is None else progress.state,
        "reason": "" if progress is None else progress.reason,
        "update": run.update and {"of": run.update["of"], "changes": run.update["changes"]},
        "area": request["area"],
        "period": request["period"],
        "source": request["source"],
        "software": facts["swath"]["version"],
        "backend": facts["backend"],
        "model": (((facts["product"].get("model") or {}).get("bound")) or {}).get("digest"),
        "planned": {name: planned[name] for name in ("units", "km2", "bytes", "seconds")},
        "actual": _actual(run)
        | ({} if progress is None or progress.ended is None else {"wall_s": progress.ended - progress.started}),
        "bill": bill_of(run.bill),
    }


def _actual(run: Run) -> dict[str, Any]:
    """Sums of the readings that units left: of a unit that was made twice, both times were paid for."""
    table = read_stats(run.store, run.root, run.id)
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


def _failures(
    map_: PublishedMap, runs: list[Run], makers: dict[str, int]
) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
    """Units that failed and are missing, and those of an update that failed where an earlier run's tile stands."""
    missing: dict[str, dict[str, Any]] = {}
    kept: dict[str, dict[str, Any]] = {}
    for place, run in enumerate(runs):
        for tile, record in _records(map_, run, "failed"):
            if tile not in makers:
                missing[record["unit"]] = _told(record)
            elif makers[tile] < place:
                kept[record["unit"]] = _told(record)
    return missing, kept


def _incomplete(map_: PublishedMap, runs: list[Run], makers: dict[str, int]) -> dict[str, dict[str, Any]]:
    """Units that stand and lack a file."""
    return {
        record["unit"]: _told(record)
        for place, run in enumerate(runs)
        for tile, record in _records(map_, run, "skipped")
        if makers.get(tile) == place
    }


def _records(map_: PublishedMap, run: Run, kind: names.Records) -> Iterator[tuple[str, dict[str, Any]]]:
    """(tile, record) of a run at this time step."""
    for record in Failures(map_.store, map_.root, run.id, kind):
        tile, step = names.parse_unit_id(record["unit"])
        if step == map_.step:
            yield tile, record


def _listed(found: dict[str, dict[str, Any]]) -> dict[str, Any]:
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
