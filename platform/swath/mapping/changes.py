"""What differs between a map and what a new search would make it of: unit by unit, scene by scene."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from swath.grid import Period
from swath.mapping.former import Former, Look
from swath.mapping.publish import Place, Published
from swath.mapping.units import Unit
from swath.planning.steps import holds
from swath.sources import FrozenItems
from swath.store import names

LISTED = 20  # units and scenes that a person is shown by name


@dataclass
class Changes:
    """What an update finds; units are those of its area and periods.

    Attributes:
        new: Units that the map does not have.
        changed: Units of the map that would be made of other scenes.
        with_new_scenes: Those of them with scenes that were not there before.
        with_replaced_scenes: Those with another version of a scene: the same acquisition, processed or written anew.
        with_lost_scenes: Those of them that had scenes which the source no longer has.
        unchanged: Units made of the very same.
        older: Unchanged units that older code made.
        gone: Units of which only scenes are gone, or all: they stay as they are.
        moved: Acquisitions that now begin at another second: units of the map that go when the new ones stand.
        without_input: Units for which there are no items, and which the map does not have.
        elsewhere: Units of the map in other periods and areas: they stay.
        scenes_new: Distinct scenes that were not there before, in units of the map.
        scenes_replaced: Distinct scenes that replace an earlier version, likewise.
        scenes_lost: Distinct scenes that the source no longer has.
        replaced: Some of the replaced, [before, now].
        lost: Some of the scenes that are gone.
        gone_units: Some of the units that are gone.
    """

    new: int = 0
    changed: int = 0
    with_new_scenes: int = 0
    with_replaced_scenes: int = 0
    with_lost_scenes: int = 0
    unchanged: int = 0
    older: int = 0
    gone: int = 0
    moved: int = 0
    without_input: int = 0
    elsewhere: int = 0
    scenes_new: int = 0
    scenes_replaced: int = 0
    scenes_lost: int = 0
    replaced: list[list[str]] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    gone_units: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


class Comparison:
    """Compares units with those of the map, and chooses those that must be made; ask `changes` when all are through.

    Args:
        standing: Units of the map whose files are there.
        former: What they were made of.
        items: Frozen now.
        period: That is looked at.
        redo: Choose unchanged units too that older code made.

    Attributes:
        chosen: (id, content) of the units with input that must be made.
        moved: Id of a unit of the map to that of the unit which takes its place at another time.
    """

    def __init__(
        self, standing: Mapping[Place, Published], former: Former, items: FrozenItems, period: Period, *, redo: bool
    ) -> None:
        self._left = dict(standing)
        self._former, self._items, self._period, self._redo = former, items, period, redo
        self._told = Changes()
        self._tiles: set[str] = set()
        self._begun: dict[tuple[str, str], str] = {}  # (tile, observation) of units that are new to unit id
        self._new, self._replaced = (np.zeros(len(items), bool) for _ in range(2))  # rows of the items
        self._lost: dict[int, str] = {}  # code of an item to its id
        self.chosen: set[tuple[str, str]] = set()
        self.moved: dict[str, str] = {}

    def __call__(self, unit: Unit, rows: NDArray[np.int32]) -> bool:
        """Whether a unit shall be part of the plan."""
        self._tiles.add(unit.tile)
        there = self._left.pop((unit.step, unit.tile), None)
        if not unit.scenes:
            if there is None:
                self._told.without_input += 1
                return True
            self._gone(unit.id)
            return False
        if there is None:
            self._told.new += 1
            if self._period.acquisition and (own := self._now.observation(rows, unit.start)):
                self._begun[unit.tile, own] = unit.id
        elif there.content == unit.content:
            self._told.unchanged += 1
            self._told.older += there.key != unit.key
            if there.key == unit.key or not self._redo:
                return False
        elif not self._differs(unit, rows, there):
            return False
        self.chosen.add((unit.id, unit.content))
        return True

    def changes(self) -> Changes:
        """What was found, once every unit was asked for."""
        told = self._told
        for (step, tile), there in self._left.items():
            if not self._period.acquisition or tile not in self._tiles or not holds(self._period, step):
                told.elsewhere += 1
                continue
            unit = names.unit_id(tile, step)
            new = self._begun.get((tile, self._former.observation((step, tile), there.content) or ""))
            if new is None:
                self._gone(unit)
            else:
                self.moved[unit] = new
        self._left.clear()
        told.moved = len(self.moved)
        told.scenes_new, told.scenes_replaced = int(self._new.sum()), int(self._replaced.sum())
        told.scenes_lost = len(self._lost)
        told.lost = sorted(self._lost.values())[:LISTED]
        return told

    @cached_property
    def _now(self) -> Look:
        return Look.of(self._items)

    def _gone(self, unit: str) -> None:
        self._told.gone += 1
        if len(self._told.gone_units) < LISTED:
            self._told.gone_units.append(unit)

    def _differs(self, unit: Unit, rows: NDArray[np.int32], there: Published) -> bool:
        """Count how a unit of the map differs; False where scenes are gone and nothing else: it stays."""
        told, now, found = self._told, self._now, self._former.rows((unit.step, unit.tile), there.content)
        if found is None:  # the run that made it is no longer in the store, so nobody can tell
            told.changed += 1
            return True
        former, before = found
        fresh = rows[~np.isin(now.digests[rows], former.digests[before])]
        left = before[~np.isin(former.digests[before], now.digests[rows])]
        lost = left[~former.same(left, now, fresh)]
        self._lost |= {int(former.ids[row]): former.name(row) for row in lost if int(former.ids[row]) not in self._lost}
        if len(left) and not len(fresh):
            self._gone(unit.id)
            return False
        told.changed += 1
        again = now.same(fresh, former, left)
        told.with_replaced_scenes += bool(again.any())
        told.with_new_scenes += not again.all()
        told.with_lost_scenes += len(lost) > 0
        for row in fresh[again][: LISTED - len(told.replaced)]:
            if not self._replaced[row]:
                old = left[former.same(left, now, np.array([row], np.int32))]
                told.replaced.append([former.name(old[0]), now.name(row)])
        self._new[fresh[~again]] = True
        self._replaced[fresh[again]] = True
        return True
