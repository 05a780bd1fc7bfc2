"""The optical scenes before the correction of the atmosphere: top-of-atmosphere reflectance of thirteen bands."""

from __future__ import annotations

import numpy as np

from swath.synthetic.atmosphere import air, lift
from swath.synthetic.land import Ground
from swath.synthetic.nodes import COARSE, spread
from swath.synthetic.optical import HALO, coarsen, reflectance
from swath.synthetic.orbits import Datatake
from swath.synthetic.sensor import SATURATED, shifted
from swath.synthetic.sky import at, weather
from swath.synthetic.spectra import ALL, PIXEL
from swath.synthetic.window import Window

BRIGHTEST = 1.25  #: reflectance above which the sensor saturates


def observe_l1c(take: Datatake, window: Window, ground: Ground, *, overcast: bool = False) -> dict[str, np.ndarray]:
    """Numbers by band of one granule, uint16 at 10, 20 and 60 m; 0 is no-data.

    The sky, the shift and the gain are those of the same pass in `sensor.observe`. Numbers are reflectance x 10,000,
    from baseline 04.00 on plus 1,000, as ESA's are.

    Args:
        take: A pass of the optical fleet.
        window: The granule; edges at multiples of 60 m.
        ground: Of the window grown by `HALO`, in the year of the pass.
        overcast: As of `sensor.observe`.
    """
    clear = reflectance(take.seed, window.grown(HALO), ground, take.date, ALL)
    moved, halo = shifted(clear, take)
    sky, around = weather(take, window, overcast=overcast), air(take, window)
    bands: dict[str, np.ndarray] = {}
    for f in (1, 2, 6):
        depths = tuple(at(layer, sky.window, window, f) for layer in (sky.low, sky.cirrus, sky.shade))
        layers = tuple(
            spread(layer, around.window, COARSE, window, f)
            for layer in (around.vapour, around.pressure, around.haze, around.sun)
        )
        across = take.across(*window.degrees(f, centre=True))
        first = (-window.top // f, window.left // f)
        for number, band in enumerate(ALL):
            if PIXEL[band] != 10 * f:
                continue
            surface = coarsen(moved[number : number + 1], f, halo)[0]
            value = lift(band, take, surface, depths, across, layers, sky.height, first)
            bands[band] = pack(value, take.offset)
    return {band: bands[band] for band in ALL}


def pack(value: np.ndarray, offset: int) -> np.ndarray:
    """Reflectance as uint16: x 10,000, with the offset, at least 1; 0 for NaN, 65535 where saturated."""
    out = np.floor(value.astype(np.float64) * 10000.0 + 0.5) + offset
    numbers = np.where(value > BRIGHTEST, SATURATED, np.clip(out, 1, SATURATED - 1))
    return np.where(np.isnan(value), 0, numbers).astype(np.uint16)
