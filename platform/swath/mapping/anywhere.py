"""Carry a plan out wherever it shall run: here, on a cluster elsewhere, or on one that is made for it."""

from __future__ import annotations

from collections.abc import Callable

from swath.cluster import Job, Where, elsewhere, free
from swath.cluster.kuberay import KubeRaySpec
from swath.errors import RequestError, SourceError
from swath.mapping.billing import kept_price, reads_network
from swath.mapping.fleet import fleet_for
from swath.mapping.plan import Plan
from swath.mapping.run import RunResult, Stale, carry_out, settle_stale
from swath.mapping.submitted import follow, submit_plan
from swath.planning.inputs import Said
from swath.runs.progress import Mode
from swath.store import Failures, done_units

OnJob = Callable[[Job, str], None]


def map_on(
    plan: Plan,
    where: Where,
    *,
    workers: int | None = None,
    stale: Stale | None = None,
    complete: bool = False,
    display: Mode = "none",
    on_job: OnJob = lambda job, uri: None,
    on_log: Said | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    say: Said = lambda _: None,
) -> RunResult:
    """Carry a plan out; the same call goes on where an earlier one stopped, and finds a job that goes on without us.

    A cluster on Kubernetes is as large as what is left of the plan needs, and is deleted at the end, whatever happens.
    Where nothing is left, none is made.

    Args:
        plan: Stands in its store.
        where: Where it is carried out.
        workers: Most workers; of a cluster that is made, that many.
        stale: What to do with units that older code made.
        complete: Make units again that were made without some of their files.
        display: How progress is shown.
        on_job: Told the job and the URI of its spec, where one carries the plan out.
        on_log: Given what the job prints, in a thread of its own.
        should_stop: Asked often; once true units in flight finish, and what is made stays.
        say: Told what is being done, a line a stage.

    Raises:
        CredentialsError: Of a cluster: missing, refused, or without a right.
        ClusterError: A cluster cannot be reached or does not become ready, or a job was killed.
        RequestError: No size meets the deadline, or units of older code and `stale` is None.
        SourceError, StoreError: Files or a store that the cluster does not see.
        RunStoppedError: Asked to stop while a cluster started.
    """
    if not where.elsewhere:
        return carry_out(
            plan, cluster=where.name, workers=workers, stale=stale, complete=complete, display=display,
            should_stop=should_stop, say=say,
        )  # fmt: skip
    left = _left(plan, where, stale, complete, say)
    if where.spec is not None and not left:
        if free(where, plan.run):
            say("deleted the cluster that an earlier launcher of this run has left")
        return carry_out(plan, cluster="inline", stale=stale, display=display, should_stop=should_stop, say=say)
    spec = None if where.spec is None else _sized(plan, where, where.spec, workers, left, say)
    with elsewhere(where, plan.run, spec=spec, should_stop=should_stop, say=say) as there:
        job, uri = submit_plan(plan, there.jobs, workers=workers, stale=stale, complete=complete)
        say(f"{'found' if job.adopted else 'submitted'} the job {job.id} at {there.jobs.address}")
        on_job(job, uri)
        return follow(
            plan, there.jobs, job, uri, display=display, beat=there.beat, on_log=on_log, should_stop=should_stop,
            say=say,
        )  # fmt: skip


def leave_on(
    plan: Plan,
    where: Where,
    *,
    workers: int | None = None,
    stale: Stale | None = None,
    complete: bool = False,
    say: Said = lambda _: None,
) -> tuple[Job, str]:
    """Submit a plan and leave the job to itself.

    Returns:
        The job, and the URI of its spec.

    Raises:
        RequestError: It would run here, or on a cluster that nobody would delete.
        Others: As `map_on`.
    """
    check_can_be_left(where)
    _left(plan, where, stale, complete, say)
    with elsewhere(where, plan.run, say=say) as there:
        return submit_plan(plan, there.jobs, workers=workers, stale=stale, complete=complete)


def check_can_be_left(where: Where) -> None:
    """Refuse to leave what ends with this process.

    Raises:
        RequestError: It would run here, or on a cluster that nobody would delete.
    """
    if not where.elsewhere:
        raise RequestError(
            f"--detach, and --cluster {where.name} runs from this process.",
            fix="Give the address of a Jobs API, as http://HOST:8265, or leave --detach out.",
        )
    if where.spec is not None:
        raise RequestError(
            "--detach, and --cluster kuberay makes a cluster that this process deletes at the end.",
            fix="Leave --detach out, and run the command as a Job of Kubernetes or a flow.",
        )


def _left(plan: Plan, where: Where, stale: Stale | None, complete: bool, say: Said) -> int:
    """Units to make; what would be refused there is refused here, before anything is paid for."""
    where.check_store(plan.store)
    if where.spec is not None and not reads_network(plan):
        raise SourceError(
            "The files of the plan lie on this machine, and pods of Kubernetes do not see them.",
            fix="Give a source whose items have https:// or s3:// addresses.",
        )
    done = done_units(plan.store, plan.root, {unit.step for unit in plan.units(items=False)})
    kept = settle_stale(plan, done, stale, say)
    again = set(Failures(plan.store, plan.root, plan.run, "skipped").units()) if complete else set()
    return sum(
        unit.id in again or (unit.key not in done.get((unit.step, unit.tile), ()) and unit.id not in kept)
        for unit in plan.units(items=False)
        if unit.scenes
    )


def _sized(plan: Plan, where: Where, spec: KubeRaySpec, workers: int | None, left: int, say: Said) -> KubeRaySpec:
    share = left / max(1, plan.totals.units)
    fleet = fleet_for(kept_price(plan), spec, share=share, deadline_s=where.deadline_s, workers=workers)
    say(str(fleet))
    return fleet.spec
