"""What the units of a map were made of: found again in the plans that made them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from swath.mapping.plan import Plan
from swath.mapping.publish import Place, Published
from swath.sources import FrozenItems

Rows = Sequence[int] | NDArray[np.int32]
_COLUMNS = ("collection", "id", "digest", "observation", "grid:code", "datetime")


@dataclass(frozen=True)
class SceneMark:
    """A scene as far as versions of it are told apart.

    Attributes:
        id: Item id.
        marks: Two scenes with one of them in common are versions of one: the collection with the id, or with the
            observation and the granule that it saw.
    """

    id: str
    marks: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Look:
    """Frozen items by row, as far as versions of a scene are told apart."""

    table: pa.Table

    @classmethod
    def of(cls, items: FrozenItems) -> Look:
        """Read the columns of a frozen table; its hrefs are not touched."""
        return cls(pa.concat_tables(items.footprint_parts(_COLUMNS)).unify_dictionaries().combine_chunks())

    def scenes(self, rows: Rows) -> dict[bytes, SceneMark]:
        """Scenes of some rows by their digests."""
        found = {}
        for row in self.table.take(pa.array(rows, pa.int32())).to_pylist():
            collection, name = row["collection"], row["id"]
            granule = (collection, row["observation"], row["grid:code"]) if row["grid:code"] else ()
            found[row["digest"]] = SceneMark(name, tuple(mark for mark in ((collection, name), granule) if mark))
        return found

    def observation(self, rows: Rows, start: datetime) -> str | None:
        """The observation, of those of some rows, that begins at an instant."""
        table = self.table.take(pa.array(rows, pa.int32()))
        when = table["datetime"].cast(pa.timestamp("us", tz="UTC"))
        own = table.filter(pc.equal(when, pa.scalar(start, pa.timestamp("us", tz="UTC"))))
        return None if not own.num_rows else str(own["observation"][0].as_py())


class Former:
    """Scenes of the units of a map, from the plans of its store. They are read when the first unit is asked for.

    Args:
        plans: All that stand in the folder of product and version.
        standing: Units of the map.
    """

    def __init__(self, plans: Sequence[Plan], standing: Mapping[Place, Published]) -> None:
        self._plans, self._standing = plans, standing
        self._looks: dict[int, Look] = {}

    def scenes(self, place: Place, content: str) -> dict[bytes, SceneMark] | None:
        """Scenes of a unit by their digests; None if no plan of the store tells."""
        made = self._made.get(place)
        return None if made is None or made[2] != content else self._look(made[0]).scenes(made[1])

    def observation(self, place: Place, content: str) -> str | None:
        """Of a unit that is one acquisition: which; None if no plan of the store tells."""
        made = self._made.get(place)
        return None if made is None or made[2] != content else self._look(made[0]).observation(made[1], made[3])

    @cached_property
    def _made(self) -> dict[Place, tuple[int, NDArray[np.int32], str, datetime]]:
        """(number of the plan, rows, content, start) of each unit of the map."""
        made: dict[Place, tuple[int, NDArray[np.int32], str, datetime]] = {}
        for number, plan in enumerate(self._plans):
            for unit in plan.units():
                place = (unit.step, unit.tile)
                there = self._standing.get(place)
                if there is not None and there.content == unit.content:
                    made[place] = number, np.array(unit.items, np.int32), unit.content, unit.start
        return made

    def _look(self, number: int) -> Look:
        if number not in self._looks:
            self._looks[number] = Look.of(self._plans[number].items())
        return self._looks[number]
