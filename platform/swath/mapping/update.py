"""Bring a map up to date: search anew, and make only the units whose inputs are others, or which are new."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from swath.errors import NoItemsError, PeriodError, StoreError
from swath.grid import Area, Period
from swath.mapping.changes import Changes, Comparison
from swath.mapping.former import Former
from swath.mapping.history import last_runs, plans_of
from swath.mapping.maintain import roots
from swath.mapping.plan import Draft, Plan, draft_plan
from swath.mapping.publish import Place, Published, published
from swath.planning.inputs import Said
from swath.planning.request import MapRequest
from swath.planning.rolling import last_steps
from swath.planning.searching import grid_of
from swath.planning.steps import holds
from swath.sources import FrozenItems
from swath.store import Store, done_units


@dataclass(frozen=True)
class Window:
    """Which periods an update looks at; those of the map's last run by default.

    Attributes:
        period: These, cut as the map's.
        last: Or the last so many steps; days, for a map of acquisitions.
        until: The day that the last step holds; today by default.
        ended: Only steps that have ended before that day.

    Raises:
        PeriodError: What does not go together.
    """

    period: Period | None = None
    last: int | None = None
    until: date | None = None
    ended: bool = False

    def __post_init__(self) -> None:
        if self.period is not None and self.last is not None:
            raise PeriodError("Both a period and the last steps were asked for.", fix="Give --period or --last.")
        if self.last is None and (self.until is not None or self.ended):
            raise PeriodError("Nothing rolls, so no day and no end can be told.", fix="Say --last N too.")

    def of(self, period: Period, first: Period) -> Period:
        """The periods to look at.

        Args:
            period: Of the map's last run.
            first: Of its first: steps are counted from there.

        Raises:
            PeriodError: It has no last steps.
        """
        if self.period is not None:
            return self.period
        if self.last is None:
            return period
        return last_steps(first, self.last, until=self.until or datetime.now(UTC).date(), ended=self.ended)


@dataclass(frozen=True)
class Update:
    """What is to be done to bring a map up to date.

    Attributes:
        base: The run that it goes on from.
        period: That was looked at.
        changes: What was found.
        plan: Of the units that must be made; None if there are none.
        found: True if the plan stood in the store: an update that was not carried out to its end.
    """

    base: Plan
    period: Period
    changes: Changes
    plan: Plan | None
    found: bool = False

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        asked = self.base.facts["request"]
        return {
            "product": asked["product"],
            "version": asked["version"],
            "area": asked["area"],
            "period": self.period.text,
            "base": self.base.run,
            "run": self.plan and self.plan.run,
            "changes": self.changes.to_dict(),
        }


def maps_of(store: Store, root: str) -> list[Plan]:
    """The last run of each area of a map: what an update goes on from."""
    return last_runs(list(plans_of(store, root)))


def plan_updates(
    store: Store,
    window: Window | None = None,
    *,
    product: str | None = None,
    source: str | None = None,
    redo: bool = False,
    say: Said = lambda _: None,
) -> list[Update]:
    """Plan an update of every map of a store, area by area; see `plan_update`.

    Args:
        store: With maps.
        window: Which periods.
        product: Only its maps: `NAME` or `NAME/VERSION`.
        source: Another than that of the runs.
        redo: Plan units too that older code made of the same.
        say: Told what is being done, a line a stage.

    Raises:
        StoreError: There is no map, or none of this product.
        Others: As `plan_update`.
    """
    there = roots(store)
    wanted = [root for root in there if product in (None, root, root.partition("/")[0])]
    if not wanted:
        raise StoreError(
            f"{store.root} holds no map of {product!r}.", fix=f"It holds {', '.join(there)}.", choices=there
        )
    bases = [base for root in wanted for base in maps_of(store, root)]
    if not bases:
        raise StoreError(f"Nothing was ever planned in {store.root}.", fix="Make the map first: swath map.")
    return [plan_update(base, window, source=source, redo=redo, say=say) for base in bases]


def plan_update(
    base: Plan,
    window: Window | None = None,
    *,
    source: str | None = None,
    redo: bool = False,
    say: Said = lambda _: None,
) -> Update:
    """Search anew for what a run has mapped, and plan the units that are new or whose inputs are others.

    Product, model, area and source are those of the run. A unit that would be made of the same stays as it is,
    whichever run made it; so does one that would only be made of fewer scenes, for what a source no longer has was seen
    once. Periods and areas that are not looked at stay in the map. Asked again before it was carried out to its end, an
    update is the same run, unless the source has changed in between.

    Args:
        base: See `maps_of`.
        window: Which periods; those of the run by default.
        source: Another than that of the run.
        redo: Plan units too that older code made of the same.
        say: Told what is being done, a line a stage.

    Raises:
        NoItemsError: The source has nothing at all of what the map was made of.
        PeriodError: The window cannot be told.
        StoreMismatchError: The periods are cut otherwise than the map's, or its collection's facts have changed.
    """
    store, root, asked = base.store, base.root, base.facts["request"]
    plans = list(plans_of(store, root))
    told = [plan.facts["request"] for plan in plans]
    periods = [Period.parse(one["period"]) for one in told if one["area_digest"] == asked["area_digest"]]
    period = (window or Window()).of(Period.parse(asked["period"]), min(periods, key=lambda one: one.start))
    area = Area(Area.parse(base.facts["area"]).geometry, asked["area"])
    request = MapRequest(base.product, area, period, source or asked["source"])
    standing = _standing(store, root)
    say(f"comparing {period.text} of {area.name} with {len(standing)} units of {store.url(root)}")
    compared: list[Comparison] = []

    def choosing(items: FrozenItems) -> Comparison:
        compared.append(Comparison(standing, Former(plans, standing), items, period, redo=redo))
        return compared[0]

    with tempfile.TemporaryDirectory(prefix="swath-update-") as folder:
        try:
            draft = draft_plan(request, store, Path(folder), choosing=choosing, say=say)
        except NoItemsError:
            if _any_within(base, area, period, standing):
                raise  # all of a map's scenes do not vanish: something is wrong with the source
            return Update(base, period, Changes(elsewhere=len(standing)), None)
        (comparison,) = compared
        changes = comparison.changes()
        if not comparison.chosen:
            return Update(base, period, changes, None)
        begun = _begun(plans, draft, comparison)
        if begun is not None:
            say(f"run {begun.run}: this update was planned before, and goes on")
            return Update(base, period, changes, begun, found=True)
        return Update(base, period, changes, _commit(draft, base, plans, comparison, changes))


def _standing(store: Store, root: str) -> dict[Place, Published]:
    """Units of the map whose item is there."""
    done = done_units(store, root)
    return {place: unit for place, unit in published(store, root).items() if unit.key in done.get(place, ())}


def _any_within(base: Plan, area: Area, period: Period, standing: Mapping[Place, Published]) -> bool:
    """Whether the map has a unit of this area and period."""
    tiles = {tile for (step, tile) in standing if holds(period, step)}
    return bool(tiles) and any(tile.id in tiles for tile in grid_of(base.product, base.collection).tiles(area))


def _begun(plans: list[Plan], draft: Draft, comparison: Comparison) -> Plan | None:
    """An update that was planned of the very same, and has what is to be made now; no other has come after it."""
    asked, digest = draft.request.to_dict(), FrozenItems.open(draft.items).digest
    followed = frozenset[str]().union(*(plan.after for plan in plans))
    for plan in plans:
        if not plan.after or plan.run in followed:
            continue
        if plan.facts["request"] == asked and plan.facts["items_digest"] == digest:
            units = {(unit.id, unit.content) for unit in plan.units(items=False)}
            if comparison.chosen <= units and comparison.moved.items() <= plan.moved.items():
                return plan
    return None


def _commit(draft: Draft, base: Plan, plans: list[Plan], comparison: Comparison, changes: Changes) -> Plan:
    after = sorted(plan.run for plan in plans)
    told = {
        **draft.request.to_dict(),
        "items": FrozenItems.open(draft.items).digest,
        "units": sorted(comparison.chosen),
        "after": after,
    }
    del told["area"]  # two names of one area ask for the same
    run = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:12]
    update = {"of": base.run, "after": after, "moved": comparison.moved, "changes": changes.to_dict()}
    return draft.commit(base.store, run, {"update": update})
