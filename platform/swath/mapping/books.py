"""What a run keeps of its events: failures, readings, progress. Memory does not grow with the units."""

from __future__ import annotations

import os
import socket
import time
from collections import Counter
from collections.abc import Iterable
from typing import Any

from swath.mapping.plan import Plan
from swath.runs import Done, Event, Failed, Tally
from swath.store import Failures, Progress, Stats
from swath.store.progress import State

MOST_NAMED = 1000  # distinct files that are kept by name; the units' items list all that were skipped


class Books:
    """Books of one run; give it every event.

    Attributes:
        failures: Records of failed units, in the store.
        incomplete: Records of units made without some of their files, in the store.
        tally: Counts and rates.
        skipped: Files that were left out as the product allows, with the number of units.
        mostly_masked: Pixels masked on more than 90 % of their dates: bright sand and roofs look like cloud.
        conflicts: What an item says against its file, by href; the file wins.
        state: What progress.json says.
        reason: Why the run stopped.
    """

    def __init__(self, plan: Plan, tally: Tally) -> None:
        self.failures = Failures(plan.store, plan.root, plan.run)
        self.incomplete = Failures(plan.store, plan.root, plan.run, "skipped")
        self.tally = tally
        self.skipped: Counter[str] = Counter()
        self.mostly_masked = 0
        self.conflicts: dict[str, dict[str, Any]] = {}
        self.state: State = "running"
        self.reason = ""
        self._run = plan.run
        self._stats = Stats(plan.store, plan.root, plan.run)
        self._ended: float | None = None

    def __call__(self, event: Event) -> None:
        """Keep one event."""
        if isinstance(event, Done):
            self.failures.clear(event.unit)
            self.mostly_masked += int(event.result.get("pixels_mostly_masked", 0))
            for href in {str(read.get("href")) for read in event.result.get("skipped", ())}:
                if href in self.skipped or len(self.skipped) < MOST_NAMED:
                    self.skipped[href] += 1
            for conflict in event.result.get("conflicts", ()):
                if len(self.conflicts) < MOST_NAMED:
                    self.conflicts.setdefault(str(conflict.get("href")), conflict)
            if event.result.get("skipped"):
                self.incomplete.record(event.unit, {"reads": event.result["skipped"]})
            else:
                self.incomplete.clear(event.unit)
            self._stats.add(event.row())
        elif isinstance(event, Failed):
            self.failures.record(event.unit, event.record())
            self._stats.add(event.row())

    def settle(self, standing: Iterable[str]) -> None:
        """Forget failures of units that stand: another run made them, or a driver died before it had noted it."""
        failed = set(self.failures.units())
        for unit in standing if failed else ():
            if unit in failed:
                self.failures.clear(unit)

    def supersede(self, units: Iterable[str]) -> None:
        """Forget that units were made without some of their files: a later update has made them of others."""
        for unit in units:
            self.incomplete.clear(unit)

    def close(self, state: State, reason: str = "") -> None:
        """The run has ended so."""
        self._stats.flush()
        self.state, self.reason, self._ended = state, reason, time.time()

    def snapshot(self) -> Progress:
        """The reading of this moment."""
        tally = self.tally
        return Progress(
            run=self._run, state=self.state, total=tally.total, done=tally.done, failed=tally.failed,
            retried=tally.retried, running=max(0, tally.running), km2=tally.km2, km2_h=tally.km2_h,
            left_s=tally.left_s, started=tally.started,
            heartbeat=time.time(), ended=self._ended, host=socket.gethostname(), pid=os.getpid(), reason=self.reason,
            failures=list[dict[str, Any]](tally.failures),
        )  # fmt: skip
