"""Layers that are known on nodes of an absolute lattice, brought to the centres of pixels."""

from __future__ import annotations

import numpy as np

from swath.synthetic._jit import kernel
from swath.synthetic.window import Window

COARSE = 32  #: pixels of 10 m between nodes of what varies slowly: climate, season, drift


@kernel
def _between(nodes, start, step, mesh, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Bilinear; weights come from whole and half numbers over a power of two, so that every window gets the same."""
    for i in range(out.shape[0]):
        y = (start[0] + i * step) / mesh
        a = min(int(y), nodes.shape[0] - 2)
        v = np.float32(y - a)
        for j in range(out.shape[1]):
            x = (start[1] + j * step) / mesh
            b = min(int(x), nodes.shape[1] - 2)
            u = np.float32(x - b)
            top = nodes[a, b] + (nodes[a, b + 1] - nodes[a, b]) * u
            low = nodes[a + 1, b] + (nodes[a + 1, b + 1] - nodes[a + 1, b]) * u
            out[i, j] = top + (low - top) * v


def spread(nodes: np.ndarray, where: Window, mesh: int, window: Window, step: int = 1) -> np.ndarray:
    """A layer at the centres of a window's pixels, between its nodes bilinear.

    Args:
        nodes: (n, m), every `mesh` pixels of 10 m from the corner of `where` on.
        where: The aligned window of the nodes, around `window`.
        mesh: A power of two.
        window: Wanted.
        step: Edge of a pixel in pixels of 10 m.

    Returns:
        Float32 (rows / step, cols / step).
    """
    out = np.empty((window.rows // step, window.cols // step), np.float32)
    start = (where.top - window.top + 0.5 * step, window.left - where.left + 0.5 * step)
    _between(np.ascontiguousarray(nodes, np.float32), start, float(step), float(mesh), out)
    return out


def spread_at(
    nodes: np.ndarray, where: Window, mesh: int, first: tuple[int, int], shape: tuple[int, int], step: int
) -> np.ndarray:
    """The same at corners of pixels of 10 m: centres of Landsat's pixels.

    Args:
        nodes: As of `spread`.
        where: As of `spread`.
        mesh: As of `spread`.
        first: (top, left) of the first corner on the zone's lattice, pixels of 10 m.
        shape: Wanted (rows, cols).
        step: Between corners, pixels of 10 m.
    """
    out = np.empty(shape, np.float32)
    start = (float(where.top - first[0]), float(first[1] - where.left))
    _between(np.ascontiguousarray(nodes, np.float32), start, float(step), float(mesh), out)
    return out
