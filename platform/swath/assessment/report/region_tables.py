"""Means, totals and areas by region as tables of the page: a row an estimate, with its interval and its kind."""

from __future__ import annotations

from typing import Any

from swath.assessment.overlay import ALL
from swath.assessment.report.figures import digits, hectares, round_up
from swath.assessment.report.pictures import plain

MOST_ROWS = 60  #: of a result that the page shows; the spreadsheet has all
OPEN = 4  #: regions of a map of classes that are shown unasked


def region_view(told: dict[str, Any]) -> dict[str, Any]:
    """A result as the page shows it.

    Args:
        told: Of `regions_of`, of this very map.

    Returns:
        `tables`, each with title, unit, axis and rows; `kinds` that occur; `left_out`: estimates not shown.
    """
    estimates = told["estimates"]
    by_class = any(one["of"] for one in estimates)
    # areas of the whole map stand with its accuracy, where their interval is a better one
    wanted = [one for one in estimates if not by_class or one["region"] != ALL]
    # what holds for all of them is said once
    common = set(wanted[0]["flags"]).intersection(*(one["flags"] for one in wanted)) if wanted else set()
    shown = [one | {"flags": [f for f in one["flags"] if f not in common]} for one in wanted[:MOST_ROWS]]
    tables = _areas(shown) if by_class else [_means(shown, told["unit"])]
    return told | {
        "tables": tables,
        "by_class": by_class,
        "folded": len(tables) > OPEN,
        "flags": sorted(common),
        "kinds": list(dict.fromkeys(one["kind"] for one in wanted)),
        "left_out": len(wanted) - len(shown),
        "percent": round(told["level"] * 100),
    }


def _means(estimates: list[dict[str, Any]], unit: str) -> dict[str, Any]:
    top = _top([one[key] for one in estimates for key in ("high", "mean", "mapped")])
    main = estimates[0]["kind"] if estimates else ""
    of_total = unit.removesuffix("/ha") if unit.endswith("/ha") else f"{unit} ha"
    rows = []
    for one in estimates:
        row = _row(one, "" if one["kind"] == main else one["kind"], one["mean"], one["low"], one["high"], top)
        row["mapped"] = _at(one["mapped"], top)
        row["total"] = "" if one["total"] is None else f"{digits(one['total'])} {of_total}"
        row["total_range"] = "" if one["total"] is None else _range(one["total_low"], one["total_high"])
        parts = [f"{name} {digits(error)}" for name, error in (one["parts"] or {}).items() if error is not None]
        row["parts"] = ", ".join(parts)
        rows.append(row)
    return {"title": "By region", "unit": unit, "axis": f"mean, 0 to {digits(top, 2)}", "rows": rows}


def _areas(estimates: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A table a region, a row a class."""
    tables = []
    for region in dict.fromkeys(one["region"] for one in estimates):
        mine = [one for one in estimates if one["region"] == region]
        top = _top([one["area_ha"] * one[key] for one in mine for key in ("high", "mapped") if one[key] is not None])
        main, rows = mine[0]["kind"], []
        for one in mine:
            kind = "" if one["kind"] == main else one["kind"]
            row = _row(one, kind, one["total"], one["total_low"], one["total_high"], top)
            mapped = None if one["mapped"] is None else one["area_ha"] * one["mapped"]
            rows.append(row | {"name": plain(one["of"]), "mapped": _at(mapped, top)})
        note = f"{hectares(mine[0]['area_ha'])} mapped, {mine[0]['units']:,} units"
        tables.append(
            {"title": region, "note": note, "unit": "ha", "axis": f"0 to {hectares(top)}", "rows": rows, "kind": main}
        )  # fmt: skip
    return tables


def _row(
    one: dict[str, Any], kind: str, value: float | None, low: float | None, high: float | None, top: float
) -> dict[str, Any]:
    first, last = _at(low, top), _at(high, top)
    return {
        "name": "whole map" if one["region"] == ALL else one["region"],
        "kind": kind,
        "flags": one["flags"],
        "note": f"{hectares(one['area_ha'])}, {one['units']:,} units",
        "text": digits(value),
        "range": _range(low, high),
        "at": _at(value, top),
        "low": first,
        "wide": None if first is None or last is None else round(last - first, 2),
    }


def _range(low: float | None, high: float | None) -> str:
    """An interval; one without width is none: no unit differs from the map, which does not make the map certain."""
    return "–" if low is None or high is None or low == high else f"{digits(low)} to {digits(high)}"


def _at(value: float | None, top: float) -> float | None:
    """Per cent of the axis."""
    return None if value is None else round(100 * min(1.0, max(0.0, value / top)), 2)


def _top(values: list[float | None]) -> float:
    return round_up(max([1e-9, *(value for value in values if value is not None)]))
