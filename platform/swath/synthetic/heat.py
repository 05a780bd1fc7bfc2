"""Surface temperature: by cover, season, hour, height and sun, and how warm or cold a cloud looks above it."""

from __future__ import annotations

import math

import numpy as np

from swath.synthetic._jit import kernel
from swath.synthetic.climate import climate, growth, local_day, temperature
from swath.synthetic.land import Ground
from swath.synthetic.nodes import COARSE, spread
from swath.synthetic.orbits import Datatake
from swath.synthetic.relief import relief
from swath.synthetic.window import Window

KELVIN = 273.15
# what a surface is warmer than the air under a high sun, and at night, kelvin: (dormant, green), set by hand in the
# range of published Landsat and MODIS differences
DAY = np.array([
    [0, 0], [4.5, 1.5], [2.5, 1.5], [8, 5], [9, 4.5], [13, 4], [13, 4], [13, 4], [13.5, 10], [14, 14], [13, 13],
    [14, 13], [-2, -2], [0, 0], [5, 2.5], [7, 5],
], np.float32)  # fmt: skip
NIGHT = np.array([
    [0, 0], [0, .3], [.3, .3], [-1.6, -1.2], [-3.2, -2.4], [-3.6, -2], [-3.6, -2], [-3.6, -2], [-3.6, -3], [1, 1],
    [2.2, 2.2], [-3.8, -3.6], [-4, -4], [0, 0], [-1, -.5], [-2.5, -2],
], np.float32)  # fmt: skip
EMISSIVITY = np.array(
    [1, .980, .985, .975, .972, .970, .970, .972, .967, .935, .950, .960, .985, .990, .985, .975], np.float32
)  # fmt: skip
# constants of Landsat 8's two thermal bands (its MTL files): radiance = K1 / (exp(K2 / T) - 1)
PLANCK = {"lwir11": (774.8853, 1321.0789), "lwir12": (480.8883, 1201.1442)}
_ABSORB = {"lwir11": (0.03, 0.085), "lwir12": (0.04, 0.130)}  # optical depth of dry air, and of a centimetre of water
_CIRRUS = {"lwir11": 0.55, "lwir12": 0.66}  # depth over that of light
LAPSE = 0.0065  #: kelvin a metre
CIRRUS_KELVIN = 224.0  #: of cirrus, some 10 km up


