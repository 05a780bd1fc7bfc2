"""The arithmetic of steps: which batches make one, at what rate it goes, and what decays."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

from swath.training.config import Optimiser


@dataclass(frozen=True)
class Turn:
    """What a batch does to the weights.

    Attributes:
        share: Of its gradient in the step that it belongs to.
        moves: True for the last batch of a step: then the weights move.
    """

    share: float
    moves: bool


def turns(batches: int, accumulate: int) -> list[Turn]:
    """Batches of an epoch, joined to steps of up to `accumulate`, which differ by one batch at most."""
    sizes = [len(part) for part in np.array_split(np.arange(batches), steps_of(batches, accumulate))]
    return [Turn(1 / size, place == size - 1) for size in sizes for place in range(size)]


def steps_of(batches: int, accumulate: int) -> int:
    """Steps of an epoch."""
    return -(-batches // accumulate)


def rate(step: int, steps: int, optimiser: Optimiser) -> float:
    """Learning rate of a step of a training: a line up, then half a cosine down (Loshchilov and Hutter 2017).

    Args:
        step: From 0.
        steps: Of the whole training.
        optimiser: Highest rate, and share of the steps that warm up.
    """
    warm = round(steps * optimiser.warm_up)
    if step < warm:
        return optimiser.lr * (step + 1) / (warm + 1)
    return optimiser.lr * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


def groups(network: nn.Module, decay: float) -> list[dict[str, Any]]:
    """Weight decay for weights, none for biases and normalisation, which have one axis."""
    parameters = [p for p in network.parameters() if p.requires_grad]
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
