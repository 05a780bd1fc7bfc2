"""Time steps of a model that are acquisitions: the one that is mapped, and those about it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from swath.models.cubes import Part
from swath.sources import Scene


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
