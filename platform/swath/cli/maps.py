"""`swath plan | map | status | retry | clean`: the main job."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from swath.cli.options import Cluster, ClusterAddress, ClusterName, Detach, Json, StoreArgument, StoreUrl, Workers
from swath.cli.output import Output, reported
from swath.cli.priced import CarbonOption, MaxCarbon, MaxCost, PricesOption, show_priced
from swath.cli.shown import plan_values, show_plan, show_results, show_status
from swath.errors import RequestError
from swath.mapping import (
    Limits,
    Plan,
    RunResult,
    Stale,
    carry_out,
    clean,
    make_plan,
    open_runs,
    price_asked,
    read_status,
)
from swath.planning import request_of
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
Model = Annotated[
    str | None,
    typer.Option(
        help="Model, for products that map with one: folder of a package, or NAME@ALIAS of the registry at "
        "SWATH_REGISTRY."
    ),
]
Resolution = Annotated[
    float | None, typer.Option(min=0.1, help="Edge of a pixel, metres; by default the finest band's.")
]
TileSize = Annotated[int | None, typer.Option(min=1, help="Edge of a tile, pixels; by default the product's.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="FIELD=VALUE", help="Override a field of the product, as inputs.0.collection=…."),
]

StaleChoice = Annotated[Stale | None, typer.Option("--stale", help="Tiles made by older code: keep or redo.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""

    @app.command(rich_help_panel=PANEL)
    def plan(
        product: ProductName, area: AreaText, period: PeriodText, source: SourceText, store: StoreUrl,
        model: Model = None, resolution: Resolution = None, tile_size: TileSize = None, overrides: Overrides = None,
        prices: PricesOption = None, carbon: CarbonOption = None, workers: Workers = None,
        max_cost: MaxCost = None, max_carbon: MaxCarbon = None, as_json: Json = False,
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
            limits = Limits(max_cost, max_carbon)
            priced = price_asked(made, prices=prices, carbon=carbon, workers=workers, limits=limits)

            def show(console: Console) -> None:
                show_plan(console, made)
                show_priced(console, priced)

            out.result({**plan_values(made), "bill": priced.to_dict()}, show)

    @app.command("map", rich_help_panel=PANEL)
    def map_(
        product: ProductName, area: AreaText, period: PeriodText, source: SourceText, store: StoreUrl,
        model: Model = None, resolution: Resolution = None, tile_size: TileSize = None,
        cluster: ClusterAddress = ClusterName.LOCAL.value, workers: Workers = None, stale: StaleChoice = None,
        detach: Detach = False, overrides: Overrides = None, prices: PricesOption = None, carbon: CarbonOption = None,
        max_cost: MaxCost = None, max_carbon: MaxCarbon = None, as_json: Json = False,
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
            limits = Limits(max_cost, max_carbon)
            if prices is not None or limits:
                price_asked(made, prices=prices, carbon=carbon, workers=workers, limits=limits)
            if not as_json:
                show_plan(out.console, made)
            if cluster in list(ClusterName):
                refuse_detached(detach, cluster)
                end_with([carry_out_shown(out, made, ClusterName(cluster), workers, stale)], out)
            else:
                submit_shown(out, made, cluster, workers, stale, detach=detach)

    @app.command(rich_help_panel=PANEL)
    def status(store: StoreArgument, as_json: Json = False) -> None:
        """How the runs of a store stand."""
        with reported(as_json) as out:
            runs = read_status(Store.open(store))
            out.result({"runs": runs}, lambda console: show_status(console, runs))

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


def refuse_detached(detach: bool, cluster: str) -> None:
    """Only what runs elsewhere can be left.

    Raises:
        RequestError: It runs here.
    """
    if detach:
        raise RequestError(
            f"--detach, and --cluster {cluster} runs from this process.",
            fix="Give the address of a Jobs API, as http://HOST:8265, or leave --detach out.",
        )


def submit_shown(
    out: Output, plan: Plan, address: str, workers: int | None, stale: Stale | None, *, detach: bool
) -> None:
    """Submit a plan to a cluster elsewhere, and follow it unless it is to be left."""
    from swath.cluster.jobs import Jobs
    from swath.mapping.submitted import follow, submit_plan

    with StopSignal() as asked:
        jobs = Jobs(address)
        job, uri = submit_plan(plan, jobs, workers=workers, stale=stale)
        out.say(f"{'found' if job.adopted else 'submitted'} the job {job.id} at {jobs.address}")
        if detach:
            told = {"run": plan.run, "job": job.id, "status": job.status, "cluster": jobs.address, "spec": uri}
            out.result(told, lambda console: console.print(f"The job {job.id} goes on; swath status {plan.store.root}"))
            return
        result = follow(plan, jobs, job, uri, display=out.display, should_stop=asked)
    end_with([result], out)


def end_with(results: list[RunResult], out: Output) -> None:
    """Say how runs ended; exit 1 if units failed, 130 if one was stopped."""
    first = results[0]
    values = first.to_dict() if len(results) == 1 else {"runs": [result.to_dict() for result in results]}
    out.result(values, lambda console: show_results(console, results))
    if any(result.stopped for result in results):
        raise SystemExit(130)
    if any(result.failed for result in results):
        raise SystemExit(1)
