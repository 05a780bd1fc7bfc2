"""Who has what: the tasks of each worker, and when a worker hangs."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Generic, TypeVar

from swath.errors import SwathError, UnitTimeoutError, WorkerDiedError
from swath.runs.outcome import Outcome
from swath.runs.pipeline import IN_FLIGHT
from swath.runs.workers import Ended, Task
from swath.settings import settings

W = TypeVar("W")


class Desk(Generic[W]):
    """Tasks in flight of one worker, oldest first.

    Args:
        worker: The worker, whatever it is.
        name: Its name in messages.
    """

    def __init__(self, worker: W, name: str) -> None:
        self.worker, self.name = worker, name
        self.tasks: list[Task] = []
        self._moved = time.monotonic()

    def has_room(self, task: Task) -> bool:
        """True when the worker may have this task now."""
        if task.alone:
            return not self.tasks
        return len(self.tasks) < IN_FLIGHT and not any(other.alone for other in self.tasks)

    def put(self, task: Task) -> None:
        """The task was given to the worker."""
        if not self.tasks:
            self._moved = time.monotonic()
        self.tasks.append(task)

    def take(self, task: Task) -> None:
        """The task came back."""
        self.tasks.remove(task)
        self._moved = time.monotonic()

    def hangs(self) -> bool:
        """True when nothing came back for the time that one unit may take: the oldest is due first."""
        return bool(self.tasks) and time.monotonic() - self._moved > settings().unit_timeout_s

    def drop(self, why: str, *, timed_out: bool = False) -> list[Ended]:
        """All tasks as lost, and the desk empty; with `timed_out`, the oldest as the one that hung."""
        ended = []
        for place, task in enumerate(self.tasks):
            error: SwathError
            if timed_out and place == 0:
                limit = settings().unit_timeout_s
                error = UnitTimeoutError(
                    f"Unit {task.unit.id} took longer than {limit:g} s in {self.name}, which was ended.",
                    fix="Raise SWATH_UNIT_TIMEOUT_S if units honestly take that long.",
                )
            else:
                beside = [other.unit.id for other in self.tasks if other is not task]
                error = WorkerDiedError(
                    f"{self.name} died in unit {task.unit.id}: {why}.",
                    fix="Look for memory that ran out or a node that went away; `swath retry` takes the unit up.",
                    beside=beside,
                )
            outcome = Outcome.failure(task.unit.id, error, {"worker": self.name})
            ended.append(Ended(task, outcome, lost=True))
        self.tasks = []
        return ended


def place(desks: list[Desk[W]], task: Task, give: Callable[[Desk[W]], None]) -> bool:
    """Give the task to the desk with the fewest; False when none has room."""
    free = [desk for desk in desks if desk.has_room(task)]
    if not free:
        return False
    desk = min(free, key=lambda one: len(one.tasks))
    give(desk)
    desk.put(task)
    return True
