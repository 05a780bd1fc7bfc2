"""`swath plan | map | status | retry | clean`: the main job."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from swath.cli.options import Cluster, ClusterName, Json, StoreArgument, StoreUrl, Workers
from swath.cli.output import Output, key_values, reported
from swath.errors import ProductError
from swath.grid import Area, Period
from swath.mapping import (
    Plan,
    RunResult,
    Stale,
    carry_out,
    clean,
    make_plan,
    open_runs,
    read_status,
)
from swath.planning import MapRequest
from swath.products import Product
from swath.runs import StopSignal
from swath.store import Store

PANEL = "Maps"
ProductName = Annotated[str, typer.Argument(metavar="PRODUCT", help="Name of a shipped product, or a YAML file.")]
AreaText = Annotated[
    str,
    typer.Option(
        "--area",
        help="File (GeoJSON, GeoPackage, …), west,south,east,north in degrees, or a country's or continent's name.",
    ),
]
PeriodText = Annotated[
    str,
    typer.Option(
        "--period", help="START/END/STEP with END included: 2008/2013/P1Y, 2023/P1Y, 2023-01/P1M, or DAY/acquisition."
    ),
]
SourceText = Annotated[
    str, typer.Option("--source", help="STAC API, static catalog, stac-geoparquet table or item file: URL or path.")
]
Model = Annotated[str | None, typer.Option(help="Model package, for products that take one.")]
Resolution = Annotated[
    float | None, typer.Option(min=0.1, help="Edge of a pixel, metres; by default the finest band's.")
]
TileSize = Annotated[int | None, typer.Option(min=1, help="Edge of a tile, pixels; by default the product's.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="FIELD=VALUE", help="Override a field of the product, as inputs.0.collection=…."),
]

StaleChoice = Annotated[Stale | None, typer.Option("--stale", help="Tiles made by older code: keep or redo.")]


def request_of(
    product: str,
    area: str,
    period: str,
    source: str,
    *,
    model: str | None,
    resolution: float | None,
    tile_size: int | None,
    overrides: list[str] | None,
) -> MapRequest:
    """What the options ask for, checked before any work."""
    changes = list(overrides or [])
    if resolution is not None:
        changes.append(f"output.grid.resolution={resolution:g}")
    if tile_size is not None:
        changes.append(f"output.grid.tile_size={tile_size}")
    chosen = Product.load(product).with_overrides(changes)
    if model is not None:
        raise ProductError(
            f"{chosen.name} takes no model, and --model is {model!r}.",
            fix="Leave --model out.",
            field="model",
            value=model,
        )
    return MapRequest(product=chosen, area=Area.parse(area), period=Period.parse(period), source=source)


def register(app: typer.Typer) -> None:
    """Add the commands."""

    @app.command(rich_help_panel=PANEL)
    def plan(
        product: ProductName, area: AreaText, period: PeriodText, source: SourceText, store: StoreUrl,
        model: Model = None, resolution: Resolution = None, tile_size: TileSize = None, overrides: Overrides = None,
        as_json: Json = False,
    ) -> None:  # fmt: skip
        """Freeze items and units of a map; say what it takes, before anything is read."""
        with reported(as_json) as out:
            request = request_of(
                product,
                area,
                period,
                source,
                model=model,
                resolution=resolution,
                tile_size=tile_size,
                overrides=overrides,
            )
            made = make_plan(request, Store.open(store), say=out.say)
            out.result(_plan_values(made), lambda console: show_plan(console, made))

    @app.command("map", rich_help_panel=PANEL)
    def map_(
        product: ProductName, area: AreaText, period: PeriodText, source: SourceText, store: StoreUrl,
        model: Model = None, resolution: Resolution = None, tile_size: TileSize = None,
        cluster: Cluster = ClusterName.LOCAL, workers: Workers = None, stale: StaleChoice = None,
        overrides: Overrides = None, as_json: Json = False,
    ) -> None:  # fmt: skip
        """Make a map: carry a plan out, or plan first. The same command goes on where it stopped."""
        with reported(as_json) as out:
            request = request_of(
                product,
                area,
                period,
                source,
                model=model,
                resolution=resolution,
                tile_size=tile_size,
                overrides=overrides,
            )
            made = make_plan(request, Store.open(store), say=out.say)
            if not as_json:
                show_plan(out.console, made)
            end_with([carry_out_shown(out, made, cluster, workers, stale)], out)

    @app.command(rich_help_panel=PANEL)
    def status(store: StoreArgument, as_json: Json = False) -> None:
        """How the runs of a store stand."""
        with reported(as_json) as out:
            runs = read_status(Store.open(store))
            out.result({"runs": runs}, lambda console: _show_status(console, runs))

    @app.command(rich_help_panel=PANEL)
    def retry(
        store: StoreArgument, cluster: Cluster = ClusterName.LOCAL, workers: Workers = None,
        stale: StaleChoice = None, as_json: Json = False,
    ) -> None:  # fmt: skip
        """Take up the units of a store that failed, were not reached, or were made without some of their files."""
        with reported(as_json) as out:
            plans = open_runs(Store.open(store))
            if not plans:
                out.result({"runs": []}, lambda console: console.print("Nothing to retry: every unit is made."))
                return
            end_with([carry_out_shown(out, made, cluster, workers, stale, complete=True) for made in plans], out)

    @app.command("clean", rich_help_panel=PANEL)
    def clean_(
        store: StoreArgument,
        dry_run: Annotated[bool, typer.Option(help="Only say what would go.")] = False,
        as_json: Json = False,
    ) -> None:
        """Delete what no collection of a store refers to: half-written units and superseded ones."""
        with reported(as_json) as out:
            removed = clean(Store.open(store), dry_run=dry_run)
            size = sum(size for _, size in removed)
            out.result(
                {"removed": [key for key, _ in removed], "bytes": size, "dry_run": dry_run},
                lambda console: console.print(
                    f"{'Would delete' if dry_run else 'Deleted'} {len(removed)} files, {size / 1e6:.1f} MB."
                ),
            )


def carry_out_shown(
    out: Output,
    plan: Plan,
    cluster: ClusterName,
    workers: int | None,
    stale: Stale | None,
    *,
    complete: bool = False,
) -> RunResult:
    """Carry a plan out with progress on the screen."""
    with StopSignal() as asked:
        return carry_out(
            plan,
            cluster=cluster.value,
            workers=workers,
            stale=stale,
            complete=complete,
            display=out.display,
            should_stop=asked,
            say=out.say,
        )


def end_with(results: list[RunResult], out: Output) -> None:
    """Say how runs ended; exit 1 if units failed, 130 if one was stopped."""
    first = results[0]
    values = first.to_dict() if len(results) == 1 else {"runs": [result.to_dict() for result in results]}
    out.result(values, lambda console: _show_results(console, results))
    if any(result.stopped for result in results):
        raise SystemExit(130)
    if any(result.failed for result in results):
        raise SystemExit(1)


def _plan_values(plan: Plan) -> dict[str, Any]:
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


def _show_results(console: Console, results: list[RunResult]) -> None:
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
    if result.stopped or result.failed:
        console.print(f"Go on with the same command, or: swath retry {result.store}", markup=False)
    if result.collection:
        console.print(f"map: {result.collection}", markup=False)


def _show_status(console: Console, runs: list[dict[str, Any]]) -> None:
    if not runs:
        console.print("No run stands in this store.")
    for run in runs:
        console.print(
            f"{run['product']} {run['version']}  run {run['run']}  [bold]{run['state']}[/]: "
            f"{run['done']} of {run['total']} units, {run['failed']} failed"
            + (f", {run['incomplete']} made without some of their files" if run["incomplete"] else "")
        )


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 6000:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
