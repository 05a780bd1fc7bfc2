"""One run of a store at a time, and not too many of a product."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.client.schemas.objects import ConcurrencyLeaseHolder
from prefect.concurrency.sync import concurrency
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.runtime import flow_run

from swath.errors import StoreBusyError
from swath.flows.board import key_for

_OF_A_PRODUCT = 8  #: runs of one product at once, until somebody says another number on Prefect's page
_LEASE_S = 60  # of a flow run that was killed: after so long the next one goes on
_LEAST_S = 2.0


@contextmanager
def alone(place: str, *, product: str, wait_h: float = 0) -> Iterator[None]:
    """Hold a place of a store, and one of the product's, while the block runs.

    The store's own lease keeps drivers apart, also those that no flow began; this one lets flow runs wait for each
    other where people see it.

    Args:
        place: URL of the folder that is worked in.
        product: Name.
        wait_h: Hours to wait for it.

    Raises:
        StoreBusyError: Another flow run holds it for longer than that.
    """
    store = f"swath-store-{hashlib.sha256(place.encode()).hexdigest()[:12]}"
    of_product = key_for("swath-product", product)
    _ensure(store, 1)
    _ensure(of_product, _OF_A_PRODUCT)
    with ExitStack() as held:
        try:
            held.enter_context(
                concurrency(
                    [store, of_product],
                    timeout_seconds=max(_LEAST_S, wait_h * 3600),
                    lease_duration=_LEASE_S,
                    strict=True,
                    holder=ConcurrencyLeaseHolder(type="flow_run", id=flow_run.id) if flow_run.id else None,
                    # the job goes on without Prefect's server, and so does whoever follows it
                    raise_on_lease_renewal_failure=False,
                )
            )
        except TimeoutError as error:
            raise StoreBusyError(
                f"Another flow run works in {place}, or {product} has as many runs as its limit allows "
                f"(limits {store} and {of_product}).",
                fix="Run it again later, or say in wait_h for how long it may wait.",
                place=place,
            ) from error
        yield


def _ensure(name: str, most: int) -> None:
    """Make a limit that is not there; one that somebody has changed stays as it is."""
    with get_client(sync_client=True) as client:
        try:
            client.read_global_concurrency_limit_by_name(name)
        except ObjectNotFound:
            try:
                client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=name, limit=most))
            except ObjectAlreadyExists:
                pass  # two first runs at once
