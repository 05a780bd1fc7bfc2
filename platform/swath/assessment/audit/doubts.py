"""Check of what tells how sure a class or a value is: it agrees with it and with itself."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from swath.assessment.audit.facts import LayerFacts
from swath.assessment.audit.finding import Finding, Offences, Verdict
from swath.assessment.audit.ranges import HIGH, LOW, MIDDLE
from swath.assessment.audit.reading import UnitRead
from swath.assessment.published import CLASS
from swath.products.model import CONFIDENCE, PROBABILITY
from swath.products.uncertainty import ENTROPY, MARGIN, SET

_DEVIATION = "_sd"
_BESIDE = (CONFIDENCE, ENTROPY, MARGIN, SET)


class Doubts:
    """What tells how sure a map is stands beside what it is of, and fits it.

    Confidence, entropy, margin, probabilities and sets hold data exactly where there is a class, deviations and
    quantiles exactly where there is a value. Neither the margin nor a probability is above the confidence, for it is
    that of the likeliest class. The set of likely classes holds the class of the map.
    """

    name = "uncertainty"

    def __init__(self, facts: dict[str, LayerFacts]) -> None:
        self._of = _pairs(facts)
        self._offences, self._units = Offences(), 0
        self._pixels: Counter[str] = Counter()

    @staticmethod
    def applies(facts: dict[str, LayerFacts]) -> bool:
        """The map has a layer that tells how sure another one is."""
        return bool(_pairs(facts))

    def measure(self, read: UnitRead) -> Any:
        """See `Check`."""
        found = []
        for layer, of in self._of.items():
            if read.numbers(layer) is None or read.numbers(of) is None:  # told by `checksums` or `cogs`
                continue
            apart = int(np.count_nonzero(read.valid(layer) != read.valid(of)))
            found.append((layer, apart, f"data and no {of}, or {of} and no data", "data unlike what it is of"))
            if layer == MARGIN or layer.startswith(PROBABILITY):
                found.append((layer, _above(read, layer), "above the confidence", "above the confidence"))
            if layer == SET:
                found.append((layer, _lacking(read), "the set lacks the class of the map", "sets without the class"))
        return [one for one in found if one[1]]

    def take(self, unit: str, measured: Any) -> None:
        """See `Check`."""
        self._units += 1
        for layer, pixels, reason, kind in measured:
            self._pixels[f"pixels: {kind}"] += pixels
            self._offences.add(unit, f"{pixels:,} pixels: {reason}", layer=layer, kind=f"layers of units, {kind}")

    def finding(self) -> Finding:
        """See `Check`."""
        return Finding.of(
            self.name, self._offences, bad=Verdict.FAILED, good="all fit what they are of",
            read=f"{self._units:,} units, {', '.join(self._of)}", counts=dict(self._pixels),
        )  # fmt: skip


def _pairs(facts: dict[str, LayerFacts]) -> dict[str, str]:
    """Layers that tell how sure another one is, and that one."""
    found = {name: name.removesuffix(_DEVIATION) for name in facts if name.endswith(_DEVIATION)}
    found |= {name: MIDDLE for name in (LOW, HIGH)}
    if CLASS in facts and facts[CLASS].legend is not None:
        found |= {name: CLASS for name in facts if name in _BESIDE or name.startswith(PROBABILITY)}
    return {name: of for name, of in found.items() if name in facts and of in facts}


def _above(read: UnitRead, layer: str) -> int:
    """Pixels above the confidence by more than rounding to steps can do."""
    if CONFIDENCE not in read.facts or read.numbers(CONFIDENCE) is None:
        return 0
    slack = sum(_rounding(read, name) for name in (layer, CONFIDENCE))
    there = read.valid(layer) & read.valid(CONFIDENCE)
    return int(np.count_nonzero((read.values(layer) > read.values(CONFIDENCE) + np.float32(slack)) & there))


def _rounding(read: UnitRead, layer: str) -> float:
    """Half a step of a layer of whole numbers; the float's own where it has none."""
    numbers = read.numbers(layer)
    return 1e-6 if numbers is None or numbers.dtype.kind == "f" else read.facts[layer].scale / 2


def _lacking(read: UnitRead) -> int:
    """Pixels whose set has not the bit of their class: bit i is the class that the legend lists as number i."""
    legend, classes, sets = read.facts[CLASS].legend, read.numbers(CLASS), read.numbers(SET)
    assert legend is not None and classes is not None and sets is not None
    bits = np.zeros(256 if classes.itemsize == 1 else 65536, np.uint16)
    bits[list(legend)] = 1 << np.arange(len(legend))
    known = bits[classes]
    return int(np.count_nonzero((sets & known == 0) & (known > 0) & read.valid(CLASS) & read.valid(SET)))
