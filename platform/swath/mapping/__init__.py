"""Mapping: plan an area, carry the plan out, publish the map."""

from __future__ import annotations

from swath.mapping.anywhere import check_can_be_left, leave_on, map_on
from swath.mapping.billing import Limits, Priced, keep_limits, kept_price, price, price_asked, read_bill
from swath.mapping.fleet import Fleet, fleet_for
from swath.mapping.maintain import clean, open_runs, plans, read_status
from swath.mapping.plan import Plan, make_plan
from swath.mapping.run import RunResult, Stale, carry_out
from swath.mapping.unit_plan import Totals
from swath.mapping.update import Update, Window, maps_of, plan_update, plan_updates

__all__ = [
    "Fleet",
    "Limits",
    "Plan",
    "Priced",
    "RunResult",
    "Stale",
    "Totals",
    "Update",
    "Window",
    "carry_out",
    "check_can_be_left",
    "clean",
    "fleet_for",
    "keep_limits",
    "kept_price",
    "leave_on",
    "make_plan",
    "map_on",
    "maps_of",
    "open_runs",
    "plan_update",
    "plan_updates",
    "plans",
    "price",
    "price_asked",
    "read_bill",
    "read_status",
]
