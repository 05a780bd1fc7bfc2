"""Units that older code made of the same inputs: the same content under another key."""

from __future__ import annotations

import json
from collections.abc import Container, Mapping

from swath.mapping.plan import Plan
from swath.store import names


def stale_units(plan: Plan, done: Mapping[tuple[str, str], set[str]], *, but: Container[str] = ()) -> dict[str, str]:
    """Units of a plan that are there only as older code made them.

    Args:
        plan: Names the inputs.
        done: (step, tile) to the keys that are committed, as `done_units` lists them.
        but: Units that are not asked for.

    Returns:
        Unit id to the key under which the unit stands. Only items of units with another key are read.
    """
    found: dict[str, str] = {}
    for unit in plan.units(items=False):
        there = done.get((unit.step, unit.tile), set())
        if not unit.scenes or not there or unit.key in there or unit.id in but:
            continue
        for key in sorted(there):
            item = json.loads(plan.store.read_bytes(names.item_key(plan.root, unit.step, unit.tile, key)))
            if item["properties"].get("swath:content") == unit.content:
                found[unit.id] = key
    return found
