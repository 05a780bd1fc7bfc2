"""Check of swath edges: does the map step where the observations of a pixel change?"""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.features import rasterize

from swath.assessment.audit.facts import COUNT, LayerFacts
from swath.assessment.audit.finding import Finding, Offences, Verdict
from swath.assessment.audit.footprints import Footprints
from swath.assessment.audit.reading import UnitRead
from swath.assessment.audit.steps import LEAST, Line, Steps
from swath.grid import Tile
from swath.grid.lonlat import from_lonlat, transformed

LAG = 2  #: pixels between the two of a pair: outlines of footprints are drawn no finer
SHIFTS = (-64, -48, -32, -16, 16, 32, 48, 64)  #: pixels by which a line is moved aside, to know the ground without it
MOST_PAIRS = 8_000  #: of a tile; more say no more
_SEGMENTS = 64  # of an outline over its longest side, before it is turned into the tile's CRS


class SwathEdges:
    """Pairs of pixels across the outline of an observation differ as pairs along the same outline moved aside.

    Outlines are those of the footprints of the unit's scenes, joined by observation (the seams between granules of one
    pass are none); where the runs' frozen items are gone, places where the layer of counts changes. Moved aside by 16
    to 64 pixels the same line gives what the ground does by itself; statistics are those of `steps`. No correction of
    view angle is made to the inputs, so steps are odd, not wrong: they warn, and fail where they are gross.
    """

    name = "swath edges"

    def __init__(self, facts: dict[str, LayerFacts], footprints: Footprints) -> None:
        self._layers = [one.name for one in facts.values() if one.is_data]
        self._footprints = footprints
        self._steps = {layer: Steps() for layer in self._layers}
        self._units = {"footprints": 0, "counts": 0, "none": 0}

    def measure(self, read: UnitRead) -> Any:
        """See `Check`."""
        outlines = self._footprints.of_tile(read.unit.tile.id)
        source = "footprints" if outlines else "counts"
        seen: NDArray[Any] | None = coverage(outlines, read.unit.tile) if outlines else read.numbers(COUNT)
        if seen is None:
            return "none", []
        if seen.min() == seen.max():
            return source, []
        found = []
        for layer in self._layers:
            numbers = read.numbers(layer)
            if numbers is not None:
                lines = moved_lines(numbers, read.valid(layer), seen, read.facts[layer].legend is not None)
                if lines is not None:
                    found.append((layer, lines))
        return source, found

    def take(self, unit: str, measured: Any) -> None:
        """See `Check`."""
        source, found = measured
        self._units[source] += bool(found)
        for layer, (line, aside) in found:
            self._steps[layer].edges.append((unit, line))
            self._steps[layer].inside += aside

    def finding(self) -> Finding:
        """See `Check`."""
        offences = Offences()
        judged = {
            layer: steps.judge(layer, offences, kind="units that stand out") for layer, steps in self._steps.items()
        }
        verdict = Verdict.worst(one for one, _ in judged.values())
        if offences.number:
            verdict = Verdict.worst([verdict, Verdict.WARNED])
        tried = sum(len(steps.edges) for steps in self._steps.values())
        says = (
            f"{offences.number:,} of {tried:,} layers of units stand out"
            if verdict != "passed"
            else "no steps where observations change"
        )
        if not tried:
            says = "no edge of a swath lies in the map"
        known = ", ".join(f"{number} units by {source}" for source, number in self._units.items() if number)
        return Finding(
            self.name, verdict, says, known or "no unit with an edge",
            {layer: told for layer, (_, told) in judged.items()}, tuple(offences.first), offences.number,
        )  # fmt: skip


def coverage(outlines: dict[str, list[bytes]], tile: Tile) -> NDArray[np.uint16]:
    """How many observations cover each pixel by their footprints, (rows, columns)."""
    box, turn = shapely.box(*tile.bounds), from_lonlat(tile.crs)
    total = np.zeros(tile.shape, np.uint16)
    whole = 0
    for shapes in outlines.values():
        degrees = shapely.union_all(shapely.from_wkb(shapes))
        span = max(degrees.bounds[2] - degrees.bounds[0], degrees.bounds[3] - degrees.bounds[1])
        ground = transformed(shapely.segmentize(degrees, span / _SEGMENTS), turn)
        if not shapely.is_valid(ground):
            ground = shapely.make_valid(ground)
        if ground.contains(box):
            whole += 1
        elif ground.intersects(box):
            total += rasterize([ground], out_shape=tile.shape, transform=tile.affine, dtype="uint8")
    return total + np.uint16(whole)


def moved_lines(
    numbers: NDArray[Any], valid: NDArray[np.bool_], seen: NDArray[Any], is_classes: bool
) -> tuple[Line, list[Line]] | None:
    """The line where `seen` changes, and the same line moved aside; None where it has too few pairs.

    Args:
        numbers: (rows, columns).
        valid: Which hold data.
        seen: Observations of each pixel.
        is_classes: Numbers are codes.
    """
    sums = np.zeros((len(SHIFTS) + 1, 3))  # by shift, 0 first: pairs, sum of sizes, sum of signed differences
    for turned in (False, True):
        values, there, many = (array.T if turned else array for array in (numbers, valid, seen))
        rows, cols = np.nonzero(many[:, LAG:] != many[:, :-LAG])
        if len(rows) > MOST_PAIRS:
            part = np.linspace(0, len(rows) - 1, MOST_PAIRS).astype(np.int64)
            rows, cols = rows[part], cols[part]
        sign = np.where(many[rows, cols] < many[rows, cols + LAG], 1.0, -1.0)
        for place, shift in enumerate((0, *SHIFTS)):
            first = cols + shift
            inside = (first >= 0) & (first + LAG < values.shape[1])
            r, c, s = rows[inside], first[inside], sign[inside]
            good = there[r, c] & there[r, c + LAG]
            if shift:
                good &= many[r, c] == many[r, c + LAG]
            one, two = values[r[good], c[good]], values[r[good], c[good] + LAG]
            step = (one != two).astype(np.float64) if is_classes else two.astype(np.float64) - one
            signed = 0.0 if is_classes else float((step * s[good]).sum())
            sums[place] += len(step), float(np.abs(step).sum()), signed
    enough = sums[1:, 0] >= LEAST
    if sums[0, 0] < LEAST or np.count_nonzero(enough) < 3:
        return None
    sizes, means = sums[:, 1] / np.maximum(sums[:, 0], 1), sums[:, 2] / np.maximum(sums[:, 0], 1)
    beside, level = float(np.median(sizes[1:][enough])), float(np.median(means[1:][enough]))
    aside = [
        Line(float(a), beside, float(m - level)) for a, m in zip(sizes[1:][enough], means[1:][enough], strict=True)
    ]
    return Line(float(sizes[0]), beside, float(means[0] - level)), aside
