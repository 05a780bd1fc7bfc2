"""What a flow run shows on Prefect's page: artifacts, as they become known."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect.artifacts import (
    create_link_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
)

from swath.assessment.audit import Audit, AuditedMap
from swath.assessment.report import Canvas, Report
from swath.assessment.report.pictures import pictures
from swath.mapping import Plan, Priced, RunResult
from swath.planning.spread import Spread

_EDGE = 640  #: longer edge of a picture, pixels: it stands in Prefect's database
_LISTED = 200  #: failures in a table; all of them stand in the store


def key_for(*words: str) -> str:
    """A key of artifacts: those of the same key are one history on Prefect's page."""
    return re.sub(r"[^a-z0-9]+", "-", "-".join(words).lower()).strip("-")


def show_plan(plan: Plan, priced: Priced) -> None:
    """What a plan takes and costs, as a table of low, expected and high."""
    use, bill = priced.use(), priced.bill()
    rows: list[tuple[str, Spread, float, str]] = [
        ("read", use.bytes_in, 1e9, "GB"),
        ("written", use.bytes_out, 1e9, "GB"),
        ("cores", use.core_hours, 1, "h"),
        ("GPUs", use.gpu_hours, 1, "h"),
        (f"time of {priced.workers} workers", priced.wall, 3600, "h"),
    ]
    if bill is not None:
        rows += [("money, a year of storage included", bill.total, 1, bill.currency)]
        rows += [("energy", bill.kwh, 1, "kWh"), ("emitted", bill.grams, 1, "gCO2e")]
    table = [
        {
            "": name,
            "low": f"{spread.low / one:,.4g}",
            "expected": f"{spread.expected / one:,.4g}",
            "high": f"{spread.high / one:,.4g}",
            "unit": word,
        }
        for name, spread, one, word in rows
        if spread.high
    ]
    totals = plan.totals
    create_table_artifact(
        table=table,
        key=key_for("plan", plan.product.name),
        description=f"Run {plan.run}: {totals.units:,} tiles by time steps of {plan.store.url(plan.root)}; "
        f"{totals.without_input:,} more have no items.",
    )


def show_job(job: str, cluster: str, spec: str, run: str) -> None:
    """Which job does the work: whoever cancels the flow run finds it by this. Empty while its cluster is made."""
    create_table_artifact(
        table=[{"job": job, "cluster": cluster, "spec": spec, "run": run}],
        key=JOB,
        description="The job that does the work.",
    )


JOB = "job"


def jobs_of(artifacts: list[Any]) -> list[Mapping[str, str]]:
    """The jobs that artifacts of a flow run tell of, each once; a cluster that has none yet stands for itself."""
    found: dict[tuple[str, str], Mapping[str, str]] = {}
    for one in artifacts:
        if one.key == JOB:
            for row in json.loads(one.data) if isinstance(one.data, str) else one.data:
                place = (row["cluster"], row["run"])
                found[place] = row if row["job"] else found.get(place, row)
    return list(found.values())


def begin_progress(plan: Plan) -> UUID:
    """A bar of the units that are made."""
    made = create_progress_artifact(
        progress=0.0, key=key_for("progress", plan.product.name), description=f"Run {plan.run} begins."
    )
    assert isinstance(made, UUID)  # no event loop here, so no coroutine
    return made


def show_failures(plan: Plan, result: RunResult) -> None:
    """Units that could not be made and files that were left out, with their hrefs."""
    rows = [
        {
            "unit": str(one.get("unit", "")),
            "what": str(one.get("type", "")),
            "href": str(one.get("href", "")),
            "message": str(one.get("message", ""))[:500],
        }
        for one in result.failures[:_LISTED]
    ]
    rows += [
        {"unit": f"{number} units", "what": "left out", "href": href, "message": "could not be read"}
        for href, number in list(result.skipped.items())[:_LISTED]
    ]
    if rows:
        create_table_artifact(
            table=rows,
            key=key_for("failures", plan.product.name),
            description=f"{result.failed:,} units failed, {len(result.skipped):,} files were left out. All stand in "
            f"{result.failed_folder}.",
        )


def show_map(map_: AuditedMap) -> None:
    """A picture of a map with its legend."""
    picture = next(iter(pictures(map_, Canvas.of(map_, edge=_EDGE))))
    lines = [f"![{picture.title}]({picture.data})"]
    if picture.legend:
        lines += ["", "| | class | share of the picture |", "|---|---|---|"]
        lines += [f"| ![]({_swatch(one.colour)}) | {one.name} | {one.share:.1%} |" for one in picture.legend]
    if picture.bar is not None:
        bar = picture.bar
        ramp = "".join(f"![]({_swatch(colour)})" for colour in bar.colours)
        lines += ["", f"{bar.low:.4g} {ramp} {bar.high:.4g} {bar.unit}"]
    show_text(
        f"map-{map_.root}-{map_.step}", "\n".join(lines), description=f"{picture.title}, {map_.step}. {picture.alt}"
    )


def _swatch(colour: str) -> str:
    """A small square of a colour, as the URL of a PNG: Markdown on the page takes pictures, and no styles."""
    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (18, 18), colour).save(out, "PNG")
    return f"data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}"


def show_audit(made: Audit) -> None:
    """The verdict, check by check."""
    rows = [
        {"map": report.map, "check": one.check, "verdict": one.verdict, "found": one.says}
        for report in made.reports
        for one in report.findings
    ]
    create_table_artifact(table=rows, key="audit", description=f"Audit {made.verdict}: {made.url}")


def show_report(map_: AuditedMap, report: Report) -> None:
    """Where the report is."""
    create_link_artifact(
        link=_link(report.page), link_text=f"Report of {map_.step}", key=key_for("report", map_.root, map_.step),
        description=f"All that is known of the map of {map_.step}: {report.page}",
    )  # fmt: skip


def show_table(name: str, rows: Sequence[Mapping[str, Any]], *, description: str) -> None:
    """A table."""
    create_table_artifact(table=[dict(row) for row in rows], key=key_for(name), description=description)


def show_text(name: str, text: str, *, description: str) -> None:
    """A text in Markdown; its pictures have `data:` URLs."""
    create_markdown_artifact(markdown=text, key=key_for(name), description=description)


def _link(url: str) -> str:
    return url if "://" in url else Path(url).absolute().as_uri()
