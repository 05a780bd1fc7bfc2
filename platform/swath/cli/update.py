"""`swath update`: bring the maps of a store up to date."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Console

from swath.cli.maps import PANEL, StaleChoice, exit_as, where_of
from swath.cli.options import (
    ClusterAddress,
    ClusterFile,
    ClusterName,
    ClusterOverrides,
    Deadline,
    Detach,
    Json,
    StoreArgument,
    Workers,
)
from swath.cli.output import Output, reported
from swath.cli.priced import CarbonOption, MaxCarbon, MaxCost, PricesOption, show_priced
from swath.cli.shown import plan_values, show_plan, show_results
from swath.cluster import Where
from swath.grid import Period
from swath.mapping import Limits, Plan, Priced, Stale, Update, Window, leave_on, map_on, plan_updates, price_asked
from swath.runs import StopSignal
from swath.store import Store

ProductOnly = Annotated[
    str | None, typer.Option("--product", metavar="NAME[/VERSION]", help="Only its maps; by default all of the store.")
]
PeriodAnew = Annotated[
    str | None, typer.Option("--period", help="Periods to look at, cut as the map's; by default those of its last run.")
]
Last = Annotated[
    int | None,
    typer.Option(
        "--last",
        min=1,
        metavar="N",
        help="Look at the last N steps of the map; days, for a map of single acquisitions.",
    ),
]
Until = Annotated[
    datetime | None,
    typer.Option("--until", formats=["%Y-%m-%d"], metavar="DAY", help="The day that the last step holds; today."),
]
Ended = Annotated[bool, typer.Option("--ended", help="With --last: only steps that have ended before that day.")]
SourceAnew = Annotated[
    str | None, typer.Option("--source", help="Search here instead of where the map's last run searched.")
]
PlanOnly = Annotated[
    bool, typer.Option("--plan-only", help="Say what has changed and what it takes; freeze it, and make nothing.")
]


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command(rich_help_panel=PANEL)
    def update(
        store: StoreArgument, product: ProductOnly = None, period: PeriodAnew = None, last: Last = None,
        until: Until = None, ended: Ended = False, source: SourceAnew = None, plan_only: PlanOnly = False,
        cluster: ClusterAddress = ClusterName.LOCAL.value, workers: Workers = None, stale: StaleChoice = None,
        cluster_spec: ClusterFile = None, cluster_overrides: ClusterOverrides = None, deadline: Deadline = None,
        detach: Detach = False, prices: PricesOption = None, carbon: CarbonOption = None, max_cost: MaxCost = None,
        max_carbon: MaxCarbon = None, as_json: Json = False,
    ) -> None:  # fmt: skip
        """Bring maps up to date: search anew, and make only the tiles whose scenes are new or replaced.

        Late scenes, scenes processed again and new periods are found; what a source no longer has stays in the map.
        """
        with reported(as_json) as out:
            opened = Store.open(store)
            where = where_of(cluster, cluster_spec, cluster_overrides, deadline, store=opened, detach=detach)
            window = Window(
                period=None if period is None else Period.parse(period),
                last=last,
                until=None if until is None else until.date(),
                ended=ended,
            )
            redo = stale is Stale.REDO
            updates = plan_updates(opened, window, product=product, source=source, redo=redo, say=out.say)
            limits = Limits(max_cost, max_carbon)
            priced = {
                one.plan.run: price_asked(one.plan, prices=prices, carbon=carbon, workers=workers, limits=limits)
                for one in updates
                if one.plan is not None and (plan_only or prices is not None or limits)
            }
            if plan_only:
                planned = [update_values(one, priced) for one in updates]
                out.result({"updates": planned}, lambda console: show_updates(console, updates, priced))
                return
            if not as_json:
                show_updates(out.console, updates, priced)
            carry_shown(out, updates, where, workers, stale, detach=detach)


def carry_shown(
    out: Output, updates: list[Update], where: Where, workers: int | None, stale: Stale | None, *, detach: bool
) -> None:
    """Carry updates out wherever they shall run, and say how they ended; exits as `exit_as`."""
    told: dict[str, dict[str, Any]] = {}
    results = []
    with StopSignal() as asked:
        for plan in plans_of(updates):
            if detach:
                job, uri = leave_on(plan, where, workers=workers, stale=stale, say=out.say)
                told[plan.run] = {"job": job.id, "status": job.status, "cluster": where.name, "spec": uri}
                out.console.print(f"The job {job.id} goes on; swath status {plan.store.root}", markup=False)
                continue
            result = map_on(
                plan, where, workers=workers, stale=stale, display=out.display, should_stop=asked, say=out.say
            )
            told[plan.run] = result.to_dict()
            results.append(result)
            if asked():
                break
    values = [one.to_dict() | {"result": one.plan and told.get(one.plan.run)} for one in updates]
    out.result({"updates": values}, lambda console: show_results(console, results))
    exit_as(results)


def plans_of(updates: list[Update]) -> list[Plan]:
    """Those of which there is something to do."""
    return [one.plan for one in updates if one.plan is not None]


def update_values(update: Update, priced: dict[str, Priced]) -> dict[str, Any]:
    """What an update takes, JSON-ready."""
    plan = update.plan
    if plan is None:
        return update.to_dict() | {"plan": None, "bill": None}
    return update.to_dict() | {"plan": plan_values(plan), "bill": priced[plan.run].to_dict()}


def show_updates(console: Console, updates: list[Update], priced: dict[str, Priced]) -> None:
    """What has changed, map by map, and what it takes."""
    for update in updates:
        show_changes(console, update)
        if update.plan is not None:
            show_plan(console, update.plan)
            if update.plan.run in priced:
                show_priced(console, priced[update.plan.run])


def show_changes(console: Console, update: Update) -> None:
    """What has changed since a map was made."""
    asked, told = update.base.facts["request"], update.changes
    console.print(
        f"[bold]{asked['product']} {asked['version']}[/], {asked['area']}, {update.period.text}: "
        f"{told.new:,} units new, {told.changed:,} changed, {told.unchanged:,} unchanged."
    )
    kinds = {
        "with scenes that were not there before": told.with_new_scenes,
        "with scenes processed or written again": told.with_replaced_scenes,
        "with scenes that are gone": told.with_lost_scenes,
    }
    for words, count in kinds.items():
        if count:
            console.print(f"  {count:,} of the changed {words}")
    for before, now in told.replaced:
        words = f"{before} was written anew" if before == now else f"{before} is replaced by {now}"
        console.print(f"  {words}", style="dim", markup=False)
    if told.scenes_replaced > len(told.replaced):
        console.print(f"  and {told.scenes_replaced - len(told.replaced):,} scenes more", style="dim")
    if told.moved:
        console.print(f"  {told.moved:,} acquisitions begin at another second: the older units leave the map")
    if told.gone:
        units = ", ".join(told.gone_units) + (" …" if told.gone > len(told.gone_units) else "")
        console.print(f"[yellow]{told.gone:,} units stay though the source no longer has all their scenes:[/] {units}")
    if told.older:
        console.print(f"{told.older:,} of the unchanged were made by older code: --stale redo makes them again.")
    if told.elsewhere:
        console.print(f"{told.elsewhere:,} units of other periods or areas stay as they are.", style="dim")
    if update.plan is None:
        console.print("There is nothing to make.")
