"""`swath report`: all that is known of a map as one page."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from swath.cli.assess import PANEL, ProductOption, StepOption, StoreText
from swath.cli.options import Json
from swath.cli.output import key_values, reported


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command(rich_help_panel=PANEL)
    def report(
        store: StoreText,
        out_file: Annotated[Path | None, typer.Option("--out", help="Another place for the page, a file.")] = None,
        product: ProductOption = None, step: StepOption = None, as_json: Json = False,
    ) -> None:  # fmt: skip
        """Write what is known of a map as one page that opens offline, and its numbers as JSON and a spreadsheet."""
        from swath.assessment import PublishedMap
        from swath.assessment.report import write_report

        with reported(as_json) as out:
            map_ = PublishedMap.open(store, product=product, step=step)
            made = write_report(map_, say=out.say)
            page = made.page
            if out_file is not None:
                out_file.parent.mkdir(parents=True, exist_ok=True)
                with map_.store.open_read(f"{map_.root}/{map_.step}/report.html") as source, out_file.open("wb") as to:
                    shutil.copyfileobj(source, to)
                page = str(out_file.resolve())
            values = {
                "page": page,
                "numbers": made.numbers,
                "sheets": made.sheets,
                "limits": made.contents.values["limits"],
            }

            def show(console: Console) -> None:
                for limit in made.contents.values["limits"]:
                    console.print(f"- {limit}", markup=False)
                key_values(console, [("page", page), ("numbers", made.numbers), ("sheets", made.sheets)])

            out.result(values, show)
