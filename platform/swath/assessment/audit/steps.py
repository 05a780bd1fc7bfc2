"""Are there steps where tiles or swaths meet? Two statistics of lines of pixels, held against the same inside.

With v the numbers of two neighbours across a line: the *roughness* is the mean of |v2 - v1| (of classes: the share of
pairs that differ) over that of neighbouring pairs, as log ratio; it shows trims, noise and models that see no halo.
The *offset* is the mean of v2 - v1, less that of neighbouring pairs, in units of their mean |v2 - v1|; it shows a level
that jumps by less than the texture. Lines inside give what both are where nothing meets; medians and median absolute
deviations make the comparison, so that a river along an edge does not decide it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from swath.assessment.audit.finding import Offences, Verdict

DEPTH = 8  #: pixels from a line to the pairs that it is held against
LEAST = 32  #: pairs of pixels that a line must have
SIGMAS = 6.0  #: robust deviations of inside lines beyond which a single line is told
FLOORS = {"roughness": float(np.log(1.5)), "offset": 0.5}  #: below these a single line is never told
_SHIFTS = {"roughness": (float(np.log(1.1)), float(np.log(1.3))), "offset": (0.1, 0.3)}  # median: to warn, to fail
_Z = 4.0
_MEDIAN_SE = 1.2533  # of a median over that of a mean, for normal numbers


@dataclass(frozen=True)
class Line:
    """A line of pairs.

    Attributes:
        across: Mean absolute difference of the pairs on it.
        beside: Of neighbouring pairs.
        jump: Mean difference on it, less that of neighbouring pairs; 0 for classes.
    """

    across: float
    beside: float
    jump: float


def differences(lines: NDArray[Any], is_classes: bool) -> NDArray[np.float32]:
    """From k + 1 lines of n numbers to k lines of differences: signed, or 0 and 1 for classes."""
    if is_classes:
        return (lines[1:] != lines[:-1]).astype(np.float32)
    return np.diff(lines.astype(np.float32), axis=0)


def line_of(lines: NDArray[Any], valid: NDArray[np.bool_], is_classes: bool) -> Line | None:
    """The line between the third and fourth of six; None where too few pixels are valid in all of them.

    The first two and the last two lie `DEPTH` pixels away from it, where a trim does not reach.

    Args:
        lines: (6, n) numbers.
        valid: (6, n) which hold data.
        is_classes: Numbers are codes.
    """
    there = valid.all(axis=0)
    if int(np.count_nonzero(there)) < LEAST:
        return None
    signed = differences(lines[:, there], is_classes)
    size, mean = np.abs(signed).mean(axis=1), signed.mean(axis=1)
    jump = 0.0 if is_classes else float(mean[2] - (mean[0] + mean[4]) / 2)
    return Line(float(size[2]), float(size[0] + size[4]) / 2, jump)


@dataclass
class Steps:
    """Lines of one layer: where something meets, and inside.

    Attributes:
        edges: (id, line).
        inside: Lines inside.
    """

    edges: list[tuple[str, Line]] = field(default_factory=list)
    inside: list[Line] = field(default_factory=list)

    def judge(self, layer: str, offences: Offences, *, kind: str) -> tuple[Verdict, dict[str, Any]]:
        """Medians of all edges against inside, and single edges that stand out.

        Args:
            layer: For the offences.
            offences: Single edges are added.
            kind: What they are counted as.

        Returns:
            The verdict of the medians (the single edges are judged by who calls), and the numbers.
        """
        if len(self.edges) < 1 or len(self.inside) < 4:
            return Verdict.PASSED, {"edges": len(self.edges), "inside": len(self.inside)}
        rest = 0.05 * float(np.median([line.beside for line in self.inside])) + 1e-9
        told: dict[str, Any] = {"edges": len(self.edges), "inside": len(self.inside)}
        verdict, out = Verdict.PASSED, np.zeros(len(self.edges), bool)
        of_edges, of_inside = _numbers([line for _, line in self.edges], rest), _numbers(self.inside, rest)
        for name in ("roughness", "offset"):
            edges, inside = of_edges[name], of_inside[name]
            middle, deviation = float(np.median(inside)), _deviation(inside)
            shift = float(np.median(edges)) - middle
            error = _MEDIAN_SE * np.hypot(_deviation(edges) / np.sqrt(len(edges)), deviation / np.sqrt(len(inside)))
            warn, fail = _SHIFTS[name]
            if len(self.edges) >= 4 and shift > _Z * error:
                verdict = Verdict.worst(
                    [verdict, Verdict.FAILED if shift > fail else Verdict.WARNED if shift > warn else Verdict.PASSED]
                )
            bound = max(middle + SIGMAS * deviation, middle + FLOORS[name], 1.2 * float(inside.max()))
            out |= edges > bound
            told[name] = {
                "edges": float(np.exp(np.median(edges))) if name == "roughness" else float(np.median(edges)),
                "inside": float(np.exp(middle)) if name == "roughness" else middle,
            }
        told["standing out"] = int(out.sum())
        for place in np.flatnonzero(out).tolist():
            unit, line = self.edges[place]
            reason = f"differences of {line.across:.3g} across, {line.beside:.3g} beside it, a jump of {line.jump:.3g}"
            offences.add(unit, reason, layer=layer, kind=kind)
        return verdict, told


def _numbers(lines: list[Line], rest: float) -> dict[str, NDArray[np.float64]]:
    across, beside, jump = (np.array([getattr(line, name) for line in lines]) for name in ("across", "beside", "jump"))
    return {"roughness": np.log((across + rest) / (beside + rest)), "offset": np.abs(jump) / (beside + rest)}


def _deviation(values: NDArray[np.float64]) -> float:
    return 1.4826 * float(np.median(np.abs(values - np.median(values)))) + 1e-6
