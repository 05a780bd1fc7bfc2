"""Compiled moves of pixels from a file's window to a tile's window."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from swath.cube.compiled import compiled

Array = NDArray[Any]


@compiled
def take(source: Array, rows: Array, cols: Array, out: Array) -> None:
    """Nearest on lattices in one CRS: `out[i, j] = source[rows[i], cols[j]]`.

    Args:
        source: (h, w).
        rows: (H,) int64, into the source.
        cols: (W,) int64.
        out: (H, W), any strides.
    """
    for i in range(rows.size):
        line = source[rows[i]]
        for j in range(cols.size):
            out[i, j] = line[cols[j]]


@compiled
def take_map(source: Array, rows: Array, cols: Array, top: int, left: int, out: Array) -> None:
    """Nearest by a map of indices; pixels with a negative index stay as they are.

    Args:
        source: (h, w), whose corner is (top, left) of the file.
        rows: (H, W) int32, of the file.
        cols: (H, W) int32.
        top: Row of the file at the source's first row.
        left: Column of the file at its first column.
        out: (H, W).
    """
    for i in range(rows.shape[0]):
        for j in range(rows.shape[1]):
            r, c = rows[i, j], cols[i, j]
            if r >= 0:
                out[i, j] = source[r - top, c - left]


@compiled
def coarsen_integers(source: Array, k: int, nodata: Any, out: Array) -> None:
    """Area mean of k x k valid pixels, rounded half to even; none valid: nodata.

    Args:
        source: (H * k, W * k).
        k: Pixels of the source along the edge of one pixel of `out`.
        nodata: Of the source's dtype.
        out: (H, W).
    """
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            total, n = np.int64(0), np.int64(0)
            for a in range(k):
                for b in range(k):
                    value = source[i * k + a, j * k + b]
                    if value != nodata:
                        total += np.int64(value)
                        n += 1
            if n == 0:
                out[i, j] = nodata
            else:
                quotient = total // n
                twice = (total - quotient * n) * 2
                if twice > n or (twice == n and quotient & 1 == 1):
                    quotient += 1
                out[i, j] = quotient


@compiled
def coarsen_floats(source: Array, k: int, nodata: Any, out: Array) -> None:
    """Area mean of k x k pixels that are numbers and not nodata, in float64."""
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            total, n = 0.0, 0
            for a in range(k):
                for b in range(k):
                    value = source[i * k + a, j * k + b]
                    if value != nodata and value == value:
                        total += np.float64(value)
                        n += 1
            out[i, j] = total / n if n else nodata


def coarsen(source: Array, k: int, nodata: Any, out: Array) -> None:
    """Area mean of k x k valid pixels: `coarsen_integers` or `coarsen_floats`, by dtype."""
    loop = coarsen_floats if source.dtype.kind == "f" else coarsen_integers
    loop(source, k, source.dtype.type(nodata), out)
