"""Time steps of a model: equal parts of the map's step, or acquisitions: the one that is mapped and those about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from swath.sources import Scene


@dataclass(frozen=True)
class Part:
    """One of the equal parts of a time step.

    Attributes:
        scenes: That lie in it, by time.
        start: UTC, inclusive.
        end: UTC, exclusive.
    """

    scenes: tuple[Scene, ...]
    start: datetime
    end: datetime

    @property
    def day(self) -> float:
        """Day of the year (1 to 366) of its middle."""
        return float((self.start + (self.end - self.start) / 2).timetuple().tm_yday)


def steps_of(scenes: Iterable[Scene], start: datetime, end: datetime, steps: int) -> tuple[Part, ...]:
    """Cut the scenes of a unit into equal parts of its time step.

    Args:
        scenes: Of the unit; those outside the step are left aside.
        start: Of the step, UTC, inclusive.
        end: Of the step, UTC, exclusive.
        steps: How many parts.
    """
    edges = [start + (end - start) * number / steps for number in range(steps)] + [end]
    ordered = sorted(scenes, key=lambda scene: (scene.datetime, scene.id))
    return tuple(
        Part(tuple(scene for scene in ordered if first <= scene.datetime < last), first, last)
        for first, last in pairwise(edges)
    )


def parts_around(
    scenes: Iterable[Scene], start: datetime, end: datetime, *, steps: int, target: int
) -> tuple[Part, ...]:
    """The acquisition of a unit in its place among those before and after it.

    Args:
        scenes: Of the unit, neighbours included.
        start: Of the acquisition that is mapped, UTC, inclusive.
        end: Of it, UTC, exclusive.
        steps: How many acquisitions a model takes.
        target: Place of the one that is mapped, counted from 0.

    Returns:
        One part a step; where the series begins or ends too early a step has no scenes.
    """
    by_observation: dict[str, list[Scene]] = {}
    for scene in sorted(scenes, key=lambda scene: (scene.datetime, scene.id)):
        by_observation.setdefault(scene.observation, []).append(scene)
    series = list(by_observation.values())
    here = next((n for n, group in enumerate(series) if start <= group[0].datetime < end), None)
    parts = []
    for step in range(steps):
        place = None if here is None else here + step - target
        if place is None or not 0 <= place < len(series):
            parts.append(Part((), start, end))
            continue
        group = tuple(series[place])
        parts.append(Part(group, group[0].datetime, group[-1].datetime))
    return tuple(parts)
