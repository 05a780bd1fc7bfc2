"""Clouds and their shadows: opaque, thin and cirrus, as optical depths of one pass on nodes of 40 m."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from swath.synthetic._jit import kernel
from swath.synthetic.noise import key, noise, octaves
from swath.synthetic.orbits import Datatake
from swath.synthetic.window import Window, sphere

MESH = 4  #: pixels of 10 m between nodes


class Sky(IntEnum):
    """Codes of the truth mask."""

    CLEAR = 0
    SHADOW = 1
    THIN = 2
    OPAQUE = 3
    CIRRUS = 4
    NODATA = 255


@kernel
def _depth(seed, x, y, z, sky):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Optical depth of the low clouds at a point; `sky` is how clear the pass is."""
    weather = noise(seed, x, y, z, 90_000.0)
    clump = octaves(seed + np.uint64(1), x, y, z, 6_500.0, 6, 0.62)
    over = clump + 0.55 * weather - sky
    return min(2.6 * over * over + 0.9 * over, 20.0) if over > 0.0 else 0.0


@kernel
def _clouds(seed, xyz, lon, lat, reach, azimuth, sky, veil, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Fill (4, rows, cols): depth of low cloud, of cirrus, of what shades the point, and the provider's mood."""
    s = np.uint64(seed)
    turn = math.sin(float(s % np.uint64(1000)))
    for i in range(lon.shape[0]):
        for j in range(lon.shape[1]):
            x, y, z = xyz[i, j, 0], xyz[i, j, 1], xyz[i, j, 2]
            a, b = math.radians(lon[i, j]), math.radians(lat[i, j])
            east = reach[i, j] * math.sin(azimuth[i, j])
            north = reach[i, j] * math.cos(azimuth[i, j])
            sx = x - math.sin(a) * east - math.sin(b) * math.cos(a) * north
            sy = y + math.cos(a) * east - math.sin(b) * math.sin(a) * north
            sz = z + math.cos(b) * north
            out[0, i, j] = _depth(s, x, y, z, sky)
            out[2, i, j] = _depth(s, sx, sy, sz, sky)
            # streaks: one axis of the noise drawn out ninefold
            along = (x * turn + y * (1.0 - abs(turn)) + 0.5 * z) * 0.62
            thin = octaves(
                s + np.uint64(3), x - along * turn, y - along * (1.0 - abs(turn)), z - 0.5 * along, 9_000.0, 5, 0.55
            )
            out[1, i, j] = 0.22 * max(thin - veil, 0.0)
            out[3, i, j] = octaves(s + np.uint64(7), x, y, z, 700.0, 3, 0.6)


@dataclass(frozen=True)
class Weather:
    """The sky of one pass over a window, float32 at nodes of 40 m, both edges of the aligned window included.

    Attributes:
        window: The aligned window.
        low: Optical depth of low clouds.
        cirrus: Optical depth of cirrus.
        shade: Optical depth of the low cloud between a point and the sun.
        mood: Where a provider's mask errs: unit variance over patches of 100 to 700 m.
        height: Of the low clouds, metres.
    """

    window: Window
    low: np.ndarray
    cirrus: np.ndarray
    shade: np.ndarray
    mood: np.ndarray
    height: float


def weather(take: Datatake, window: Window, *, overcast: bool = False) -> Weather:
    """The sky of a pass; the same for every window, so that clouds run on from granule to granule."""
    wide = window.aligned(MESH)
    lon, lat = wide.degrees(MESH)
    out = np.empty((4, *lon.shape))
    height = 700.0 + 1900.0 * take.draw("height")
    azimuth, elevation = take.sun(lat)
    reach = height / np.tan(np.radians(np.maximum(elevation, 5.0)))
    draw = take.draw("sky")
    clear = -3.5 if overcast or draw > 0.93 else 2.3 - 2.4 * draw * draw
    veil = 0.6 + 1.2 * take.draw("veil") if take.draw("cirrus") < 0.4 else 9.0
    name = key(take.seed, "sky", *take.words)
    _clouds(name, sphere(lon, lat), lon, lat, reach, np.radians(azimuth), clear, veil, out)
    low, cirrus, shade, mood = out.astype(np.float32)
    if overcast:
        low = np.minimum(low, np.float32(6.0))  # grey, not so bright that it saturates: that would be no cloud to SCL
    return Weather(wide, low, cirrus, shade, mood, height)


@kernel
def upsample(nodes, first, step, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Node values at the centres of pixels, between nodes bilinear.

    Args:
        nodes: Float32 (n, m), every 4 pixels of 10 m.
        first: (row, column) of the window's corner behind the nodes' corner, in pixels of 10 m.
        step: Edge of a pixel in pixels of 10 m.
        out: Float32 (rows, cols).
    """
    for i in range(out.shape[0]):
        y = (first[0] + (i + 0.5) * step) / 4.0
        a = int(y)
        v = np.float32(y - a)
        for j in range(out.shape[1]):
            x = (first[1] + (j + 0.5) * step) / 4.0
            b = int(x)
            u = np.float32(x - b)
            top = nodes[a, b] + (nodes[a, b + 1] - nodes[a, b]) * u
            low = nodes[a + 1, b] + (nodes[a + 1, b + 1] - nodes[a + 1, b]) * u
            out[i, j] = top + (low - top) * v


def at(nodes: np.ndarray, where: Window, window: Window, factor: int) -> np.ndarray:
    """A layer of a `Weather` (on `where`) at a window's pixels of `factor` x 10 m, float32."""
    out = np.empty((window.rows // factor, window.cols // factor), np.float32)
    upsample(nodes, (where.top - window.top, window.left - where.left), factor, out)
    return out
