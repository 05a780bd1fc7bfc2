"""Time steps of a run, and which of a tile's items lie in each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from swath.grid import Period, TimeStep

#: Ids of the steps of acquisitions.
ACQUISITION = "%Y-%m-%dT%H%M%S"


@dataclass(frozen=True)
class Steps:
    """Cuts rows of items into time steps.

    Attributes:
        steps: Fixed steps in order; empty for a period of acquisitions.
        times: Of the items, microseconds since 1970 UTC, shape (N,).
        observations: Code of the observation of each item, shape (N,).
        before: Acquisitions before its own whose rows an acquisition gets too.
        after: Likewise behind it.
    """

    steps: tuple[TimeStep, ...]
    times: NDArray[np.int64]
    observations: NDArray[np.int32]
    before: int = 0
    after: int = 0

    @classmethod
    def of(
        cls,
        period: Period,
        times: NDArray[np.int64],
        observations: NDArray[np.int32],
        *,
        before: int = 0,
        after: int = 0,
    ) -> Steps:
        """The steps of a period over the items of a table."""
        return cls(() if period.acquisition else period.steps, times, observations, before, after)

    def cut(self, rows: NDArray[np.int32]) -> Iterator[tuple[TimeStep, NDArray[np.int32]]]:
        """Each step with its rows, ordered by time; fixed steps without items too."""
        times = self.times[rows]
        order = np.argsort(times, kind="stable")
        rows, times = rows[order], times[order]
        if self.steps:
            edges = np.array([_microseconds(step.start) for step in self.steps] + [_microseconds(self.steps[-1].end)])
            bounds = np.searchsorted(times, edges)
            for number, step in enumerate(self.steps):
                yield step, rows[bounds[number] : bounds[number + 1]]
            return
        codes = self.observations[rows]
        series = codes[np.sort(np.unique(codes, return_index=True)[1])]
        for place, code in enumerate(series):
            own = times[codes == code]
            start, last = _moment(own[0]), _moment(own[-1])
            near = series[max(0, place - self.before) : place + self.after + 1]
            yield (
                TimeStep(start=start, end=last + timedelta(microseconds=1), id=f"{start:{ACQUISITION}}"),
                rows[np.isin(codes, near)],
            )


def holds(period: Period, step: str) -> bool:
    """Whether a step of this id is one of a period's."""
    if not period.acquisition:
        return any(one.id == step for one in period.steps)
    return period.start <= datetime.strptime(step, ACQUISITION).replace(tzinfo=UTC) < period.end


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _moment(microseconds: np.int64) -> datetime:
    return _EPOCH + timedelta(microseconds=int(microseconds))
