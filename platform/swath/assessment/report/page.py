"""The report as one page that needs nothing from elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from swath.assessment.report.contents import Contents
from swath.assessment.report.figures import hectares, length, round_up
from swath.assessment.report.pictures import Picture, plain
from swath.assessment.report.region_tables import region_view
from swath.assessment.report.run_rows import run_view
from swath.assessment.report.transfer import held_out_view
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
    "map": "Map", "limits": "Limits of use", "accuracy": "Accuracy and areas", "regions": "By region",
    "where": "Where it is wrong", "applicability": "Where the model applies", "transfer": "Transfer",
    "inputs": "Images", "failures": "What failed", "runs": "Plan and actual", "audit": "Audit", "model": "The model",
    "cite": "How to cite",
}  # fmt: skip
_MONTHS = 24  #: more are shown by year


@dataclass(frozen=True)
class Drawn:
    """What the page shows as images.

    Attributes:
        pictures: The map first.
        where: It is wrong, as far as a sample tells.
        applicable: Where its model may be applied.
        colours: Of classes by their name, for the model's card.
    """

    pictures: Sequence[Picture]
    where: Where | None
    applicable: Picture | None
    colours: dict[str, str]


def report_page(contents: Contents, drawn: Drawn) -> str:
    """The page, UTF-8 HTML; every text in it is escaped.

    Args:
        contents: All that is known of the map.
        drawn: Its images.
    """
    values, package = contents.values, contents.package
    held = (values["transfer"] or {}).get("held_out", {})
    made = dict(values["made"]) | {"runs": [run_view(run) for run in values["made"]["runs"]]}
    months, unit = _months(values["made"]["images"]["months"])
    card = None if package is None else card_values(package, name=package.spec.name, colours=drawn.colours)
    current, regions = _current(values), [region_view(one) for one in values["regions"] if not one.get("outdated")]
    of_values = not values["map"]["classes"]
    told = {
        "accuracy": current or not of_values or not regions, "regions": regions, "where": drawn.where,
        "applicability": values["applicability"], "audit": values["audit"], "model": package,
    }  # fmt: skip
    names = _CONTENTS | ({"regions": "Means and totals", "accuracy": "Accuracy"} if of_values else {})
    return page(
        "report.html.jinja",
        own="swath.assessment.report",
        card=card,
        **{key: values[key] for key in ("map", "limits", "audit", "citation", "applicability")},
        contents=[(anchor, name) for anchor, name in names.items() if told.get(anchor, True)],
        pictures=[_shown(one) for one in drawn.pictures],
        current=current,
        titles=list(dict.fromkeys(one["title"] for one in [*current, *regions])),
        regions=regions,
        names=names,
        where=drawn.where,
        applicable=None if drawn.applicable is None else _shown(drawn.applicable),
        transfer=[(name, held_out_view(figures)) for name, figures in held.items()],
        made=made,
        months=months,
        months_of=unit,
        platforms=_listed(values["made"]["images"]["platforms"]),
        hectares=hectares,
    )  # fmt: skip


def _shown(picture: Picture) -> dict[str, Any]:
    return vars(picture) | {"length": length(picture.scale[0])}


def _current(values: dict[str, Any]) -> list[dict[str, Any]]:
    """Accuracy by samples and by plots of others, of this very map."""
    made = []
    for one in [*values["accuracy"], *values["plots"]]:
        if one.get("outdated"):
            continue
        name = f"Sample {one['sample']}" if "sample" in one else one["reference"].replace("plots", "Plots", 1)
        units = f"{one['units']:,} units of {one['design']} design" if "design" in one else f"{one['units']:,} plots"
        left = [f"{one['without_label']:,} without a label"] if one.get("without_label") else []
        left += [f"{number:,} {why}" for why, number in one.get("dropped", {}).items()]
        made.append(one | {"name": name, "counted": units, "left": ", ".join(left), "blocks": _blocks(one)})
    return made


def _blocks(one: dict[str, Any]) -> list[dict[str, Any]]:
    """Estimates by figure, each a row with its interval on a common axis."""
    mapped = {part["name"]: part["area_ha"] for part in one.get("strata", [])}
    blocks = []
    for figure, (title, note) in _BLOCKS.items():
        rows = [e for e in one["estimates"] if e["figure"] == figure and e["value"] is not None]
        if not rows:
            continue
        is_area = figure == "area"
        top = round_up(max([1e-9, *(max(e["high"] or 0, mapped.get(e["of"], 0)) for e in rows)])) if is_area else 1.0
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
