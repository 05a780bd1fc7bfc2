"""Changes of training chips: what a network must not mind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from swath.models.spec import LOCATION, InputSpec
from swath.training.config import Augment

_LIGHT = {"reflectance", "radiance", "1"}


@dataclass(frozen=True)
class Change:
    """How one chip is changed, once.

    Attributes:
        mirror: Columns run backwards.
        turns: Quarter turns, counter-clockwise, after that.
        dates: (T,) bool, time steps that stay.
        bands: (C,) bool, bands that stay: neither they nor their input were taken away.
        gain: (T,) float32, factor of the physical values.
    """

    mirror: bool
    turns: int
    dates: NDArray[np.bool_]
    bands: NDArray[np.bool_]
    gain: NDArray[np.float32]

    @classmethod
    def draw(
        cls,
        augment: Augment,
        *,
        steps: int,
        bands: int,
        seed: tuple[int, ...],
        target: int | None = None,
        inputs: Sequence[Sequence[int]] = (),
    ) -> Change:
        """Draw a change; the same seed gives the same one, whichever worker or batch the chip falls to.

        Args:
            augment: What may change, and how much.
            steps: Time steps of a chip.
            bands: Bands of a chip.
            seed: Of the draw: run, epoch, chip.
            target: Step that is mapped, where steps are acquisitions: it always stays.
            inputs: Places of the bands of each input that can be missing, as `inputs_of` gives them.
        """
        rng = np.random.default_rng(seed)
        mirror, turns = bool(rng.random() < 0.5), int(rng.integers(4))
        dates, kept = _stay(rng, steps, augment.drop_dates), _stay(rng, bands, augment.drop_bands)
        if target is not None:
            dates[target] = True
        gain = (1 + augment.brightness * rng.uniform(-1, 1, steps)).astype(np.float32)
        if augment.drop_inputs and len(inputs) > 1:
            stays = _stay(rng, len(inputs), augment.drop_inputs)
            for places, stay in zip(inputs, stays, strict=True):
                if stay and not kept[list(places)].any():
                    kept[places[0]] = True  # an input that stays, stays with a band
                kept[list(places)] &= stay
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
        lit = _lit(spec)
        if lit.any() and (self.gain != 1).any():
            mean = np.array([band.mean / band.std for band in spec.bands], np.float32)[:, None, None]
            parts = [slice(None)] if lit.all() else [slice(c, c + 1) for c in np.flatnonzero(lit)]
            for step, factor in enumerate(self.gain):
                for part in parts:  # views: (g v - mean) / std, where x = (v - mean) / std
                    brighter = x[step, part] * factor + (factor - 1) * mean[part]
                    np.copyto(x[step, part], brighter, where=valid[step][None] > 0)
        if not self.bands.all():
            x[:, ~self.bands] = spec.fill
        gone = ~self.dates
        # a chip keeps a date that has data: without one it would teach nothing
        if gone.any() and valid[self.dates].any():
            x[gone] = spec.fill
            valid[gone] = 0


def inputs_of(spec: InputSpec) -> tuple[tuple[int, ...], ...]:
    """Places of the bands of each input that can be missing: all but the location."""
    places: dict[str | None, list[int]] = {}
    for place, band in enumerate(spec.bands):
        if band.input != LOCATION:
            places.setdefault(band.input, []).append(place)
    return tuple(map(tuple, places.values()))


@lru_cache(maxsize=8)
def _lit(spec: InputSpec) -> NDArray[np.bool_]:
    """(C,), bands whose physical value grows with the light: a factor of kelvins or metres would be another place."""
    light = [spec.unit_of(band).lower() in _LIGHT and band.transform == "none" for band in spec.bands]
    return np.array([lit and band.input != LOCATION for lit, band in zip(light, spec.bands, strict=True)])


def _stay(rng: np.random.Generator, count: int, chance: float) -> NDArray[np.bool_]:
    """Which of some parts stay; one always does."""
    stay = rng.random(count) >= chance
    if not stay.any():
        stay[rng.integers(count)] = True
    return stay
