"""One flow run of a store at a time, and not too many of a product."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.client.schemas.objects import ConcurrencyLeaseHolder
from prefect.concurrency.sync import concurrency
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.logging import get_run_logger
from prefect.runtime import flow_run

from swath.errors import ClusterError, StoreBusyError
from swath.flows.board import key_for
from swath.store import Lease, Store

LEASE = "flows.lease.json"
_OF_A_PRODUCT = 8  #: runs of one product at once, until somebody says another number on Prefect's page
_LEASE_S = 60  # of a flow run that was killed: after so long the next one goes on
_LEAST_S = 30.0  # a busy server takes its time to answer
_LOOK_S = 2.0


@contextmanager
def alone(store: Store, *, product: str, wait_h: float = 0) -> Iterator[None]:
    """Hold a store for this flow run, and one of the places of its product, while the block runs.

    A lease in the store keeps flow runs apart whatever happens to Prefect's server: with the leases that the server
    keeps in memory, a store would stay locked after the server died. Drivers have a lease of their own.

    Args:
        store: That is worked in.
        product: Name: its limit stands on Prefect's page, where it can be changed.
        wait_h: Hours to wait for both.

    Raises:
        StoreBusyError: Another flow run holds the store for longer than that.
        ClusterError: The product has as many runs as its limit allows.
    """
    end = time.monotonic() + wait_h * 3600
    with ExitStack() as held:
        _hold(held, store, end)
        _take(held, key_for("swath-product", product), end)
        yield


def name_of(product: str | None) -> str:
    """The product whose places a run of NAME, of NAME/VERSION, or of all maps of a store takes."""
    return "any" if product is None else product.partition("/")[0]


def _hold(held: ExitStack, store: Store, end: float) -> None:
    told = False
    while True:
        try:
            held.enter_context(Lease(store, LEASE, ttl=_LEASE_S))
            return
        except StoreBusyError as error:
            if time.monotonic() >= end:
                raise StoreBusyError(
                    f"Another flow run works in {store.root}: {error.message}",
                    fix="Run it again later, or say in wait_h for how long it may wait.",
                    **error.facts,
                ) from error
            if not told:
                get_run_logger().info("waiting for another flow run of %s: %s", store.root, error.message)
            told = True
            time.sleep(_LOOK_S)


def _take(held: ExitStack, limit: str, end: float) -> None:
    full = _full(limit, _OF_A_PRODUCT)
    left = end - time.monotonic()
    try:
        if full and left <= 0:
            raise TimeoutError
        held.enter_context(
            concurrency(
                limit,
                timeout_seconds=max(_LEAST_S, left),
                lease_duration=_LEASE_S,
                strict=True,
                holder=ConcurrencyLeaseHolder(type="flow_run", id=flow_run.id) if flow_run.id else None,
                # the job goes on without Prefect's server, and so does whoever follows it
                raise_on_lease_renewal_failure=False,
            )
        )
    except TimeoutError as error:
        raise ClusterError(
            f"There are as many flow runs as the limit {limit} allows.",
            fix="Run it again later, say in wait_h for how long it may wait, or change the limit on Prefect's page.",
            limit=limit,
        ) from error


def _full(name: str, most: int) -> bool:
    """Whether a limit has no place left. One that is not there is made; one that somebody changed stays as it is."""
    with get_client(sync_client=True) as client:
        try:
            limit = client.read_global_concurrency_limit_by_name(name)
            return limit.active_slots >= limit.limit
        except ObjectNotFound:
            try:
                client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=name, limit=most))
            except ObjectAlreadyExists:
                pass  # two first runs at once
            return False
