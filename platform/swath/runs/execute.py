"""Carry a stream of units out: retries, stops, events. Serves maps, chips and audits alike."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from swath.runs.events import Done, Event, Failed, Retried, Started, Summary
from swath.runs.work import Unit, Work
from swath.runs.workers import Ended, Executor, Task, Workers
from swath.settings import settings

_TURN_S = 0.25  # how soon a request to stop is seen while nothing else happens


def execute(
    units: Iterable[Unit],
    work: Work[Any, Any, Any],
    *,
    executor: Executor,
    on_event: Callable[[Event], None] = lambda event: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Summary:
    """Carry out every unit, each once, or record why not.

    A unit whose worker dies, hangs or says ELSEWHERE is tried again, SWATH_UNIT_ATTEMPTS times in all. Only units in
    flight are held: `units` may be an iterator of any length, and nothing of a unit is kept after its last event.

    Args:
        units: What to do, in this order; pulled one by one as workers have room.
        work: How.
        executor: Where.
        on_event: Called in this thread; what it raises ends the run.
        should_stop: Asked several times a second; once True, no new unit is given and those in flight finish.

    Returns:
        Counts, and why the run stopped before its end, if it did (a full store, or a request).

    Raises:
        SwathError: No worker can be had.
        KeyboardInterrupt: As it comes; units in flight are dropped, and a later run does them.
    """
    begun = time.monotonic()
    run = _Run(iter(units), executor.open(work), on_event, should_stop)
    try:
        run.go()
    finally:
        run.workers.close()
        run.summary.seconds = time.monotonic() - begun
    return run.summary


class _Run:
    def __init__(
        self,
        units: Iterator[Unit],
        workers: Workers,
        on_event: Callable[[Event], None],
        should_stop: Callable[[], bool],
    ) -> None:
        self.workers, self.summary = workers, Summary()
        self._units, self._on_event, self._should_stop = units, on_event, should_stop
        self._again: deque[Task] = deque()
        self._next: Task | None = None
        self._flying = 0
        self._attempts = settings().unit_attempts

    def go(self) -> None:
        while True:
            if not self.summary.stopped and self._should_stop():
                self.summary.stopped = "asked"
            if self.summary.stopped:
                self._again.clear()
            else:
                self._give()
            if not self._flying and (self.summary.stopped or not self._pending()):
                return
            for ended in self.workers.wait(_TURN_S):
                self._flying -= 1
                self._take(ended)

    def _pending(self) -> bool:
        if self._next is None and not self._again:
            unit = next(self._units, None)
            self._next = None if unit is None else Task(unit)
        return self._next is not None or bool(self._again)

    def _give(self) -> None:
        while self._pending():
            task = self._again[0] if self._again else self._next
            if task is None or not self.workers.offer(task):
                return
            self._flying += 1
            if self._again:
                self._again.popleft()
            else:
                self._next = None
                self.summary.started += 1
            self._on_event(Started(task.unit.id, task.attempt))
            if self._should_stop():
                return

    def _take(self, ended: Ended) -> None:
        task, outcome = ended.task, ended.outcome
        unit = task.unit.id
        if outcome.error is None:
            self.summary.done += 1
            self._on_event(Done(unit, task.attempt, outcome.result or {}, outcome.reading))
        elif outcome.full:
            # neither done nor failed: the next run takes it up when there is space again
            self.summary.stopped, self.summary.error = "store full", outcome.error
        elif (ended.lost or outcome.elsewhere) and task.attempt < self._attempts:
            self.summary.retried += 1
            self._again.append(Task(task.unit, task.attempt + 1, alone=ended.lost))
            self._on_event(Retried(unit, task.attempt, outcome.error))
        else:
            self.summary.failed += 1
            self._on_event(Failed(unit, task.attempt, outcome.error, outcome.reading))
