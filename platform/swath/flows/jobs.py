"""The job of a flow run: found or submitted, shown, waited for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prefect.logging import get_run_logger

from swath.cluster import LocalJobs
from swath.cluster.elsewhere import Elsewhere, elsewhere
from swath.cluster.where import Where
from swath.flows.board import show_job
from swath.flows.watch import Watch
from swath.mapping import Plan, RunResult, Stale
from swath.mapping.submitted import follow, submit_plan


@contextmanager
def there(where: Where, run: str) -> Iterator[Elsewhere]:
    """Where jobs of a run are taken, while the block runs."""
    if where.name == "inline":
        yield Elsewhere(LocalJobs("inline"))
    elif where.name in ("local", "auto"):
        yield Elsewhere(LocalJobs("local"))
    else:
        with elsewhere(where, run, say=get_run_logger().info) as found:
            yield found


def make(plan: Plan, where: Where, *, workers: int | None, stale: Stale | None, complete: bool = False) -> RunResult:
    """Carry a plan out as a job, and wait for it.

    Raises:
        ClusterError: The job ended without a result, or its cluster did not become ready.
    """
    log = get_run_logger()
    with there(where, plan.run) as found:
        place = found.jobs
        job, uri = submit_plan(plan, place, workers=workers, stale=stale, complete=complete)
        log.info("%s the job %s on %s", "found" if job.adopted else "submitted", job.id, place.address)
        show_job(job.id, place.address, uri)
        with Watch(log, place, job.id, plan):
            return follow(plan, place, job, uri)
