"""Which trials are worth going on with: asynchronous successive halving."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class _Past:
    """A trial as Ray Tune's scheduler knows it."""

    trial_id: str


class Halving:
    """Stops a trial at an epoch where it is not among the best of those that came so far (Li et al. 2020, ASHA).

    At `grace`, `grace * reduction`, `grace * reduction^2` epochs only the best 1 / `reduction` go on. The rule is Ray
    Tune's; trials that ended before are told to it again, so that a search that goes on judges as if it had never
    stopped.

    Args:
        epochs: Most epochs of a trial.
        grace: Epochs that each trial has.
        reduction: Of so many one goes on.

    Attributes:
        scheduler: Ray Tune's.
    """

    def __init__(self, *, epochs: int, grace: int = 1, reduction: float = 3) -> None:
        from ray.tune.schedulers import ASHAScheduler

        self.scheduler: Any = ASHAScheduler(
            time_attr="epoch", metric="score", mode="max", max_t=max(epochs, grace), grace_period=grace,
            reduction_factor=reduction, stop_last_trials=False,
        )  # fmt: skip

    def stops(self, name: str, reading: dict[str, Any]) -> bool:
        """Whether the trial should stop after this epoch."""
        return bool(self.scheduler.on_trial_result(None, _Past(name), reading) == "STOP")

    def remember(self, name: str, history: Sequence[dict[str, Any]]) -> None:
        """Tell of a trial that does not run in Ray Tune, and of what it has done so far."""
        self.scheduler.on_trial_add(None, _Past(name))
        for reading in history:
            self.stops(name, reading)
