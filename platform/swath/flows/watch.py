"""A job's log and progress on Prefect's page, as they happen."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import copy_context
from logging import Logger, LoggerAdapter
from types import TracebackType
from typing import Any
from uuid import UUID

from prefect.artifacts import update_progress_artifact

from swath.cluster import JobPlace
from swath.flows.board import begin_progress
from swath.mapping import Plan
from swath.settings import settings
from swath.store import Progress, read_progress

Log = Logger | LoggerAdapter[Any]


class Watch:
    """Pass on what a job prints, and how far its run is, while the block runs.

    Args:
        log: Of the flow run.
        place: Where the job runs.
        job: Its id.
        plan: That it carries out, where it does: progress.json of its run becomes a bar.
    """

    def __init__(self, log: Log, place: JobPlace, job: str, plan: Plan | None = None) -> None:
        self._log, self._place, self._job, self._plan = log, place, job, plan
        self._end = threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Watch:
        self._start(self._pass_log, "log")
        if self._plan is not None:
            bar = begin_progress(self._plan)
            plan = self._plan
            self._start(lambda: self._pass_progress(plan, bar), "progress")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join(timeout=10)

    def _start(self, work: Callable[[], None], what: str) -> None:
        def safely() -> None:
            try:
                work()
            except Exception as error:  # it is for people: the job goes on, and so does whoever waits for it
                self._log.warning("the %s of %s is no longer shown: %s", what, self._job, error)

        context = copy_context()  # of the flow run: its logs and artifacts
        thread = threading.Thread(target=context.run, args=(safely,), name=f"swath-{what}", daemon=True)
        thread.start()
        self._threads.append(thread)

    def _pass_log(self) -> None:
        for text in self._place.logs(self._job, should_stop=self._end.is_set):
            for line in text.splitlines():
                if line.strip():
                    self._log.info(line)

    def _pass_progress(self, plan: Plan, bar: UUID) -> None:
        last = False
        while not last:
            last = self._end.wait(settings().progress_s)
            reading = read_progress(plan.store, plan.root, plan.run)
            if reading is not None and reading.total:
                share = 100 * min(1.0, reading.done / reading.total)
                update_progress_artifact(bar, progress=share, description=told(reading))


def told(reading: Progress) -> str:
    """A reading in a line."""
    parts = [f"{reading.done:,} of {reading.total:,} units", f"{reading.failed:,} failed", f"{reading.state}"]
    if reading.km2_h:
        parts.append(f"{reading.km2_h:,.0f} km²/h")
    if reading.left_s:
        parts.append(f"{reading.left_s / 60:,.0f} min left")
    return ", ".join(parts)
