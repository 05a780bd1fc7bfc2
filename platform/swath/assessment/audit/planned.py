"""Check of completeness: every unit of the plans stands, or is recorded as failed."""

from __future__ import annotations

from typing import Any

from swath.assessment.audit.finding import Finding, Offences, Verdict
from swath.assessment.audit.reading import UnitRead
from swath.assessment.runs import Run


class Planned:
    """Each unit of each run that began, with items to be made of, is part of the map or has a failure record.

    A unit neither there nor recorded is lost, and the map fails. Failures that are recorded, units made without some of
    their files, and plans that nobody has begun are told, and warned of.
    """

    name = "plan"

    def __init__(self, runs: list[Run], step: str) -> None:
        self._runs, self._step, self._there = runs, step, set[str]()

    def measure(self, read: UnitRead) -> Any:
        """See `Check`."""
        return None

    def take(self, unit: str, measured: Any) -> None:
        """See `Check`."""
        self._there.add(unit)

    def finding(self) -> Finding:
        """See `Check`."""
        lost, odd = Offences(), Offences()
        planned = no_input = 0
        moved = frozenset[str]().union(*(run.moved for run in self._runs))
        for run in self._runs:
            failed, partial = run.records("failed"), run.records("skipped")
            for unit in run.units(self._step):
                planned += 1
                if not unit.scenes:
                    no_input += 1
                elif unit.id in moved and unit.id not in self._there:
                    continue  # the same acquisition is part of the map at another second
                elif unit.id in self._there:
                    if unit.id in partial:
                        odd.add(unit.id, f"made without some of its files, run {run.id}", kind="units made in part")
                elif unit.id in failed:
                    odd.add(unit.id, f"failed in run {run.id}, see its record", kind="units failed and recorded")
                elif run.progress is None:
                    odd.add(unit.id, f"planned in run {run.id}, which never began", kind="units of plans not begun")
                else:
                    reason = f"neither there nor recorded, run {run.id} ({run.progress.state})"
                    lost.add(unit.id, reason, kind="units lost")
        both = Offences([*lost.first, *odd.first], lost.number + odd.number, lost.kinds + odd.kinds)
        good = "each unit stands" if self._runs else "there is no plan to hold the map against"
        if not self._runs:
            both.add("", good, kind="plans missing")
        return Finding.of(
            self.name, both, bad=Verdict.FAILED if lost.number else Verdict.WARNED, good=good,
            read=f"{len(self._runs)} plans of {planned:,} units",
            counts={"planned": planned, "without items": no_input, "standing": len(self._there)},
        )  # fmt: skip
