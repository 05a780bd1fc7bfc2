"""Plans, results and states of runs, for a person."""

from __future__ import annotations

from collections import Counter
from typing import Any

from rich.console import Console
from rich.markup import escape

from swath.cli.output import key_values
from swath.cli.priced import show_actual
from swath.mapping import Plan, RunResult


def plan_values(plan: Plan) -> dict[str, Any]:
    """What a plan takes, JSON-ready."""
    return {
        "run": plan.run,
        "store": plan.store.url(plan.root),
        "product": plan.product.name,
        "collection": plan.collection.key,
        **plan.facts["totals"],
        "rates": plan.facts["rates"],
        "tiles_without_input": [unit.id for unit in plan.units(items=False) if not unit.scenes],
        "left_out": plan.facts["left_out"],
        "conflicts": plan.facts["conflicts"],
    }


def show_plan(console: Console, plan: Plan) -> None:
    """What a plan takes, for a person."""
    totals = plan.totals
    key_values(
        console,
        [
            ("run", f"{plan.run}  {plan.product.name} {plan.product.version} of {plan.collection.title}"),
            ("units", f"{_counted(totals.units, 'unit')} on {_counted(totals.tiles, 'tile')}, {totals.km2:,.0f} km²"),
            ("scenes", f"{totals.scenes} with {totals.assets} files"),
            ("to read", f"{totals.bytes / 1e9:.2f} GB, {totals.samples / 1e9:.2f} billion samples"),
            ("time", f"about {_duration(totals.seconds)} on one core ({plan.facts['rates']['source']})"),
        ],
    )
    if totals.without_input:
        empty = [
            unit.id for unit, _ in zip((u for u in plan.units(items=False) if not u.scenes), range(10), strict=False)
        ]
        more = f" and {totals.without_input - len(empty)} more" if totals.without_input > len(empty) else ""
        console.print(f"[yellow]{totals.without_input} units have no input:[/] {', '.join(empty)}{more}")
    for item, reason in plan.facts["left_out"][:10]:
        console.print(f"[yellow]left out:[/] {escape(f'{item}: {reason}')}")
    if len(plan.facts["left_out"]) > 10:
        console.print(f"  and {len(plan.facts['left_out']) - 10} more, in run.json")
    for reason, count in Counter(reason for _, reason in plan.facts["conflicts"]).most_common(5):
        console.print(f"{_counted(count, 'item')} overruled by facts of the collection: {escape(reason)}", style="dim")


def show_results(console: Console, results: list[RunResult]) -> None:
    """How runs ended."""
    for result in results:
        _show_result(console, result)


def _show_result(console: Console, result: RunResult) -> None:
    state = f"stopped ({result.stopped})" if result.stopped else "done"
    console.print(
        f"[bold]{state}[/]: {result.done} units made in {_duration(result.seconds)}, {result.found} stood already, "
        f"{result.failed} failed, {result.without_input} without input."
    )
    for failure in result.failures[:20]:
        error = failure["error"]
        console.print(f"[red]failed[/] {failure['unit']}: ", end="")
        reads = error.get("reads", [])
        told = f"{_counted(len(reads), 'file')} could not be read" if reads else error["message"]
        console.print(told, markup=False)
        for read in reads[:10]:
            # most messages name their file themselves
            named = read["message"] if read["href"] in read["message"] else f"{read['href']}: {read['message']}"
            console.print(f"    {named}", markup=False)
        if error.get("fix"):
            console.print(f"    {error['fix']}", markup=False, style="dim")
    if result.failed > 20:
        console.print(f"    and {result.failed - 20} more, in {result.failed_folder}")
    if result.mostly_masked_pixels:
        console.print(
            f"[yellow]{result.mostly_masked_pixels:,} pixels were masked on more than 90 % of their dates[/]: "
            "sand and roofs can look like cloud; look at the count."
        )
    for href, count in list(result.skipped.items())[:20]:
        console.print(f"[yellow]skipped[/] {escape(href)} in {count} units")
    if result.incomplete:
        console.print(
            f"{_counted(result.incomplete, 'unit')} made without some of their files; when those are back: "
            f"swath retry {result.store}",
            markup=False,
        )
    for note in result.conflicts[:20]:
        said = f"its item says EPSG:{note['item_epsg']}, the file {note['file_crs']}, which won"
        console.print(f"[yellow]conflict[/] {escape(note['href'])}: {said}")
    show_actual(console, result.actual)
    if result.stopped or result.failed:
        console.print(f"Go on with the same command, or: swath retry {result.store}", markup=False)
    if result.collection:
        console.print(f"map: {result.collection}", markup=False)


def show_status(console: Console, runs: list[dict[str, Any]]) -> None:
    """How the runs of a store stand."""
    if not runs:
        console.print("No run stands in this store.")
    for run in runs:
        console.print(
            f"{run['product']} {run['version']}  run {run['run']}  [bold]{run['state']}[/]: "
            f"{run['done']} of {run['total']} units, {run['failed']} failed"
            + (f", {run['incomplete']} made without some of their files" if run["incomplete"] else "")
        )
        show_actual(console, run["actual"])


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 6000:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
