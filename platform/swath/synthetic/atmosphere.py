"""What the air adds to and takes from sunlight: top-of-atmosphere reflectance of a surface, clouds and cirrus.

Single scattering of molecules and haze over a Lambertian surface; optical depth of molecules by Fröhlich and Shaw 1980
(doi:10.1364/AO.19.001773) in the form of Teillet 1990 (doi:10.1364/AO.29.001897). Absorption by water vapour is
`exp(-k (w m)^0.6)`, a plain band model; its numbers are set by hand so that they come near those of a rural summer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from swath.synthetic._jit import kernel
from swath.synthetic.climate import climate, temperature
from swath.synthetic.nodes import COARSE
from swath.synthetic.noise import field, hash3, key, unit
from swath.synthetic.orbits import Datatake
from swath.synthetic.spectra import ALL
from swath.synthetic.terrain import elevation
from swath.synthetic.window import Window

WAVELENGTH = dict(zip(ALL, (
    .4439, .4966, .56, .6645, .7039, .7402, .7825, .8351, .8648, .945, 1.3735, 1.6137, 2.2024,
), strict=True))  # fmt: skip  #: centre, micrometres
# transmission of ozone and other gases straight down, and k of water vapour
_GAS = dict(
    zip(ALL, (0.997, 0.985, 0.93, 0.965, 0.985, 0.99, 0.995, 0.985, 0.995, 0.99, 0.97, 0.975, 0.96), strict=True)
)
_WATER = dict(zip(ALL, (0, 0, 0.002, 0.006, 0.022, 0.012, 0.004, 0.025, 0.004, 0.65, 3.6, 0.010, 0.022), strict=True))
# reflectance of an endless low cloud and of an endless cirrus
CLOUD = dict(zip(ALL, (
    1.08, 1.08, 1.07, 1.06, 1.05, 1.04, 1.03, 1.02, 1.02, .98, .74, .62, .46,
), strict=True))  # fmt: skip
CIRRUS = dict(zip(ALL, (0.60, 0.60, 0.60, 0.60, 0.60, 0.61, 0.62, 0.62, 0.62, 0.60, 0.52, 0.30, 0.20), strict=True))
SCALE = 2.0  #: height over which water vapour falls by 1/e, km


@dataclass(frozen=True)
class Air:
    """The air of one pass on coarse nodes of an aligned window, both edges included, float32.

    Attributes:
        window: The aligned window.
        vapour: Water, centimetres.
        pressure: Over that at the sea.
        warm: Daily mean temperature at the ground, degrees Celsius.
        haze: Optical depth at 550 nm.
        sun: Sine of its elevation; negative at night.
    """

    window: Window
    vapour: np.ndarray
    pressure: np.ndarray
    warm: np.ndarray
    haze: np.ndarray
    sun: np.ndarray


@kernel
def _height(seed, xyz, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    for n in range(out.shape[0]):
        out[n] = elevation(seed, xyz[n, 0], xyz[n, 1], xyz[n, 2])


def air(take: Datatake, window: Window) -> Air:
    """The air of a pass; the same for every window."""
    wide = window.aligned(COARSE)
    lon, lat = wide.degrees(COARSE)
    place = climate(take.seed, lon, lat)
    height = np.empty(lon.shape)
    _height(key(take.seed, "terrain"), place.xyz.reshape(-1, 3), height.reshape(-1))
    warm = temperature(take.seed, place, take.date)
    damp = field(key(take.seed, "damp", *take.words), place.xyz, 120_000.0, 2)
    vapour = np.clip(0.55 * np.exp(0.055 * warm + 0.25 * damp) * (1.0 - 0.5 * place.dry), 0.08, 6.0)
    murk = field(key(take.seed, "murk", *take.words), place.xyz, 80_000.0, 2)
    haze = np.clip((0.04 + 0.16 * take.draw("murk")) * np.exp(0.35 * murk), 0.02, 0.6) * np.exp(-height / 2500.0)
    layers = (vapour, np.exp(-height / 8000.0), warm, haze, np.sin(np.radians(take.sun(lat)[1])))
    return Air(wide, *(layer.astype(np.float32) for layer in layers))


@kernel
def _lift(clear, low, cirrus, shade, across, vapour, pressure, haze, suns, seed, first, gain, facts, above, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Fill one band's top-of-atmosphere reflectance (rows, cols), NaN outside the swath.

    `facts` of the band: optical depth of molecules, of haze over that at 550 nm, gas, k of water, low cloud, cirrus;
    `above` are the shares of vapour and of molecules above the low cloud.
    """
    rayleigh, angstrom, gas, water, cloud, veil = facts
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            if across[i, j] < 0.0 or across[i, j] > 1.0:
                out[i, j] = np.nan
                continue
            sun = max(suns[i, j], np.float32(0.1))
            way = 1.0 / sun + 1.0
            molecules = rayleigh * pressure[i, j]
            murk = angstrom * haze[i, j]
            through = math.exp(-low[i, j])
            dense = 1.0 - through
            bend = gain + 0.07 * (0.5 - across[i, j])
            # the ground: all of the air twice, light scattered down again
            dim = math.exp(-(0.52 * molecules + 0.17 * murk) * way)
            wet = math.exp(-water * (vapour[i, j] * way) ** 0.6)
            light = 0.30 + 0.70 * math.exp(-shade[i, j])
            bright = clear[i, j] * light * bend
            ground = gas**way * wet * dim * bright / (1.0 - 0.8 * molecules * min(bright, 1.0))
            # haze lies in the vapour, half of the molecules above most of it
            free = math.exp(-water * (0.1 * vapour[i, j] * way) ** 0.6)
            path = (molecules * 0.75 * (1.0 + sun * sun) * free + murk * 0.22 * wet) / (4.0 * sun)
            # the low cloud: what is above it only
            top = cloud * (0.45 + 0.55 * (1.0 - math.exp(-0.16 * low[i, j]))) * bend
            high = math.exp(-water * (above[0] * vapour[i, j] * way) ** 0.6)
            top *= gas**way * high * math.exp(-0.52 * molecules * above[1] * way)
            hazeless = molecules * above[1] * 0.75 * (1.0 + sun * sun) * free / (4.0 * sun)
            value = (ground + path) * through + (top + hazeless) * dense
            fine = math.exp(-cirrus[i, j])
            value = value * fine + veil * (1.0 - fine)
            h = hash3(seed, first[0] + i, first[1] + j, 2)
            dice = unit(h, 0) + unit(h, 1) + unit(h, 2) + unit(h, 3) - 2.0  # standard deviation 0.577
            out[i, j] = value + dice * (0.0006 + 0.006 * max(value, 0.0))


