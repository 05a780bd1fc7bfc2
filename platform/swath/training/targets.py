"""What the labels of the parts must be, and what they weigh."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from swath.errors import LabelError
from swath.training.source import ChipSource, Part


def check_labels(source: ChipSource, *, patience: int | None) -> None:
    """Refuse to train without labels in a part, or without a class.

    Args:
        source: Of the chips.
        patience: As `TrainConfig` has it; without it nothing needs to be held out for validation.

    Raises:
        LabelError: No label for training, or for the validation that should stop it; none of a class for training.
    """
    labels = {part: source.counts(part).sum(0) for part in (Part.TRAIN, Part.VALIDATE)}
    for part, counts in labels.items():
        if not counts.sum() and (part is Part.TRAIN or patience is not None):
            raise LabelError(
                f"None of {len(source)} chips has a label for part {part.name.lower()}.",
                fix="Give labels in more blocks, or fewer folds or a smaller buffer."
                + (" Or set patience to null: then the last epoch is released." if part is Part.VALIDATE else ""),
            )
    if source.facts.classes:
        pairs = zip(source.facts.output.channels, labels[Part.TRAIN], strict=True)
        without = [name for name, count in pairs if not count]
        if without:
            raise LabelError(
                f"Class {', '.join(without)} has no label for training.",
                fix="Give labels of it in more blocks, merge it with another class, or leave it out.",
                classes=without,
            )


def class_weights(pixels: NDArray[np.int64], how: Literal["root", "balanced", "none"]) -> tuple[float, ...] | None:
    """Weights of classes, with mean 1 over labelled pixels; None where all pixels count alike.

    Args:
        pixels: Labelled pixels of each class, all above 0.
        how: As `TrainConfig.class_weights` names it.
    """
    if how == "none":
        return None
    weight = 1 / np.asarray(pixels, np.float64) ** (1.0 if how == "balanced" else 0.5)
    return tuple(float(w) for w in weight * pixels.sum() / (weight * pixels).sum())
