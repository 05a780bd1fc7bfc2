"""The table of a run: what was planned, what was used, and one over the other."""

from __future__ import annotations

from typing import Any

from swath.assessment.report.figures import amount, digits, duration

#: Rows of a bill, as people call them
_NAMES = {
    "bytes_in": "read", "bytes_out": "written", "core_hours": "time of cores", "gpu_hours": "time of GPUs",
    "gets": "requests to read", "puts": "requests to write", "wall_s": "wall time", "money_compute": "machines",
    "money_requests": "requests", "money_transfer": "transfer", "money_storage": "storage, a year",
    "money_total": "money in all", "kwh": "energy", "grams_co2e": "emissions",
}  # fmt: skip
_CHANGES = {
    "new": "new", "changed": "of other scenes", "moved": "moved to another second", "unchanged": "unchanged",
    "gone": "whose scenes are gone",
}  # fmt: skip


def run_view(run: dict[str, Any]) -> dict[str, Any]:
    """A run as the page shows it: rows of its table, what it changed, and where its rates come from.

    Args:
        run: Of `how_made`.
    """
    bill = run["bill"]
    return run | {
        "rows": _rows(run),
        "changed": _changed(run["update"]),
        "notes": [*([] if bill is None else _notes(bill)), *_told(run)],
        "rates": [] if bill is None else [_rate(one) for one in bill["rates"]],
        "measured": 0 if bill is None else sum(one["basis"] == "measured" for one in bill["rates"]),
    }


def _rows(run: dict[str, Any]) -> list[dict[str, str]]:
    planned, actual, bill = run["planned"], run["actual"], run["bill"]
    rows = [
        _row("tiles", f"{planned['units']:,}", f"{actual['units']:,}"),
        _row("area", f"{planned['km2']:,.0f} km²", f"{actual['km2']:,.0f} km²"),
    ]
    if bill is None:
        wall = actual.get("wall_s")
        rows += [
            _row("read", amount(planned["bytes"], "B"), amount(actual["bytes"], "B")),
            _row("written", "", amount(actual["bytes_written"], "B")),
            _row("core time", duration(planned["seconds"]), duration(actual["seconds"])),
            _row("wall time", "", "" if wall is None else duration(wall)),
        ]
    else:
        rows += [_billed(one) for one in bill["rows"]]
    return [
        *rows,
        _row("tries a tile", "1", f"{actual['attempts'] / max(1, actual['units']):.2f}"),
        _row("memory of a worker", "", f"{actual['peak_rss'] / 2**30:.1f} GiB"),
    ]


def _row(name: str, planned: str, actual: str, span: str = "", ratio: str = "") -> dict[str, str]:
    return {"name": name, "planned": planned, "span": span, "actual": actual, "ratio": ratio}


def _billed(one: dict[str, Any]) -> dict[str, str]:
    low, expected, high = (amount(one[key], one["unit"]) for key in ("low", "expected", "high"))
    span = "" if low == high else f"{_shared(low, high)} to {high}"
    ratio = "" if one["ratio"] is None else digits(one["ratio"])
    actual = "" if one["actual"] is None else amount(one["actual"], one["unit"])
    return _row(_NAMES[one["name"]], expected, actual, span, ratio)


def _shared(low: str, high: str) -> str:
    """The first of two amounts without a unit that both have."""
    number, _, unit = low.rpartition(" ")
    return number if number and high.endswith(f" {unit}") else low


def _changed(update: dict[str, Any] | None) -> str:
    """What an update found, in a sentence."""
    if update is None:
        return ""
    told = [f"{update['changes'][name]:,} {words}" for name, words in _CHANGES.items() if update["changes"].get(name)]
    return f"Goes on from run {update['of']}, tile by tile: {', '.join(told) or 'nothing'}."


def _notes(bill: dict[str, Any]) -> list[str]:
    """What must be known to read the numbers."""
    planned, made = bill["units"]["planned"], bill["units"]["made"]
    workers = f"{bill['workers']} worker{'' if bill['workers'] == 1 else 's'} of {bill['cores']} cores"
    said = [f"Planned: what is expected, and from low to high; the wall time for {workers}."]
    if made is not None and made < planned:
        said.append(f"Actual is of the {made:,} of {planned:,} tiles that were made, and so is what it is divided by.")
    prices, carbon = bill["prices"], bill["carbon"]
    if prices is None:
        said.append("Nobody gave prices: there is no money and no energy here.")
    else:
        said.append(f"Prices: {prices['name']}, {prices['date']}. {prices.get('note', '')}".strip())
    if carbon is not None:
        energy = f"; energy was {bill['energy']}" if bill["energy"] else ""
        said.append(f"Carbon: {carbon['name']}, {carbon['date']}{energy}. {carbon.get('note', '')}".strip())
    for name, value in bill["limits"].items():
        said.append(f"It was to take {amount(value, 'gCO2e' if name == 'carbon' else bill['currency'])} at most.")
    return said


def _told(run: dict[str, Any]) -> list[str]:
    said = [f"By Swath {run['software']}, {run['backend']}, from {run['source']}."]
    if len(run["steps"]) > 1:
        said.append(f"The run has {len(run['steps'])} time steps; numbers are of all of them.")
    if run["reason"]:
        said.append(f"It stopped: {run['reason']}.")
    return said


def _rate(one: dict[str, Any]) -> dict[str, str]:
    low, expected, high = (f"{one[key]:.3g}" for key in ("low", "expected", "high"))
    span = expected if low == high else f"{expected} ({low} to {high})"
    return {"of": one["of"], "span": span, "basis": one["basis"], "source": one["source"]}
