"""`swath audit`: is a map whole and sound?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from swath.cli.assess import PANEL, ProductOption, StoreText
from swath.cli.options import Json
from swath.cli.output import key_values, reported

if TYPE_CHECKING:
    from swath.assessment.audit import Audit, Finding

NAMED = 5  #: offences of a check that are shown; `audit.json` names more
_COLORS = {"passed": "green", "warned": "yellow", "failed": "bold red"}


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command(rich_help_panel=PANEL)
    def audit(
        store: StoreText,
        product: ProductOption = None,
        step: Annotated[str | None, typer.Option("--step", help="Only this time step; all by default.")] = None,
        against: Annotated[
            str | None, typer.Option(help="Store of the version before, whose class shares are compared.")
        ] = None,
        threads: Annotated[int | None, typer.Option(min=1, help="That read; by default as many as fit.")] = None,
        as_json: Json = False,
    ) -> None:  # fmt: skip
        """Check a map: whole, as its checksums say, on its grid, in range, without steps; a failed one is unpublished.

        Exit code 1 if a check failed. The verdict stands in `audit.json` beside the collection.
        """
        from swath.assessment.audit import audit_map

        with reported(as_json) as out:
            made = audit_map(store, product=product, step=step, against=against, threads=threads, say=out.say)
            out.result(made.to_dict(), lambda console: _show(console, made))
            if made.verdict == "failed":
                raise SystemExit(1)


def _show(console: Console, made: Audit) -> None:
    for report in made.reports:
        console.print(f"{report.map}: {report.tiles:,} tiles, {report.pixels / 1e6:,.1f} Mpx, {report.seconds:,.1f} s")
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        for title in ("check", "verdict", "found", "read"):
            table.add_column(title)
        for one in report.findings:
            color = _COLORS[one.verdict]
            table.add_row(one.check, f"[{color}]{one.verdict}[/]", escape(one.says), escape(one.read))
        for name, why in report.skipped.items():
            table.add_row(name, "[dim]skipped[/]", escape(why), "")
        console.print(table)
        for one in report.findings:
            _show_offences(console, one)
    key_values(console, [("verdict", made.verdict), ("audit", made.url), ("collection", made.collection)])
    if made.verdict == "failed":
        console.print(
            "The map is unpublished until an audit passes: mend it, then run swath audit again.", style="bold"
        )


def _show_offences(console: Console, finding: Finding) -> None:
    for one in finding.offending[:NAMED]:
        where = " ".join(part for part in (one.unit, one.layer) if part)
        console.print(f"  {finding.check}: {where}: {one.reason}".replace(" : ", " "), markup=False)
    if finding.offences > NAMED:
        console.print(f"  {finding.check}: {finding.offences:,} in all", markup=False, style="dim")
