"""How far a network sees, against how far what is held out lies from what is learned from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from swath.models.network import Network
from swath.training.chipset import HeldOut
from swath.training.config import TrainConfig
from swath.training.design import design
from swath.training.statistics import Statistics


@dataclass(frozen=True)
class Sight:
    """How far a network sees, and what parts training from test.

    A network that is to be judged where it was not trained must not see, from a pixel that is held out, a place where
    it has learned a label: the buffer is at least as wide as it sees.

    Attributes:
        sees_m: From the centre of a pixel to the farthest one that its class or value depends on, metres; of a network
            that sees its whole window, the chip.
        buffer_m: Round labels that are held out; None where the same places are held out in other years.
    """

    sees_m: float
    buffer_m: float | None

    @property
    def is_apart(self) -> bool:
        """Whether the buffer is as wide as the network sees."""
        return self.buffer_m is None or self.buffer_m >= self.sees_m

    def __str__(self) -> str:
        told = f"the network sees {self.sees_m:g} m far"
        if self.buffer_m is None:
            return f"{told}; other years of the same places are held out"
        if self.is_apart:
            return f"{told}, the buffer round what is held out is {self.buffer_m:g} m"
        return (
            f"{told}, and the buffer round what is held out is {self.buffer_m:g} m: from there it sees places that it "
            f"learned from, and figures may flatter. Set chips.split.buffer_m to {self.sees_m:g}"
        )

    def metrics(self) -> dict[str, float]:
        """As a model's card tells it."""
        return {"sees_m": self.sees_m, **({} if self.buffer_m is None else {"buffer_m": self.buffer_m})}


def sight(config: TrainConfig, source: HeldOut, *, name: str = "model") -> Sight:
    """How far a config's network sees on chips.

    Raises:
        ModelError: The config does not fit the chips.
    """
    facts, split = source.facts, source.chips.split
    bands = len(facts.bands)
    spec = design(config, facts, Statistics(np.zeros(bands), np.ones(bands), 0, value_mean=1.0), name=name)
    with torch.device("meta"):  # no memory, no random numbers
        reach = Network.build(spec).reach
    seen = facts.size if reach is None else min(reach, facts.size)
    return Sight(seen * facts.gsd, split.buffer_m if split.is_spatial else None)
