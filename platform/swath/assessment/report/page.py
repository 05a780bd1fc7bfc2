"""The report as one page that needs nothing from elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import floor, log10
from typing import Any

from swath.assessment.report.contents import Contents
from swath.assessment.report.pictures import Picture, plain
from swath.assessment.report.where import Where
from swath.registry.page import card_values, page

#: Figures of classes, in the order shown: title, how they read, and what is charted
_BLOCKS = {
    "overall_accuracy": ("Overall accuracy", "share of the area that is right"),
    "users_accuracy": ("User's accuracy", "of what the map calls so, the share that is so"),
    "producers_accuracy": ("Producer's accuracy", "of what is so, the share that the map calls so"),
    "f1": ("F1", "harmonic mean of both"),
    "area": ("Area", "by the sample; the upright line is the count of the map's pixels"),
}
_CONTENTS = {
    "map": "Map", "limits": "Limits of use", "accuracy": "Accuracy and areas", "where": "Where it is wrong",
    "transfer": "Transfer", "inputs": "Images", "failures": "What failed", "runs": "Plan and actual", "audit": "Audit",
    "model": "The model", "cite": "How to cite",
}  # fmt: skip
_MONTHS = 24  #: more are shown by year


def report_page(
    contents: Contents, pictures: Sequence[Picture], where: Where | None, *, colours: dict[str, str]
) -> str:
    """The page, UTF-8 HTML; every text in it is escaped.

    Args:
        contents: All that is known of the map.
        pictures: The map first.
        where: It is wrong, as far as a sample tells.
        colours: Of classes by their name, for the model's card.
    """
    values, package = contents.values, contents.package
    held = (values["transfer"] or {}).get("held_out", {})
    absent = {"where": where, "audit": values["audit"], "model": package}
    made = dict(values["made"]) | {"runs": [run | {"rows": _run_rows(run)} for run in values["made"]["runs"]]}
    months, unit = _months(values["made"]["images"]["months"])
    card = None if package is None else card_values(package, name=package.spec.name, colours=colours)
    return page(
        "report.html.jinja",
        own="swath.assessment.report",
        card=card,
        **{key: values[key] for key in ("map", "limits", "audit", "citation")},
        contents=[(anchor, name) for anchor, name in _CONTENTS.items() if absent.get(anchor, True)],
        pictures=[vars(one) | {"length": _length(one.scale[0])} for one in pictures],
        current=[one | {"blocks": _blocks(one)} for one in values["accuracy"] if not one.get("outdated")],
        where=where,
        transfer=[(name, _held_out(figures)) for name, figures in held.items()],
        made=made,
        months=months,
        months_of=unit,
        platforms=_listed(values["made"]["images"]["platforms"]),
        hectares=hectares,
    )  # fmt: skip


def hectares(value: float) -> str:
    """An area for people."""
    return f"{value:,.0f} ha" if value < 1e6 else f"{value / 1e6:,.2f} million ha"


def _blocks(one: dict[str, Any]) -> list[dict[str, Any]]:
    """Estimates by figure, each a row with its interval on a common axis."""
    mapped = {part["name"]: part["area_ha"] for part in one.get("strata", [])}
    blocks = []
    for figure, (title, note) in _BLOCKS.items():
        rows = [e for e in one["estimates"] if e["figure"] == figure and e["value"] is not None]
        if not rows:
            continue
        is_area = figure == "area"
        top = _round_up(max([1e-9, *(max(e["high"] or 0, mapped.get(e["of"], 0)) for e in rows)])) if is_area else 1.0
        blocks.append(
            {
                "title": title, "note": note, "of": "class" if figure != "overall_accuracy" else "",
                "unit": "ha" if is_area else "share", "axis": f"0 to {hectares(top)}" if is_area else "0 to 1",
                "rows": [_row(e, top, mapped.get(e["of"]) if is_area else None) for e in rows],
            }
        )  # fmt: skip
    return blocks


def _row(e: dict[str, Any], top: float, mapped: float | None) -> dict[str, Any]:
    def number(value: float | None) -> str:
        return "–" if value is None else f"{value:,.0f}" if top > 1 else f"{value:.3f}"

    def at(value: float | None) -> float:
        return round(100 * min(1.0, max(0.0, (value or 0.0) / top)), 2)

    low, high = e["low"], e["high"]
    first, last = (at(value) for value in e["published"])
    return {
        "name": plain(e["of"]) or "whole map", "few": e["is_few"], "text": number(e["value"]),
        "range": "–" if low is None else f"{number(low)} to {number(high)}",
        "at": at(e["value"]), "low": at(low), "wide": round(at(high) - at(low), 2),
        "published_low": first, "published_wide": round(last - first, 2),
        "mapped": None if mapped is None else at(mapped),
    }  # fmt: skip


def _held_out(figures: dict[str, Any]) -> dict[str, Any]:
    """Figures of one part that was held out: numbers, F1 by class, and a reliability diagram."""
    numbers = [(plain(key), _number(value)) for key, value in figures.items() if isinstance(value, int | float)]
    numbers += [(f"F1 of {plain(name)}", _number(value)) for name, value in (figures.get("f1") or {}).items()]
    told = [one for one in figures.get("reliability") or [] if one.get("pixels")]
    most = max((one["pixels"] for one in told), default=1)
    points = [
        {
            "told": _number(one["confidence"]), "right": _number(one["accuracy"]),
            "x": round(240 * one["confidence"], 1), "y": round(230 * (1 - one["accuracy"]), 1),
            "r": round(2.5 + 7 * (one["pixels"] / most) ** 0.5, 1),
        }
        for one in told
    ]  # fmt: skip
    return {"rows": numbers, "reliability": points}


def _run_rows(run: dict[str, Any]) -> list[tuple[str, str, str]]:
    planned, actual = run["planned"], run["actual"]
    wall = actual.get("wall_s")
    return [
        ("tiles", f"{planned['units']:,}", f"{actual['units']:,}"),
        ("area", f"{planned['km2']:,.0f} km²", f"{actual['km2']:,.0f} km²"),
        ("read", f"{planned['bytes'] / 1e9:,.2f} GB", f"{actual['bytes'] / 1e9:,.2f} GB"),
        ("written", "", f"{actual['bytes_written'] / 1e9:,.3f} GB"),
        ("core time", _duration(planned["seconds"]), _duration(actual["seconds"])),
        ("wall time", "", "" if wall is None else _duration(wall)),
        ("tries a tile", "1", f"{actual['attempts'] / max(1, actual['units']):.2f}"),
        ("memory of a worker", "", f"{actual['peak_rss'] / 2**30:.1f} GiB"),
        ("software", "", f"Swath {run['software']}, {run['backend']}"),
    ]


def _months(months: dict[str, int]) -> tuple[list[tuple[str, int, float]], str]:
    unit = "month"
    if len(months) > _MONTHS:
        years: Counter[str] = Counter()
        for month, count in months.items():
            years[month[:4]] += count
        months, unit = dict(sorted(years.items())), "year"
    most = max(months.values(), default=1)
    return [(name, count, round(100 * count / most, 1)) for name, count in months.items()], unit


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} ({count:,})" for name, count in counts.items()) or "no platform"


def _round_up(value: float) -> float:
    """The next round number of a positive one."""
    power = 10.0 ** floor(log10(value))
    return float(next(step for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if step >= value / power - 1e-9) * power)


def _length(metres: float) -> str:
    return f"{metres / 1000:g} km" if metres >= 1000 else f"{metres:g} m"


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:,.0f} min" if seconds < 7200 else f"{seconds / 3600:,.1f} h"


def _number(value: Any) -> str:
    return f"{value:,.3f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
