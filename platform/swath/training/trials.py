"""Several trainings, one after the other or at once on a cluster: the folds of a validation, the trials of a search."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from swath import errors
from swath.cluster import connect
from swath.errors import RunStoppedError, SwathError
from swath.store import MissingKeyError, Store
from swath.training.config import WHERE, TrainConfig
from swath.training.curves import read_history
from swath.training.fit import fit
from swath.training.halving import Halving
from swath.training.loop import Reading, is_over
from swath.training.source import ChipSource
from swath.training.statistics import Statistics

BOOK = "trial.json"  # beside the checkpoints of a trial: how it ended
OnTrialEpoch = Callable[[str, Reading], None]


@dataclass(frozen=True)
class Trial:
    """One training among others.

    Attributes:
        name: Of the trial, for people.
        config: How.
        source: Of the chips.
        out: Store of its own that all workers reach.
        model: Name of the model, lower case with dashes.
        statistics: Of the training part, where they are known already.
    """

    name: str
    config: TrainConfig
    source: ChipSource
    out: Store
    model: str = "model"
    statistics: Statistics | None = None


@dataclass(frozen=True)
class Ended:
    """How a trial ended.

    Attributes:
        name: Of the trial.
        state: `done`; `stopped`: others were better after as many epochs; `failed`.
        history: A reading an epoch.
        error: Of a failed one, as `SwathError.to_dict` tells it.
    """

    name: str
    state: Literal["done", "stopped", "failed"]
    history: tuple[Reading, ...]
    error: dict[str, Any] | None = None

    def raise_error(self) -> None:
        """Raise what a failed trial raised.

        Raises:
            SwathError: Of the same type.
        """
        if self.error is not None:
            kind = getattr(errors, str(self.error["type"]), SwathError)
            raise kind(f"{self.name}: {self.error['message']}", fix=str(self.error["fix"]))


def run_trials(
    trials: Sequence[Trial],
    *,
    cluster: str = "inline",
    halving: Halving | None = None,
    on_epoch: OnTrialEpoch | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> list[Ended]:
    """Carry out trainings; the same call goes on where an earlier one was stopped.

    Trials that have ended by the same config are not done again, others go on from their last checkpoint. On a cluster
    as many run at once as it has room for. A trial that fails by one of Swath's errors is recorded; the others go on.

    Args:
        trials: What to train, each in a store of its own.
        cluster: `inline` (one after the other in this process), `local` or `auto`.
        halving: Stops trials that are not worth going on with; None stops none.
        on_epoch: Told the name and reading of each epoch that is done.
        should_stop: Asked after each epoch.

    Returns:
        How each ended, in the order of `trials`.

    Raises:
        ClusterError: There is no room, or workers died too often.
        RunStoppedError: It was stopped; the same call goes on.
    """
    ended = {trial.name: book for trial in trials if (book := _book(trial)) is not None}
    if halving is not None:
        for before in ended.values():
            halving.remember(before.name, before.history)
    left = [trial for trial in trials if trial.name not in ended]
    if left:
        with connect(cluster) as where:
            if where.on_ray:
                from swath.training.trials_on_ray import run_on_ray

                found = run_on_ray(left, halving=halving, on_epoch=on_epoch, should_stop=should_stop)
            else:
                found = _run_inline(left, halving, on_epoch, should_stop)
        ended |= {one.name: one for one in found}
    return [ended[trial.name] for trial in trials]


class Halted(Exception):
    """A trial is to stop after this epoch."""


def _run_inline(
    trials: Sequence[Trial],
    halving: Halving | None,
    on_epoch: OnTrialEpoch | None,
    should_stop: Callable[[], bool],
) -> list[Ended]:
    ended = []
    for trial in trials:
        if halving is not None:
            halving.remember(trial.name, read_history(trial.out))  # it goes on from there

        def epoch_done(reading: Reading, trial: Trial = trial) -> None:
            if on_epoch is not None:
                on_epoch(trial.name, reading)
            if halving is not None and halving.stops(trial.name, reading):
                raise Halted
            if should_stop():
                raise stopped()

        with suppress(Halted):
            carry_out(trial, epoch_done)
        ended.append(record(trial))
    return ended


def carry_out(trial: Trial, on_epoch: Callable[[Reading], None]) -> None:
    """Train one; what it raises on purpose is written into its book."""
    try:
        cluster = "inline" if trial.config.workers == 1 else "auto"
        fit(
            trial.config, trial.source, trial.out,
            name=trial.model, cluster=cluster, on_epoch=on_epoch, statistics=trial.statistics,
        )  # fmt: skip
    except RunStoppedError:
        raise
    except SwathError as error:
        write_book(trial, {"state": "failed", "error": error.to_dict()})


def record(trial: Trial) -> Ended:
    """How a trial that runs no more has ended, written into its book."""
    if (failed := _book(trial)) is not None:
        return failed
    history = read_history(trial.out)
    state: Literal["done", "stopped"] = "done" if is_over(history, trial.config) else "stopped"
    write_book(trial, {"state": state})
    return Ended(trial.name, state, tuple(history))


def write_book(trial: Trial, told: dict[str, Any]) -> None:
    """Write how a trial ended, with its config: another config is another trial."""
    text = json.dumps({**told, "config": _identity(trial.config)}, indent=1, default=str)
    trial.out.put_bytes(BOOK, text.encode())


def stopped() -> RunStoppedError:
    """What a search or validation that was stopped raises."""
    return RunStoppedError("Stopped; the checkpoints of all trials stand.", fix="The same command goes on.")


def _book(trial: Trial) -> Ended | None:
    """How a trial ended before; None where it did not, or was another one."""
    try:
        told = json.loads(trial.out.read_bytes(BOOK))
    except MissingKeyError:
        return None
    if told.pop("config") != _identity(trial.config):
        return None
    return Ended(trial.name, told["state"], tuple(read_history(trial.out)), told.get("error"))


def _identity(config: TrainConfig) -> dict[str, Any]:
    """What makes a trial another one: not where it computes."""
    return config.model_dump(mode="json", exclude=set(WHERE))
