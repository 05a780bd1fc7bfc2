"""A run that a Ray job carries out elsewhere: submitted here, followed by progress.json, stopped from here."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from swath.cluster import Job, JobPlace
from swath.errors import ClusterError
from swath.mapping.plan import Plan
from swath.mapping.run import RunResult, Stale
from swath.runs import Display, Tally
from swath.runs.progress import Mode
from swath.settings import settings
from swath.store import Progress, read_progress
from swath.store.job_spec import JobEnd, MapSpec, read_end, write_spec

_LISTED = 20  # lines of a log that a failure shows


class FollowedTally(Tally):
    """Counts as the driver of a run elsewhere writes them."""

    _rate, _left = 0.0, None

    def read(self, reading: Progress) -> None:
        """Take a reading."""
        self.total = reading.total if reading.total is not None else self.total
        self.done, self.failed = reading.done, reading.failed
        self.retried, self.running, self.km2 = reading.retried, reading.running, reading.km2
        self._rate, self._left = reading.km2_h, reading.left_s

    @property
    def km2_h(self) -> float:
        """The driver's rate, km²/h."""
        return self._rate

    @property
    def left_s(self) -> float | None:
        """Seconds left by the driver's reckoning."""
        return self._left


def submit_plan(
    plan: Plan,
    jobs: JobPlace,
    *,
    workers: int | None = None,
    stale: Stale | None = None,
    complete: bool = False,
    again: bool = True,
) -> tuple[Job, str]:
    """Submit a committed plan; a job that carries it out already is found.

    Returns:
        The job, and the URI of its spec.
    """
    spec = MapSpec(
        root=plan.root, run=plan.run, workers=workers, stale=None if stale is None else stale.value, complete=complete
    )
    uri = write_spec(plan.store, spec)
    return jobs.submit(spec.kind, uri, spec.model_dump_json().encode(), again=again), uri


def follow(
    plan: Plan,
    jobs: JobPlace,
    job: Job,
    uri: str,
    *,
    display: Mode = "none",
    should_stop: Callable[[], bool] = lambda: False,
    every_s: float | None = None,
) -> RunResult:
    """Show the progress of a submitted plan until its job ends.

    Args:
        plan: What it carries out.
        jobs: Where it runs.
        job: The job.
        uri: Of its spec.
        display: How progress is shown.
        should_stop: Asked often; once true the job is stopped, and what is made stays.
        every_s: Seconds between two looks; SWATH_PROGRESS_S by default.

    Raises:
        ClusterError: The job ended without a result: refused, or killed.
    """
    started, begun = time.monotonic(), time.time()
    tally = FollowedTally(plan.totals.units)
    with Display(tally, mode=display) as shown:
        while not job.ended:
            end = time.monotonic() + (every_s or settings().progress_s)
            while time.monotonic() < end and not should_stop():
                time.sleep(0.2)
            if should_stop():
                job = jobs.stop(job.id)
                break
            _look(plan, tally, since=0 if job.adopted else begun)
            shown.refresh()
            job = Job(job.id, (now := jobs.get(job.id)).status, now.message, job.adopted)
        _look(plan, tally, since=0 if job.adopted else begun)
    return _result(plan, jobs, job, read_end(uri, job.id), tally, time.monotonic() - started)


def _look(plan: Plan, tally: FollowedTally, *, since: float) -> None:
    reading = read_progress(plan.store, plan.root, plan.run)
    # what an earlier driver left says nothing of this job; clocks of two machines differ by a minute at most
    if reading is not None and reading.heartbeat > since - 60:
        tally.read(reading)


def _result(plan: Plan, jobs: JobPlace, job: Job, end: JobEnd | None, tally: Tally, seconds: float) -> RunResult:
    if end is not None and end.result is not None:
        return _told(end.result)
    if end is not None and end.error is not None:
        raise ClusterError(
            f"The job {job.id} ended with {end.error['type']}: {end.error['message']}",
            fix=str(end.error.get("fix") or ""),
            job=job.id,
            error=end.error,
        )
    if job.status == "STOPPED" or not job.ended:
        why = "the job was stopped" if job.ended else "the job was asked to stop, and has not yet"
        return RunResult(plan.run, plan.store.root, done=tally.done, failed=tally.failed, stopped=why, seconds=seconds)
    raise ClusterError(
        f"The job {job.id} ended as {job.status} without a result:\n{jobs.end_of_log(job.id, lines=_LISTED)}",
        fix="See its log in Ray's dashboard; the same command goes on where it stopped.",
        job=job.id,
        status=job.status,
    )


def _told(values: dict[str, Any]) -> RunResult:
    """The result that `to_dict` was made of."""
    values = dict(values)
    return RunResult(**values.pop("units"), **values)
