"""Changes of training chips: what a network must not mind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from swath.models.spec import InputSpec
from swath.training.config import Augment


@dataclass(frozen=True)
class Change:
    """How one chip is changed, once.

    Attributes:
        mirror: Columns run backwards.
        turns: Quarter turns, counter-clockwise, after that.
        dates: (T,) bool, time steps that stay.
        bands: (C,) bool, bands that stay.
        gain: (T,) float32, factor of the physical values.
    """

    mirror: bool
    turns: int
    dates: NDArray[np.bool_]
    bands: NDArray[np.bool_]
    gain: NDArray[np.float32]

    @classmethod
    def draw(
        cls, augment: Augment, *, steps: int, bands: int, seed: tuple[int, ...], target: int | None = None
    ) -> Change:
        """Draw a change; the same seed gives the same one, whichever worker or batch the chip falls to.

        Args:
            augment: What may change, and how much.
            steps: Time steps of a chip.
            bands: Bands of a chip.
            seed: Of the draw: run, epoch, chip.
            target: Step that is mapped, where steps are acquisitions: it always stays.
        """
        rng = np.random.default_rng(seed)
        mirror, turns = bool(rng.random() < 0.5), int(rng.integers(4))
        dates, kept = _stay(rng, steps, augment.drop_dates), _stay(rng, bands, augment.drop_bands)
        if target is not None:
            dates[target] = True
        gain = (1 + augment.brightness * rng.uniform(-1, 1, steps)).astype(np.float32)
        # mirrors and turns are the eight ways to lay a square; half a turn and a mirror are the other mirror
        if augment.flips and not augment.turns:
            turns = 2 * (turns % 2)
        return cls(mirror and augment.flips, turns if augment.flips or augment.turns else 0, dates, kept, gain)

    def lay(self, image: NDArray[Any]) -> NDArray[Any]:
        """Mirror and turn the last two axes; a view."""
        if self.mirror:
            image = image[..., ::-1]
        return np.rot90(image, self.turns, axes=(-2, -1)) if self.turns else image

    def fade(self, x: NDArray[np.float32], valid: NDArray[np.float32], spec: InputSpec) -> None:
        """Brighten, and take dates and bands away, in place.

        Args:
            x: (T, C, S, S) normalised.
            valid: (T, S, S), 1 where a step has data.
            spec: Mean, std and fill of the input.
        """
        if (self.gain != 1).any():
            mean = np.array([band.mean / band.std for band in spec.bands], np.float32)[:, None, None]
            for step, factor in enumerate(self.gain):
                # (g v - mean) / std, where x = (v - mean) / std
                np.copyto(x[step], x[step] * factor + (factor - 1) * mean, where=valid[step][None] > 0)
        if not self.bands.all():
            x[:, ~self.bands] = spec.fill
        gone = ~self.dates
        # a chip keeps a date that has data: without one it would teach nothing
        if gone.any() and valid[self.dates].any():
            x[gone] = spec.fill
            valid[gone] = 0


def _stay(rng: np.random.Generator, count: int, chance: float) -> NDArray[np.bool_]:
    """Which of some parts stay; one always does."""
    stay = rng.random(count) >= chance
    if not stay.any():
        stay[rng.integers(count)] = True
    return stay
