"""Check of the area of applicability: its two layers say the same."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from swath.assessment.audit.facts import LayerFacts
from swath.assessment.audit.finding import Finding, Offences, Verdict
from swath.assessment.audit.reading import UnitRead
from swath.products.model import APPLICABLE, DISSIMILARITY

INSIDE, OUTSIDE = 1, 0


class Applicable:
    """Layer `applicable` holds 1 and 0, and follows from `dissimilarity` by one threshold.

    Where one of the two has data the other has, too. The dissimilarity of every pixel inside is at most that of every
    pixel outside: over the whole map, for all of it was made by one model. A tile of another model stands out.
    """

    name = "applicability"

    def __init__(self, facts: dict[str, LayerFacts]) -> None:
        self._layers = [name for name in (DISSIMILARITY, APPLICABLE) if name in facts]
        self._offences, self._units = Offences(), 0
        self._pixels: Counter[str] = Counter()
        self._ends: list[tuple[str, float, float]] = []

    @staticmethod
    def applies(facts: dict[str, LayerFacts]) -> bool:
        """The map has a layer of it."""
        return DISSIMILARITY in facts or APPLICABLE in facts

    def measure(self, read: UnitRead) -> Any:
        """See `Check`."""
        found, ends = [], (-np.inf, np.inf)
        index, states = read.numbers(DISSIMILARITY), read.numbers(APPLICABLE)
        if states is not None:
            strange = (states != INSIDE) & (states != OUTSIDE) & read.valid(APPLICABLE)
            found.append((APPLICABLE, int(np.count_nonzero(strange)), "neither 0 nor 1", "strange codes"))
        if index is not None:
            negative = (read.values(DISSIMILARITY) < 0) & read.valid(DISSIMILARITY)
            found.append((DISSIMILARITY, int(np.count_nonzero(negative)), "below 0", "below 0"))
        if index is not None and states is not None:
            one, other = read.valid(DISSIMILARITY), read.valid(APPLICABLE)
            apart = int(np.count_nonzero(one != other))
            found.append((APPLICABLE, apart, f"data in only one of it and {DISSIMILARITY}", "data in one of two"))
            inside, outside = one & (states == INSIDE), one & (states == OUTSIDE)
            ends = (
                float(np.max(index, where=inside, initial=0)) if inside.any() else -np.inf,
                float(np.min(index, where=outside, initial=index[outside][0])) if outside.any() else np.inf,
            )
        return ends, [one for one in found if one[1]]

    def take(self, unit: str, measured: Any) -> None:
        """See `Check`."""
        (inside, outside), found = measured
        self._units += 1
        self._ends.append((unit, inside, outside))
        for layer, pixels, reason, kind in found:
            self._pixels[f"pixels: {kind}"] += pixels
            self._offences.add(unit, f"{pixels:,} pixels: {reason}", layer=layer, kind=f"layers of units, {kind}")

    def finding(self) -> Finding:
        """See `Check`."""
        self._no_threshold()
        return Finding.of(
            self.name, self._offences, bad=Verdict.FAILED, good="one threshold parts inside from outside"
            if len(self._layers) == 2 else "all values can be",
            read=f"{self._units:,} units, {', '.join(self._layers)}", counts=dict(self._pixels),
        )  # fmt: skip

    def _no_threshold(self) -> None:
        """Name the units that keep one threshold from parting the whole map."""
        inside = np.array([low for _, low, _ in self._ends])
        outside = np.array([high for _, _, high in self._ends])
        if not len(inside) or inside.max() <= outside.min():
            return
        # most units are right, so that the threshold lies between what is usual inside and outside
        usual_in, usual_out = (_median(ends, of) for ends, of in ((inside, -np.inf), (outside, np.inf)))
        odd = (inside > outside) | (inside > usual_out) | (outside < usual_in)
        if not odd.any():
            odd = (inside == inside.max()) | (outside == outside.min())
        for place in np.flatnonzero(odd).tolist():
            unit, most, least = self._ends[place]
            told = f"numbers of {DISSIMILARITY} up to {most:g} are inside, and from {least:g} on outside"
            self._offences.add(unit, told, layer=APPLICABLE, kind="units of another threshold")


def _median(ends: np.ndarray[Any, Any], none: float) -> float:
    """Of the units that have such pixels; `none` where no unit has."""
    known = ends[np.isfinite(ends)]
    return float(np.median(known)) if len(known) else none
