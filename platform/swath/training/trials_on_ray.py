"""Trials at once: Ray Tune places them, hears of their epochs and starts those anew whose worker died."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

from swath.cluster import nodes
from swath.errors import ClusterError
from swath.settings import settings
from swath.training.curves import read_history
from swath.training.halving import Halving
from swath.training.loop import Reading
from swath.training.on_ray import check_room, last_line, own_sigint, quiet, resources, room_for
from swath.training.trials import Ended, OnTrialEpoch, Trial, carry_out, record, stopped

# its own Ctrl-C, its own files of readings, and tables on standard output that even verbose=0 prints (Ray 2.60)
_OFF = {
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "RAY_AIR_NEW_OUTPUT": "0",
}

_LITTLE = 2**20  # bytes


def run_on_ray(
    trials: Sequence[Trial],
    *,
    halving: Halving | None,
    on_epoch: OnTrialEpoch | None,
    should_stop: Callable[[], bool],
) -> list[Ended]:
    """Carry out trials on the cluster that this process is connected to; see `run_trials`.

    A trial of one worker is trained in its own actor; one of several workers places them by Ray Train.
    """
    import ray
    from ray import tune

    cuda = any(node.gpus for node in nodes()) and any(trial.config.device != "cpu" for trial in trials)
    trials, each, most = _placed(trials, cuda=cuda)
    shared = ray.put(list(trials))
    with ExitStack() as stack:
        # Ray Tune's own books lie on this node; what counts is in the stores of the trials
        books = stack.enter_context(tempfile.TemporaryDirectory(prefix="swath-tune-", ignore_cleanup_errors=True))
        for context in (own_sigint(), quiet(), _off()):
            stack.enter_context(context)
        found = tune.Tuner(
            tune.with_resources(tune.with_parameters(_train, shared=[shared]), each),
            param_space={"trial": tune.grid_search(list(range(len(trials))))},
            tune_config=tune.TuneConfig(
                scheduler=None if halving is None else halving.scheduler, max_concurrent_trials=most
            ),
            run_config=tune.RunConfig(
                name="run",
                storage_path=books,
                verbose=0,
                failure_config=tune.FailureConfig(max_failures=settings().unit_attempts - 1),
                callbacks=[_listener(trials, on_epoch)],
                stop=_stopper(should_stop),
            ),
        ).fit()
    if should_stop():
        raise stopped()
    for result in map(found.__getitem__, range(len(found))):
        if result.error is not None:
            name = trials[(result.config or {})["trial"]].name
            raise ClusterError(
                f"{name} stopped {settings().unit_attempts} times: {last_line(result.error)}.",
                fix="The same command goes on from its last checkpoint.",
            ) from result.error
    return [record(trial) for trial in trials]


def _train(config: dict[str, Any], shared: list[Any]) -> None:
    """What Ray Tune calls in the actor of a trial."""
    import ray
    from ray import tune

    trial = ray.get(shared[0])[config["trial"]]

    def report(reading: Reading) -> None:
        tune.report({"epoch": reading["epoch"], "score": reading["score"], "reading": reading})

    for reading in read_history(trial.out):  # of an earlier try: trials are judged by all their epochs
        report(reading)
    carry_out(trial, report)


def _placed(trials: Sequence[Trial], *, cuda: bool) -> tuple[list[Trial], dict[str, float], int | None]:
    """Trials with their threads, what the actor of one takes, and how many may run at once."""
    several = max(trial.config.workers for trial in trials)
    asked = max(trial.config.threads or 0 for trial in trials)
    if several > 1:
        share = 1
    else:
        cores = [node.cpus for node in nodes()]
        share = max(1, min(int(sum(cores)) // len(trials), int(max(cores, default=1))))
    threads = asked or share
    each = resources(threads, cuda=cuda)
    check_room(several, each)
    placed = [replace(t, config=t.config.model_copy(update={"threads": threads})) for t in trials]
    if several > 1:
        # its workers have the CPUs; Ray Tune wants its actor to take something
        return placed, {"memory": float(_LITTLE)}, max(1, room_for(each) // several)
    return placed, {name.lower(): count for name, count in each.items()}, None


def _listener(trials: Sequence[Trial], on_epoch: OnTrialEpoch | None) -> Any:
    from ray.tune import Callback

    names = [trial.name for trial in trials]
    told = [len(read_history(trial.out)) for trial in trials]

    class Listener(Callback):
        """Hears of epochs in this process; Ray Tune's copy of it in its books hears nothing."""

        def on_trial_result(self, iteration: int, trials: Any, trial: Any, result: dict[str, Any], **_: Any) -> None:
            number, reading = trial.config["trial"], result["reading"]
            if on_epoch is not None and reading["epoch"] > told[number]:
                told[number] = reading["epoch"]
                on_epoch(names[number], reading)

        def __reduce__(self) -> tuple[Any, ...]:
            return Callback, ()

    return Listener()


def _stopper(should_stop: Callable[[], bool]) -> Any:
    from ray.tune.stopper import NoopStopper

    class Asked(NoopStopper):
        """Ends all trials when the person asks for it."""

        def stop_all(self) -> bool:
            return should_stop()

        def __reduce__(self) -> tuple[Any, ...]:
            return NoopStopper, ()

    return Asked()


@contextmanager
def _off() -> Iterator[None]:
    """Without what Ray Tune does beside."""
    before = {name: os.environ.get(name) for name in _OFF}
    os.environ.update(_OFF)
    logger = logging.getLogger("ray.tune")  # it misses the files of readings
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
