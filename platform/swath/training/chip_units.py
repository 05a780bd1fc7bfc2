"""Units of chips: a tile that holds labels at one time step, with its items."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate, pairwise

import numpy as np
from numpy.typing import NDArray

from swath.grid import Tile
from swath.planning import InputSteps
from swath.store import names


@dataclass(frozen=True)
class ChipUnit:
    """One tile at one time step.

    Attributes:
        id: `<tile>_<step>`.
        tile: Id.
        step: Id.
        start: First instant, UTC.
        end: UTC, exclusive.
        items: Rows of the frozen table, input by input; where chips hold several acquisitions, those of its neighbours
            too.
        counts: How many of them each input reads.
    """

    id: str
    tile: str
    step: str
    start: datetime
    end: datetime
    items: tuple[int, ...]
    counts: tuple[int, ...]

    @property
    def by_input(self) -> tuple[tuple[int, ...], ...]:
        """Rows of the items of each input."""
        return tuple(self.items[first:last] for first, last in pairwise(accumulate(self.counts, initial=0)))


def units_of(tile: Tile, rows: NDArray[np.int32], series: InputSteps) -> Iterator[ChipUnit]:
    """The units of a tile for which there are items of the first input.

    One that lacks another input is cut too: its labels are counted as those without data.
    """
    for step, parts in series.cut(rows):
        if len(parts[0]):
            yield ChipUnit(
                names.unit_id(tile.id, step.id), tile.id, step.id, step.start, step.end,
                tuple(np.concatenate(parts).tolist()), tuple(len(part) for part in parts),
            )  # fmt: skip
