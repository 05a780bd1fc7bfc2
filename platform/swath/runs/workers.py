"""What `execute` needs of the places where units run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from swath.runs.outcome import Outcome
from swath.runs.work import Unit, Work


@dataclass(eq=False)
class Task:
    """One try of one unit.

    Attributes:
        unit: The unit.
        attempt: 1 for the first try.
        alone: Its last worker died or hung: run it with nothing beside it, so that it cannot take others along.
    """

    unit: Unit
    attempt: int = 1
    alone: bool = False


@dataclass(frozen=True)
class Ended:
    """A task has come back.

    Attributes:
        task: The task.
        outcome: How it ended.
        lost: True when its worker died or was killed: the outcome is an error made here, not by the work.
    """

    task: Task
    outcome: Outcome
    lost: bool = False


class Workers(Protocol):
    """Workers of one run, opened by an executor."""

    def offer(self, task: Task) -> bool:
        """Give the task to a worker that has room for it; False when none has now."""
        ...

    def wait(self, timeout_s: float) -> Sequence[Ended]:
        """Tasks that have come back, waiting up to `timeout_s` for the first.

        Raises:
            SwathError: No worker can be had, and none will be.
        """
        ...

    def close(self) -> None:
        """End all workers at once, with what they have in flight."""
        ...


class Executor(Protocol):
    """Where units run: `InlineExecutor` (this process) or `RayExecutor` (a cluster)."""

    def open(self, work: Work[Any, Any, Any]) -> Workers:
        """Start workers that carry out `work`."""
        ...
