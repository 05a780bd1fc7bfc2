"""Look after a store: how its runs stand, what is to be retried, what may be deleted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from swath.errors import StoreError
from swath.mapping.billing import read_bill
from swath.mapping.history import later_units, plans_of
from swath.mapping.plan import Plan
from swath.mapping.publish import published_units, standing_units
from swath.mapping.recipe import FILE as RECIPE
from swath.mapping.stale import stale_units
from swath.settings import settings
from swath.store import Failures, Lease, Store, done_units, read_progress
from swath.store.names import parse


def roots(store: Store) -> list[str]:
    """Folders of a product and version, sorted.

    Raises:
        StoreError: The store holds no map.
    """
    found = sorted(
        {
            key.removesuffix(f"/{RECIPE}")
            for key, _ in store.list()
            if key.count("/") == 2 and key.endswith(f"/{RECIPE}")
        }
    )
    if not found:
        raise StoreError(
            f"{store.root} holds no map of Swath.",
            fix="Give the folder or prefix that `swath map --store` wrote to.",
        )
    return found


def plans(store: Store) -> Iterator[Plan]:
    """Every committed plan of a store."""
    for root in roots(store):
        yield from plans_of(store, root)


def read_status(store: Store) -> list[dict[str, Any]]:
    """How each run of a store stands, from run.json, progress.json and bill.json alone; JSON-ready."""
    runs = []
    for plan in plans(store):
        progress = read_progress(store, plan.root, plan.run)
        request = plan.facts["request"]
        told = {} if progress is None else progress.model_dump(mode="json")
        state: str = "planned" if progress is None else progress.state
        if progress is not None and state == "running" and progress.silent_s > settings().lease_s:
            state = "silent"  # its driver has died: the same command, or `swath retry`, goes on
        runs.append(
            told
            | {
                "run": plan.run,
                "product": request["product"],
                "version": request["version"],
                "area": request["area"],
                "period": request["period"],
                "state": state,
                "total": plan.totals.units,
                "done": told.get("done", 0),
                "failed": told.get("failed", 0),
                "incomplete": len(Failures(store, plan.root, plan.run, "skipped").units()),
                "actual": read_bill(plan).get("actual", {}),
            }
        )
    return runs


def open_runs(store: Store) -> list[Plan]:
    """Plans of a store of which a unit is not made, or made incompletely.

    A unit is made also where older code made it of the same inputs, or a later update of newer ones.
    """
    left = []
    for plan in plans(store):
        done = done_units(store, plan.root, {unit.step for unit in plan.units(items=False)})
        later = later_units(plan, done)
        kept = later | stale_units(plan, done, but=later)
        incomplete = Failures(store, plan.root, plan.run, "skipped").units()
        if any(unit not in later for unit in incomplete) or any(
            unit.scenes and unit.key not in done.get((unit.step, unit.tile), ()) and unit.id not in kept
            for unit in plan.units(items=False)
        ):
            left.append(plan)
    return left


def clean(store: Store, *, dry_run: bool = False) -> list[tuple[str, int]]:
    """Delete files of units that no collection refers to: half-written ones, and those of superseded keys.

    Units that are made but not published yet are kept: their run was killed, or stopped by a full store, and goes on.
    Of a run that came to its end they are superseded where another stands in their place.

    Args:
        store: To clean.
        dry_run: Only list.

    Returns:
        (key, bytes) of what went, or would go.

    Raises:
        StoreError: It holds no map, or cannot be written.
        StoreBusyError: A driver works in it.
    """
    removed: list[tuple[str, int]] = []
    found = roots(store)
    store.check_writable()
    for root in found:
        with Lease(store, f"{root}/lease.json"):
            published = published_units(store, root)
            keep = {(*place, key) for place, key in published.items()}
            for plan in plans_of(store, root):
                ended = _ended(plan)
                standing = standing_units(plan, later_units(plan, done_units(store, root))).items()
                keep |= {(*place, key) for place, key in standing if not ended or place not in published}
            goes = []
            for key, size in store.list(root):
                file = parse(root, key)
                if file is not None and (file.period, file.tile, file.key) not in keep:
                    goes.append((key, size))
            if not dry_run:
                store.delete([key for key, _ in goes])
                store.remove_leftovers()
            removed += goes
    return removed


def _ended(plan: Plan) -> bool:
    """True when the run came to its end, after which it published what it had made."""
    progress = read_progress(plan.store, plan.root, plan.run)
    return progress is not None and progress.state in ("done", "failed")
