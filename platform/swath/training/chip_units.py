"""Units of chips: a tile that holds labels at one time step, with its items."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from swath.grid import Tile
from swath.planning import Steps
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
        items: Rows of the frozen table; where chips hold several acquisitions, those of its neighbours too.
    """

    id: str
    tile: str
    step: str
    start: datetime
    end: datetime
    items: tuple[int, ...]


def units_of(tile: Tile, rows: NDArray[np.int32], steps: Steps) -> Iterator[ChipUnit]:
    """The units of a tile for which there are items."""
    for step, mine in steps.cut(rows):
        if len(mine):
            yield ChipUnit(
                names.unit_id(tile.id, step.id), tile.id, step.id, step.start, step.end, tuple(mine.tolist())
            )
