"""What a satellite delivers of a pass: numbers of seven bands, the provider's classes, and the truth about the sky."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from swath.synthetic._jit import kernel
from swath.synthetic.land import Ground
from swath.synthetic.legend import BANDS, GSD
from swath.synthetic.noise import hash3, key, unit
from swath.synthetic.optical import HALO, coarsen, reflectance
from swath.synthetic.orbits import Datatake
from swath.synthetic.sky import at, weather
from swath.synthetic.window import Window

CLOUD = np.array([1.08, 1.07, 1.06, 1.05, 1.02, .62, .46], np.float32)  # fmt: skip  # of endless depth
CIRRUS = np.array([.60, .60, .60, .60, .62, .30, .20], np.float32)  # fmt: skip
HAZE = (0.022, 0.016, 0.012, 0.011, 0.009, 0.014, 0.014)  #: what the correction of the atmosphere leaves, at most
SATURATED = 65535  #: the number of a pixel that was too bright
BRIGHTEST = 1.02  #: reflectance above which the sensor saturates
_REACH = 2  # pixels that a shift of the image needs around it


@kernel
def _move(fine, down, right, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Shift by less than a pixel: cubic convolution (Keys 1981, a = -1/2); trims 2 pixels on each side."""
    for m in range(out.shape[0]):
        for i in range(out.shape[1]):
            for j in range(out.shape[2]):
                total = np.float32(0)
                for p in range(5):
                    if down[p] != 0:
                        line = np.float32(0)
                        for q in range(5):
                            line += right[q] * fine[m, i + p, j + q]
                        total += down[p] * line
                out[m, i, j] = total


def _keys(shift: float) -> np.ndarray:
    """Weights of the 5 pixels around one whose image lies `shift` pixels further on."""
    distance = np.abs(np.arange(-2, 3) + shift)
    near = 1.5 * distance**3 - 2.5 * distance**2 + 1
    far = -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2
    return np.where(distance < 1, near, np.where(distance < 2, far, 0)).astype(np.float32)


