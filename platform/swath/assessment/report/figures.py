"""Numbers as people read them."""

from __future__ import annotations

from math import floor, log10

_LEAST = 0.0001
_LARGER = {
    "B": ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")),
    "gCO2e": ((1e6, "t CO2e"), (1e3, "kg CO2e"), (0.0, "g CO2e")),
}


def hectares(value: float) -> str:
    """An area."""
    if 0 < value < 10:
        return f"{value:.2g} ha"
    return f"{value:,.0f} ha" if value < 1e6 else f"{value / 1e6:,.2f} million ha"


def duration(seconds: float) -> str:
    """A time."""
    if 0 < seconds < 10:
        return f"{digits(seconds, 2)} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:,.0f} min" if seconds < 7200 else f"{seconds / 3600:,.1f} h"


def length(metres: float) -> str:
    """A distance."""
    return f"{metres / 1000:g} km" if metres >= 1000 else f"{metres:g} m"


def digits(value: float | None, most: int = 3) -> str:
    """A number with so many digits that count and at most four behind the point; a dash for none."""
    if value is None:
        return "–"
    if value == 0:
        return "0"
    if abs(value) < _LEAST / 2:
        return f"below {_LEAST:g}" if value > 0 else f"above {-_LEAST:g}"
    after = most - 1 - floor(log10(abs(value)))
    return f"{value:,.{min(max(0, after), 4)}f}"


def amount(value: float | None, unit: str) -> str:
    """A number with its unit: times as people tell them, bytes and grams in larger ones."""
    if value is None:
        return "–"
    if unit == "1":
        return f"{value:,.0f}"
    if unit in ("s", "h"):
        return duration(value if unit == "s" else value * 3600)
    for size, larger in _LARGER.get(unit, ()):
        if abs(value) >= size:
            return f"{digits(value / (size or 1))} {larger}"
    return f"{digits(value)} {unit}"


def round_up(value: float) -> float:
    """The next round number of a positive one."""
    power = 10.0 ** floor(log10(value))
    return float(next(step for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if step >= value / power - 1e-9) * power)
