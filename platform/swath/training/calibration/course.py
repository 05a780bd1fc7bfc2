"""What a training is calibrated on: labels of its validation fold, or of every fold but the test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from swath.store import Store
from swath.training.calibration.calibrate import Unseen, calibrated, uncalibrated, unfit
from swath.training.checkpoint import last
from swath.training.chipset import HeldOut
from swath.training.config import TrainConfig
from swath.training.fit import Fitted
from swath.training.judges import judges
from swath.training.recipe import Recipe
from swath.training.release import with_correction
from swath.training.source import Part

if TYPE_CHECKING:
    from swath.training.trials import OnTrialEpoch


def calibrated_course(
    fitted: Fitted,
    source: HeldOut,
    believed: HeldOut,
    judged: Store,
    recipe: Recipe,
    *,
    config: TrainConfig,
    cluster: str,
    on_epoch: OnTrialEpoch | None,
    should_stop: Callable[[], bool],
) -> Fitted:
    """A training, calibrated as its recipe says; see `calibrated`.

    Args:
        fitted: The training.
        source: Its chips.
        believed: The same, in which labels in doubt count less.
        judged: Store of networks that have not seen a fold.
        recipe: Of the training.
        config: Of such networks.
        cluster: Where they are trained.
        on_epoch: Told `judge 2` and each epoch that is done.
        should_stop: Asked after each epoch.
    """
    asked = recipe.calibrate
    if asked is None or unfit(fitted.best.spec, asked):
        return calibrated(fitted, [], asked, test=source)
    if asked.by == "validation":
        if recipe.validate_on is None:
            return uncalibrated(fitted, "no fold is held out for validation; set calibrate.by to folds")
        held = Unseen(fitted, source, Part.VALIDATE, f"fold {recipe.validate_on}")
        return calibrated(fitted, [held], asked, test=source)
    unseen = []
    for judge in judges(config, believed, judged, cluster=cluster, on_epoch=on_epoch, should_stop=should_stop):
        one = judge.fitted
        if recipe.validate_on is None:  # what is released is the last epoch: judges are not chosen by what they judge
            one = replace(one, best=last(one.out) or one.best)
        unseen.append(Unseen(with_correction(one, judge.source), judge.source, Part.VALIDATE, f"fold {judge.fold}"))
    return calibrated(fitted, unseen, asked, test=source)
