"""Check of tile edges: do neighbouring tiles meet as pixels inside a tile do?"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from swath.assessment.audit.facts import LayerFacts
from swath.assessment.audit.finding import Finding, Offences, Verdict
from swath.assessment.audit.reading import UnitRead
from swath.assessment.audit.steps import DEPTH, Steps, line_of
from swath.grid.tiles import tile_index

PLACES = (0.25, 0.5, 0.75)  #: of the lines inside a tile, as shares of its edge
MOST = 0.01  #: share of edges that may stand out before the map fails
#: Lines of a tile on either side of an edge, in the order in which they lie; together the six of `line_of`.
BEFORE, AFTER = np.array([-DEPTH - 2, -DEPTH - 1, -1]), np.array([0, DEPTH, DEPTH + 1])
INSIDE = np.concatenate([BEFORE, AFTER])

Side = tuple[NDArray[Any], NDArray[np.bool_]]  # (3, n) numbers, and which hold data


class TileEdges:
    """Rows and columns on both sides of an edge between tiles differ as those inside do; see `steps`.

    Three lines of each side wait for the neighbour: units come ordered by place, so that memory is that of a front.
    """

    name = "tile edges"

    def __init__(self, facts: dict[str, LayerFacts]) -> None:
        self._layers = [one.name for one in facts.values() if one.is_data]
        self._is_classes = {layer: facts[layer].legend is not None for layer in self._layers}
        self._steps = {layer: Steps() for layer in self._layers}
        self._waiting: dict[tuple[Any, ...], tuple[str, dict[str, Side]]] = {}
        self._edges = 0

    def measure(self, read: UnitRead) -> Any:
        """See `Check`."""
        sides: dict[str, dict[str, Side]] = {side: {} for side in ("west", "east", "north", "south")}
        inside = []
        for layer in self._layers:
            numbers = read.numbers(layer)
            if numbers is None:
                continue
            valid, is_classes = read.valid(layer), read.facts[layer].legend is not None
            for array, there, first, last in (
                (numbers, valid, "north", "south"),
                (numbers.T, valid.T, "west", "east"),
            ):
                if len(array) < 4 * (DEPTH + 2):
                    continue
                sides[first][layer] = array[AFTER], there[AFTER]
                sides[last][layer] = array[BEFORE], there[BEFORE]
                for place in PLACES:
                    middle = int(place * len(array))
                    lines = middle + INSIDE
                    line = line_of(array[lines], there[lines], is_classes)
                    if line is not None:
                        inside.append((layer, line))
        return tile_index(read.unit.tile.id), sides, inside

    def take(self, unit: str, measured: Any) -> None:
        """See `Check`."""
        (key, resolution, size, x, y), sides, inside = measured
        for layer, line in inside:
            self._steps[layer].inside.append(line)
        # an edge is named by the tile east or north of it; y counts northward
        for side, place, comes_first in (
            ("west", (x, y, "x"), False),
            ("east", (x + 1, y, "x"), True),
            ("south", (x, y, "y"), True),
            ("north", (x, y + 1, "y"), False),
        ):
            edge = (key, resolution, size, *place)
            there = self._waiting.pop(edge, None)
            if there is None:
                self._waiting[edge] = unit, sides[side]
            elif comes_first:
                self._meet(f"{unit} | {there[0]}", sides[side], there[1])
            else:
                self._meet(f"{there[0]} | {unit}", there[1], sides[side])

    def _meet(self, edge: str, before: dict[str, Side], after: dict[str, Side]) -> None:
        # rows go from north to south: of a pair the one in the north comes first
        self._edges += 1
        for layer in before.keys() & after.keys():
            steps = self._steps[layer]
            (one, one_valid), (two, two_valid) = before[layer], after[layer]
            if one.shape[1] == two.shape[1]:
                line = line_of(
                    np.concatenate([one, two]), np.concatenate([one_valid, two_valid]), self._is_classes[layer]
                )
                if line is not None:
                    steps.edges.append((edge, line))

    def finding(self) -> Finding:
        """See `Check`."""
        offences = Offences()
        judged = {
            layer: steps.judge(layer, offences, kind="edges that stand out") for layer, steps in self._steps.items()
        }
        verdict = Verdict.worst(one for one, _ in judged.values())
        tried = sum(len(steps.edges) for steps in self._steps.values())
        if offences.number:
            verdict = Verdict.worst([verdict, Verdict.FAILED if offences.number > MOST * tried else Verdict.WARNED])
        says = (
            f"{offences.number:,} of {tried:,} edges of layers stand out"
            if verdict != "passed"
            else "tiles meet as pixels inside do"
        )
        return Finding(
            self.name, verdict, says, f"{self._edges:,} edges, {len(self._layers)} layers",
            {layer: told for layer, (_, told) in judged.items()}, tuple(offences.first), offences.number,
        )  # fmt: skip
