"""Smooth fields of the land on nodes of 20 m: relief, rivers, lakes, soil, and the climate by latitude."""

from __future__ import annotations

import math
from enum import IntEnum

import numpy as np

from swath.synthetic._jit import kernel
from swath.synthetic.noise import key, noise, octaves
from swath.synthetic.window import RADIUS, Window, sphere

NODE = 2  #: pixels of 10 m between nodes


class Field(IntEnum):
    """Which layer of the node fields holds what."""

    ELEVATION = 0  #: metres
    RIVER = 1  #: signed distance to the middle of the nearest river, metres
    STREAM = 2  #: the same for streams
    LAKE = 3  #: high inside lakes, unit variance
    FOREST = 4  #: unit variance
    POOR = 5  #: poor soil, unit variance
    BOG = 6  #: unit variance
    EAST = 7  #: how far borders wander, metres
    NORTH = 8
    DRY = 9  #: 0 humid to 1 desert
    WARM = 10  #: yearly mean temperature, degrees Celsius


@kernel
def _range(seed, x, y, z):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """How much of a mountain range stands at a place, 0 to 1."""
    return 1.0 / (1.0 + math.exp(-2.5 * (noise(seed + np.uint64(11), x, y, z, 260_000.0) - 1.1)))


@kernel
def lie(seed, x, y, z):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Metres above the sea without crags: gentle land with mountain ranges here and there. The climate goes by it."""
    height = _range(seed, x, y, z)
    rough = octaves(seed, x, y, z, 24_000.0, 7, 0.5)
    return max(
        2.0,
        150.0
        + 40.0 * noise(seed + np.uint64(12), x, y, z, 70_000.0)
        + (38.0 + 600.0 * height) * rough
        + 1500.0 * height,
    )


@kernel
def crags(seed, x, y, z):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Metres by which faces stand out of the middle of the ranges, steep enough to hide each other from a radar."""
    height = _range(seed, x, y, z)
    if height <= 0.62:
        return 0.0
    return 420.0 * (height - 0.62) * octaves(seed + np.uint64(13), x, y, z, 1_600.0, 3, 0.5)


@kernel
def elevation(seed, x, y, z):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Metres above the sea: the lie of the land with its crags."""
    return max(2.0, lie(seed, x, y, z) + crags(seed, x, y, z))


@kernel
def dryness(seed, x, y, z):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """0 humid to 1 desert: the belts of the trade winds, wandering."""
    lat = abs(math.degrees(math.asin(z / RADIUS)))
    belt = math.exp(-(((lat - 24.0) / 9.0) ** 2))
    return min(1.0, max(0.0, 0.12 + 0.85 * belt + 0.13 * noise(seed, x, y, z, 600_000.0)))


@kernel
def warmth(lat, height):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Yearly mean temperature, degrees Celsius, with a lapse rate of 6.5 K/km."""
    return 27.0 - 0.48 * max(abs(lat) - 12.0, 0.0) - 0.0065 * height


# wavelength in metres, octaves, gain and height of the plain layers from LAKE to NORTH; in one table, so that
# one loop with one call is compiled
_PLAIN = np.array([
    [5_500.0, 5, 0.45, 1.0], [5_000.0, 6, 0.62, 1.0], [3_000.0, 5, 0.6, 1.0], [1_500.0, 4, 0.5, 1.0],
    [1_300.0, 2, 0.3, 130.0], [1_300.0, 2, 0.3, 130.0],
])  # fmt: skip
_WATER = np.array([[17_000.0, 3, 0.35, 1.0], [5_200.0, 3, 0.35, 0.5]])  # the last: how far their beds wander


@kernel
def _fill(seed, xyz, lat, plain, water, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    s = np.uint64(seed)
    wander = np.empty(3)
    for i in range(xyz.shape[0]):
        for j in range(xyz.shape[1]):
            x, y, z = xyz[i, j, 0], xyz[i, j, 1], xyz[i, j, 2]
            for n in range(3):
                wander[n] = 420.0 * noise(s + np.uint64(101 + n), x, y, z, 2_600.0)
            low = lie(s, x, y, z)
            out[0, i, j] = max(2.0, low + crags(s, x, y, z))
            for n in range(2):
                f = water[n, 3]
                out[1 + n, i, j] = octaves(
                    s + np.uint64(104 + n), x + f * wander[0], y + f * wander[1], z + f * wander[2],
                    water[n, 0], int(water[n, 1]), water[n, 2],
                )  # fmt: skip
            for n in range(6):
                out[3 + n, i, j] = plain[n, 3] * octaves(
                    s + np.uint64(106 + n), x, y, z, plain[n, 0], int(plain[n, 1]), plain[n, 2]
                )
            out[9, i, j] = dryness(s + np.uint64(112), x, y, z)
            out[10, i, j] = warmth(lat[i, j], low)


def fields(seed: int, window: Window) -> np.ndarray:
    """Field values at the nodes of an aligned window, both edges included: float32 (11, rows/2+1, cols/2+1).

    Distances to rivers are the noise over its gradient (first order), so that rivers keep their width.
    """
    around = window.grown(NODE)
    lon, lat = around.degrees(NODE)
    out = np.empty((len(Field), *lon.shape))
    _fill(key(seed, "terrain"), sphere(lon, lat), lat, _PLAIN, _WATER, out)
    metres = 10.0 * NODE
    for layer in (Field.RIVER, Field.STREAM):
        value = out[layer]
        down = (value[2:, 1:-1] - value[:-2, 1:-1]) / (2 * metres)
        right = (value[1:-1, 2:] - value[1:-1, :-2]) / (2 * metres)
        # where the noise is flat the ratio means nothing; 0.05 / km keeps ponds from opening there
        out[layer, 1:-1, 1:-1] = value[1:-1, 1:-1] / np.maximum(np.hypot(down, right), 5e-5)
    return np.ascontiguousarray(out[:, 1:-1, 1:-1], dtype=np.float32)
