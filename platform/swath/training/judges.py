"""Networks that have not seen a fold, one for each fold but the test: they tell what labels get from a stranger."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from swath.store import Store
from swath.training.chipset import HeldOut
from swath.training.config import TrainConfig

if TYPE_CHECKING:
    from swath.training.fit import Fitted
    from swath.training.trials import OnTrialEpoch


@dataclass(frozen=True)
class Judge:
    """A network, and the labels that it has not seen.

    Attributes:
        fold: That it has not seen, beside the test.
        fitted: The training.
        source: Chips in which the fold is the part `VALIDATE`.
    """

    fold: int
    fitted: Fitted
    source: HeldOut


def judges(
    config: TrainConfig,
    held: HeldOut,
    out: Store,
    *,
    cluster: str = "inline",
    on_epoch: OnTrialEpoch | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> list[Judge]:
    """Train a network a fold without that fold and the test fold.

    Args:
        config: Of each training.
        held: Chips, with a test fold that none of them sees.
        out: Store that all workers reach; the same call goes on where one was stopped, or finds what was trained.
        cluster: `inline`, `local` or `auto`.
        on_epoch: Told `judge 2` and each epoch that is done.
        should_stop: Asked after each epoch.

    Raises:
        LabelError, ModelError, RunStoppedError: As in training.
    """
    from swath.training.fit import Fitted
    from swath.training.trials import Trial, run_trials

    folds = [fold for fold in range(held.chips.split.number) if fold != held.test]
    sources = [HeldOut(held.chips, test=held.test, validate=fold, every_class=False) for fold in folds]
    trials = [
        Trial(f"judge {fold}", config, source, Store.open(out.url(f"judge-{fold}")))
        for fold, source in zip(folds, sources, strict=True)
    ]
    for ended in run_trials(trials, cluster=cluster, on_epoch=on_epoch, should_stop=should_stop):
        ended.raise_error()
    return [
        Judge(fold, Fitted.open(trial.out), source) for fold, trial, source in zip(folds, trials, sources, strict=True)
    ]
