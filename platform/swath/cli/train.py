"""`swath train`: from labels to a model package."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from swath.cli.elsewhere import Show, run_elsewhere
from swath.cli.epochs import EpochTable, epoch_line
from swath.cli.maps import AreaText, PeriodText, ProductName, Resolution, SourceText, TileSize
from swath.cli.options import ClusterAddress, ClusterFile, ClusterName, ClusterOverrides, Detach, Json, Workers
from swath.cli.output import Output, key_values, reported
from swath.cli.train_species import recipe_is_of_species, refuse_for_species, show_species, train_species_shown
from swath.cluster import Where
from swath.errors import LabelError, RunFailedError, RunStoppedError
from swath.grid import Area, Period
from swath.planning import MapRequest, product_of
from swath.runs import StopSignal
from swath.store import Store

if TYPE_CHECKING:
    from swath.training.course import Trained
    from swath.training.recipe import Recipe

__all__ = ["ProductOverrides", "RecipeOverrides", "asked_for", "end_training", "epoch_line", "register"]

CURVES = "fit/curves.png"
LabelsText = Annotated[
    str,
    typer.Option(
        help="Polygons, points or a table with a class or value, GEDI footprints, records of species, a raster, or "
        "asset:BAND."
    ),
]
OutStore = Annotated[
    str, typer.Option("--out", help="Folder or s3:// prefix of chips, checkpoints and results, that all workers reach.")
]
RecipeText = Annotated[
    str | None, typer.Option("--recipe", help="YAML of all settings; by default the one that ships for the product.")
]
LabelColumn = Annotated[str | None, typer.Option("--column", help="Column of the class or value.")]
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
        context: typer.Context,
        product: ProductName,
        labels: LabelsText,
        area: AreaText, period: PeriodText, source: SourceText, out_store: OutStore,
        recipe: RecipeText = None, column: LabelColumn = None,
        folds: Annotated[
            bool, typer.Option("--folds", help="Hold each fold out in turn, at once on a cluster.")
        ] = False,
        peer: Annotated[
            str | None, typer.Option(help="With --folds: recipe that this one is compared with on the same chips.")
        ] = None,
        chips: Annotated[
            str | None, typer.Option("--chips", help="Where chips are or will be cut, for several trainings. [--out]")
        ] = None,
        resolution: Resolution = None, tile_size: TileSize = None,
        cluster: ClusterAddress = ClusterName.LOCAL.value, workers: Workers = None,
        cluster_spec: ClusterFile = None, cluster_overrides: ClusterOverrides = None, detach: Detach = False,
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
            where = Where.of(cluster, spec=cluster_spec, overrides=cluster_overrides or ())
            away = where.elsewhere or detach

            def sent(show: Show) -> None:
                run_elsewhere(
                    out, context, "train", where, Store.open(out_store), stores=["out_store", "chips"], detach=detach,
                    show=show,
                )  # fmt: skip

            if recipe_is_of_species(product, recipe):
                refuse_for_species(folds=folds, peer=peer, workers=workers, column=column, chips=chips)
                chosen = product_of(product, product_overrides, resolution=resolution, tile_size=tile_size)
                species = MapRequest(chosen, Area.parse(area), Period.parse(period), source)
                if away:
                    sent(show_species)
                    return
                train_species_shown(
                    species, labels, out_store, recipe=recipe or chosen.name, overrides=overrides, replace=replace,
                    out=out,
                )  # fmt: skip
                return
            request, told = asked_for(
                product, recipe, area=area, period=period, source=source, column=column, resolution=resolution,
                tile_size=tile_size, overrides=overrides, product_overrides=product_overrides,
            )  # fmt: skip
            other = None if peer is None else Recipe.load(peer)
            if away:
                curves = None if folds else Store.open(out_store).url(CURVES)
                sent(lambda console, told: show_trained(console, told, curves))
                return
            with StopSignal() as asked, EpochTable(out, epochs=told.train.epochs, several=folds) as table:

                def epoch_done(reading: dict[str, Any]) -> None:
                    table.epoch(reading)
                    if asked():
                        raise RunStoppedError(
                            f"Stopped after epoch {reading['epoch']}; its checkpoint stands.",
                            fix="The same command goes on.",
                        )

                trained = train_model(
                    request, labels, out_store,
                    recipe=told, folds=folds, peer=other, chips_in=chips, cluster=where.name, workers=workers,
                    replace=replace,
                    display=out.display, on_epoch=epoch_done, on_fold_epoch=table.of, should_stop=asked, say=out.say,
                )  # fmt: skip
            end_training(trained, out)


def asked_for(
    product: str,
    recipe: str | None,
    *,
    area: str,
    period: str,
    source: str,
    column: str | None,
    resolution: float | None,
    tile_size: int | None,
    overrides: Sequence[str] | None,
    product_overrides: Sequence[str] | None,
) -> tuple[MapRequest, Recipe]:
    """The request and recipe that options name, of a training that learns from chips.

    Raises:
        LabelError: The recipe is of species, which have no chips.
    """
    from swath.training.recipe import Recipe

    if recipe_is_of_species(product, recipe):
        raise LabelError(
            f"{recipe or product} is a recipe of species: they are learned from records, without chips or trials.",
            fix="Use swath train.",
        )
    chosen = product_of(product, product_overrides, resolution=resolution, tile_size=tile_size)
    named = [] if column is None else [f"labels.column={column}"]
    told = Recipe.load(recipe or chosen.name).with_overrides([*named, *(overrides or [])])
    return MapRequest(chosen, Area.parse(area), Period.parse(period), source), told


def end_training(trained: Trained, out: Output) -> None:
    """Say how a training ended; exit 1 where chips could not be cut."""
    curves = None if trained.folds is not None else trained.out.url(CURVES)
    out.result(trained.to_dict(), lambda console: show_trained(console, trained.to_dict(), curves))
    if trained.chips.failed:
        raise RunFailedError(
            f"{trained.chips.failed} units gave no chips; the model was trained without them: "
            f"{', '.join(trained.chips.hrefs[:3])}.",
            fix="The same command with --replace tries them again.",
            hrefs=trained.chips.hrefs,
        )


def show_trained(console: Console, told: dict[str, Any], curves: str | None) -> None:
    """How a training ended, by its document.

    Args:
        console: Where it is shown.
        told: What `Trained.to_dict` gave.
        curves: URL of the picture of its curves; None where there are several.
    """
    kind = "agreement" if told["chips"]["agreement"] else "transfer"
    figures = told[kind]
    rows: list[tuple[str, object]] = [
        (f"{kind}: {name.replace('_', ' ')}", f"{value:.3f}")
        for name, value in figures.items()
        if isinstance(value, float)
    ]
    rows += [
        (f"{kind}: F1 of {name}", "none" if value is None else f"{value:.3f}")
        for name, value in figures.get("f1", {}).items()
    ]
    if told["chips"]["agreement"]:
        rows += [
            (f"{kind}: {measure.replace('_', ' ')} {name.replace('_', ' ')}", f"{value:.3f}")
            for name, inner in figures.items()
            if name.startswith("without_rim")
            for measure, value in inner.items()
            if isinstance(value, float)
        ]
    folds = told.get("folds")
    if folds is not None:
        rows += [
            (f"{kind}: {name.replace('_', ' ')}, mean of folds", f"{value:.3f} ± {folds['sd_over_folds'][name]:.3f}")
            for name, value in folds["mean"].items()
        ]
    rows += [
        (
            f"against the peer: {one['measure'].replace('_', ' ')}",
            f"{one['first']:.3f} to {one['second']:.3f}, {one['difference']:+.3f} ({one['low']:+.3f} to "
            f"{one['high']:+.3f}): {one['verdict']}",
        )
        for one in told.get("differences", ())
    ]
    distance = told["smallest_distance_m"]
    rows += [
        ("epochs", told["epochs"]),
        ("nearest training and test pixel", "in other years" if not distance else f"{distance:.0f} m"),
        ("package", told["package"]),
    ]
    if curves is not None:
        rows.append(("curves", curves))
    key_values(console, rows)
