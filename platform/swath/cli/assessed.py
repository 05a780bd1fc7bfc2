"""What `swath assess` shows: accuracy and areas of classes, means and totals of regions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from swath.cli.output import key_values

if TYPE_CHECKING:
    from swath.assessment import Accuracy, Estimate, Plotted, Regional, Sample


def show_sample(console: Console, made: Sample) -> None:
    """What was drawn, by stratum, and where it lies."""
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


def show_accuracy(console: Console, found: Accuracy) -> None:
    """Accuracy and areas, as a table."""
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


def show_assessed(console: Console, found: Accuracy, regions: Regional | None) -> None:
    """Accuracy and areas of the whole map, then areas by region."""
    show_accuracy(console, found)
    if regions is not None:
        console.print()
        show_regional(console, regions)


def show_plotted(console: Console, found: Plotted) -> None:
    """Accuracy from plots that others drew."""
    show_accuracy(console, found.accuracy)
    _notes(console, found.dropped, found.notes)


def show_regional(console: Console, found: Regional) -> None:
    """Means and totals of the whole map and of regions; below each its interval."""
    is_classes = found.unit == "share"
    console.print(f"{found.units:,} units; intervals of {found.level:.0%}")
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    first = ["region", "class"] if is_classes else ["region"]
    titles = [*first, "by", "units", "hectares", "map", found.unit, "hectares" if is_classes else "total"]
    for number, title in enumerate(titles):
        table.add_column(title, justify="left" if number <= len(first) else "right", no_wrap=number > len(first))
    digits = 3 if is_classes else 1
    for one in found.estimates:
        name = [one.region, one.of] if is_classes else [one.region]
        flag = " few" if {"few units", "few omissions", "few tracks"} & {*one.flags} else ""
        table.add_row(
            *name, one.title, f"{one.units}{flag}", f"{one.area_ha:,.0f}", _plain(one.mapped, digits),
            _plain(one.mean, digits), _plain(one.total, 0),
        )  # fmt: skip
        spans = _span(one.low, one.high, digits), _span(one.total_low, one.total_high, 0)
        table.add_row(*[""] * len(name), one.estimator, "", "", "", *spans, style="dim")
    console.print(table)
    flags = sorted({flag for one in found.estimates for flag in one.flags if not flag.startswith(("few", "no "))})
    _notes(console, found.dropped, (*found.notes, *flags))


def _notes(console: Console, dropped: dict[str, int], notes: tuple[str, ...]) -> None:
    for reason, number in dropped.items():
        console.print(f"left out: {number:,} {reason}", style="dim")
    for note in notes:
        console.print(note, style="dim")


def _plain(value: float, digits: int) -> str:
    return "–" if value != value else f"{value:,.{digits}f}"


def _span(low: float, high: float, digits: int) -> str:
    return "" if low != low else f"{low:,.{digits}f} to {high:,.{digits}f}"
