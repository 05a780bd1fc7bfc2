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
    """(name, header, rows), only those that something is known for; the first eight always."""
    field = ["figure", "value"]
    held = (values["transfer"] or {}).get("held_out", {})
    made = values["made"]
    always = [
        ("map", ["field", "value"], [*_flat(values["map"]), ["citation", values["citation"]]]),
        ("limits", ["limit"], [[limit] for limit in values["limits"]]),
        _accuracy(values),
        _strata(values),
        ("transfer", ["held out", *field], [[part, *row] for part, told in held.items() for row in _flat(told)]),
        ("images", ["month", "images"], [[month, count] for month, count in made["images"]["months"].items()]),
        (
            "runs",
            ["run", "field", "planned", "actual"],
            [
                row
                for run in made["runs"]
                for row in [
                    [run["run"], "tiles of this map", None, run["tiles"]],
                    *(
                        [run["run"], name, run["planned"].get(name), run["actual"].get(name)]
                        for name in dict.fromkeys([*run["planned"], *run["actual"]])
                    ),
                ]
            ],
        ),
        (
            "failures",
            ["kind", "unit", "type", "message", "hrefs"],
            [
                [kind.replace("_", " "), one["unit"], one["type"], one["message"], " ".join(one["hrefs"])]
                for kind in ("failures", "not_renewed", "incomplete")
                for one in made[kind]["first"]
            ],
        ),
    ]  # fmt: skip
    known = [_regions(values), _applicability(values), _bills(values), _rates(values), _updates(values)]
    return always + [sheet for sheet in known if sheet[2]]


def _accuracy(values: dict[str, Any]) -> tuple[str, Row, list[Row]]:
    estimate = ["figure", "of", "value", "standard_error", "low", "high"]
    current = [one for one in [*values["accuracy"], *values["plots"]] if not one.get("outdated")]
    header = ["reference", "title", "level", *estimate, "published_low", "published_high", "omitted", "few"]
    rows = [
        [one.get("sample", one.get("reference")), one["title"], one["level"], *(e[key] for key in estimate),
         *e["published"], e["omitted"], e["is_few"]]
        for one in current for e in one["estimates"]
    ]  # fmt: skip
    return "accuracy", header, rows


def _strata(values: dict[str, Any]) -> tuple[str, Row, list[Row]]:
    stratum = ["name", "area_ha", "pixels", "units"]
    current = [one for one in values["accuracy"] if not one.get("outdated")]
    rows = [[one["sample"], *(s[key] for key in stratum)] for one in current for s in one["strata"]]
    return "strata", ["sample", "stratum", *stratum[1:]], rows


def _regions(values: dict[str, Any]) -> tuple[str, Row, list[Row]]:
    estimate = [
        "region", "of", "kind", "units", "area_ha", "mapped", "mean", "standard_error", "low", "high", "total",
        "total_error", "total_low", "total_high",
    ]  # fmt: skip
    current = [one for one in values["regions"] if not one.get("outdated")]
    parts = sorted({name for one in current for e in one["estimates"] for name in e["parts"] or ()})
    rows = [
        [one["reference"], one["unit"], one["level"], *(e[key] for key in estimate), ", ".join(e["flags"]),
         *((e["parts"] or {}).get(name) for name in parts)]
        for one in current for e in one["estimates"]
    ]  # fmt: skip
    return "regions", ["reference", "unit", "level", *estimate, "flags", *(f"error by {n}" for n in parts)], rows


def _applicability(values: dict[str, Any]) -> tuple[str, Row, list[Row]]:
    told = values["applicability"]
    columns = ["inside_ha", "outside_ha", "unknown_ha", "share_outside"]
    parts = [] if told is None else [{"name": "all"} | told, *told["classes"]]
    return "applicability", ["class", *columns], [[one["name"], *(one[key] for key in columns)] for one in parts]


def _bills(values: dict[str, Any]) -> tuple[str, Row, list[Row]]:
    columns = ["name", "unit", "low", "expected", "high", "actual", "ratio"]
    billed = [run for run in values["made"]["runs"] if run["bill"] is not None]
    rows = [[run["run"], *(one[key] for key in columns)] for run in billed for one in run["bill"]["rows"]]
    return "bill", ["run", *columns], rows


def _rates(values: dict[str, Any]) -> tuple[str, Row, list[Row]]:
    columns = ["name", "of", "low", "expected", "high", "basis", "source"]
    billed = [run for run in values["made"]["runs"] if run["bill"] is not None]
    rows = [[run["run"], *(one[key] for key in columns)] for run in billed for one in run["bill"]["rates"]]
    return "rates", ["run", *columns], rows


def _updates(values: dict[str, Any]) -> tuple[str, Row, list[Row]]:
    updates = [run for run in values["made"]["runs"] if run["update"] is not None]
    rows = [[run["run"], run["update"]["of"], *row] for run in updates for row in _flat(run["update"]["changes"])]
    return "updates", ["run", "goes on from", "found", "count"], rows


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
