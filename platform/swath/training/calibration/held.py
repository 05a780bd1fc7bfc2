"""What a network says of labels that it has not seen, row by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import special

from swath.training.calibration.blocks import Codes, Floats
from swath.training.checkpoint import Checkpoint
from swath.training.chipset import HeldOut
from swath.training.release import outputs
from swath.training.said import said_of
from swath.training.scores import logits_of
from swath.training.source import IGNORED, ChipSource, Part

MOST_ROWS = 60_000  #: labelled pixels of classes that a fit looks at, the same number of each chip


@dataclass(frozen=True)
class ClassRows:
    """Labelled pixels.

    Attributes:
        scores: (n, K) whose softmax are the probabilities.
        truth: (n,) class of the label.
        weight: (n,) what the label counts, above 0.
        block: (n,) number of its block.
    """

    scores: Floats
    truth: Codes
    weight: Floats
    block: Codes


@dataclass(frozen=True)
class ValueRows:
    """Labels, in the unit of the value.

    Attributes:
        truth: (n,).
        middle: (n,) what the interval is widened about.
        low: (n,) lower bound of the interval, as the network has it.
        high: (n,) upper bound.
        noise: (n,) half the width of the interval of the label's own error; 0 where none is known, or the interval is
            of the noisy label already.
        weight: (n,) above 0.
        block: (n,) number of its block.
    """

    truth: Floats
    middle: Floats
    low: Floats
    high: Floats
    noise: Floats
    weight: Floats
    block: Codes


Rows = TypeVar("Rows", bound=ClassRows | ValueRows)


def joined_rows(parts: Sequence[Rows]) -> Rows:
    """Rows of several networks; blocks of one number are one block."""
    names = [field.name for field in fields(parts[0])]
    return type(parts[0])(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def chosen_rows(rows: Rows, which: NDArray[np.bool_]) -> Rows:
    """Some rows."""
    return type(rows)(*(getattr(rows, field.name)[which] for field in fields(rows)))


def rows_of(
    checkpoint: Checkpoint, source: ChipSource, part: Part, *, by_object: bool = False
) -> ClassRows | ValueRows:
    """What a network says of the labels of a part, before calibration.

    Args:
        checkpoint: Of the network, for classes or values.
        source: Of the chips.
        part: Whose labels.
        by_object: Hold the mean over each label's pixels against it, as the loss did; of values only.

    Raises:
        LabelError: There is no label.
        ModelError: Values without an interval.
    """
    if source.facts.classes:
        return _class_rows(checkpoint, source, part)
    return _value_rows(checkpoint, source, part, by_object=by_object)


def block_numbers(source: ChipSource, chips: Sequence[int]) -> list[int]:
    """Number of the block of each chip, the same in every choice of what is held out."""
    if not isinstance(source, HeldOut):
        return list(chips)
    column = source.chips.index["block"]
    return [(x << 32) + y for x, y in (column[chip].as_py() for chip in chips)]


def _class_rows(checkpoint: Checkpoint, source: ChipSource, part: Part) -> ClassRows:
    chips = int((source.counts(part).sum(axis=1) > 0).sum())
    most = max(32, MOST_ROWS // max(chips, 1))
    found: list[ClassRows] = []
    for batch, scores in outputs(checkpoint, source, part):
        for row, block in enumerate(block_numbers(source, batch.indices)):
            target = batch.target[row]
            weight = np.ones(target.shape) if batch.weight is None else batch.weight[row].numpy().astype(np.float64)
            places = np.flatnonzero(
                (target.numpy().ravel() != IGNORED) & (np.broadcast_to(weight, target.shape).ravel() > 0)
            )
            if not len(places):
                continue
            kept = places
            if len(places) > most:
                kept = np.sort(np.random.default_rng(batch.indices[row]).choice(places, most, replace=False))
            flat = scores[row].movedim(0, -1).reshape(target.numel(), -1)[kept]
            found.append(
                ClassRows(
                    logits_of(checkpoint.spec, flat).double().numpy(),
                    target.reshape(-1)[kept].numpy().astype(np.int64),
                    weight.ravel()[kept] * (len(places) / len(kept)),
                    np.full(len(kept), block, np.int64),
                )
            )
    return joined_rows(found)


def _value_rows(checkpoint: Checkpoint, source: ChipSource, part: Part, *, by_object: bool) -> ValueRows:
    said = replace(said_of(checkpoint.spec), calibration=None)
    found = []
    for batch, scores in outputs(checkpoint, source, part):
        for row, block in enumerate(block_numbers(source, batch.indices)):
            one = slice(row, row + 1)
            told = {
                "weight": None if batch.weight is None else batch.weight[one],
                "objects": batch.objects[one] if by_object and batch.objects is not None else None,
                "error": None if batch.error is None else batch.error[one],
            }
            truth, middle, error, weight = said.middles(scores[one], batch.target[one], **told)
            low, high = said.distributions(scores[one], batch.target[one], **told).interval()
            noise = error * (0.0 if said.form == "quantiles" else special.ndtri(0.95))
            found.append(ValueRows(truth, middle, low, high, noise, weight, np.full(len(truth), block, np.int64)))
    return joined_rows(found)
