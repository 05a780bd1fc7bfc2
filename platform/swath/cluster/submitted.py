"""A spec that a job carries out elsewhere: submitted, followed until it ends, stopped, and how it ended."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from swath.cluster.job import Job, JobGoneError, JobPlace
from swath.errors import ClusterError, CredentialsError, SwathError
from swath.settings import settings
from swath.store import Store
from swath.store.job_spec import CommandSpec, MapSpec, write_spec

PATIENCE_S = 300.0  # a place that does not answer for so long is given up; a job outlives that
_LISTED = 20  # lines of a log that a failure shows
_LOG_S = 10.0  # what a job printed last may come so long after its end
Said = Callable[[str], None]


def submit_spec(store: Store, spec: MapSpec | CommandSpec, jobs: JobPlace, *, again: bool = True) -> tuple[Job, str]:
    """Write a spec into a store and submit it; a job that carries it out already is found.

    Args:
        store: That whoever carries it out reaches, too.
        spec: What to do.
        jobs: Where.
        again: Where a job of this spec has ended, begin another.

    Returns:
        The job, and the URI of its spec.
    """
    uri = write_spec(store, spec)
    return jobs.submit(spec.kind, uri, spec.model_dump_json().encode(), again=again), uri


def follow_job(
    jobs: JobPlace,
    job: Job,
    *,
    look: Callable[[], None] = lambda: None,
    on_log: Said | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    say: Said = lambda _: None,
    every_s: float | None = None,
    patience_s: float = PATIENCE_S,
) -> Job:
    """Wait until a job ends; stop it when that is asked for.

    Args:
        jobs: Where it runs.
        job: The job.
        look: Called every time that the job is looked at.
        on_log: Given what it prints, as it prints it, in a thread of its own; None reads no log.
        should_stop: Asked often; once true the job is stopped.
        say: Told when the place does not answer.
        every_s: Seconds between two looks; SWATH_PROGRESS_S by default.
        patience_s: A place that does not answer for so long is given up.

    Returns:
        The job as it ended; after a stop it may still be RUNNING.

    Raises:
        ClusterError: The place does not answer any more, or has lost the job.
        CredentialsError: The token is not taken any more.
    """
    silent: float | None = None
    wait_s = settings().progress_s if every_s is None else every_s
    log = _Log(jobs, job.id, on_log)
    try:
        while not job.ended:
            end = time.monotonic() + wait_s
            while (left := end - time.monotonic()) > 0 and not should_stop():
                time.sleep(min(0.2, left))
            if should_stop():
                job = jobs.stop(job.id)
                break
            look()
            try:
                now = jobs.get(job.id)
            except (JobGoneError, CredentialsError):
                raise
            except ClusterError as error:
                if silent is None:
                    silent = time.monotonic()
                    say(f"{error.message} The job may go on; asking again for {patience_s / 60:.0f} minutes.")
                elif time.monotonic() - silent > patience_s:
                    raise
                continue
            silent = None
            job = Job(job.id, now.status, now.message, job.adopted)
        log.finish()
    finally:
        log.close()
    return job


def without_end(jobs: JobPlace, job: Job) -> ClusterError:
    """That a job ended and has not said how, with the end of its log."""
    try:
        log = jobs.end_of_log(job.id, lines=_LISTED)
    except ClusterError as error:  # the reason of the end matters more than its log
        log = f"(its log cannot be read: {error.message})"
    return ClusterError(
        f"The job {job.id} ended as {job.status} without a result:\n{log or job.message}",
        fix="See its log in Ray's dashboard; the same command goes on where it stopped.",
        job=job.id,
        status=job.status,
    )


def error_of(told: Mapping[str, Any], job: str) -> SwathError:
    """What a job raised, as if it had been raised here; `to_dict` gave the values."""
    facts = {name: value for name, value in told.items() if name not in ("type", "message", "fix", "retry")}
    kind = _kinds().get(str(told.get("type")), ClusterError)
    message = f"In the job {job}: {told.get('message')}"
    return kind(message, fix=str(told.get("fix") or ""), **{"href": "", **facts} if _needs_href(kind) else facts)


def _kinds() -> dict[str, type[SwathError]]:
    found: dict[str, type[SwathError]] = {}
    open_: list[type[SwathError]] = [SwathError]
    while open_:
        kind = open_.pop()
        found[kind.__name__] = kind
        open_ += kind.__subclasses__()
    return found


def _needs_href(kind: type[SwathError]) -> bool:
    from swath.errors import ReadError

    return issubclass(kind, ReadError)


class _Log:
    """Reads what a job prints in a thread, so that a log that nobody writes to holds nothing up."""

    def __init__(self, jobs: JobPlace, job: str, on_log: Said | None) -> None:
        self._jobs, self._job = jobs, job
        self._halt = threading.Event()
        self._thread: threading.Thread | None = None
        if on_log is not None:
            self._thread = threading.Thread(target=self._read, args=(on_log,), name="job log", daemon=True)
            self._thread.start()

    def finish(self) -> None:
        """Wait a moment for what was printed last."""
        if self._thread is not None:
            self._thread.join(_LOG_S)

    def close(self) -> None:
        """Read no more."""
        self._halt.set()
        if self._thread is not None:
            self._thread.join(_LOG_S)

    def _read(self, on_log: Said) -> None:
        seen = 0
        while not self._halt.is_set():
            begun = 0
            try:
                for text in self._jobs.logs(self._job, should_stop=self._halt.is_set):
                    fresh = text[max(0, seen - begun) :]
                    begun += len(text)
                    if fresh:
                        seen += len(fresh)
                        on_log(fresh)
                return
            except (JobGoneError, CredentialsError):
                return  # whoever follows the job hears of it
            except ClusterError:
                self._halt.wait(2)
