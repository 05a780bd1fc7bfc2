"""From a training to the same with a calibration in its spec, or with the reason why there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from swath.models.calibration import ClassCalibration, ValueCalibration
from swath.models.spec import ClassesOutput, ModelSpec
from swath.training.calibration.classes import calibrate_classes, class_truth
from swath.training.calibration.held import ClassRows, ValueRows, joined_rows, rows_of
from swath.training.calibration.settings import CalibrationSettings
from swath.training.calibration.values import calibrate_values, value_truth
from swath.training.fit import Fitted
from swath.training.said import said_of
from swath.training.source import ChipSource, Part
from swath.training.suitability import is_presence


@dataclass(frozen=True)
class Unseen:
    """A network, and labels that it has not learned from.

    Attributes:
        fitted: The training.
        source: Of its chips.
        part: Whose labels.
        name: Of what was held out, for the card: `fold 1`.
    """

    fitted: Fitted
    source: ChipSource
    part: Part
    name: str

    def rows(self) -> ClassRows | ValueRows:
        """What the network says of them."""
        return rows_of(self.fitted.best, self.source, self.part, by_object=self.fitted.config.loss.by_object)


def calibrated(
    fitted: Fitted, unseen: Sequence[Unseen], settings: CalibrationSettings | None, *, test: ChipSource
) -> Fitted:
    """A training whose best network's uncertainty is made true, as far as it can be; the same network else.

    `Fitted.calibration` then tells how and on what it was fitted and what it changed on the test part, or why nothing
    was fitted.

    Args:
        fitted: The training, its way back from logs corrected.
        unseen: Networks with labels that they have not seen, none of the test part.
        settings: How; None: not wished.
        test: Chips of the training with its test part.
    """
    reason = unfit(fitted.best.spec, settings)
    if reason or settings is None:
        return uncalibrated(fitted, reason)
    rows = {one.name: one.rows() for one in unseen}
    return _fitted_on(fitted, rows, settings, Unseen(fitted, test, Part.TEST, "test").rows())


def calibrated_folds(
    fitted: Sequence[Fitted], sources: Sequence[ChipSource], settings: CalibrationSettings
) -> list[Fitted]:
    """Trainings of which each held another fold out, each calibrated on what the others say of theirs.

    The others have seen the fold that a network is tested on, and no label of it is fitted on.

    Args:
        fitted: By fold.
        sources: Of their chips; the fold is the test part.
        settings: How.
    """
    reason = unfit(fitted[0].best.spec, settings)
    if reason:
        return [uncalibrated(one, reason) for one in fitted]
    rows = {
        f"fold {fold}": Unseen(one, source, Part.TEST, "").rows()
        for fold, (one, source) in enumerate(zip(fitted, sources, strict=True))
    }
    return [
        _fitted_on(one, {name: found for name, found in rows.items() if name != test}, settings, rows[test])
        for one, test in zip(fitted, rows, strict=True)
    ]


def uncalibrated(fitted: Fitted, reason: str) -> Fitted:
    """A training whose network stays as it is, with the reason."""
    return replace(fitted, calibration={"fitted": False, "reason": reason})


def _fitted_on(
    fitted: Fitted,
    rows: Mapping[str, ClassRows | ValueRows],
    settings: CalibrationSettings,
    test: ClassRows | ValueRows,
) -> Fitted:
    whole: ClassRows | ValueRows = joined_rows(list(rows.values()))
    blocks = len(np.unique(whole.block))
    if blocks < settings.least_blocks:
        where = f"labels of {', '.join(rows)} lie in {blocks} blocks"
        return uncalibrated(fitted, f"{where}, and {settings.least_blocks} are needed")
    made, how = fit_rows(whole, settings)
    told = {
        "fitted": True,
        "on": list(rows),
        "blocks": blocks,
        "labels": len(whole.truth),
        **how,
        "test": {
            "blocks": len(np.unique(test.block)), "before": truth_of(test, None), "after": truth_of(test, made, how),
        },
        **made.model_dump(mode="json"),
    }  # fmt: skip
    spec = fitted.best.spec.model_copy(update={"calibration": made})
    return replace(fitted, best=replace(fitted.best, spec=spec), calibration=told)


def fit_rows(
    rows: ClassRows | ValueRows, settings: CalibrationSettings
) -> tuple[ClassCalibration | ValueCalibration, dict[str, Any]]:
    """The calibration of rows, and how it was chosen."""
    if isinstance(rows, ClassRows):
        wrong = None if settings.wrong == "estimate" else settings.wrong
        return calibrate_classes(rows, level=settings.level, wrong=wrong, biases=settings.biases)
    return calibrate_values(rows, least_blocks=settings.least_blocks, errors=settings.errors)


def truth_of(
    rows: ClassRows | ValueRows,
    made: ClassCalibration | ValueCalibration | None,
    told: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """How true probabilities or intervals are; see `class_truth` and `value_truth`."""
    if isinstance(rows, ClassRows):
        return class_truth(rows, made if isinstance(made, ClassCalibration) else None, told)
    return value_truth(rows, made if isinstance(made, ValueCalibration) else None)


def calibration_text(told: dict[str, Any] | None) -> str:
    """A calibration in a line, for people."""
    if told is None or not told["fitted"]:
        return f"not calibrated: {'nobody asked' if told is None else told['reason']}"
    before, after = told["test"]["before"], told["test"]["after"]
    changes = [
        f"{name.replace('_', ' ')} {before[name]:.3f} to {after[name]:.3f}"
        for name in ("ece", "nll", "coverage_90_label", "width_90")
        if before.get(name) is not None and after.get(name) is not None
    ]
    on = f"calibrated ({told['method']}) on {told['blocks']} blocks of {', '.join(told['on'])}"
    return f"{on}; on {told['test']['blocks']} of the test: {', '.join(changes)}"


def unfit(spec: ModelSpec, settings: CalibrationSettings | None) -> str:
    """Why a network cannot be calibrated; empty where it can."""
    if settings is None:
        return "the recipe does not ask for it"
    if isinstance(spec.output, ClassesOutput):
        return "" if spec.output.activation == "softmax" else f"activation {spec.output.activation}"
    if is_presence(spec):
        return "suitability is relative: it has no truth to hold it against"
    return "" if said_of(spec).middle is not None else "the head gives points, no interval"
