"""The command: which parts, and what they came to."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from swath.cli.demos import biomass, clouds, landcover, mosaic, species
from swath.cli.demos.stage import Shown, Stage
from swath.cli.options import Cluster, ClusterName, Json
from swath.cli.output import key_values, reported


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command(rich_help_panel="Try it")
    def demo(
        out_folder: Annotated[Path, typer.Option("--out", help="Folder of the demo; made anew each time.")] = Path(
            "demo"
        ),
        every: Annotated[
            bool, typer.Option("--all", help="Biomass, clouds and species too: a model of each trained, mapped, shown.")
        ] = False,
        cluster: Cluster = ClusterName.LOCAL,
        as_json: Json = False,
    ) -> None:
        """The main jobs, offline: simulate an archive, map a mosaic and land cover, compare both with the truth."""
        with reported(as_json) as out:
            started = time.monotonic()
            stage = Stage.cleared(out, out_folder, cluster)
            first, made = mosaic.run(stage)
            parts = [first, landcover.run(stage, made)]
            if every:
                parts += [part.run(stage) for part in (biomass, clouds, species)]
            seconds = round(time.monotonic() - started, 1)
            values: dict[str, Any] = {part.name: part.to_dict() for part in parts} | {"seconds": seconds}
            out.result(values, lambda console: _show(console, parts, seconds))


def _show(console: Console, parts: list[Shown], seconds: float) -> None:
    for part in parts:
        console.print(f"[bold]{part.name}[/]")
        key_values(console, part.rows)
    console.print(f"took {seconds:.0f} s")
