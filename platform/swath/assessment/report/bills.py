"""The bill of a run: what its plan was expected to take, what was used, and which rates are measured."""

from __future__ import annotations

from typing import Any

from swath.planning.rates import RATES

#: What is used: unit of its numbers, and the same of `actual.used` where no prices were given
_USED = {"bytes_in": "B", "bytes_out": "B", "core_hours": "h", "gpu_hours": "h", "gets": "1", "puts": "1"}
_HOUR = 3600.0


def bill_of(content: dict[str, Any] | None) -> dict[str, Any] | None:
    """A bill as a report tells it, JSON-ready.

    Args:
        content: Of bill.json; None where nobody priced the run.

    Returns:
        `rows`: low, expected and high of the plan, actual, and actual over expected of as many units as were made;
        `units`; `limits`, `rates`, `prices` and `carbon` as far as they are known; None without a plan.
    """
    plan = (content or {}).get("plan")
    if content is None or plan is None:
        return None
    actual: dict[str, Any] = content.get("actual") or {}
    planned, made = plan["amounts"]["units"], actual.get("used", {}).get("units")
    share = min(1.0, made / planned) if made and planned else None
    found = _used(plan, actual) | _paid(actual)
    rows = [
        _row(name, unit, plan["use"][name], found.get(name), share)
        for name, unit in _USED.items()
        if plan["use"][name]["high"]
    ]
    # another number of workers takes another time: no ratio
    rows.append(_row("wall_s", "s", plan["wall_s"], actual.get("used", {}).get("wall_s"), None))
    for name, spread in (plan.get("money") or {}).items():
        rows.append(_row(f"money_{name}", plan["currency"], spread, found.get(f"money_{name}"), share))
    for name, unit in (("kwh", "kWh"), ("grams_co2e", "gCO2e")):
        if name in plan:
            rows.append(_row(name, unit, plan[name], found.get(name), share))
    return {
        "units": {"planned": planned, "made": made},
        "workers": plan["workers"],
        "cores": plan["cores"],
        "rows": rows,
        "currency": plan.get("currency"),
        "limits": {name: value for name, value in (content.get("limits") or {}).items() if value is not None},
        "energy": (actual.get("bill") or {}).get("kwh_basis"),
        "rates": [
            {"name": name, "of": RATES.get(name, name), **{key: rate[key] for key in _RATE}}
            for name, rate in plan["rates"].items()
        ],
        **{name: _table(plan.get(name)) for name in ("prices", "carbon")},
    }


_RATE = ("low", "expected", "high", "basis", "source")


def _used(plan: dict[str, Any], actual: dict[str, Any]) -> dict[str, float]:
    """What readings tell; without prices nobody has counted requests."""
    used = actual.get("used")
    if not used or not used["units"]:
        return {}
    return {
        "bytes_in": used["bytes_in"], "bytes_out": used["bytes_out"],
        # cores are held while they wait
        "core_hours": used["cpu_s"] / plan["rates"]["busy"]["expected"] / _HOUR,
        "gpu_hours": used["stage_s"]["compute"] / _HOUR if plan["rates"]["gpu_a_pixel"]["expected"] else 0.0,
    }  # fmt: skip


def _paid(actual: dict[str, Any]) -> dict[str, float]:
    """What the use comes to by the prices of the plan."""
    bill = actual.get("bill")
    if not bill:
        return {}
    told = {name: bill["use"][name] for name in ("gets", "puts")}
    told |= {f"money_{name}": spread for name, spread in bill["money"].items()}
    told |= {name: bill[name] for name in ("kwh", "grams_co2e")}
    return {name: spread["expected"] for name, spread in told.items()}


def _row(name: str, unit: str, planned: dict[str, float], actual: float | None, share: float | None) -> dict[str, Any]:
    expected = planned["expected"]
    ratio = actual / (share * expected) if actual is not None and share and expected else None
    return {"name": name, "unit": unit, **planned, "actual": actual, "ratio": ratio}


def _table(told: dict[str, Any] | None) -> dict[str, str] | None:
    """What a table of prices or grids says of itself."""
    return None if not told else {name: str(told[name]) for name in ("name", "date", "region", "note") if name in told}
