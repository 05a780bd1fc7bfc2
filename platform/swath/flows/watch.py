"""How far a run is, on Prefect's page as it happens."""

from __future__ import annotations

import threading
from contextvars import copy_context
from logging import Logger, LoggerAdapter
from types import TracebackType
from typing import Any
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactUpdate

from swath.flows.board import begin_progress
from swath.mapping import Plan
from swath.settings import settings
from swath.store import Progress, read_progress

Log = Logger | LoggerAdapter[Any]


class Watch:
    """Make progress.json of a run a bar on Prefect's page while the block runs.

    Args:
        log: Of the flow run.
        plan: That is carried out.
    """

    def __init__(self, log: Log, plan: Plan) -> None:
        self._log, self._plan = log, plan
        self._end = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Watch:
        bar = begin_progress(self._plan)
        context = copy_context()  # has the settings that name Prefect's server
        self._thread = threading.Thread(target=context.run, args=(self._run, bar), name="progress", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        if self._thread is not None:
            self._thread.join(timeout=10)

    def _run(self, bar: UUID) -> None:
        plan, last, silent = self._plan, False, False
        while not last:
            last = self._end.wait(settings().progress_s)
            try:
                reading = read_progress(plan.store, plan.root, plan.run)
                if reading is not None and reading.total:
                    share = 100 * min(1.0, reading.done / reading.total)
                    with get_client(sync_client=True) as client:
                        client.update_artifact(bar, ArtifactUpdate(data=share, description=told(reading)))
                silent = False
            except Exception as error:  # a bar is for people: the run goes on without Prefect's server, too
                if not silent:
                    self._log.warning("progress is not shown for a while: %s: %s", type(error).__name__, error)
                silent = True


def told(reading: Progress) -> str:
    """A reading in a line."""
    parts = [f"{reading.done:,} of {reading.total:,} units", f"{reading.failed:,} failed", f"{reading.state}"]
    if reading.km2_h:
        parts.append(f"{reading.km2_h:,.0f} km²/h")
    if reading.left_s:
        parts.append(f"{reading.left_s / 60:,.0f} min left")
    return ", ".join(parts)
