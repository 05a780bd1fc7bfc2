"""A command of `swath` that runs as a job elsewhere, as if it ran here."""

from __future__ import annotations

from collections.abc import Callable

from swath.cluster.elsewhere import elsewhere
from swath.cluster.job import Job, JobPlace, job_id
from swath.cluster.submitted import Said, follow_job, submit_spec, without_end
from swath.cluster.where import Where
from swath.errors import RunStoppedError
from swath.store import Store
from swath.store.job_spec import CommandSpec, JobEnd, read_end, spec_uri, write_spec

OnJob = Callable[[Job, str], None]


def command_on(
    store: Store,
    spec: CommandSpec,
    where: Where,
    *,
    on_job: OnJob = lambda job, uri: None,
    on_log: Said | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    say: Said = lambda _: None,
) -> JobEnd:
    """Do what a command does on a cluster elsewhere, or on one that is made for it with all its groups at their most.

    Args:
        store: Takes the spec and how it ended; whoever carries it out reaches it, too.
        spec: The command with its arguments.
        where: An address, or `kuberay`.
        on_job: Told the job and the URI of its spec, once it is submitted or found.
        on_log: Given what it prints, in a thread of its own.
        should_stop: Asked often; once true the job is stopped.
        say: Told what is being done.

    Returns:
        See `run_command`.

    Raises:
        CredentialsError, ClusterError, StoreError, RunStoppedError: As `elsewhere` and `run_command`.
    """
    where.check_store(store)
    cluster = None if where.spec is None else where.spec.sized(**{one.name: one.most for one in where.spec.groups})
    write_spec(store, spec)  # a store that cannot be written is found before a cluster is made
    with elsewhere(where, run_of(store, spec), spec=cluster, should_stop=should_stop, say=say) as there:
        return run_command(
            store, spec, there.jobs, beat=there.beat, on_job=on_job, on_log=on_log, should_stop=should_stop, say=say
        )


def run_of(store: Store, spec: CommandSpec) -> str:
    """Id of the run that a command is: a cluster that is made for it is found by this."""
    return job_id(spec.kind, spec_uri(store, spec), spec.model_dump_json().encode())


def run_command(
    store: Store,
    spec: CommandSpec,
    jobs: JobPlace,
    *,
    beat: Callable[[], None] = lambda: None,
    on_job: OnJob = lambda job, uri: None,
    on_log: Said | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    say: Said = lambda _: None,
    every_s: float | None = None,
) -> JobEnd:
    """Do what a command of `swath` does as a job elsewhere, and wait for it.

    Args:
        store: Takes the spec and how it ended; whoever carries it out reaches it, too.
        spec: The command with its arguments.
        jobs: Where.
        beat: Called while it runs; see `Elsewhere.beat`.
        on_job: Told the job and the URI of its spec, once it is submitted or found.
        on_log: Given what it prints, in a thread of its own.
        should_stop: Asked often; once true the job is stopped.
        say: Told when the place does not answer.
        every_s: Seconds between two looks; SWATH_PROGRESS_S by default.

    Returns:
        How it ended: `result` is the command's document, `error` what it raised; it may have both.

    Raises:
        ClusterError: It ended without saying how: it was killed, or no such command could begin.
        RunStoppedError: It was stopped before it could say so.
    """
    job, uri = submit_spec(store, spec, jobs)
    on_job(job, uri)
    job = follow_job(jobs, job, look=beat, on_log=on_log, should_stop=should_stop, say=say, every_s=every_s)
    end = read_end(uri, job.id)
    if end is not None:
        return end
    if job.status == "STOPPED" or not job.ended:
        why = "was stopped" if job.ended else "was asked to stop, and has not yet"
        raise RunStoppedError(f"The job {job.id} {why}.", fix="The same command goes on.", job=job.id)
    raise without_end(jobs, job)
