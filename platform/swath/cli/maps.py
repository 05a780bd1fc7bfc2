"""`swath plan | map | status | retry | clean`: the main job."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from swath.cli.options import (
    ClusterAddress,
    ClusterFile,
    ClusterName,
    ClusterOverrides,
    Deadline,
    Detach,
    Json,
    StoreArgument,
    StoreUrl,
    Workers,
)
from swath.cli.output import Output, reported
from swath.cli.priced import CarbonOption, MaxCarbon, MaxCost, PricesOption, show_priced
from swath.cli.shown import plan_values, show_plan, show_results, show_status
from swath.cluster import Where
from swath.cluster.where import KUBERAY
from swath.mapping import (
    Limits,
    Plan,
    RunResult,
    Stale,
    check_can_be_left,
    clean,
    fleet_for,
    leave_on,
    make_plan,
    map_on,
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
        cluster_spec: ClusterFile = None, cluster_overrides: ClusterOverrides = None, deadline: Deadline = None,
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
            where = None
            if cluster_spec is not None or cluster_overrides or deadline is not None:
                where = Where.of(KUBERAY, spec=cluster_spec, overrides=cluster_overrides or (), deadline_h=deadline)
            made = make_plan(request, Store.open(store), say=out.say)
            limits = Limits(max_cost, max_carbon)
            priced = price_asked(made, prices=prices, carbon=carbon, workers=workers, limits=limits)
            fleet = None
            if where is not None and where.spec is not None:
                fleet = fleet_for(priced, where.spec, deadline_s=where.deadline_s, workers=workers)

            def show(console: Console) -> None:
                show_plan(console, made)
                show_priced(console, priced)
                if fleet is not None:
                    console.print(str(fleet), markup=False)

            told = {} if fleet is None else {"fleet": fleet.to_dict()}
            out.result({**plan_values(made), "bill": priced.to_dict(), **told}, show)

    @app.command("map", rich_help_panel=PANEL)
    def map_(
        product: ProductName, area: AreaText, period: PeriodText, source: SourceText, store: StoreUrl,
        model: Model = None, resolution: Resolution = None, tile_size: TileSize = None,
        cluster: ClusterAddress = ClusterName.LOCAL.value, workers: Workers = None, stale: StaleChoice = None,
        cluster_spec: ClusterFile = None, cluster_overrides: ClusterOverrides = None, deadline: Deadline = None,
        detach: Detach = False, overrides: Overrides = None, prices: PricesOption = None, carbon: CarbonOption = None,
        max_cost: MaxCost = None, max_carbon: MaxCarbon = None, as_json: Json = False,
    ) -> None:  # fmt: skip
        """Make a map: carry a plan out, or plan first. The same command goes on where it stopped."""
        with reported(as_json) as out:
            opened = Store.open(store)
            where = where_of(cluster, cluster_spec, cluster_overrides, deadline, store=opened, detach=detach)
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
            made = make_plan(request, opened, say=out.say)
            limits = Limits(max_cost, max_carbon)
            if prices is not None or limits:
                price_asked(made, prices=prices, carbon=carbon, workers=workers, limits=limits)
            if not as_json:
                show_plan(out.console, made)
            map_shown(out, [made], where, workers, stale, detach=detach)

    @app.command(rich_help_panel=PANEL)
    def status(store: StoreArgument, as_json: Json = False) -> None:
        """How the runs of a store stand."""
        with reported(as_json) as out:
            runs = read_status(Store.open(store))
            out.result({"runs": runs}, lambda console: show_status(console, runs))

    @app.command(rich_help_panel=PANEL)
    def retry(
        store: StoreArgument, cluster: ClusterAddress = ClusterName.LOCAL.value, workers: Workers = None,
        cluster_spec: ClusterFile = None, cluster_overrides: ClusterOverrides = None, deadline: Deadline = None,
        stale: StaleChoice = None, detach: Detach = False, as_json: Json = False,
    ) -> None:  # fmt: skip
        """Take up the units of a store that failed, were not reached, or were made without some of their files."""
        with reported(as_json) as out:
            opened = Store.open(store)
            where = where_of(cluster, cluster_spec, cluster_overrides, deadline, store=opened, detach=detach)
            plans = open_runs(opened)
            if not plans:
                out.result({"runs": []}, lambda console: console.print("Nothing to retry: every unit is made."))
                return
            map_shown(out, plans, where, workers, stale, complete=True, detach=detach)

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


def where_of(
    cluster: str,
    spec: str | None,
    overrides: list[str] | None,
    deadline: float | None,
    *,
    store: Store,
    detach: bool = False,
) -> Where:
    """Where the options say that a run computes, checked before anything is planned.

    Raises:
        RequestError: No such place, options that do not go with it, or a store that it does not see.
    """
    where = Where.of(cluster, spec=spec, overrides=overrides or (), deadline_h=deadline)
    where.check_store(store)
    if detach:
        check_can_be_left(where)
    return where


def map_shown(
    out: Output,
    plans: list[Plan],
    where: Where,
    workers: int | None,
    stale: Stale | None,
    *,
    complete: bool = False,
    detach: bool = False,
) -> None:
    """Carry plans out wherever they shall run, with progress on the screen; exits as `end_with`."""
    if detach:
        left = []
        for made in plans:
            job, uri = leave_on(made, where, workers=workers, stale=stale, complete=complete, say=out.say)
            left.append({"run": made.run, "job": job.id, "status": job.status, "cluster": where.name, "spec": uri})
        told = left[0] if len(left) == 1 else {"runs": left}
        jobs, root = ", ".join(str(one["job"]) for one in left), plans[0].store.root
        out.result(told, lambda console: console.print(f"The job {jobs} goes on; swath status {root}", markup=False))
        return
    with StopSignal() as asked:
        results = []
        for made in plans:
            results.append(
                map_on(
                    made, where, workers=workers, stale=stale, complete=complete, display=out.display,
                    should_stop=asked, say=out.say,
                )
            )  # fmt: skip
            if asked():
                break
    end_with(results, out)


def end_with(results: list[RunResult], out: Output) -> None:
    """Say how runs ended, and exit as they did."""
    first = results[0]
    values = first.to_dict() if len(results) == 1 else {"runs": [result.to_dict() for result in results]}
    out.result(values, lambda console: show_results(console, results))
    exit_as(results)


def exit_as(results: list[RunResult]) -> None:
    """Exit 1 if units failed, 130 if a run was stopped; go on if neither."""
    if any(result.stopped for result in results):
        raise SystemExit(130)
    if any(result.failed for result in results):
        raise SystemExit(1)
