"""What a run spends while it runs: held against limits, and written beside the plan at its end."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from swath.mapping.bill import Use
from swath.mapping.billing import Limits, Priced, keep_bill, kept_limits, kept_price, read_bill, reads_network
from swath.mapping.energy import EnergyMeter
from swath.mapping.meter import Meter, Used
from swath.mapping.plan import Plan
from swath.runs import Event


class Spending:
    """Spending of one driver on top of those before it; give it every event.

    Args:
        plan: Being carried out.
        limits: Stop before these are passed; None for those that were kept with the plan.

    Attributes:
        reason: Why it asks to stop; empty while it does not.

    Raises:
        LimitError: What is expected of the whole plan passes a limit, or there are no prices to hold it against.
    """

    def __init__(self, plan: Plan, limits: Limits | None) -> None:
        limits = kept_limits(plan) if limits is None else limits
        self._plan, self._limits = plan, limits
        self.priced: Priced = kept_price(plan)
        self.priced.check(limits)
        told = read_bill(plan).get("actual")
        self._before = Used() if told is None else Used.from_dict(told["used"])
        self._kwh_before: float | None = 0.0 if told is None else told["kwh_measured"]
        self._meter = Meter(network=reads_network(plan))
        self._energy: EnergyMeter | None = None
        self.reason = ""

    def __call__(self, event: Event) -> None:
        """Count one event."""
        self._meter(event)
        if self._energy is not None:
            self._energy.tick()

    @contextlib.contextmanager
    def measured(self, *, here: bool) -> Iterator[None]:
        """Measure the energy of the block, when all of it is used on this machine."""
        if not here:
            yield
            return
        with EnergyMeter() as self._energy:
            yield

    @property
    def used(self) -> Used:
        """Of this driver and those before it."""
        return self._before + self._meter.used

    def about_to_pass(self) -> bool:
        """True once what is used, what is in flight and one unit more would pass a limit."""
        if not self._limits or self.reason:
            return bool(self.reason)
        used = self.used
        bill = self.priced.bill_used(used)
        whole = self.priced.bill()
        assert bill is not None and whole is not None  # limits without prices were refused
        coming = self._meter.running + 1
        for name, limit, spent, planned, unit in (
            ("--max-cost", self._limits.cost, bill.total.expected, whole.total.expected, bill.currency),
            ("--max-carbon", self._limits.carbon, bill.grams.expected, whole.grams.expected, "gCO2e"),
        ):
            if limit is None:
                continue
            mean = spent / used.units if used.units else planned / max(1, self.priced.amounts.units)
            if spent + coming * mean > limit:
                self.reason = f"{name} {limit:,.4g}: {spent:,.4g} {unit} used by {used.units:,} units"
        return bool(self.reason)

    def close(self) -> dict[str, Any]:
        """Write the actual beside the plan, and return both in short."""
        used = self.used
        kwh = None
        if self._energy is not None and self._energy.kwh is not None and self._kwh_before is not None:
            kwh = self._kwh_before + self._energy.kwh
        bill = self.priced.bill_used(used, kwh=kwh)
        share = min(1.0, used.units / max(1, self.priced.amounts.units))
        planned = self.priced.use(share)
        actual = {
            "used": used.to_dict(),
            "kwh_measured": kwh,
            "bill": None if bill is None else bill.to_dict(),
            "units_planned": self.priced.amounts.units,
            "beside_plan": beside(planned, used, self.priced.busy) if used.units else {},
        }
        keep_bill(self._plan, {**read_bill(self._plan), "actual": actual})
        return actual


def beside(planned: Use, used: Used, busy: float) -> dict[str, dict[str, float | None]]:
    """Planned for as many units as were made, actual, and actual over planned."""
    rows = {
        "bytes_in": (planned.bytes_in.expected, float(used.bytes_in)),
        "bytes_out": (planned.bytes_out.expected, float(used.bytes_out)),
        "cpu_s": (planned.core_hours.expected * 3600 * busy, used.cpu_s),
    }
    return {
        name: {"planned": plan, "actual": actual, "ratio": actual / plan if plan else None}
        for name, (plan, actual) in rows.items()
    }
