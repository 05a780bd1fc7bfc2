"""`swath simulate`: publish a simulated Earth to try things on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from swath.cli.options import Json
from swath.cli.output import key_values, reported
from swath.grid import Area, Period


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command(rich_help_panel="Try it")
    def simulate(
        folder: Annotated[Path, typer.Argument(help="Folder to write; must not hold an archive yet.")],
        area: Annotated[
            str, typer.Option(help="As of `swath map`; small: a scene is a megapixel.")
        ] = "12.50,47.70,12.65,47.80",
        period: Annotated[str, typer.Option(help="As of `swath map`.")] = "2023-06/2023-08/P3M",
        seed: Annotated[int, typer.Option(help="Names the world.")] = 0,
        collection: Annotated[
            list[str] | None,
            typer.Option(
                help="optical, l1c, thermal, radar, elevation, climate; may be repeated. [default: optical]",
                show_default=False,
            ),
        ] = None,
        labels: Annotated[
            list[str] | None,
            typer.Option(
                help="landcover, clouds, footprints, plots, occurrences, survey; may be repeated. [default: landcover]",
                show_default=False,
            ),
        ] = None,
        corrupt: Annotated[list[str] | None, typer.Option(help="Break one scene in this way; may be repeated.")] = None,
        as_json: Json = False,
    ) -> None:
        """Publish a simulated Earth as a STAC catalog, with its truth in another."""
        from swath.synthetic import publish

        with reported(as_json) as out:
            out.say(f"simulating {period} over {area}")
            made = publish(
                folder, area=Area.parse(area), period=Period.parse(period), seed=seed,
                collections=collection or ("optical",), labels=labels or ("landcover",), corrupt=corrupt or (),
            )  # fmt: skip
            values = {
                "catalog": str(made.catalog),
                "truth": str(made.truth),
                "labels": str(made.labels) if made.labels.exists() else None,
                "files": {kind.value: str(path) for kind, path in made.files.items()},
                "granules": len(made.granules),
                "scenes": len(made.scenes),
            }
            out.result(values, lambda console: key_values(console, list(values.items())))
