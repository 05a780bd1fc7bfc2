"""What a check of a map found: a verdict, counts, and the units that offend."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

LISTED = 50  #: offences that a finding names; all of them are counted


class Verdict(StrEnum):
    """How a check ended, from good to bad."""

    PASSED = "passed"
    WARNED = "warned"  #: odd, and a person should look; the map stays published
    FAILED = "failed"  #: wrong: the map must not be used

    @classmethod
    def worst(cls, verdicts: Iterable[str]) -> Verdict:
        """The worst of several; passed if there are none."""
        order = list(cls)
        return max(map(cls, verdicts), key=order.index, default=cls.PASSED)


@dataclass(frozen=True)
class Offence:
    """What is wrong with one unit.

    Attributes:
        unit: Its id; that of an edge is `unit | unit`.
        reason: What was found, with the value.
        layer: Of which; empty for the unit itself.
    """

    unit: str
    reason: str
    layer: str = ""


@dataclass
class Offences:
    """Offences as they come: the first are kept, all are counted."""

    first: list[Offence] = field(default_factory=list)
    number: int = 0
    kinds: Counter[str] = field(default_factory=Counter)

    def add(self, unit: str, reason: str, *, layer: str = "", kind: str = "offences") -> None:
        """Take one in; `kind` is what it is counted as."""
        self.number += 1
        self.kinds[kind] += 1
        if len(self.first) < LISTED:
            self.first.append(Offence(unit, reason, layer))


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        check: Name of the check.
        verdict: How it ended.
        says: In a sentence, with the values.
        read: What it read.
        counts: Numbers by name.
        offending: The first offences.
        offences: How many there are.
    """

    check: str
    verdict: Verdict
    says: str
    read: str
    counts: dict[str, Any] = field(default_factory=dict)
    offending: tuple[Offence, ...] = ()
    offences: int = 0

    @classmethod
    def of(
        cls, check: str, offences: Offences, *, bad: Verdict, good: str, read: str, counts: dict[str, Any] | None = None
    ) -> Finding:
        """A finding that is good if nothing offends.

        Args:
            check: Name.
            offences: What was found.
            bad: The verdict if there are any.
            good: What it says if there are none.
            read: What was read.
            counts: More numbers.
        """
        told = ", ".join(f"{number:,} {kind}" for kind, number in sorted(offences.kinds.items()))
        verdict = bad if offences.number else Verdict.PASSED
        numbers = {**offences.kinds, **(counts or {})}
        return cls(check, verdict, told or good, read, numbers, tuple(offences.first), offences.number)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            **asdict(self),
            "verdict": str(self.verdict),
            "counts": plain(self.counts),
            "offending": [{name: value for name, value in asdict(one).items() if value} for one in self.offending],
        }


def plain(value: Any) -> Any:
    """JSON-ready: floats to six digits, and no NaN."""
    if isinstance(value, dict):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value
