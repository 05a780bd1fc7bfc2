"""`swath report`: all that is known of a map as one page."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from swath.cli.assess import PANEL, ProductOption, StepOption, StoreText
from swath.cli.options import Json
from swath.cli.output import key_values, reported
from swath.errors import SampleError

if TYPE_CHECKING:
    from swath.assessment import PublishedMap


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command(rich_help_panel=PANEL)
    def report(
        store: StoreText,
        out_file: Annotated[Path | None, typer.Option("--out", help="Another place for the page, a file.")] = None,
        product: ProductOption = None, step: StepOption = None, as_json: Json = False,
    ) -> None:  # fmt: skip
        """Write what is known of a map as one page that opens offline, and its numbers as JSON and a spreadsheet."""
        from swath.assessment.audit import AuditedMap
        from swath.assessment.report import write_report

        with reported(as_json) as out:
            maps = AuditedMap.open_all(store, product=product, step=step)
            if out_file is not None and len(maps) > 1:
                raise SampleError(
                    f"{maps[0].root} has {len(maps)} time steps, a report each.",
                    fix=f"Name one with --step, or leave --out away: {', '.join(one.step for one in maps[:12])}.",
                )
            made = [write_report(one, say=out.say) for one in maps]
            if out_file is not None:
                copy_page(maps[0], out_file)
            values = [
                {"step": one.step, "page": report.page, "numbers": report.numbers, "sheets": report.sheets}
                | {"limits": report.contents.values["limits"]}
                for one, report in zip(maps, made, strict=True)
            ]
            out.result({"reports": values}, lambda console: _show(console, values))


def copy_page(map_: PublishedMap, file: Path) -> None:
    """Copy the page of a map's report to a place of one's own."""
    from swath.assessment.report import PAGE

    file.parent.mkdir(parents=True, exist_ok=True)
    with map_.store.open_read(f"{map_.root}/{map_.step}/{PAGE}") as source, file.open("wb") as to:
        shutil.copyfileobj(source, to)


def _show(console: Console, reports: list[dict[str, Any]]) -> None:
    for report in reports:
        for limit in report["limits"]:
            console.print(f"- {limit}", markup=False)
        key_values(console, [(name, str(report[name])) for name in ("step", "page", "numbers", "sheets")])
