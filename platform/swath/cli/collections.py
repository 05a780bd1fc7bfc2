"""`swath collections`: the collections that Swath has facts of."""

from __future__ import annotations

import typer
from rich.console import Console
from rich.table import Table

from swath.cli.options import Json
from swath.cli.output import reported
from swath.sources import Collection, collections


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("collections", rich_help_panel="Products")
    def list_(as_json: Json = False) -> None:
        """The collections that can be read, by key; what --set inputs.0.collection takes."""
        with reported(as_json) as out:
            known = collections()
            out.result(
                {"collections": [facts.model_dump(mode="json") for facts in known.values()]},
                lambda console: _show(console, list(known.values())),
            )


def _show(console: Console, known: list[Collection]) -> None:
    table = Table(box=None, pad_edge=False)
    for column in ("key", "title", "bands", "checked on a real item"):
        table.add_column(column, no_wrap=column == "key")
    for facts in known:
        table.add_row(facts.key, facts.title, str(len(facts.bands)), "yes" if facts.verified else "no")
    console.print(table)
