"""Chips in memory that a small network learns in seconds."""

from dataclasses import replace

import numpy as np

from swath.cube import LayerFacts
from swath.models.spec import BandInput, ClassesOutput, PartSpec, ValueOutput, ValuesOutput
from swath.training.config import Optimiser, TrainConfig
from swath.training.source import IGNORED, ChipFacts, Part

NODATA = 0


class Toy:
    """Three bands; the class is which band is brightest in a soft patchwork, the value how bright it is.

    Every third chip is for validation, the last two for the test. A tenth of the pixels has no data, most no label.
    """

    def __init__(self, chips=12, *, size=16, steps=1, values=False, seed=0, labelled=0.4):
        rng = np.random.default_rng(seed)
        coarse = rng.normal(size=(chips, 3, size // 4, size // 4))
        truth = np.kron(coarse, np.ones((4, 4)))
        number = 2000 + 800 * truth[:, None] + rng.normal(0, 150, (chips, steps, 3, size, size))
        self.numbers = number.clip(1, 10_000).astype(np.uint16)
        self.numbers[np.broadcast_to((rng.random((chips, steps, 1, size, size)) < 0.1), self.numbers.shape)] = NODATA
        self.day = np.sort(rng.uniform(1, 366, (chips, steps)), axis=1).astype(np.float32)
        known = rng.random((chips, size, size)) < labelled
        part = np.where(np.arange(chips) % 3 == 2, Part.VALIDATE, Part.TRAIN)
        part[-2:] = Part.TEST
        self.part = np.where(known, part[:, None, None], IGNORED).astype(np.uint8)
        if values:
            self.y = np.where(known, 100 + 40 * truth.max(1), np.nan).astype(np.float32)
            output = ValuesOutput(values=(ValueOutput(name="agb", unit="Mg/ha", low=0),))
        else:
            self.y = np.where(known, truth.argmax(1), IGNORED).astype(np.uint8)
            output = ClassesOutput(classes=("water", "tree", "crop"))
        self.facts = ChipFacts(
            bands=tuple(BandInput(name=name) for name in ("B02", "B03", "B04")),
            layers=(LayerFacts("uint16", NODATA, 0.0001, -0.1),) * 3,
            unit="reflectance",
            gsd=10,
            size=size,
            steps=steps,
            output=output,
        )

    def __len__(self):
        return len(self.numbers)

    def names(self, indices):
        return [f"chip-{index:03}" for index in indices]

    def counts(self, part):
        chosen = self.part == part
        if not self.facts.classes:
            return (chosen & np.isfinite(self.y)).sum((1, 2))[:, None]
        return np.stack([(chosen & (self.y == k)).sum((1, 2)) for k in range(self.facts.classes)], axis=1)

    def read(self, indices):
        rows = list(indices)
        known = self.part[rows] != IGNORED
        return {
            "numbers": self.numbers[rows],
            "day": self.day[rows],
            "y": self.y[rows],
            "part": self.part[rows],
            "weight": known.astype(np.float32),
            "object": known.astype(np.uint16),
            "error": np.zeros(known.shape, np.float32),
        }


def wild():
    """A chip with numbers out of all bounds where it has no label."""
    toy = Toy()
    toy.numbers = toy.numbers.astype(np.float32) / 10_000
    toy.numbers[3][:, :, toy.part[3] == 255] = 3e38
    toy.facts = replace(toy.facts, layers=(LayerFacts("float32", 0, 1, -0.1),) * 3)
    return toy


def config(**changes):
    """A small network that trains in a second."""
    told = {
        "encoder": PartSpec(name="unet", settings={"width": 8, "levels": 2, "depth": 1}),
        "head": PartSpec(name="segmentation", settings={"depth": 1}),
        "chip": 16,
        "epochs": 3,
        "batch": 2,
        "optimiser": Optimiser(lr=0.01),
        "threads": 1,
        "window": 64,
        "device": "cpu",
    }
    return TrainConfig(**{**told, **changes})
