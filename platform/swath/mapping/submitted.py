"""A run that a Ray job carries out elsewhere: submitted here, followed by progress.json, stopped from here."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from swath.cluster import Job, JobPlace, error_of, follow_job, submit_spec, without_end
from swath.mapping.plan import Plan
from swath.mapping.run import RunResult, Stale
from swath.planning.inputs import Said
from swath.runs import Display, Tally
from swath.runs.progress import Mode
from swath.store import Progress, read_progress
from swath.store.job_spec import JobEnd, MapSpec, read_end


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
    return submit_spec(plan.store, spec, jobs, again=again)


def follow(
    plan: Plan,
    jobs: JobPlace,
    job: Job,
    uri: str,
    *,
    display: Mode = "none",
    beat: Callable[[], None] = lambda: None,
    on_log: Said | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    say: Said = lambda _: None,
    every_s: float | None = None,
) -> RunResult:
    """Show the progress of a submitted plan until its job ends.

    Args:
        plan: What it carries out.
        jobs: Where it runs.
        job: The job.
        uri: Of its spec.
        display: How progress is shown.
        beat: Called while it runs; see `Elsewhere.beat`.
        on_log: Given what the job prints, in a thread of its own.
        should_stop: Asked often; once true the job is stopped, and what is made stays.
        say: Told when the place does not answer for a while.
        every_s: Seconds between two looks; SWATH_PROGRESS_S by default.

    Raises:
        ClusterError: The job ended without a result: it was killed; or the place does not answer any more.
        SwathError: What the job raised: it was refused.
    """
    started, since = time.monotonic(), 0 if job.adopted else time.time()
    tally = FollowedTally(plan.totals.units)
    with Display(tally, mode=display) as shown:

        def look() -> None:
            beat()
            _look(plan, tally, since=since)
            shown.refresh()

        job = follow_job(
            jobs, job, look=look, on_log=on_log, should_stop=should_stop, say=say, every_s=every_s
        )  # fmt: skip
        _look(plan, tally, since=since)
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
        raise error_of(end.error, job.id)
    if job.status == "STOPPED" or not job.ended:
        why = "the job was stopped" if job.ended else "the job was asked to stop, and has not yet"
        return RunResult(plan.run, plan.store.root, done=tally.done, failed=tally.failed, stopped=why, seconds=seconds)
    raise without_end(jobs, job)


def _told(values: dict[str, Any]) -> RunResult:
    """The result that `to_dict` was made of."""
    values = dict(values)
    return RunResult(**values.pop("units"), **values)
