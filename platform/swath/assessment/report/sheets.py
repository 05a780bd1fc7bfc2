"""The numbers of a report as a spreadsheet, a sheet a subject."""

from __future__ import annotations

import io
from typing import Any

Row = list[Any]


def spreadsheet(values: dict[str, Any]) -> bytes:
    """An .xlsx file of a report's values; the same values give the same bytes.

    Args:
        values: Of `Contents`.
    """
    import datetime

    import xlsxwriter

    data = io.BytesIO()
    # texts are kept as texts: a class or an href that begins with = is no formula
    book = xlsxwriter.Workbook(data, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    book.set_properties({"title": values["map"]["id"], "created": datetime.datetime(1980, 1, 1)})
    bold = book.add_format({"bold": True})
    for name, header, rows in _sheets(values):
        sheet = book.add_worksheet(name)
        sheet.write_row(0, 0, header, bold)
        for number, row in enumerate(rows, start=1):
            sheet.write_row(number, 0, row)
        sheet.freeze_panes(1, 0)
        sheet.autofit()
    book.close()
    return data.getvalue()


def _sheets(values: dict[str, Any]) -> list[tuple[str, Row, list[Row]]]:
    current = [one for one in values["accuracy"] if not one.get("outdated")]
    estimate = ["figure", "of", "value", "standard_error", "low", "high"]
    stratum, field = ["name", "area_ha", "pixels", "units"], ["figure", "value"]
    held = (values["transfer"] or {}).get("held_out", {})
    made = values["made"]
    return [
        ("map", ["field", "value"], [*_flat(values["map"]), ["citation", values["citation"]]]),
        ("limits", ["limit"], [[limit] for limit in values["limits"]]),
        (
            "accuracy",
            ["sample", "level", *estimate, "published_low", "published_high", "omitted", "few"],
            [
                [one["sample"], one["level"], *(e[key] for key in estimate), *e["published"], e["omitted"], e["is_few"]]
                for one in current
                for e in one["estimates"]
            ],
        ),
        (
            "strata",
            ["sample", "stratum", *stratum[1:]],
            [[one["sample"], *(s[key] for key in stratum)] for one in current for s in one["strata"]],
        ),
        ("transfer", ["held out", *field], [[part, *row] for part, told in held.items() for row in _flat(told)]),
        ("images", ["month", "images"], [[month, count] for month, count in made["images"]["months"].items()]),
        (
            "runs",
            ["run", "field", "planned", "actual"],
            [
                [run["run"], name, run["planned"].get(name), run["actual"].get(name)]
                for run in made["runs"]
                for name in dict.fromkeys([*run["planned"], *run["actual"]])
            ],
        ),
        (
            "failures",
            ["unit", "type", "message", "hrefs"],
            [
                [one["unit"], one["type"], one["message"], " ".join(one["hrefs"])]
                for kind in ("failures", "incomplete")
                for one in made[kind]["first"]
            ],
        ),
    ]  # fmt: skip


def _flat(values: dict[str, Any], before: str = "") -> list[Row]:
    """Numbers and texts of nested values, a row each."""
    rows: list[Row] = []
    for name, value in values.items():
        if isinstance(value, dict):
            rows += _flat(value, f"{before}{name} ")
        elif isinstance(value, str | int | float | bool) or value is None:
            rows.append([f"{before}{name}", value])
        elif isinstance(value, list) and all(isinstance(one, str | int | float) for one in value):
            rows.append([f"{before}{name}", ", ".join(map(str, value))])
    return rows
