"""Flows of maps: planned, approved by rule, made, audited, reported."""

from __future__ import annotations

from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.states import Completed, Failed

from swath.assessment.audit import Audit, AuditedMap, audit_map
from swath.assessment.report import write_report
from swath.flows.asked import MapAsked
from swath.flows.board import show_audit, show_failures, show_map, show_plan, show_report
from swath.flows.ends import stop_jobs, tell
from swath.flows.jobs import make
from swath.flows.limits import alone
from swath.mapping import Plan, RunResult, kept_price, make_plan, price_asked
from swath.store import Store

# no retries: the one flaky call is tried again where it is made, never a whole job
_NAMED = "{asked.product} {asked.period} {asked.place}"


@flow(
    name="map",
    flow_run_name=f"map {_NAMED}",
    on_completion=[tell],
    on_failure=[tell],
    on_crashed=[tell],
    on_cancellation=[stop_jobs, tell],
)
def map_product(asked: MapAsked) -> State[dict[str, Any]]:
    """Map a product: plan, hold against the limits, make, audit, report. The same run goes on where it stopped."""
    where, request = asked.where(), asked.request()
    store = Store.open(asked.store)
    where.check_store(store)
    product = request.product
    with alone(f"{store.root}/{product.name}/{product.version}", product=product.name, wait_h=asked.wait_h):
        plan = plan_map(asked)
        result = make_map(asked, plan)
        trusted = trust_map(asked, plan) if result.collection else {}
    return ended(plan, result, trusted)


@task(task_run_name=f"plan {_NAMED}", cache_policy=NO_CACHE)
def plan_map(asked: MapAsked) -> Plan:
    """Freeze items and units; refuse what is expected to pass a limit."""
    plan = make_plan(asked.request(), Store.open(asked.store), say=get_run_logger().info)
    try:
        price_asked(plan, prices=asked.prices, carbon=asked.carbon, workers=asked.workers, limits=asked.limits)
    finally:
        show_plan(plan, kept_price(plan))
    return plan


@task(task_run_name=f"make {_NAMED}", cache_policy=NO_CACHE)
def make_map(asked: MapAsked, plan: Plan) -> RunResult:
    """Make every unit that is not made yet, as a job."""
    result = make(plan, asked.where(), workers=asked.workers, stale=asked.older)
    show_failures(plan, result)
    return result


@task(task_run_name=f"audit and report {_NAMED}", cache_policy=NO_CACHE)
def trust_map(asked: MapAsked, plan: Plan) -> dict[str, Any]:
    """Audit the map, draw it, and write its report."""
    say = get_run_logger().info
    name = plan.root
    found: dict[str, Any] = {}
    if asked.audit:
        made: Audit = audit_map(plan.store, product=name, say=say)
        show_audit(made)
        found = {"audit": made.verdict, "audit_url": made.url}
    maps = AuditedMap.open_all(plan.store, product=name)
    for one in maps:
        show_map(one)
    if asked.report:
        reports = []
        for one in maps:
            report = write_report(one, say=say)
            show_report(one, report)
            reports.append(report.page)
        found["reports"] = reports
    return found


def ended(plan: Plan, result: RunResult, trusted: dict[str, Any]) -> State[dict[str, Any]]:
    """How a flow run ends: what, where, and what it costs to go on."""
    values = {**result.to_dict(), **trusted}
    units = plan.totals.units
    made = result.done + result.found
    text = f"{made:,} of {units:,} units of {plan.product.name} stand in {plan.store.url(plan.root)}"
    if result.stopped:
        return Failed(message=f"{text}. It stopped: {result.stopped}. {to_go_on(plan, made)}", data=values)
    if result.failed:
        hrefs = ", ".join(dict.fromkeys(str(one.get("href") or one.get("unit")) for one in result.failures[:3]))
        return Failed(
            message=f"{text}. {result.failed:,} failed, as {hrefs}; all stand in {result.failed_folder}. "
            f"{to_go_on(plan, made)}",
            data=values,
        )
    if trusted.get("audit") == "failed":
        return Failed(
            message=f"{text}. The audit failed, and the map stays unpublished: {trusted['audit_url']}. "
            "Mend it, then run the audit again.",
            data=values,
        )
    return Completed(message=f"{text}. {result.collection}", data=values)


def to_go_on(plan: Plan, made: int) -> str:
    """What the units that are missing take, as it was priced."""
    priced = kept_price(plan)
    share = 1 - made / max(1, plan.totals.units)
    use = priced.use(share)
    bill = priced.bill(use)
    cost = f"{use.core_hours.expected:,.3g} core hours"
    if bill is not None:
        cost += f", {bill.total.expected:,.3g} {bill.currency}, {bill.grams.expected:,.3g} gCO2e"
    return f"To go on takes about {cost}: run it again with the same parameters."
