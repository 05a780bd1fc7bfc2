"""`swath calibrate`: measure what a product takes on this machine."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from swath.cli.maps import PANEL, AreaText, Model, Overrides, ProductName, Resolution, SourceText, TileSize
from swath.cli.options import Json
from swath.cli.output import Output, reported
from swath.planning import request_of
from swath.planning.rates import RATES, ProductRates, keep_rates


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command(rich_help_panel=PANEL)
    def calibrate(
        product: ProductName, area: AreaText, source: SourceText,
        periods: Annotated[
            list[str], typer.Option("--period", help="As of `swath map`; repeat it, a season each.")
        ],
        model: Model = None, resolution: Resolution = None, tile_size: TileSize = None, overrides: Overrides = None,
        as_json: Json = False,
    ) -> None:  # fmt: skip
        """Measure what a product takes on this machine by small runs, so that `swath plan` says what it will."""
        from swath.mapping.calibrate import calibrate as measure

        with reported(as_json) as out:
            requests = [
                request_of(
                    product,
                    area,
                    period,
                    source,
                    model=model,
                    resolution=resolution,
                    tile_size=tile_size,
                    overrides=overrides,
                )
                for period in periods
            ]
            rates = measure(requests, say=out.say)
            where = keep_rates(rates)
            say_few(out, periods)
            out.result(
                {**rates.model_dump(mode="json"), "kept": where}, lambda console: show_rates(console, rates, where)
            )


def say_few(out: Output, periods: list[str]) -> None:
    """One season has no spread."""
    if len(periods) == 1:
        out.say("one season was measured: low, expected and high are the same; repeat --period for a spread")


def show_rates(console: Console, rates: ProductRates, where: str) -> None:
    """Rates that were measured."""
    table = Table("", "low", "expected", "high", box=None, padding=(0, 2), header_style="dim")
    for name, rate in rates.rates.items():
        table.add_row(f"[dim]{RATES[name]}[/]", *(f"{value:.4g}" for value in (rate.low, rate.expected, rate.high)))
    console.print(table)
    console.print(f"{rates.units} units of {', '.join(rates.seasons)} on {rates.machine}", markup=False)
    console.print(f"kept: {where}", markup=False)
