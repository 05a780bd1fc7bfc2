"""Figures of a model on blocks held out, as the page shows them."""

from __future__ import annotations

from typing import Any

from swath.assessment.report.figures import digits
from swath.assessment.report.pictures import plain

_WIDTH, _HEIGHT = 240, 230  # of a reliability diagram
_BIN = ("low", "high")


def held_out_view(figures: dict[str, Any]) -> dict[str, Any]:
    """Figures of one part that was held out.

    Args:
        figures: By name, of metrics.json.

    Returns:
        `rows`: numbers, and F1 by class; `reliability`: points of a diagram; `bins`: tables by bins of the reference.
    """
    numbers = [(plain(key), _number(value)) for key, value in figures.items() if isinstance(value, int | float)]
    numbers += [(f"F1 of {plain(name)}", _number(value)) for name, value in (figures.get("f1") or {}).items()]
    return {"rows": numbers, "reliability": _points(figures), "bins": _bins(figures)}


def _points(figures: dict[str, Any]) -> list[dict[str, Any]]:
    told = [one for one in figures.get("reliability") or [] if one.get("pixels")]
    most = max((one["pixels"] for one in told), default=1)
    return [
        {
            "told": _number(one["confidence"]), "right": _number(one["accuracy"]),
            "x": round(_WIDTH * one["confidence"], 1), "y": round(_HEIGHT * (1 - one["accuracy"]), 1),
            "r": round(2.5 + 7 * (one["pixels"] / most) ** 0.5, 1),
        }
        for one in told
    ]  # fmt: skip


def _bins(figures: dict[str, Any]) -> list[dict[str, Any]]:
    """Tables of figures by bins of the reference: bias and error by how much there is."""
    made = []
    for key, rows in figures.items():
        if not (isinstance(rows, list) and rows and all(isinstance(r, dict) and set(_BIN) <= set(r) for r in rows)):
            continue
        columns = [name for name in rows[0] if name not in _BIN]
        made.append(
            {
                "title": plain(key), "columns": [plain(name) for name in columns],
                "rows": [(_span(row["low"], row["high"]), [_short(row.get(name)) for name in columns]) for row in rows],
            }
        )  # fmt: skip
    return made


def _span(low: float | None, high: float | None) -> str:
    if low is None:
        return "all" if high is None else f"below {high:g}"
    return f"from {low:g}" if high is None else f"{low:g} to {high:g}"


def _short(value: Any) -> str:
    return digits(value) if isinstance(value, float) else "–" if value is None else _number(value)


def _number(value: Any) -> str:
    return f"{value:,.3f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
