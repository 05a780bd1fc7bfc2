"""`swath train`: from labels to a model package."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from swath.cli.maps import AreaText, PeriodText, ProductName, Resolution, SourceText, TileSize
from swath.cli.options import Cluster, ClusterName, Json, Workers
from swath.cli.output import Output, key_values, reported
from swath.errors import RunFailedError, RunStoppedError
from swath.grid import Area, Period
from swath.planning import MapRequest
from swath.products import Product
from swath.runs import StopSignal

if TYPE_CHECKING:
    from swath.training.course import Trained

ProductOverrides = Annotated[
    list[str] | None,
    typer.Option("--set-product", metavar="FIELD=VALUE", help="Override a field of the product."),
]
RecipeOverrides = Annotated[
    list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="Override a field of the recipe.")
]


def _template(asked: bool) -> None:
    if asked:
        from swath.training.recipe import Recipe

        typer.echo(Recipe.template(), nl=False)
        raise typer.Exit


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command(rich_help_panel="Models")
    def train(
        product: ProductName,
        labels: Annotated[
            str,
            typer.Option(help="Polygons or points with a class, a raster of codes, or asset:BAND of the items."),
        ],
        area: AreaText, period: PeriodText, source: SourceText,
        out_folder: Annotated[Path, typer.Option("--out", help="Folder of chips, checkpoints and the package.")],
        recipe: Annotated[
            str | None, typer.Option(help="YAML of all settings; by default the one that ships for the product.")
        ] = None,
        column: Annotated[str | None, typer.Option(help="Column of the class.")] = None,
        resolution: Resolution = None, tile_size: TileSize = None,
        cluster: Cluster = ClusterName.LOCAL, workers: Workers = None,
        replace: Annotated[bool, typer.Option(help="Put the package in the place of one that stands there.")] = False,
        overrides: RecipeOverrides = None, product_overrides: ProductOverrides = None,
        template: Annotated[
            bool, typer.Option("--template", callback=_template, is_eager=True, help="Print a commented recipe.")
        ] = False,
        as_json: Json = False,
    ) -> None:  # fmt: skip
        """Train a model: read labels, cut chips, fit, score where nothing was learned, write a package."""
        from swath.training.course import train_model
        from swath.training.recipe import Recipe

        with reported(as_json) as out:
            changes = list(product_overrides or [])
            if resolution is not None:
                changes.append(f"output.grid.resolution={resolution:g}")
            if tile_size is not None:
                changes.append(f"output.grid.tile_size={tile_size}")
            chosen = Product.load(product).with_overrides(changes)
            named = [] if column is None else [f"labels.column={column}"]
            told = Recipe.load(recipe or chosen.name).with_overrides([*named, *(overrides or [])])
            request = MapRequest(chosen, Area.parse(area), Period.parse(period), source)
            with StopSignal() as asked:

                def epoch_done(reading: dict[str, Any]) -> None:
                    out.say(epoch_line(reading, told.train.epochs))
                    if asked():
                        raise RunStoppedError(
                            f"Stopped after epoch {reading['epoch']}; its checkpoint stands.",
                            fix="The same command goes on.",
                        )

                trained = train_model(
                    request, labels, out_folder,
                    recipe=told, cluster=cluster.value, workers=workers, replace=replace, display=out.display,
                    on_epoch=epoch_done, should_stop=asked, say=out.say,
                )  # fmt: skip
            end_training(trained, out)


def epoch_line(reading: Any, epochs: int) -> str:
    """An epoch in a line."""
    figures = {name: value for name, value in reading["figures"].items() if isinstance(value, float)}
    shown = ", ".join(f"{name.replace('_', ' ')} {value:.3f}" for name, value in list(figures.items())[:3])
    line = f"epoch {reading['epoch']}/{epochs}: loss {reading['loss']:.4f}"
    if reading["validation_loss"] is not None:
        line += f", validation {reading['validation_loss']:.4f}, {shown}"
    return line


def end_training(trained: Trained, out: Output) -> None:
    """Say how a training ended; exit 1 where chips could not be cut."""
    out.result(trained.to_dict(), lambda console: _show(console, trained))
    if trained.chips.failed:
        raise RunFailedError(
            f"{trained.chips.failed} units gave no chips; the model was trained without them: "
            f"{', '.join(trained.chips.hrefs[:3])}.",
            fix="The same command with --replace tries them again.",
            hrefs=trained.chips.hrefs,
        )


def _show(console: Console, trained: Trained) -> None:
    kind = "agreement" if trained.chips.agreement else "transfer"
    rows: list[tuple[str, object]] = [
        (f"{kind}: {name.replace('_', ' ')}", f"{value:.3f}")
        for name, value in trained.figures.items()
        if isinstance(value, float)
    ]
    rows += [
        (f"{kind}: F1 of {name}", "none" if value is None else f"{value:.3f}")
        for name, value in trained.figures.get("f1", {}).items()
    ]
    distance = trained.smallest_distance_m
    rows += [
        ("epochs", trained.epochs),
        ("nearest training and test pixel", "in other years" if not distance else f"{distance:.0f} m"),
        ("curves", trained.package.folder.parent / "fit" / "curves.png"),
        ("package", trained.package.folder),
    ]
    key_values(console, rows)
