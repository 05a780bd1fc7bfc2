"""How many workers a plan needs for a deadline, and how many GPUs its reading can feed."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from swath.errors import ClusterError

EFFICIENCY = 0.85  # of cores that work in parallel: the last units of a run leave some idle
_MOST = 10_000


@dataclass(frozen=True)
class Size:
    """A fleet.

    Attributes:
        workers: How many.
        seconds: The run takes so long with them, the start included.
    """

    workers: int
    seconds: float


def wall_seconds(seconds: float, *, workers: int, cores: int, start_s: float = 0, unit_s: float = 0) -> float:
    """Time that a run takes, seconds.

    Args:
        seconds: Of the plan, on one core.
        workers: How many.
        cores: Of each.
        start_s: Until the workers are there.
        unit_s: Of the longest unit, on one core: no run is shorter than it on the cores of one worker.
    """
    return start_s + max(seconds / (workers * cores * EFFICIENCY), unit_s / cores)


def workers_for(
    seconds: float, deadline_s: float, cores: int, *, units: int, start_s: float = 300, most: int = _MOST
) -> Size:
    """The fewest workers that meet a deadline.

    Args:
        seconds: Of the plan, on one core.
        deadline_s: The run may take so long, the start of the cluster included.
        cores: Of a worker.
        units: Of the plan: more workers than units have nothing to do.
        start_s: Until the workers are there: nodes are bought and images pulled.
        most: Workers that quota or budget allow.

    Raises:
        ClusterError: No size meets it; the message says the best there is. Facts: workers, seconds.
    """
    if min(deadline_s, cores, most) <= 0 or seconds < 0:
        raise ClusterError(
            f"A deadline of {deadline_s:g} s, {cores} cores and at most {most} workers are no request.",
            fix="Give numbers above 0.",
        )
    if units <= 0 or seconds == 0:
        return Size(1, start_s)
    unit_s = seconds / units
    highest = min(most, units)
    left = deadline_s - start_s
    needed = math.ceil(seconds / (left * cores * EFFICIENCY)) if left > 0 else highest + 1
    workers = max(1, min(needed, highest))

    def takes(number: int) -> float:
        return wall_seconds(seconds, workers=number, cores=cores, start_s=start_s, unit_s=unit_s)

    if takes(workers) > deadline_s * (1 + 1e-9):
        best = takes(highest)
        # fewer do as well where the longest unit is what takes the time
        enough = fewest(highest, lambda number: takes(number) <= best * (1 + 1e-9))
        raise ClusterError(
            f"No size meets a deadline of {_hours(deadline_s)}: the best there is takes {_hours(best)} with {enough} "
            f"workers of {cores} cores, {_hours(start_s)} of it the start.",
            fix="Give a later deadline, workers with more cores, or smaller tiles.",
            workers=enough,
            seconds=best,
        )
    return Size(workers, takes(workers))


def fewest(highest: int, enough: Callable[[int], bool]) -> int:
    """The least number, from 1 to `highest`, that is enough; `highest` is, and what is more than enough is too."""
    low, high = 1, highest
    while low < high:
        middle = (low + high) // 2
        if enough(middle):
            high = middle
        else:
            low = middle + 1
    return low


def gpus_fed(read_s: float, predict_s: float, *, cores: int, most: int = _MOST) -> int:
    """How many GPUs reading can keep busy; one more would wait.

    Args:
        read_s: Reading, harmonising and compositing the plan, seconds on one core.
        predict_s: Its networks, seconds on one GPU.
        cores: That read, in all.
        most: GPUs that quota or budget allow.

    Returns:
        At least 1: G GPUs are fed while `predict_s / G >= read_s / cores`.
    """
    if min(read_s, predict_s) < 0 or min(cores, most) <= 0:
        raise ClusterError(
            f"{read_s:g} s of reading, {predict_s:g} s of networks and {cores} cores are no request.",
            fix="Give numbers above 0.",
        )
    if read_s == 0:
        return most
    return max(1, min(most, math.floor(predict_s * cores / read_s + 1e-9)))


def _hours(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
