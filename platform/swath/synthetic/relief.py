"""Height and slope of the ground, and what a side-looking radar cannot see of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from swath.synthetic._jit import kernel
from swath.synthetic.nodes import spread
from swath.synthetic.noise import key
from swath.synthetic.terrain import elevation
from swath.synthetic.window import STEP, Window, sphere

MESH = 4  #: pixels of 10 m between nodes; the shortest wave of the terrain is 375 m
REACH = 30  #: nodes over which a slope can hide another


@kernel
def _heights(seed, xyz, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    for n in range(out.shape[0]):
        out[n] = elevation(seed, xyz[n, 0], xyz[n, 1], xyz[n, 2])


@dataclass(frozen=True)
class Relief:
    """The ground's shape on nodes of 40 m, both edges of the aligned window included.

    Attributes:
        window: The aligned window.
        height: Metres, float32.
        east: Rise towards the east, metres a metre, float32.
        north: Rise towards the north, metres a metre, float32.
    """

    window: Window
    height: np.ndarray
    east: np.ndarray
    north: np.ndarray

    def at(self, layer: np.ndarray, window: Window, step: int = 1) -> np.ndarray:
        """One of its layers at pixels of `step` x 10 m of a window inside, float32."""
        return spread(layer, self.window, MESH, window, step)


def heights(seed: int, window: Window) -> np.ndarray:
    """Metres at the nodes of an aligned window, both edges included, float32."""
    lon, lat = window.degrees(MESH)
    out = np.empty(lon.shape)
    _heights(key(seed, "terrain"), sphere(lon, lat).reshape(-1, 3), out.reshape(-1))
    return out.astype(np.float32)


def relief(seed: int, window: Window) -> Relief:
    """The shape of the ground of the smallest aligned window around one."""
    wide = window.aligned(MESH)
    around = heights(seed, wide.grown(MESH))
    metres = np.float32(2 * MESH * STEP)
    east = (around[1:-1, 2:] - around[1:-1, :-2]) / metres
    north = (around[:-2, 1:-1] - around[2:, 1:-1]) / metres
    return Relief(wide, np.ascontiguousarray(around[1:-1, 1:-1]), east, north)


@kernel
def _hide(height, down, right, sine, cosine, spacing, reach, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Fill (2, rows, cols), 1 where hidden: shadow and layover; see `hidden`."""
    for i in range(out.shape[1]):
        for j in range(out.shape[2]):
            s, c = sine[i, j], cosine[i, j]
            here = height[i + reach, j + reach]
            for n in range(1, reach + 1):
                metres = spacing * n
                for way in (-1, 1):
                    # towards the sensor is backwards along the look
                    y, x = way * n * down, way * n * right
                    fy, fx = math.floor(y), math.floor(x)
                    v, u = y - fy, x - fx
                    a, b = i + reach + int(fy), j + reach + int(fx)
                    a2, b2 = min(a + 1, height.shape[0] - 1), min(b + 1, height.shape[1] - 1)
                    top = height[a, b] * (1.0 - u) + height[a, b2] * u
                    low = height[a2, b] * (1.0 - u) + height[a2, b2] * u
                    rise = top * (1.0 - v) + low * v - here
                    # the ray to the sensor rises by cot(incidence) a metre
                    if way < 0 and rise * s > metres * c:
                        out[0, i, j] = 1.0
                    # slant range grows by sin(incidence) a metre of ground and falls by cos(incidence) a metre of rise
                    if way * (way * metres * s - rise * c) < 0.0:
                        out[1, i, j] = 1.0


def hidden(seed: int, window: Window, azimuth: float, incidence: np.ndarray) -> tuple[Relief, np.ndarray]:
    """The relief of a window, and where a radar sees nothing of it.

    A point lies in shadow where a nearer one stands above its ray, and in layover where another point along the look
    has its slant range or one on the wrong side of it (Small 2011, doi:10.1109/TGRS.2011.2120616, active and passive).

    Args:
        seed: Of the world.
        window: Wanted.
        azimuth: Where the radar looks, degrees clockwise from north.
        incidence: Angle of the ray from the vertical at the nodes of the aligned window, degrees.

    Returns:
        The relief, and float32 (2, n, m) at its nodes: 1 in shadow, 1 in layover.
    """
    ground = relief(seed, window)
    around = heights(seed, ground.window.grown(REACH * MESH))
    out = np.zeros((2, *ground.height.shape), np.float32)
    look, angle = math.radians(azimuth), np.radians(incidence)
    spacing = float(MESH * STEP)
    _hide(around, -math.cos(look), math.sin(look), np.sin(angle), np.cos(angle), spacing, REACH, out)
    return ground, out
