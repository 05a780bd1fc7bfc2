"""Check of layers that say nothing: one number everywhere, or none at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from swath.assessment.audit.applicable import INSIDE
from swath.assessment.audit.facts import LayerFacts
from swath.assessment.audit.finding import Finding, Offences, Verdict
from swath.assessment.audit.reading import UnitRead
from swath.products.model import APPLICABLE


@dataclass
class _Seen:
    low: float = np.inf
    high: float = -np.inf
    valid: int = 0
    units: int = 0
    lacking: int = 0


class Constants:
    """Over the whole map (a tile may be constant) a layer of data holds more than one value.

    A layer without a valid pixel, or a layer of quantities with a single value, fails. A single class, and a single
    number in a layer that only tells of the data, is odd (a model that is applicable everywhere is not); so is a layer
    without data if all items say that an optional input was lacking.
    """

    name = "constants"

    def __init__(self, facts: dict[str, LayerFacts]) -> None:
        self._facts = facts
        self._seen = {layer: _Seen() for layer in facts}

    def measure(self, read: UnitRead) -> Any:
        """See `Check`."""
        lacking = bool((read.item or {}).get("properties", {}).get("swath:lacking"))
        found = []
        for layer, facts in read.facts.items():
            numbers = read.numbers(layer)
            if numbers is None:
                continue
            if facts.legend is not None:
                counted = read.counted(layer).copy()
                if facts.nodata is not None:
                    counted[int(facts.nodata)] = 0
                codes = np.flatnonzero(counted)
                ends = (float(codes[0]), float(codes[-1])) if len(codes) else (np.inf, -np.inf)
                found.append((layer, *ends, int(counted.sum()), lacking))
                continue
            valid = read.valid(layer)
            number = int(np.count_nonzero(valid))
            ends = (np.inf, -np.inf)
            if number:
                # the first valid number bounds both, and stands where there is no data
                first = numbers.flat[int(np.argmax(valid))]
                ends = (
                    float(np.min(numbers, where=valid, initial=first)),
                    float(np.max(numbers, where=valid, initial=first)),
                )
            found.append((layer, *ends, number, lacking))
        return found

    def take(self, unit: str, measured: Any) -> None:
        """See `Check`."""
        for layer, low, high, valid, lacking in measured:
            seen = self._seen[layer]
            seen.low, seen.high = min(seen.low, low), max(seen.high, high)
            seen.valid, seen.units, seen.lacking = seen.valid + valid, seen.units + 1, seen.lacking + lacking

    def finding(self) -> Finding:
        """See `Check`."""
        bad, odd = Offences(), Offences()
        for layer, seen in self._seen.items():
            facts = self._facts[layer]
            if not seen.units:
                continue
            if not seen.valid:
                (odd if seen.lacking == seen.units else bad).add(
                    "", "no pixel holds data", layer=layer, kind="layers without data"
                )
            elif seen.low == seen.high and (layer, seen.low) != (APPLICABLE, INSIDE):  # the best that there is
                grave = facts.is_data and facts.legend is None
                (bad if grave else odd).add("", f"it is {seen.low:g} everywhere", layer=layer, kind="constant layers")
        both = Offences([*bad.first, *odd.first], bad.number + odd.number, bad.kinds + odd.kinds)
        return Finding.of(
            self.name, both, bad=Verdict.FAILED if bad.number else Verdict.WARNED, good="no layer is dead or constant",
            read=f"{len(self._facts)} layers",
            counts={layer: {"from": s.low, "to": s.high, "valid": s.valid} for layer, s in self._seen.items()},
        )  # fmt: skip
