"""The runs of a product and version: which stand, which is the last of its area, what a later one has made anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from swath.mapping.plan import Plan
from swath.store import Store, done_units, names, read_progress


def plans_of(store: Store, root: str) -> Iterator[Plan]:
    """Every committed plan of one folder of product and version, in order of ids."""
    keys = (key for key, _ in store.list(f"{root}/{names.RUNS}"))
    for run in sorted({key.split("/")[3] for key in keys if key.endswith("/run.json")}):
        yield Plan.open(store, root, run)


def last_runs(plans: Sequence[Plan]) -> list[Plan]:
    """Of the plans of a root the last of each area, in order of the areas' names.

    Plans that nobody has carried out count only where an area has no others. Of runs none of which is an update of the
    other, the last is the one whose driver began last.
    """
    areas: dict[str, list[Plan]] = {}
    for plan in plans:
        areas.setdefault(plan.facts["request"]["area_digest"], []).append(plan)
    found = []
    for mine in areas.values():
        began = {plan.run: _began(plan) for plan in mine}
        ran = [plan for plan in mine if began[plan.run]] or mine
        before = frozenset[str]().union(*(plan.after for plan in ran))
        found.append(max((plan for plan in ran if plan.run not in before), key=lambda plan: began[plan.run]))
    return sorted(found, key=lambda plan: (plan.facts["request"]["area"], plan.run))


def later_units(plan: Plan, done: Mapping[tuple[str, str], set[str]]) -> dict[str, str]:
    """Units that an update after this plan has made anew: what the plan froze of them is out of date.

    Args:
        plan: Whose units are asked about.
        done: (step, tile) to the keys that are committed, of the plan's steps at least.

    Returns:
        Unit id to the key under which the unit stands now; empty where another took its place at another time.
    """
    found: dict[str, str] = {}
    updates = [other for other in plans_of(plan.store, plan.root) if plan.run in other.after]
    for update in sorted(updates, key=lambda update: len(update.after)):
        moved = update.moved
        there = done_units(plan.store, plan.root) if moved else done
        for unit in update.units(items=False):
            if unit.scenes and unit.key in there.get((unit.step, unit.tile), ()):
                found[unit.id] = unit.key
        found |= {before: "" for before, now in moved.items() if now in found}
    return found


def _began(plan: Plan) -> float:
    progress = read_progress(plan.store, plan.root, plan.run)
    return 0.0 if progress is None else progress.started
