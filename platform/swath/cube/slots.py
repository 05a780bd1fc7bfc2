"""Scenes in the order in which they are tried, and which of them are one observation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from swath.sources.scenes import Scene


@dataclass(frozen=True)
class Slots:
    """Scenes in the order in which they are tried, and the observation of each.

    Attributes:
        scenes: By observation, in it those of the tile's CRS first, then by id.
        observation: (S,) int64, number of the observation, in order of time.
        days: (S,) int64, days since 1970-01-01 (UTC).
        names: Of the observations.
        times: Of the observations: the earliest of its scenes, UTC.
    """

    scenes: tuple[Scene, ...]
    observation: NDArray[np.int64]
    days: NDArray[np.int64]
    names: tuple[str, ...]
    times: tuple[datetime, ...]

    @property
    def observations(self) -> int:
        """How many."""
        return len(self.names)

    def of(self, kept: Sequence[int]) -> Slots:
        """Some of the slots; observations keep their numbers."""
        index = np.asarray(kept, dtype=np.int64)
        return Slots(
            tuple(self.scenes[i] for i in kept), self.observation[index], self.days[index], self.names, self.times
        )


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def slots_of(scenes: Sequence[Scene], crs: str) -> Slots:
    """Order scenes: observations by time, in each those of the tile's CRS (as items state it) first, then by id."""
    start: dict[str, datetime] = {}
    for scene in scenes:
        moment = _utc(scene.datetime)
        start[scene.observation] = min(start.get(scene.observation, moment), moment)
    names = sorted(start, key=lambda name: (start[name], name))
    number = {name: i for i, name in enumerate(names)}
    ordered = sorted(scenes, key=lambda s: (number[s.observation], f"EPSG:{s.epsg}" != crs, s.id, s.row))
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return Slots(
        tuple(ordered),
        np.array([number[s.observation] for s in ordered], dtype=np.int64),
        np.array([(_utc(s.datetime) - epoch).days for s in ordered], dtype=np.int64),
        tuple(names),
        tuple(start[name] for name in names),
    )
