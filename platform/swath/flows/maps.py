"""Flows of maps: one that is planned, approved by rule, made, audited and reported; and those that stand, updated."""

from __future__ import annotations

from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from swath.flows.asked import MapAsked, UpdateAsked
from swath.flows.board import show_table
from swath.flows.ends import ENDS
from swath.flows.limits import alone, name_of
from swath.flows.making import approve, ended, make_units, trust
from swath.mapping import Plan, Stale, Update, make_plan, plan_updates
from swath.planning import MapRequest
from swath.store import Store


@flow(
    name="map",
    flow_run_name="map {asked.product} {asked.period} {asked.place}",
    **ENDS,
)
def map_product(asked: MapAsked) -> State[dict[str, Any]]:
    """Map a product; the same run goes on where it stopped. Many periods are one plan, with no barrier between them."""
    asked = asked.on(flow_run.scheduled_start_time.date())  # a run that goes on later means the same period
    where, request, store = asked.where(), asked.request(), Store.open(asked.store)
    where.check_store(store)
    with alone(store, product=request.product.name, wait_h=asked.wait_h):
        plan = plan_map(asked, request)
        result = make_units(asked, plan)
        trusted = trust(asked, plan) if result.collection else {}
    return ended(plan, result, trusted)


@task(name="plan", task_run_name="plan {asked.product} {asked.period} {asked.place}", cache_policy=NO_CACHE)
def plan_map(asked: MapAsked, request: MapRequest) -> Plan:
    """Freeze items and units; refuse what is expected to pass a limit."""
    plan = make_plan(request, Store.open(asked.store), say=get_run_logger().info)
    approve(asked, plan)
    return plan


@flow(
    name="update",
    flow_run_name="update {asked.maps}",
    **ENDS,
)
def update_maps(asked: UpdateAsked) -> State[dict[str, Any]]:
    """Bring the maps of a store up to date: only tiles whose scenes are new or replaced are made."""
    asked = asked.on(flow_run.scheduled_start_time.date())  # days of runs that came late are not left out
    where, store = asked.where(), Store.open(asked.store)
    where.check_store(store)
    with alone(store, product=name_of(asked.product), wait_h=asked.wait_h):
        updates = plan_update(asked)
        states = []
        for one in updates:
            if one.plan is not None:
                result = make_units(asked, one.plan)
                states.append(ended(one.plan, result, trust(asked, one.plan) if result.collection else {}))
    failed = [str(state.message) for state in states if state.is_failed()]
    if failed:
        return Failed(message=" ".join(failed))
    changes = [one.to_dict() for one in updates]
    text = " ".join(str(state.message) for state in states) or f"Nothing has changed for {asked.store}."
    return Completed(message=text, data={"updates": changes, "results": [state.data for state in states]})


@task(name="plan update", task_run_name="plan update {asked.maps}", cache_policy=NO_CACHE)
def plan_update(asked: UpdateAsked) -> list[Update]:
    """Search anew, say what has changed, and refuse what is expected to pass a limit."""
    redo = asked.older is Stale.REDO
    updates = plan_updates(
        Store.open(asked.store), asked.window, product=asked.product, source=asked.source, redo=redo,
        say=get_run_logger().info,
    )  # fmt: skip
    rows = [
        {"map": f"{one.base.root} {one.base.facts['request']['area']}", "period": one.period.text}
        | {name: value for name, value in one.changes.to_dict().items() if isinstance(value, int)}
        for one in updates
    ]
    show_table("changes", rows, description=f"What has changed for the maps of {asked.store}")
    for one in updates:
        if one.plan is not None:
            approve(asked, one.plan)
    return updates
