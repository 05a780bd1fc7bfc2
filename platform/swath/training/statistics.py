"""Mean and spread of bands and values, of training pixels only: what normalisation is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from swath.cube import LayerFacts
from swath.errors import LabelError
from swath.models.normalise import transformed
from swath.models.spec import LOCATION
from swath.training.source import ChipSource, Part

_BATCH = 16
MOST_CHIPS = 8192


@dataclass(frozen=True)
class Statistics:
    """Of the physical values of bands, and of labels that are values.

    Attributes:
        mean: (C,) float64.
        std: (C,) float64, of the population; 1 for a band that never varies.
        pixels: Values that each band rests on.
        value_mean: Of the labels; 0 for classes.
        value_std: Of the labels; 1 for classes.
    """

    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    pixels: int
    value_mean: float = 0.0
    value_std: float = 1.0

    @classmethod
    def of(
        cls, source: ChipSource, *, seed: int = 0, most: int = MOST_CHIPS, clip: tuple[float, float] | None = None
    ) -> Statistics:
        """Over training pixels, on dates where all bands have data that a model needs; a few chips at a time.

        Values are those that a model normalises: transformed and clipped as their bands say. A band that it can do
        without counts where it has data itself.

        Args:
            source: Chips.
            seed: Draws chips where there are more than `most`.
            most: Chips that are read.
            clip: Physical values of bands are clipped to this range first.

        Raises:
            LabelError: No training pixel has data.
        """
        layers, told = source.facts.layers, source.facts.bands
        bands, labels = [_Running() for _ in layers], _Running()
        chosen = np.flatnonzero(source.counts(Part.TRAIN).sum(axis=1) > 0)
        if len(chosen) > most:
            chosen = np.sort(np.random.default_rng(seed).choice(chosen, most, replace=False))
        for first in range(0, len(chosen), _BATCH):
            chips = source.read(chosen[first : first + _BATCH].tolist())
            n, rows, cols = np.nonzero(chips["part"] == Part.TRAIN)
            numbers = chips["numbers"][n, :, :, rows, cols].reshape(-1, len(layers))  # each date is a value
            there = np.array([_given(numbers[:, c], facts) for c, facts in enumerate(layers)])
            given = there[[not band.optional for band in told]].all(axis=0)
            for c, (facts, band) in enumerate(zip(layers, told, strict=True)):
                mine = numbers[given & there[c], c].astype(np.float64) * facts.scale + facts.offset
                values = transformed(mine, band.transform)
                # a range for all is of the values that they share: those of the common unit
                limits = band.clip or (clip if band.unit is None and band.input != LOCATION else None)
                bands[c].add(values if limits is None else values.clip(*limits))
            if not source.facts.classes:
                labels.add(chips["y"][n, rows, cols].astype(np.float64))
        if not max(band.count for band in bands):
            raise LabelError("No training pixel has data in all bands.", fix="Check period, masks and labels.")
        return cls(
            np.array([band.mean for band in bands]),
            np.array([band.std for band in bands]),
            max(band.count for band in bands),
            labels.mean,
            labels.std,
        )


@dataclass
class _Running:
    """Mean and squares of what has been added so far (Chan, Golub, LeVeque 1983, equation 2.1)."""

    count: int = 0
    mean: float = 0.0
    _squares: float = field(default=0.0)

    def add(self, values: NDArray[np.float64]) -> None:
        if values.size:
            delta, total = float(values.mean()) - self.mean, self.count + values.size
            self._squares += float(values.var()) * values.size + delta**2 * self.count * values.size / total
            self.mean += delta * values.size / total
            self.count = total

    @property
    def std(self) -> float:
        deviation = float(np.sqrt(self._squares / self.count)) if self.count else 0.0
        return deviation if deviation > 0 else 1.0


def _given(numbers: NDArray[Any], facts: LayerFacts) -> NDArray[np.bool_]:
    given = np.isfinite(numbers)
    return given if facts.nodata is None else given & (numbers != facts.nodata)
