"""Which ground the scenes of each tile cover, as the runs of a map froze them."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from swath.assessment.runs import Run
from swath.store import names


@dataclass(frozen=True)
class Footprints:
    """Which ground the scenes of each tile cover, by observation.

    Attributes:
        items: Rows of a frozen table by tile.
        tables: Frozen table of each tile, by place in `outlines`.
        outlines: (geometry: WKB, observation) of every item of each table; distinct footprints stand once.
    """

    items: dict[str, tuple[int, tuple[int, ...]]]
    outlines: tuple[pa.Table, ...]

    @classmethod
    def of(cls, runs: list[Run], step: str) -> Footprints:
        """Of the tiles of a time step, as far as the runs' frozen items stand; by the last run that has a tile.

        Memory: a row number an item and unit, and a reference an item.
        """
        items: dict[str, tuple[int, tuple[int, ...]]] = {}
        outlines: list[pa.Table] = []
        for run in runs:
            if not run.store.exists(names.run_file(run.root, run.id, "items.parquet")):
                continue
            outlines.append(run.frozen().footprints(("geometry", "observation")))
            for unit in run.units(step, items=True):
                if unit.items:
                    items[unit.tile] = len(outlines) - 1, unit.items
        return cls(items, tuple(outlines))

    def of_tile(self, tile: str) -> dict[str, list[bytes]]:
        """Distinct footprints (WKB, degrees) by observation; empty where nothing is known."""
        if tile not in self.items:
            return {}
        place, rows = self.items[tile]
        table = self.outlines[place].take(pa.array(rows))
        found: dict[str, list[bytes]] = {}
        for wkb, observation in zip(table["geometry"].to_pylist(), table["observation"].to_pylist(), strict=True):
            mine = found.setdefault(observation, [])
            if wkb not in mine:
                mine.append(wkb)
        return found
