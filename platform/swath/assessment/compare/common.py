"""Tiles that two maps have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from swath.assessment.in_order import threads_for
from swath.assessment.published import PublishedMap, Unit
from swath.errors import SampleError
from swath.grid.tiles import tile_index

NOTE = (
    "Counts of difference are not areas of change: both maps err. An area of change needs a reference sample with a "
    "buffer stratum around change (swath sample --zones, then swath assess)."
)
_BYTES = 24  # a pixel of a pair of tiles, all told

Pair = tuple[Unit, Unit]
OnTile = Callable[[Unit, NDArray[Any], NDArray[Any]], None]


@dataclass(frozen=True)
class Common:
    """Tiles of two maps.

    Attributes:
        pairs: Tiles that both have.
        only_first: Tiles that only the first has.
        only_second: Tiles that only the second has.
    """

    pairs: tuple[Pair, ...]
    only_first: int
    only_second: int

    @property
    def threads(self) -> int:
        """How many may read pairs of tiles at once."""
        rows, cols = self.pairs[0][0].tile.shape
        return threads_for(rows * cols * _BYTES)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"tiles": {"common": len(self.pairs), "only first": self.only_first, "only second": self.only_second}}

    @classmethod
    def of(cls, first: PublishedMap, second: PublishedMap) -> Common:
        """Match the tiles of two maps.

        Raises:
            SampleError: They lie on different grids, or have no tile in common.
        """
        grids = [{tile_index(unit.tile.id)[:3] for unit in one.units} for one in (first, second)]
        if {grid[1:] for grid in grids[0]} != {grid[1:] for grid in grids[1]} or not grids[0] & grids[1]:
            told = [f"{one.id} on {_named(grid)}" for one, grid in zip((first, second), grids, strict=True)]
            raise SampleError(
                f"The maps lie on different grids: {told[0]}, {told[1]}.",
                fix="Compare maps of one grid, resolution and tile size; map one of them anew on the other's.",
            )
        others = {unit.tile.id: unit for unit in second.units}
        pairs = tuple((unit, others[unit.tile.id]) for unit in first.units if unit.tile.id in others)
        if not pairs:
            raise SampleError(f"{first.id} and {second.id} have no tile in common.", fix="Compare maps of one area.")
        return cls(pairs, len(first.units) - len(pairs), len(second.units) - len(pairs))


def _named(grid: set[tuple[Any, ...]]) -> str:
    return ", ".join(f"{key} {resolution:g} m by {size} px" for key, resolution, size in sorted(grid)[:4]) or "none"


def plain(value: float) -> float | None:
    """JSON-ready, to seven digits."""
    return float(f"{value:.7g}") if np.isfinite(value) else None
