"""What the units of a map were made of: found again in the plans that made them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from swath.mapping.plan import Plan
from swath.mapping.publish import Place, Published
from swath.sources import FrozenItems

Rows = NDArray[np.int32]
_COLUMNS = ("collection", "id", "digest", "observation", "grid:code", "datetime")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Look:
    """N frozen items, as far as versions of a scene are told apart. Equal codes mean equal things in one process.

    Attributes:
        names: Item ids, (N,).
        digests: Code of all that makes an item what it is, int64, (N,).
        ids: Code of collection and item id, int64, (N,).
        granules: Code of collection, observation and granule, int64, (N,); of an item that names no granule its own.
        observations: Names, (N,).
        times: Microseconds since 1970 UTC, int64, (N,).
    """

    names: pa.ChunkedArray
    digests: NDArray[np.int64]
    ids: NDArray[np.int64]
    granules: NDArray[np.int64]
    observations: pa.ChunkedArray
    times: NDArray[np.int64]

    @classmethod
    def of(cls, items: FrozenItems) -> Look:
        """Read the columns of a frozen table; its hrefs are not touched."""
        number, row = len(items), 0
        digests, ids, granules, times = (np.empty(number, np.int64) for _ in range(4))
        names: list[pa.Array] = []
        observations: list[pa.Array] = []
        for part in items.footprint_parts(_COLUMNS):
            here = slice(row, row := row + part.num_rows)
            column = {name: part[name].to_pylist() for name in _COLUMNS[:5]}
            digests[here] = _codes(column["digest"])
            ids[here] = _codes(zip(column["collection"], column["id"], strict=True))
            keys = zip(*(column[name] for name in ("collection", "observation", "grid:code", "id")), strict=True)
            granules[here] = _codes(key[:3] if key[2] else key for key in keys)
            times[here] = part["datetime"].cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_numpy()
            names += part["id"].chunks
            observations += part["observation"].cast(pa.string()).chunks
        text = pa.string()
        return cls(pa.chunked_array(names, text), digests, ids, granules, pa.chunked_array(observations, text), times)

    def name(self, row: int | np.integer[Any]) -> str:
        """The item id of a row."""
        return str(self.names[int(row)].as_py())

    def same(self, rows: Rows, other: Look, others: Rows) -> NDArray[np.bool_]:
        """Which of some rows are versions of a scene among some rows of another table, (n,)."""
        return np.isin(self.ids[rows], other.ids[others]) | np.isin(self.granules[rows], other.granules[others])

    def observation(self, rows: Rows, start: datetime) -> str | None:
        """The observation, of those of some rows, that begins at an instant."""
        own = rows[self.times[rows] == (start - _EPOCH) // timedelta(microseconds=1)]
        return None if not len(own) else str(self.observations[int(own[0])].as_py())


def _codes(things: Iterator[Any] | Sequence[Any]) -> NDArray[np.int64]:
    return np.fromiter((hash(thing) for thing in things), np.int64)


class Former:
    """Scenes of the units of a map, from the plans of its store. They are read when the first unit is asked for.

    Args:
        plans: All that stand in the folder of product and version.
        standing: Units of the map.
    """

    def __init__(self, plans: Sequence[Plan], standing: Mapping[Place, Published]) -> None:
        self._plans, self._standing = plans, standing
        self._looks: dict[int, Look] = {}

    def rows(self, place: Place, content: str) -> tuple[Look, Rows] | None:
        """The frozen items of a unit's plan and the unit's rows of them; None if no plan of the store tells."""
        made = self._made.get(place)
        return None if made is None or made[2] != content else (self._look(made[0]), made[1])

    def observation(self, place: Place, content: str) -> str | None:
        """Of a unit that is one acquisition: which; None if no plan of the store tells."""
        found = self.rows(place, content)
        return None if found is None else found[0].observation(found[1], self._made[place][3])

    @cached_property
    def _made(self) -> dict[Place, tuple[int, Rows, str, datetime]]:
        """(number of the plan, rows, content, start) of each unit of the map."""
        made: dict[Place, tuple[int, Rows, str, datetime]] = {}
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
