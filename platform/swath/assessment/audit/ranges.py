"""Check of numbers: codes of the legend and bits, shares from 0 to 1, biomass not below 0, quantiles in order."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from swath.assessment.audit.facts import LayerFacts
from swath.assessment.audit.finding import Finding, Offences, Verdict
from swath.assessment.audit.reading import UnitRead
from swath.products.model import CONFIDENCE, PROBABILITY
from swath.products.uncertainty import ENTROPY, MARGIN

LOW, MIDDLE, HIGH = "q05", "agb", "q95"
MOST_CROSSED = 0.01  #: share of pixels whose quantiles may cross before a map fails: heads learn them apart
_NOT_NEGATIVE = ("Mg/ha", "t/ha")
_ULP = 1e-6


class Ranges:
    """Values lie where they can lie.

    Codes are of the legend, and no bit is set that has no meaning. Floats are finite where they are data. Confidence,
    entropy, margin and probabilities lie from 0 to 1 after scale, and the probabilities of a pixel add up to no more
    than 1. Quantities in Mg/ha and deviations are not negative. q05 is not above agb, nor agb above q95, where there
    are such layers.
    """

    name = "ranges"

    def __init__(self) -> None:
        self._bad, self._odd = Offences(), Offences()
        self._pixels: Counter[str] = Counter()
        self._crossed = self._ordered = self._layers = 0

    def measure(self, read: UnitRead) -> Any:
        """See `Check`."""
        found, layers = [], 0
        for layer, facts in read.facts.items():
            numbers = read.numbers(layer)
            if numbers is not None:
                layers += 1
                found += [(layer, count, reason, kind) for count, reason, kind in _out_of_range(read, facts, numbers)]
        over = _over_one(read)
        if over is not None and over[0]:
            found.append((PROBABILITY + "*", *over, "probabilities above 1 in all"))
        return layers, found, _crossed(read)

    def take(self, unit: str, measured: Any) -> None:
        """See `Check`."""
        layers, found, (crossed, ordered) = measured
        self._layers += layers
        for layer, count, reason, kind in found:
            self._pixels[kind] += count
            self._bad.add(unit, f"{count:,} pixels: {reason}", layer=layer, kind="layers out of range")
        self._crossed, self._ordered = self._crossed + crossed, self._ordered + ordered
        if crossed:
            reason = f"{crossed:,} of {ordered:,} pixels: {LOW} above {MIDDLE} or {HIGH}, or {MIDDLE} above {HIGH}"
            self._odd.add(unit, reason, layer=LOW, kind="units with quantiles that cross")

    def finding(self) -> Finding:
        """See `Check`."""
        many = self._crossed > MOST_CROSSED * self._ordered
        both = Offences([*self._bad.first, *self._odd.first], self._bad.number + self._odd.number)
        both.kinds = self._bad.kinds + self._odd.kinds
        return Finding.of(
            self.name, both, bad=Verdict.FAILED if self._bad.number or many else Verdict.WARNED,
            good="all values lie in their range", read=f"{self._layers:,} layers of units",
            counts={**self._pixels, "pixels with quantiles that cross": self._crossed},
        )  # fmt: skip


def _out_of_range(read: UnitRead, facts: LayerFacts, numbers: NDArray[Any]) -> list[tuple[int, str, str]]:
    """(pixels, reason, kind) of what cannot be."""
    found = []
    if facts.legend is not None:
        counted = read.counted(facts.name)
        known = np.zeros(len(counted), bool)
        known[[*facts.legend, *(() if facts.nodata is None else (int(facts.nodata),))]] = True
        strange = np.flatnonzero(~known & (counted > 0))
        if len(strange):
            codes = ", ".join(map(str, strange[:5].tolist()))
            found.append((int(counted[strange].sum()), f"codes {codes} are not in the legend", "unknown codes"))
        return found
    if facts.bits:
        beyond = int(np.count_nonzero((numbers >> facts.bits != 0) & read.valid(facts.name)))
        return [(beyond, f"bits above the {facts.bits} that there are", "unknown bits")] if beyond else []
    if numbers.dtype.kind == "f":
        infinite = int(np.count_nonzero(np.isinf(numbers)))
        nan = 0 if facts.nodata is not None and np.isnan(facts.nodata) else int(np.count_nonzero(np.isnan(numbers)))
        if infinite or nan:
            found.append((infinite + nan, "infinite, or NaN that is not no-data", "not finite"))
    low, high = _range(facts)
    if low is None and high is None:
        return found
    # in numbers of the file, so that no copy in other units is made
    bounds = [None if v is None else (v - facts.offset) / facts.scale for v in (low, high)]
    slack = _ULP * max(1.0, *(abs(b) for b in bounds if b is not None))
    for bound, sign, word in ((bounds[0], -1, "below"), (bounds[1], 1, "above")):
        if bound is not None:
            out = (numbers < bound - slack) if sign < 0 else (numbers > bound + slack)
            count = int(np.count_nonzero(out & read.valid(facts.name)))
            if count:
                found.append((count, f"{word} {low if sign < 0 else high:g} {facts.unit}", f"{word} the range"))
    return found


def _range(facts: LayerFacts) -> tuple[float | None, float | None]:
    if facts.name in (CONFIDENCE, ENTROPY, MARGIN) or facts.name.startswith(PROBABILITY):
        return 0.0, 1.0
    if facts.unit in _NOT_NEGATIVE or facts.name in (MIDDLE, LOW, HIGH) or facts.name.endswith("_sd"):
        return 0.0, None
    return None, None


def _over_one(read: UnitRead) -> tuple[int, str] | None:
    """Pixels whose probabilities add up to more than 1, beyond what rounding to steps can do."""
    layers = [name for name in read.facts if name.startswith(PROBABILITY) and read.numbers(name) is not None]
    if len(layers) < 2:
        return None
    total = np.zeros(read.unit.tile.shape, np.float32)
    there = np.ones(read.unit.tile.shape, bool)
    slack = _ULP
    for name in layers:
        facts, numbers = read.facts[name], read.numbers(name)
        assert numbers is not None
        total += numbers.astype(np.float32) * np.float32(facts.scale) + np.float32(facts.offset)
        there &= read.valid(name)
        slack += facts.scale / 2 if numbers.dtype.kind != "f" else 1e-4
    over = there & (total > 1 + slack)
    return int(np.count_nonzero(over)), "probabilities add up to more than 1"


def _crossed(read: UnitRead) -> tuple[int, int]:
    """(pixels whose quantiles cross, pixels that have them)."""
    chain = [name for name in (LOW, MIDDLE, HIGH) if name in read.facts and read.numbers(name) is not None]
    if len(chain) < 2:
        return 0, 0
    there = np.logical_and.reduce([read.valid(name) for name in chain])
    crossed = np.zeros(read.unit.tile.shape, bool)
    values = [read.values(name) for name in chain]
    for lower, upper in pairwise(values):
        crossed |= lower > upper
    return int(np.count_nonzero(crossed & there)), int(np.count_nonzero(there))
