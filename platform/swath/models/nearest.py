"""Distances to the nearest of some points in eight dimensions, at the speed of a map.

All points are looked at. Pixels stand beside each other in memory, so that the compiler makes vector instructions of a
run of them, and the eight differences to a point stay in registers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from swath.cube.compiled import compiled
from swath.models.applicability import DIMENSIONS

RUN = 64  #: pixels that are looked at together
Floats = NDArray[np.float32]


def nearest(pixels: Floats, points: Floats) -> Floats:
    """Distance of each pixel to the nearest point.

    Args:
        pixels: (DIMENSIONS, n) float32; NaN is no pixel.
        points: (m, DIMENSIONS) float32.

    Returns:
        (n,) float32, NaN where there is no pixel.
    """
    assert pixels.shape[0] == points.shape[1] == DIMENSIONS
    out = np.empty(pixels.shape[1], np.float32)
    _nearest(np.ascontiguousarray(pixels), np.ascontiguousarray(points), out)
    return out


@compiled
def _nearest(pixels: Any, points: Any, out: Any) -> None:
    x = np.zeros((DIMENSIONS, RUN), np.float32)
    best = np.empty(RUN, np.float32)
    for first in range(0, out.size, RUN):
        size = min(RUN, out.size - first)
        for d in range(DIMENSIONS):
            x[d, :size] = pixels[d, first : first + size]
        best[:] = np.inf
        for n in range(points.shape[0]):
            p = points[n]
            a, b, c, d, e, f, g, h = p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7]
            for j in range(RUN):
                s = (x[0, j] - a) * (x[0, j] - a) + (x[1, j] - b) * (x[1, j] - b)
                s += (x[2, j] - c) * (x[2, j] - c) + (x[3, j] - d) * (x[3, j] - d)
                s += (x[4, j] - e) * (x[4, j] - e) + (x[5, j] - f) * (x[5, j] - f)
                s += (x[6, j] - g) * (x[6, j] - g) + (x[7, j] - h) * (x[7, j] - h)
                # NaN is never less: such a pixel keeps infinity
                best[j] = s if s < best[j] else best[j]
        for j in range(size):
            out[first + j] = np.sqrt(best[j]) if best[j] < np.inf else np.nan