@kernel
def _warm(first, kinds, shares, vigour, grain, grow, state, lit, day, night, emissivity, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Fill (2, rows, cols) with kelvin and emissivity.

    `state` is (n, m, 4) on coarse nodes: air, water (kelvin), strength of the sun, strength of the night.
    """
    one = np.float32(1.0)
    scale = np.float32(1.0 / 255.0)
    now = np.empty(4, np.float32)
    for i in range(out.shape[1]):
        row = first[0] + i
        a, v = row // 32, np.float32((row % 32 + 0.5) / 32.0)
        for j in range(out.shape[2]):
            col = first[1] + j
            b, u = col // 32, np.float32((col % 32 + 0.5) / 32.0)
            w00, w01, w10, w11 = (one - v) * (one - u), (one - v) * u, v * (one - u), v * u
            for n in range(4):
                now[n] = (
                    w00 * state[a, b, n] + w01 * state[a, b + 1, n] + w10 * state[a + 1, b, n]
                    + w11 * state[a + 1, b + 1, n]
                )  # fmt: skip
            total, glow = np.float32(0), np.float32(0)
            for n in range(4):
                if shares[i, j, n] == 0:
                    break
                k = kinds[i, j, n]
                part = shares[i, j, n] * scale
                glow += part * emissivity[k]
                if k == 13:
                    total += part * now[1]
                    continue
                g = (
                    w00 * grow[a, b, k] + w01 * grow[a, b + 1, k] + w10 * grow[a + 1, b, k]
                    + w11 * grow[a + 1, b + 1, k]
                )  # fmt: skip
                g = min(max(g + np.float32(0.2) * vigour[i, j], np.float32(0)), one)
                warm = (day[k, 0] + (day[k, 1] - day[k, 0]) * g) * now[2] * lit[i, j]
                warm += (night[k, 0] + (night[k, 1] - night[k, 0]) * g) * now[3]
                here = now[0] + warm + np.float32(0.25) * grain[i, j]
                # ice and snow do not get warmer than they melt
                total += part * (min(here, np.float32(273.15)) if k == 12 else here)
            out[0, i, j], out[1, i, j] = total, glow


def surface(take: Datatake, window: Window, ground: Ground) -> np.ndarray:
    """Temperature in kelvin and emissivity of the clear ground, float32 (2, rows, cols) at 10 m.

    Args:
        take: A pass by day or night: its hour decides.
        window: At 10 m.
        ground: Of that window in the year of the pass.
    """
    seed = take.seed
    wide = window.aligned(COARSE)
    lon, lat = wide.degrees(COARSE)
    place = climate(seed, lon, lat)
    azimuth, elevation = (np.radians(values) for values in take.sun(lat))
    up = np.maximum(np.sin(elevation), 0.0)
    # the air lags the sun by some hours and swings more where it is dry
    swing = (3.0 + 6.0 * place.dry) * np.cos(2 * math.pi * (take.fleet.hour - 15.0) / 24.0)
    air = temperature(seed, place, take.date) + swing
    # deep water follows the season some weeks late, and no weather
    late = local_day(place.lat, take.date.timetuple().tm_yday) - 45.0
    lake = np.maximum(place.mean + 1.5 - 0.95 * place.swing * np.cos(2 * math.pi * late / 365.25), 0.3)
    dark = np.where(np.sin(elevation) < 0.0, 1.0, 0.0)
    state = np.stack([air + KELVIN, lake + KELVIN, up * (0.8 + 0.6 * place.dry), dark], axis=-1).astype(np.float32)
    grown = np.ascontiguousarray(np.moveaxis(growth(seed, place, take.date), 0, -1), np.float32)
    shape = relief(seed, window)
    rise = [shape.at(layer, window) for layer in (shape.east, shape.north)]
    sun = [np.sin(elevation), np.cos(elevation) * np.sin(azimuth), np.cos(elevation) * np.cos(azimuth)]
    sine, east, north = (spread(layer, wide, COARSE, window) for layer in sun)
    tilted = (sine - rise[0] * east - rise[1] * north) / np.sqrt(1.0 + rise[0] ** 2 + rise[1] ** 2)
    lit = np.clip(tilted / np.maximum(sine, 0.1), 0.2, 1.8).astype(np.float32)
    out = np.empty((2, window.rows, window.cols), np.float32)
    _warm(
        (wide.top - window.top, window.left - wide.left),
        ground.kinds, ground.shares, ground.vigour, ground.grain, grown, state, lit, DAY, NIGHT, EMISSIVITY, out,
    )  # fmt: skip
    return out


def radiance(band: str, kelvin: np.ndarray) -> np.ndarray:
    """W m-2 sr-1 um-1 of a black body."""
    k1, k2 = PLANCK[band]
    return np.asarray(k1 / (np.exp(k2 / kelvin) - 1.0))


def brightness(band: str, value: np.ndarray) -> np.ndarray:
    """Kelvin of the black body of that radiance."""
    k1, k2 = PLANCK[band]
    return np.asarray(k2 / np.log(k1 / value + 1.0))


def seen_from_space(
    band: str, ground: np.ndarray, layers: tuple[np.ndarray, ...], sky: tuple[np.ndarray, ...], height: float
) -> np.ndarray:
    """Brightness temperature, kelvin, float32 (rows, cols): ground, air, low cloud, cirrus, each over the one before.

    Args:
        band: `lwir11` or `lwir12`.
        ground: Kelvin and emissivity, (2, rows, cols).
        layers: Vapour, warmth and sun at the pixels, as `Air` has them.
        sky: Optical depths of low cloud, cirrus, and what shades the ground.
        height: Of the low cloud above the ground, metres.
    """
    vapour, warm, sun = layers
    low, cirrus, shade = sky
    dry, wet = _ABSORB[band]
    air = warm + KELVIN
    through = np.exp(-(dry + wet * vapour))
    # soils of different make differ a little less at 12 um
    emissive = ground[1] if band == "lwir11" else ground[1] + 0.4 * (0.99 - ground[1])
    down = (1.0 - through) * radiance(band, air - 10.0)
    kelvin = ground[0] - 4.0 * np.maximum(sun, 0.0) * (1.0 - np.exp(-shade))
    value = (emissive * radiance(band, kelvin) + (1.0 - emissive) * down) * through
    value += (1.0 - through) * radiance(band, air - 8.0)
    # a thick cloud ends higher
    top = air - LAPSE * (height + 110.0 * np.minimum(low, 12.0))
    above = np.exp(-(dry + wet * vapour * math.exp(-height / 2000.0)))
    cloud = radiance(band, top) * above + (1.0 - above) * radiance(band, top - 4.0)
    value += (cloud - value) * (1.0 - np.exp(-0.9 * low))
    cold = radiance(band, np.full_like(air, CIRRUS_KELVIN))
    value += (cold - value) * (1.0 - np.exp(-_CIRRUS[band] * cirrus))
    return brightness(band, value).astype(np.float32)
