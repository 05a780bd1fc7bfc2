"""`swath sample` and `swath assess`: accuracy and areas of a map from a probability sample."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from swath.cli.options import Json
from swath.cli.output import key_values, reported
from swath.errors import SampleError

if TYPE_CHECKING:
    from swath.assessment.estimates import Accuracy, Estimate
    from swath.assessment.sample import Sample

PANEL = "Trust a map"
StoreText = Annotated[str, typer.Argument(help="Store of `swath map`.")]
ProductOption = Annotated[
    str | None, typer.Option("--product", help="Name, or name/version, where a store has several.")
]
StepOption = Annotated[str | None, typer.Option("--step", help="Time step, where a map has several.")]


class DesignName(StrEnum):
    """How units are drawn."""

    STRATIFIED = "stratified"
    SIMPLE = "simple"
    SYSTEMATIC = "systematic"


class AllocationName(StrEnum):
    """How units are shared out over strata."""

    EQUAL = "equal"
    PROPORTIONAL = "proportional"
    NEYMAN = "neyman"


def register(app: typer.Typer) -> None:
    """Add the commands."""

    @app.command(rich_help_panel=PANEL)
    def sample(
        store: StoreText,
        design: Annotated[DesignName, typer.Option(help="How units are drawn.")] = DesignName.STRATIFIED,
        number: Annotated[int | None, typer.Option("--units", min=2, help="Units in all. [default: 500]")] = None,
        standard_error: Annotated[
            float | None, typer.Option(help="Of the overall accuracy: as many units as it takes.")
        ] = None,
        allocation: Annotated[AllocationName, typer.Option(help="Of units to strata.")] = AllocationName.PROPORTIONAL,
        least: Annotated[int, typer.Option(min=2, help="Units of each stratum, at least.")] = 30,
        expected: Annotated[
            list[str] | None,
            typer.Option(help="User's accuracy that a class is expected to have, as water=0.9; may be repeated."),
        ] = None,
        zones: Annotated[Path | None, typer.Option(help="Polygons that make strata of their own.")] = None,
        zone_column: Annotated[str, typer.Option(help="Column of their names.")] = "stratum",
        seed: Annotated[int, typer.Option(help="Of the draws.")] = 0,
        name: Annotated[str | None, typer.Option(help="Of the sample. [default: DESIGN-SEED]")] = None,
        product: ProductOption = None, step: StepOption = None, as_json: Json = False,
    ) -> None:  # fmt: skip
        """Draw a probability sample of a map of classes: plots for interpreters, and apart what the map says."""
        from swath.assessment import PublishedMap, Zones, draw_sample

        with reported(as_json) as out:
            made = draw_sample(
                PublishedMap.open(store, product=product, step=step),
                design=design.value, number=number, standard_error=standard_error, allocation=allocation.value,
                least=least, expected=_expected(expected), seed=seed, name=name,
                zones=None if zones is None else Zones.read(zones, column=zone_column), say=out.say,
            )  # fmt: skip
            values = {"sample": made.store.url(made.folder), **made.design}
            out.result(values, lambda console: _show_sample(console, made))

    @app.command(rich_help_panel=PANEL)
    def assess(
        store: Annotated[str | None, typer.Argument(help="Store of `swath map`; not needed with --matrix.")] = None,
        reference: Annotated[Path | None, typer.Option(help="What interpreters found: CSV or GeoPackage.")] = None,
        column: Annotated[str | None, typer.Option(help="Of the reference class.")] = None,
        name: Annotated[str | None, typer.Option("--sample", help="Name of the sample, of several.")] = None,
        matrix: Annotated[Path | None, typer.Option(help="CSV of counts: rows map, columns reference.")] = None,
        areas: Annotated[Path | None, typer.Option(help="CSV of names and hectares of the map's classes.")] = None,
        level: Annotated[float, typer.Option(help="Of the intervals.")] = 0.95,
        product: ProductOption = None, step: StepOption = None, as_json: Json = False,
    ) -> None:  # fmt: skip
        """Accuracy and areas with intervals, from a sample that was interpreted or from a table of counts."""
        from swath.assessment import PublishedMap, Tally, accuracy, assess_map

        with reported(as_json) as out:
            if (matrix is None) != (areas is None):
                raise SampleError("--matrix and --areas go together.", fix="Give both.")
            if (matrix is None) == (store is None):
                raise SampleError("Nothing to assess.", fix="Give a store with --reference, or --matrix with --areas.")
            if matrix is not None and areas is not None:
                found = accuracy(Tally.read(matrix, areas), level=level)
                out.result(found.to_dict(), lambda console: _show(console, found))
                return
            if reference is None:
                raise SampleError("What interpreters found is missing.", fix="Give --reference FILE.")
            assert store is not None
            of = PublishedMap.open(store, product=product, step=step)
            assessed = assess_map(of, reference, sample=name, column=column, level=level)
            out.result(assessed.to_dict(), lambda console: _show(console, assessed.accuracy))


def _expected(told: list[str] | None) -> dict[str, float]:
    """Accuracies by class, of texts as `water=0.9`."""
    found = {}
    for text in told or ():
        name, mark, value = text.partition("=")
        try:
            found[name.strip()] = float(value)
        except ValueError:
            raise SampleError(f"{text!r} is no expected accuracy.", fix="Write it as water=0.9.") from None
        if not mark:
            raise SampleError(f"{text!r} is no expected accuracy.", fix="Write it as water=0.9.")
    return found


def _show_sample(console: Console, made: Sample) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for title in ("stratum", "hectares", "pixels", "units"):
        table.add_column(title, justify="left" if title == "stratum" else "right")
    for one in made.design["strata"]:
        table.add_row(one["name"], f"{one['area_ha']:,.0f}", f"{one['pixels']:,}", str(one["units"]))
    console.print(table)
    url = made.store.url
    key_values(
        console,
        [
            ("unmapped", f"{made.design['unmapped_ha']:,.0f} ha, no part of the sample"),
            ("for interpreters", f"{url(f'{made.folder}/plots.gpkg')} and plots.csv (Collect Earth Online)"),
            ("not for them", url(f"{made.folder}/drawn.parquet")),
        ],
    )


def _show(console: Console, found: Accuracy) -> None:
    overall, area = found.of("overall_accuracy"), found.tally.area
    console.print(
        f"{found.title}: {int(found.tally.counts.sum())} units of {area:,.0f} ha; intervals of {found.level:.0%}, and "
        "below each that of the published formula"
    )
    console.print(f"overall accuracy {_number(overall, overall.value)}, {_range(overall, overall.low, overall.high)}")
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("class")
    for title in ("user's accuracy", "producer's accuracy", "F1", "hectares", "omitted"):
        table.add_column(title, justify="right")
    for name in found.tally.classes:
        four = [found.of(figure, name) for figure in ("users_accuracy", "producers_accuracy", "f1", "area")]
        table.add_row(
            name, *(_number(one, one.value) for one in four), f"{four[1].omitted}{' few' if four[1].is_few else ''}"
        )
        table.add_row("", *(_range(one, one.low, one.high) for one in four))
        table.add_row("", *(_range(one, *one.published) for one in four), style="dim")
    console.print(table)
    if any(one.is_few for one in found.estimates):
        console.print(
            "few: estimates rest on fewer than five units that the map calls something else; the published interval is "
            "too short there.", style="dim",
        )  # fmt: skip


def _range(one: Estimate, low: float, high: float) -> str:
    return f"{_number(one, low)} to {_number(one, high)}" if low == low else ""


def _number(one: Estimate, value: Any) -> str:
    if value != value:
        return "–"
    return f"{value:,.0f}" if one.figure == "area" else f"{value:.3f}"
