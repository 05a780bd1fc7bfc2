"""A Landsat-like sensor: reflectance and two thermal bands by day, the thermal bands alone by night.

Pixels of 30 m, on Landsat's lattice, have their edges at 15 mod 30 m: their centres are corners of pixels of 10 m, so
that no half pixel is lost. The thermal bands are sharp to about 90 m, and delivered at 30 m as Landsat's are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from swath.synthetic._jit import kernel
from swath.synthetic.atmosphere import air, lift
from swath.synthetic.clouds import classes
from swath.synthetic.heat import PLANCK, seen_from_space, surface
from swath.synthetic.land import Ground
from swath.synthetic.nodes import COARSE, spread_at
from swath.synthetic.noise import hash3, key, unit
from swath.synthetic.optical import HALO, blur, reflectance, white
from swath.synthetic.orbits import Datatake
from swath.synthetic.sensor import shifted
from swath.synthetic.sky import MESH, weather
from swath.synthetic.window import STEP, Window

PIXEL = 3  #: edge, pixels of 10 m
INSET = 3  #: pixels of 10 m from a granule's corner to the centre of its first pixel
# the names of Landsat's collection, and the band of Sentinel-2 whose spectra stand for it
REFLECTIVE = {
    "coastal": "B01", "blue": "B02", "green": "B03", "red": "B04", "nir08": "B8A", "cirrus": "B10", "swir16": "B11",
    "swir22": "B12",
}  # fmt: skip
THERMAL = tuple(PLANCK)
SCALES = {"reflectance": (2.75e-05, -0.2), "temperature": (0.00341802, 149.0)}  #: value = number x first + second
NOISE = 0.08  #: kelvin, standard deviation of the thermal bands


def _gaussian(reach: int, sigma: float) -> np.ndarray:
    weights = np.exp(-0.5 * ((np.arange(2 * reach) - reach + 0.5) / sigma) ** 2)
    return np.asarray(weights / weights.sum(), np.float32)


_SHARP, _SOFT = _gaussian(4, 1.53), _gaussian(9, 3.8)  # 36 m and 90 m wide at half maximum


@kernel
def _judge(clear, low, cirrus, mood, shade, across, night, sky, told):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Fill the truth about the sky, and the provider's bits, which miss and invent patches (see `sensor`)."""
    for i in range(sky.shape[0]):
        for j in range(sky.shape[1]):
            if across[i, j] < 0.0 or across[i, j] > 1.0:
                sky[i, j], told[i, j] = 255, 1
                continue
            dense = 1.0 - np.exp(-low[i, j])
            luck = 1.0 / (1.0 + np.exp(-1.702 * mood[i, j]))  # about uniform over patches
            bits = 0
            if dense > 0.55:
                sky[i, j] = 3
                bits = 8 if luck > (0.07 if night else 0.06) else 0
            elif dense > 0.12:
                sky[i, j] = 2
                bits = 8 if luck > (0.22 if night else 0.20) else 0
            elif cirrus[i, j] > 0.05:
                sky[i, j] = 4
                bits = 4 if luck > (0.20 if night else 0.16) else 0
            elif shade[i, j] > 0.29 and not night:
                sky[i, j] = 1
                bits = 16 if luck > 0.16 else 0
            else:
                sky[i, j] = 0
                bits = 8 if luck > 0.985 or (dense > 0.05 and luck > 0.6) else 0
            if not night:
                green, red, near, short = clear[0, i, j], clear[1, i, j], clear[2, i, j], clear[3, i, j]
                if (green - short) / max(green + short, 0.001) > 0.4 and green > 0.25:
                    bits |= 32
                elif near < 0.08 and (near - red) / max(near + red, 0.001) < 0.1:
                    bits |= 128
            # confidences, two bits each: 1 low, 2 medium, 3 high
            cloud = (3 if dense > 0.55 else 2) if bits & 8 else 1
            bits |= cloud << 8 | (3 if bits & 16 else 1) << 10 | (3 if bits & 32 else 1) << 12
            bits |= (0 if night else (3 if bits & 4 else 1)) << 14
            told[i, j] = bits if bits & 28 else bits | 64


@kernel
def _grow(told, radius):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Set the bit of dilated cloud around cloud, in place; it goes before clear."""
    rows, cols = told.shape
    for i in range(rows):
        for j in range(cols):
            if told[i, j] & 8:
                for p in range(max(i - radius, 0), min(i + radius + 1, rows)):
                    for q in range(max(j - radius, 0), min(j + radius + 1, cols)):
                        if not told[p, q] & 9:
                            told[p, q] = (told[p, q] | 2) & ~64


@dataclass(frozen=True)
class ThermalImage:
    """One granule of one pass.

    Attributes:
        bands: Numbers by band, uint16 (rows, cols) at 30 m; 0 is no-data. By night the thermal ones alone.
        qa_pixel: The provider's bits, uint16, as of Landsat Collection 2; 1 is fill.
        sky: The truth, `Sky` codes, uint8.
        clouds: The truth in five classes, `Cloud` codes, uint8.
        night: Whether the sun was down.
        sun: (azimuth, elevation) at the middle, degrees.
        cloud_cover: Percent of the seen pixels that the provider calls cloud or cirrus.
        seen: Share of the pixels inside the swath.
    """

    bands: dict[str, np.ndarray]
    qa_pixel: np.ndarray
    sky: np.ndarray
    clouds: np.ndarray
    night: bool
    sun: tuple[float, float]
    cloud_cover: float
    seen: float


def edges(window: Window) -> tuple[float, float, int, int]:
    """(left, top) in metres and (rows, cols) of the scene in a granule, on the granule's zone."""
    left = (window.left + INSET) * float(STEP) - 15.0
    top = (window.top - INSET) * float(STEP) + 15.0
    return left, top, window.rows // PIXEL - 1, window.cols // PIXEL - 1


