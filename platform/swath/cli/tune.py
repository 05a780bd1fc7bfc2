"""`swath tune`: a search for settings of a training."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from swath.cli.elsewhere import run_elsewhere
from swath.cli.epochs import EpochTable
from swath.cli.maps import AreaText, PeriodText, ProductName, Resolution, SourceText, TileSize
from swath.cli.options import ClusterAddress, ClusterFile, ClusterName, ClusterOverrides, Detach, Json, Workers
from swath.cli.output import key_values, reported
from swath.cli.train import LabelColumn, OutStore, ProductOverrides, RecipeOverrides, RecipeText, asked_for
from swath.cluster import Where
from swath.runs import StopSignal

_SHOWN = 10  # trials in the table


def _template(asked: bool) -> None:
    if asked:
        from swath.training.space import EXAMPLE

        typer.echo(EXAMPLE, nl=False)
        raise typer.Exit


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command(rich_help_panel="Models")
    def tune(
        context: typer.Context,
        product: ProductName,
        labels: Annotated[str, typer.Option(help="As for swath train.")],
        area: AreaText, period: PeriodText, source: SourceText, out_store: OutStore,
        space: Annotated[str, typer.Option(help="YAML of what may change; --template prints an example.")],
        trials: Annotated[int, typer.Option(min=1, help="How many are tried; may grow when a search goes on.")] = 20,
        recipe: RecipeText = None, column: LabelColumn = None,
        seed: Annotated[int, typer.Option(min=0, help="Of the values.")] = 0,
        grace: Annotated[int, typer.Option(min=1, help="Epochs that each trial has.")] = 2,
        reduction: Annotated[float, typer.Option(min=1.5, help="Of so many trials one goes on.")] = 3,
        resolution: Resolution = None, tile_size: TileSize = None,
        cluster: ClusterAddress = ClusterName.LOCAL.value, workers: Workers = None,
        cluster_spec: ClusterFile = None, cluster_overrides: ClusterOverrides = None, detach: Detach = False,
        overrides: RecipeOverrides = None, product_overrides: ProductOverrides = None,
        template: Annotated[
            bool, typer.Option("--template", callback=_template, is_eager=True, help="Print a search space.")
        ] = False,
        as_json: Json = False,
    ) -> None:  # fmt: skip
        """Search settings of a training by its validation fold; the best becomes a recipe. It goes on after a stop."""
        from swath.store import Store
        from swath.training.ready import model_name, ready_chips
        from swath.training.space import Space
        from swath.training.tune import tune as search

        with reported(as_json) as out:
            where = Where.of(cluster, spec=cluster_spec, overrides=cluster_overrides or ())
            request, told = asked_for(
                product, recipe, area=area, period=period, source=source, column=column, resolution=resolution,
                tile_size=tile_size, overrides=overrides, product_overrides=product_overrides,
            )  # fmt: skip
            choices = Space.load(space)
            choices.check(told)
            store = Store.open(out_store)
            if where.elsewhere or detach:
                run_elsewhere(out, context, "tune", where, store, stores=["out_store"], detach=detach, show=_show)
                return
            with StopSignal() as asked:
                ready = ready_chips(
                    request, labels, store,
                    recipe=told, held=told.held, cluster=where.name, workers=workers, display=out.display,
                    should_stop=asked, say=out.say,
                )  # fmt: skip
                chips = ready.chips.holding_out(test=told.test, validate=told.validate_on)
                with EpochTable(out, epochs=told.train.epochs, several=True) as table:
                    found = search(
                        told, choices, chips, Store.open(store.url("tune")),
                        trials=trials, seed=seed, grace=grace, reduction=reduction, name=model_name(request, told),
                        cluster=where.name, on_epoch=table.of, should_stop=asked,
                    )  # fmt: skip
            out.result(found.to_dict(), lambda console: _show(console, found.to_dict()))


def _show(console: Console, told: dict[str, Any]) -> None:
    """How a search ended, by its document: what `Tuned.to_dict` gave."""
    fields = list(told["best"]["values"])
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for title in ("trial", "score", "epochs", "state", *(field.removeprefix("train.") for field in fields)):
        table.add_column(title)
    for one in told["trials"][:_SHOWN]:
        score = "–" if one["score"] is None else f"{one['score']:.4f}"
        values = (str(one["values"][field]) for field in fields)
        table.add_row(str(one["trial"]), score, str(one["epochs"]), one["state"], *values)
    console.print(table)
    states = [one["state"] for one in told["trials"]]
    key_values(
        console,
        [
            ("trials", ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))),
            ("best as a recipe", told["recipe"]),
            ("picture", told["picture"]),
        ],
    )