def lift(
    band: str, take: Datatake, clear: np.ndarray, sky: tuple[np.ndarray, ...], across: np.ndarray,
    layers: tuple[np.ndarray, ...], height: float, first: tuple[int, int],
) -> np.ndarray:  # fmt: skip
    """Top-of-atmosphere reflectance of one band, float32 (rows, cols), NaN outside the swath.

    Args:
        band: Sentinel-2's name.
        take: The pass.
        clear: Surface reflectance.
        sky: Optical depths of low cloud, cirrus, and what shades the ground.
        across: Where pixels lie in the swath.
        layers: Vapour, pressure, haze and sun at the pixels, as `Air` has them.
        height: Of the low cloud, metres.
        first: (row, column) of the first pixel on the zone's lattice of that resolution: names its noise.
    """
    wave = WAVELENGTH[band]
    rayleigh = 0.00864 * wave ** -(3.916 + 0.074 * wave + 0.05 / wave)
    facts = (rayleigh, (wave / 0.55) ** -1.3, _GAS[band], _WATER[band], CLOUD[band], CIRRUS[band])
    above = (float(np.exp(-height / 1000.0 / SCALE)), float(np.exp(-height / 8000.0)))
    out = np.empty(clear.shape, np.float32)
    gain = 1.0 + 0.05 * (take.draw("gain") - 0.5) + 0.015 * (take.draw("gain", band) - 0.5)
    _lift(
        clear, *sky, across, *layers, key(take.seed, "shot", *take.words, band), first, gain, facts, above, out,
    )  # fmt: skip
    return out
