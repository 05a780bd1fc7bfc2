"""What a check of a map is."""

from __future__ import annotations

from typing import Any, Protocol

from swath.assessment.audit.finding import Finding
from swath.assessment.audit.reading import UnitRead


class Check(Protocol):
    """One question about a whole map, answered while its units pass by.

    `measure` runs in several threads at once and must change nothing; what it gives back is small. `take` gets that in
    the order of units, one at a time.
    """

    name: str

    def measure(self, read: UnitRead) -> Any:
        """What there is to know of a unit."""
        ...

    def take(self, unit: str, measured: Any) -> None:
        """Keep what was measured of the unit with this id."""
        ...

    def finding(self) -> Finding:
        """The answer, when all units have passed."""
        ...