def _coarsen(fine: np.ndarray, weights: np.ndarray, halo: int, shape: tuple[int, int]) -> np.ndarray:
    """Pixels of 30 m around corners from layers of 10 m with a halo around the granule."""
    cut = halo + INSET - len(weights) // 2
    return blur(np.ascontiguousarray(fine[:, cut:, cut:]), weights, PIXEL, shape)


def observe_thermal(take: Datatake, window: Window, ground: Ground) -> ThermalImage:
    """One granule as the archive holds it.

    Args:
        take: A pass of a thermal fleet, by day or night.
        window: The granule; edges at multiples of 60 m.
        ground: Of the window grown by `HALO`, in the year of the pass.
    """
    wide = window.grown(HALO)
    *_, rows, cols = edges(window)
    shape, first = (rows, cols), (window.top - INSET, window.left + INSET)
    azimuth, elevation = (float(value) for value in take.sun(float(window.knots[1].mean())))
    sky, around = weather(take, window), air(take, window)
    depths = {
        name: spread_at(getattr(sky, name), sky.window, MESH, first, shape, PIXEL)
        for name in ("low", "cirrus", "shade", "mood")
    }
    layers = {
        name: spread_at(getattr(around, name), around.window, COARSE, first, shape, PIXEL)
        for name in ("vapour", "pressure", "haze", "warm", "sun")
    }
    night = elevation < 3.0
    if night:
        depths["shade"][:] = 0.0
    across = take.across(*(values[1:-1, 1:-1] for values in window.degrees(PIXEL)))
    outside = (across < 0.0) | (across > 1.0)
    light = tuple(depths[name] for name in ("low", "cirrus", "shade"))
    corner = (-first[0] // PIXEL, first[1] // PIXEL)
    bands: dict[str, np.ndarray] = {}
    coarse = np.zeros((4, *shape), np.float32)
    if not night:
        moved, halo = shifted(reflectance(take.seed, wide, ground, take.date, tuple(REFLECTIVE.values())), take)
        clear = _coarsen(moved, _SHARP, halo, shape)
        names = list(REFLECTIVE)
        coarse = np.ascontiguousarray(clear[[names.index(name) for name in ("green", "red", "nir08", "swir16")]])
        optical = tuple(layers[name] for name in ("vapour", "pressure", "haze", "sun"))
        for number, (name, band) in enumerate(REFLECTIVE.items()):
            value = lift(band, take, clear[number], light, across, optical, sky.height, corner)
            bands[name] = _pack(value, "reflectance")
    heat = _coarsen(surface(take, wide, ground), _SOFT, HALO, shape)
    for name in THERMAL:
        value = seen_from_space(name, heat, tuple(layers[n] for n in ("vapour", "warm", "sun")), light, sky.height)
        _hiss(key(take.seed, "hiss", *take.words, name), corner, value)
        value[outside] = np.nan
        bands[name] = _pack(value, "temperature")
    truth, told = np.empty(shape, np.uint8), np.empty(shape, np.uint16)
    _judge(coarse, depths["low"], depths["cirrus"], depths["mood"], depths["shade"], across, night, truth, told)
    _grow(told, 2)
    snow = _coarsen(white(take.seed, wide, ground, take.date)[None], _SHARP, HALO, shape)[0]
    seen = int((~outside).sum())
    cloud = 100.0 * int(((told & 12) > 0).sum()) / max(seen, 1)
    return ThermalImage(
        bands, told, truth, classes(truth, snow), night, (azimuth, elevation), round(cloud, 2), seen / outside.size
    )


@kernel
def _hiss(seed, first, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Add the noise of a thermal band in place."""
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            h = hash3(seed, first[0] + i, first[1] + j, 2)
            dice = unit(h, 0) + unit(h, 1) + unit(h, 2) + unit(h, 3) - 2.0  # standard deviation 0.577
            out[i, j] += np.float32(NOISE / 0.577 * dice)


def _pack(value: np.ndarray, kind: str) -> np.ndarray:
    """Values as uint16 by the scale of Landsat's collection: at least 1; 0 for NaN, 65535 where it does not fit."""
    scale, offset = SCALES[kind]
    numbers = np.clip(np.floor((value.astype(np.float64) - offset) / scale + 0.5), 1, 65535)
    return np.where(np.isnan(value), 0, numbers).astype(np.uint16)
