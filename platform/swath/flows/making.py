"""What flows of maps share: a plan is priced and approved, made as a job, trusted, and how that ended."""

from __future__ import annotations

from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.runtime import task_run
from prefect.states import Completed, Failed

from swath.flows.asked import Making
from swath.flows.board import show_failures, show_plan
from swath.flows.jobs import make
from swath.flows.shown import audit_shown, report_shown
from swath.mapping import Plan, RunResult, kept_price, price_asked

# no retries: the one flaky call is tried again where it is made, never a whole job


def _named() -> str:
    """Name of a task run: what it does, and of which product, period and region."""
    asked = task_run.parameters["plan"].facts["request"]
    return f"{task_run.task_name.replace('_', ' ')} {asked['product']} {asked['period']} {asked['area']}"


def approve(asked: Making, plan: Plan) -> None:
    """Price a plan, show it, and hold it against the limits.

    Raises:
        LimitError: It is expected to pass one; nothing has begun.
    """
    try:
        price_asked(plan, prices=asked.prices, carbon=asked.carbon, workers=asked.workers, limits=asked.limits)
    finally:
        show_plan(plan, kept_price(plan))


@task(name="make", task_run_name=_named, cache_policy=NO_CACHE)
def make_units(asked: Making, plan: Plan) -> RunResult:
    """Make every unit of a plan that is not made yet, as a job."""
    result = make(plan, asked.where(), workers=asked.workers, stale=asked.older)
    show_failures(plan, result)
    return result


@task(name="audit_and_report", task_run_name=_named, cache_policy=NO_CACHE)
def trust(asked: Making, plan: Plan) -> dict[str, Any]:
    """Audit a map, draw it, and write its report."""
    found: dict[str, Any] = {}
    if asked.audit:
        made = audit_shown(plan.store, product=plan.root)
        found = {"audit": made.verdict, "audit_url": made.url}
    pages = report_shown(plan.store, product=plan.root, write=asked.report)
    return found | ({"reports": pages} if asked.report else {})


def ended(plan: Plan, result: RunResult, trusted: dict[str, Any]) -> State[dict[str, Any]]:
    """How a flow run ends: what, where, and what it costs to go on. A state that failed has no data but its message."""
    units = plan.totals.units
    made = result.done + result.found
    text = f"{made:,} of {units:,} units of {plan.product.name} stand in {plan.store.url(plan.root)}"
    if result.stopped:
        return Failed(message=f"{text}. It stopped: {result.stopped}. {to_go_on(plan, made)}")
    if result.failed:
        hrefs = ", ".join(dict.fromkeys(str(one.get("href") or one.get("unit")) for one in result.failures[:3]))
        return Failed(
            message=f"{text}. {result.failed:,} failed, as {hrefs}; all stand in {result.failed_folder}. "
            f"{to_go_on(plan, made)}"
        )
    if trusted.get("audit") == "failed":
        return Failed(
            message=f"{text}. The audit failed, and the map stays unpublished: {trusted['audit_url']}. "
            "Mend it, then run the audit again."
        )
    return Completed(message=f"{text}. {result.collection}", data={**result.to_dict(), **trusted})


def to_go_on(plan: Plan, made: int) -> str:
    """What the units that are missing take, as it was priced."""
    priced = kept_price(plan)
    use = priced.use(1 - made / max(1, plan.totals.units))
    bill = priced.bill(use)
    cost = f"{use.core_hours.expected:,.3g} core hours"
    if bill is not None:
        cost += f", {bill.total.expected:,.3g} {bill.currency}, {bill.grams.expected:,.3g} gCO2e"
    return f"To go on takes about {cost}: run it again with the same parameters."
