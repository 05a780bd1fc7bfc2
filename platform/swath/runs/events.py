"""What happens to units, as values, and the sum of a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from swath.errors import StoreFullError, SwathError


@dataclass(frozen=True)
class Started:
    """A unit was given to a worker."""

    unit: str
    attempt: int


@dataclass(frozen=True)
class Done:
    """A unit is committed.

    Attributes:
        unit: Its id.
        attempts: Tries that it took.
        result: What `Work.write` returned.
        reading: Where and how: worker, seconds_wait, seconds_read, seconds_compute, seconds_write, bytes, peak_rss.
    """

    unit: str
    attempts: int
    result: dict[str, Any]
    reading: dict[str, Any] = field(default_factory=dict)

    def row(self) -> dict[str, Any]:
        """A row for `store.Stats`."""
        return {"unit": self.unit, "ok": True, "attempts": self.attempts, **self.result, **self.reading}


@dataclass(frozen=True)
class Retried:
    """A try was lost (a dead or hanging worker, or an error that another may not meet); the unit is tried again."""

    unit: str
    attempt: int
    error: dict[str, Any]


@dataclass(frozen=True)
class Failed:
    """A unit is given up.

    Attributes:
        unit: Its id.
        attempts: Tries that were made.
        error: JSON-ready: type, message, fix, facts (`reads`: failed hrefs); `traceback` for an error not of Swath.
        reading: As in `Done`, as far as it came.
    """

    unit: str
    attempts: int
    error: dict[str, Any]
    reading: dict[str, Any] = field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        """What `store.Failures` keeps."""
        return {"attempts": self.attempts, "error": self.error, "reading": self.reading}

    def row(self) -> dict[str, Any]:
        """A row for `store.Stats`."""
        return {
            "unit": self.unit,
            "ok": False,
            "attempts": self.attempts,
            "error": self.error.get("type"),
            **self.reading,
        }


Event = Started | Done | Retried | Failed
Stopped = Literal["", "asked", "store full"]


@dataclass
class Summary:
    """The sum of a run: counts only, whatever its size.

    Attributes:
        started: Units given to a worker at least once.
        done: Units committed.
        failed: Units given up.
        retried: Tries that were lost.
        stopped: Why no more units were given; empty when the list was carried out to its end.
        error: What stopped it, JSON-ready; None for a stop on request.
        seconds: Wall clock.
    """

    started: int = 0
    done: int = 0
    failed: int = 0
    retried: int = 0
    stopped: Stopped = ""
    error: dict[str, Any] | None = None
    seconds: float = 0.0

    def stop_error(self) -> SwathError | None:
        """What stopped the run as an error to raise after the books are closed; None otherwise."""
        if self.error is None:
            return None
        facts = {name: value for name, value in self.error.items() if name not in ("type", "message", "fix", "retry")}
        return StoreFullError(self.error["message"], fix=self.error.get("fix", ""), **facts)
