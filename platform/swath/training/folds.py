"""Every fold held out once: figures by fold, their mean, all of them pooled, and a paired comparison with a peer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from swath.errors import ModelError
from swath.store import Store
from swath.training.calibration import CalibrationSettings
from swath.training.calibration.calibrate import calibrated_folds
from swath.training.chipset import HeldOut
from swath.training.config import TrainConfig
from swath.training.fit import Fitted
from swath.training.metrics import (
    MEASURES,
    VALUE_MEASURES,
    Difference,
    RankSums,
    ValueMeasure,
    ValueSums,
    compare_sums,
    compare_units,
)
from swath.training.release import TITLE, by_chip, joined, with_correction
from swath.training.scores import ClassScore, PresenceScore, Score
from swath.training.source import ChipSource
from swath.training.trials import OnTrialEpoch, Trial, run_trials

HoldOut = Callable[[int, int | None], ChipSource]  #: chips with a fold held out for the test, and one for validation
_OF_VALUES: tuple[ValueMeasure, ...] = ("rmse", "mae", "r2")
Block = tuple[int, ...]  #: fold, and the cell of the equal-area grid


@dataclass(frozen=True)
class Validation:
    """A config trained once a fold, each time scored on the fold that was held out.

    Attributes:
        name: Of the model.
        fitted: A training a fold.
        scores: By fold and block of the labels that were held out.
    """

    name: str
    fitted: tuple[Fitted, ...]
    scores: dict[Block, Score]

    @property
    def by_fold(self) -> dict[int, dict[str, Any]]:
        """Figures on each fold."""
        return {
            fold: joined([score for block, score in self.scores.items() if block[0] == fold]).figures
            for fold in range(len(self.fitted))
        }

    @property
    def pooled(self) -> dict[str, Any]:
        """Figures over all labels, each predicted by the network that did not see its fold."""
        return joined(list(self.scores.values())).figures

    @property
    def mean(self) -> dict[str, float]:
        """Mean over folds of each figure that all of them have."""
        return {name: float(np.mean(values)) for name, values in self._across().items()}

    @property
    def spread(self) -> dict[str, float]:
        """Standard deviation over folds of the same figures."""
        return {name: float(np.std(values, ddof=1)) for name, values in self._across().items()}

    def _across(self) -> dict[str, list[float]]:
        folds = list(self.by_fold.values())
        names = [name for name, value in folds[0].items() if isinstance(value, float)]
        return {
            name: [float(one[name]) for one in folds]
            for name in names
            if all(isinstance(one.get(name), float) for one in folds)
        }

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "title": TITLE,
            "model": self.name,
            "folds": {f"fold {fold}": figures for fold, figures in self.by_fold.items()},
            "mean": self.mean,
            "sd_over_folds": self.spread,
            "pooled": self.pooled,
            "blocks": len(self.scores),
        }


def cross_validate(
    config: TrainConfig,
    hold_out: HoldOut,
    out: Store,
    *,
    folds: int,
    name: str = "model",
    validate: bool = False,
    calibrate: CalibrationSettings | None = None,
    cluster: str = "inline",
    on_epoch: OnTrialEpoch | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Validation:
    """Train and score each fold in turn, or at once on a cluster; the same call goes on where one was stopped.

    Args:
        config: How each is trained.
        hold_out: Gives the chips with a fold held out.
        out: Store that all workers reach; a folder a fold is made in it.
        folds: How many there are.
        name: Of the model.
        validate: Hold the next fold out too, for early stop and choice of the epoch.
        calibrate: Each network is calibrated on what the others say of the labels that they have not seen, of all folds
            but the one that it is tested on; None: none is.
        cluster: `inline`, `local` or `auto`.
        on_epoch: Told the name of the fold and each epoch that is done.
        should_stop: Asked after each epoch.

    Raises:
        LabelError, ModelError: As for one training; a fold that fails ends the whole.
        RunStoppedError: It was stopped.
    """
    held = [hold_out(fold, (fold + 1) % folds if validate else None) for fold in range(folds)]
    trials = [
        Trial(f"fold {fold}", config, source, Store.open(out.url(f"fold-{fold}")), model=name)
        for fold, source in enumerate(held)
    ]
    for ended in run_trials(trials, cluster=cluster, on_epoch=on_epoch, should_stop=should_stop):
        ended.raise_error()
    fitted = [with_correction(Fitted.open(trial.out), source) for trial, source in zip(trials, held, strict=True)]
    if calibrate is not None:
        fitted = calibrated_folds(fitted, held, calibrate)
    scores: dict[Block, list[Score]] = {}
    for fold, (one, source) in enumerate(zip(fitted, held, strict=True)):
        chips, found = by_chip(one.best, source)
        for block, score in zip(blocks_of(source, chips.tolist()), found, strict=True):
            scores.setdefault((fold, *block), []).append(score)
    return Validation(name, tuple(fitted), {block: joined(scores[block]) for block in sorted(scores)})


def blocks_of(source: ChipSource, chips: Sequence[int]) -> list[Block]:
    """The block of each chip; where chips have none, each is its own."""
    if not isinstance(source, HeldOut):
        return [(chip,) for chip in chips]
    column = source.chips.index["block"].to_pylist()
    return [tuple(column[chip]) for chip in chips]


def compare_validations(ours: Validation, peer: Validation, *, seed: int = 0) -> list[Difference]:
    """Paired differences on the same labels, whole blocks drawn: above, equal or below; of species, species are drawn.

    Args:
        ours: First of each difference.
        peer: Second.
        seed: Of the draws.

    Raises:
        ModelError: They were not scored on the same blocks and classes.
    """
    if ours.scores.keys() != peer.scores.keys():
        raise ModelError(
            f"{ours.name} and {peer.name} were not scored on the same blocks.",
            fix="Train both on the same chips and folds.",
        )
    first, second = (list(one.scores.values()) for one in (ours, peer))
    if first[0].spec.output.channels != second[0].spec.output.channels and isinstance(first[0], ClassScore):
        raise ModelError(f"{ours.name} and {peer.name} tell other classes apart.", fix="Train both on the same labels.")
    if isinstance(first[0], PresenceScore):
        a, b = (_auc(scores) for scores in (first, second))
        return [compare_units(a, b, measure="auc", unit="species", seed=seed)]
    a, b = (np.stack([_sums(score) for score in scores]) for scores in (first, second))
    named = MEASURES if isinstance(first[0], ClassScore) else {name: VALUE_MEASURES[name] for name in _OF_VALUES}
    return [compare_sums(a, b, measure, measure=name, seed=seed) for name, measure in named.items()]


def _sums(score: Score) -> NDArray[np.float64]:
    """What the figures that are compared are made of."""
    if isinstance(score, ClassScore):
        return score.matrix.astype(np.float64)
    return score.sums[2 : 2 + ValueSums.SIZE]


def _auc(scores: Sequence[Score]) -> NDArray[np.float64]:
    """AUC of each species over all labels; NaN where it has none."""
    whole = joined(scores)
    return RankSums(whole.sums[2:].reshape(-1, 2, RankSums.SIZE // 2)).by_species()["auc"]