@kernel
def _expose(clear, low, cirrus, shade, across, seed, first, gain, haze, cloud, veil, offset, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Fill one band's numbers (rows, cols): sky, haze, angle of view, noise, offset, fill outside the swath."""
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            if across[i, j] < 0.0 or across[i, j] > 1.0:
                out[i, j] = 0
                continue
            through = math.exp(-low[i, j])
            light = 0.30 + 0.70 * math.exp(-shade[i, j])
            top = cloud * (0.45 + 0.55 * (1.0 - math.exp(-0.16 * low[i, j])))
            value = clear[i, j] * light * through + top * (1.0 - through)
            fine = math.exp(-cirrus[i, j])
            value = (value * fine + veil * (1.0 - fine)) * (gain + 0.07 * (0.5 - across[i, j])) + haze
            h = hash3(seed, first[0] + i, first[1] + j, 2)
            dice = unit(h, 0) + unit(h, 1) + unit(h, 2) + unit(h, 3) - 2.0  # standard deviation 0.577
            value += dice * (0.0012 + 0.006 * max(value, 0.0))
            if value > 1.02:
                out[i, j] = 65535
            else:
                out[i, j] = np.uint16(max(1.0, math.floor(value * 10000.0 + 0.5) + offset))


@kernel
def _classify(clear, low, cirrus, shade, mood, across, bright, classes, truth):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Fill the truth about the sky, and the provider's classes, which miss and invent patches, at 20 m."""
    for i in range(truth.shape[0]):
        for j in range(truth.shape[1]):
            if across[i, j] < 0.0 or across[i, j] > 1.0:
                truth[i, j], classes[i, j] = 255, 0
                continue
            dense = 1.0 - math.exp(-low[i, j])
            luck = 1.0 / (1.0 + math.exp(-1.702 * mood[i, j]))  # about uniform over patches
            blue, green, red, near, short = (
                clear[0, i, j],
                clear[1, i, j],
                clear[2, i, j],
                clear[3, i, j],
                clear[4, i, j],
            )
            ndvi = (near - red) / max(near + red, 0.001)
            ndsi = (green - short) / max(green + short, 0.001)
            if ndsi > 0.4 and green > 0.25:
                plain = 11
            elif near < 0.08 and ndvi < 0.1:
                plain = 6
            elif ndvi > 0.42:
                plain = 4
            else:
                plain = 5 if luck > 0.04 else 7
            if dense > 0.55:
                truth[i, j] = 3
                classes[i, j] = 9 if luck > 0.02 else 7
            elif dense > 0.12:
                truth[i, j] = 2
                classes[i, j] = 8 if luck > 0.17 else plain
            elif cirrus[i, j] > 0.05:
                truth[i, j] = 4
                classes[i, j] = 10 if luck > 0.12 else plain
            elif shade[i, j] > 0.29:
                truth[i, j] = 1
                classes[i, j] = 3 if luck > 0.12 else (2 if luck > 0.06 else plain)
            else:
                truth[i, j] = 0
                classes[i, j] = plain
                if (blue > 0.125 and plain == 5 and luck > 0.86) or (dense > 0.05 and luck > 0.5):
                    classes[i, j] = 8
                elif plain == 6 and luck > 0.985:
                    classes[i, j] = 3
            if bright[i, j]:
                classes[i, j] = 1


@dataclass(frozen=True)
class Image:
    """One granule of one datatake.

    Attributes:
        bands: Numbers by band, uint16, 10 or 20 m; 0 is no-data.
        scl: The provider's classes, uint8 at 20 m, Sentinel-2's codes.
        sky: The truth, `Sky` codes, uint8 at 20 m.
        sun: (azimuth, elevation) at the middle, degrees.
        cloud_cover: Percent of the seen pixels that the provider calls cloud.
        seen: Share of the pixels inside the swath.
    """

    bands: dict[str, np.ndarray]
    scl: np.ndarray
    sky: np.ndarray
    sun: tuple[float, float]
    cloud_cover: float
    seen: float


def shifted(clear: np.ndarray, take: Datatake) -> tuple[np.ndarray, int]:
    """The clear reflectance as a pass has it, moved by its shift, and the halo that is left.

    Args:
        clear: Float32 (bands, rows, cols) at 10 m, with a halo of `HALO`.
        take: The pass.
    """
    moved = np.empty((clear.shape[0], clear.shape[1] - 2 * _REACH, clear.shape[2] - 2 * _REACH), np.float32)
    down, right = take.shift
    _move(clear, _keys(down), _keys(right), moved)
    return moved, HALO - _REACH


def observe(take: Datatake, window: Window, ground: Ground, *, overcast: bool = False) -> Image:
    """One granule as the satellite delivers it.

    Args:
        take: The pass.
        window: The granule; edges at multiples of 20 m.
        ground: Of the window grown by `HALO`, in the year of the pass.
        overcast: Clouds without end, whatever the weather.
    """
    moved, halo = shifted(reflectance(take.seed, window.grown(HALO), ground, take.date), take)
    sky = weather(take, window, overcast=overcast)
    layers = {
        f: tuple(at(layer, sky.window, window, f) for layer in (sky.low, sky.cirrus, sky.shade, sky.mood))
        for f in (1, 2)
    }
    across = {f: take.across(*window.degrees(f, centre=True)) for f in (1, 2)}
    bands: dict[str, np.ndarray] = {}
    for number, band in enumerate(BANDS):
        f = GSD[band] // 10
        out = np.empty((window.rows // f, window.cols // f), np.uint16)
        low, cirrus, shade, _ = layers[f]
        _expose(
            coarsen(moved[number : number + 1], f, halo)[0], low, cirrus, shade, across[f],
            key(take.seed, "shot", *take.words, band), (-window.top // f, window.left // f),
            1.0 + 0.05 * (take.draw("gain") - 0.5) + 0.015 * (take.draw("gain", band) - 0.5),
            HAZE[number] * (take.draw("haze") - 0.6) + 0.003 * (take.draw("haze", band) - 0.5), CLOUD[number],
            CIRRUS[number], take.offset, out,
        )  # fmt: skip
        bands[band] = out
    coarse = coarsen(np.ascontiguousarray(moved[[0, 1, 2, 4, 5]]), 2, halo)
    scl = np.empty((window.rows // 2, window.cols // 2), np.uint8)
    truth = np.empty(scl.shape, np.uint8)
    full = bands["B04"].reshape(scl.shape[0], 2, scl.shape[1], 2).max(axis=(1, 3)) == SATURATED
    low, cirrus, shade, mood = layers[2]
    _classify(coarse, low, cirrus, shade, mood, across[2], full, scl, truth)
    seen = int(np.count_nonzero(scl))
    cloud = 100.0 * int(np.isin(scl, (8, 9, 10)).sum()) / max(seen, 1)
    middle = float(window.knots[1].mean())
    azimuth, elevation = take.sun(middle)
    return Image(bands, scl, truth, (float(azimuth), float(elevation)), round(cloud, 2), seen / scl.size)
