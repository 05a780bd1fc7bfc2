"""Check of no-data against counts: where nothing was observed there is no data, and data where there was."""

from __future__ import annotations

from typing import Any

import numpy as np

from swath.assessment.audit.facts import LayerFacts
from swath.assessment.audit.finding import Finding, Offences, Verdict
from swath.assessment.audit.reading import UnitRead

MOST = 0.001  #: share of a layer's pixels that may disagree before the map fails: an index of 0 / 0 has no value


class Counts:
    """A pixel with count 0 has no data, and one with a count has data."""

    name = "counts"

    def __init__(self, facts: dict[str, LayerFacts]) -> None:
        self._pairs = [(one.name, one.count) for one in facts.values() if one.count and one.nodata is not None]
        self._offences = Offences()
        self._unseen = dict.fromkeys((layer for layer, _ in self._pairs), 0)
        self._empty, self._pixels = dict(self._unseen), dict(self._unseen)

    @staticmethod
    def applies(facts: dict[str, LayerFacts]) -> bool:
        """The map has a layer of counts."""
        return any(one.count and one.nodata is not None for one in facts.values())

    def measure(self, read: UnitRead) -> Any:
        """See `Check`."""
        found = []
        seen_of: dict[str, Any] = {}
        for layer, count in self._pairs:
            counts = read.numbers(count or "")
            if counts is None or read.numbers(layer) is None:
                continue
            seen = seen_of.setdefault(count or "", counts > 0)
            valid = read.valid(layer)
            both = int(np.count_nonzero(seen & valid))
            unseen, empty = int(np.count_nonzero(valid)) - both, int(np.count_nonzero(seen)) - both
            found.append((layer, unseen, empty, valid.size))
        return found

    def take(self, unit: str, measured: Any) -> None:
        """See `Check`."""
        for layer, unseen, empty, pixels in measured:
            self._unseen[layer] += unseen
            self._empty[layer] += empty
            self._pixels[layer] += pixels
            if unseen or empty:
                reason = f"{unseen:,} pixels with data and count 0, {empty:,} with a count and no data"
                self._offences.add(unit, reason, layer=layer, kind="layers of units that disagree")

    def finding(self) -> Finding:
        """See `Check`."""
        worst = max(
            ((self._unseen[layer] + self._empty[layer]) / max(1, self._pixels[layer]) for layer, _ in self._pairs),
            default=0.0,
        )
        return Finding.of(
            self.name, self._offences, bad=Verdict.FAILED if worst > MOST else Verdict.WARNED,
            good="no-data and counts agree", read=", ".join(f"{layer} against {count}" for layer, count in self._pairs),
            counts={
                "data and count 0": sum(self._unseen.values()), "count and no data": sum(self._empty.values()),
                "largest share of a layer": worst,
            },
        )  # fmt: skip
