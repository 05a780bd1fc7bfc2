"""From a model's pixels to those of a tile of another resolution."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from swath.cube.compiled import compiled
from swath.cube.lattice import Window
from swath.grid import Tile

Array = NDArray[Any]
#: Rows of the tile that are made at a time.
_ROWS = 256


@dataclass(frozen=True)
class Axis:
    """How the pixels of one axis come from those of another.

    Attributes:
        first: First source pixel of each target pixel, (n,) int64.
        weights: Of the source pixels from there on, (n, m) float32; they sum to one.
        nearest: Source pixel under the centre of each target pixel, (n,) int64.
    """

    first: NDArray[np.int64]
    weights: NDArray[np.float32]
    nearest: NDArray[np.int64]

    @classmethod
    def of(cls, start: float, ratio: float, size: int, source: int) -> Axis:
        """An axis: bilinear where target pixels are finer, area mean where they are coarser.

        Args:
            start: Edge of the first target pixel, in source pixels.
            ratio: Source pixels along a target pixel.
            size: Target pixels.
            source: Source pixels.
        """
        edges = start + np.arange(size + 1) * ratio
        centres = (edges[:-1] + edges[1:]) / 2
        nearest = np.clip(np.floor(centres + 1e-9), 0, source - 1).astype(np.int64)
        if ratio < 1:
            first = np.clip(np.floor(centres - 0.5 + 1e-9), 0, max(0, source - 2)).astype(np.int64)
            share = np.clip(centres - 0.5 - first, 0.0, 1.0)
            weights = np.stack([1 - share, share], axis=1)[:, : min(2, source)]
        else:
            first = np.clip(np.floor(edges[:-1] + 1e-9), 0, source - 1).astype(np.int64)
            reach = int(np.ceil(ratio)) + 1
            below = first[:, None] + np.arange(reach)
            weights = np.minimum(below + 1, edges[1:, None]) - np.maximum(below, edges[:-1, None])
            weights = np.where((weights > 1e-9) & (below < source), weights, 0.0)
        return cls(first, (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32), nearest)


@dataclass(frozen=True)
class Sampling:
    """How a tile's pixels come from the model's."""

    rows: Axis
    cols: Axis

    @classmethod
    def between(cls, tile: Tile, model: Tile, inner: Window) -> Sampling:
        """For a tile, from the part `inner` of a tile at the model's sampling distance, in the same CRS."""
        gsd, ratio = model.resolution, tile.resolution / model.resolution
        top = (model.affine.f - tile.affine.f) / gsd - inner.top
        left = (tile.affine.c - model.affine.c) / gsd - inner.left
        rows, cols = inner.shape
        return cls(Axis.of(top, ratio, tile.shape[0], rows), Axis.of(left, ratio, tile.shape[1], cols))

    def nearest(self, values: Array) -> Array:
        """(H, W) of the tile from (h, w): the pixel under each centre."""
        return np.ascontiguousarray(values[np.ix_(self.rows.nearest, self.cols.nearest)])

    def strips(self, strips: Iterable[tuple[int, NDArray[np.float32]]]) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Strips of the tile, from strips of the model's pixels, top to bottom; an array is used again for the next.

        Args:
            strips: First row, and (K, h, w) float32 with NaN where there is no data.
        """
        total, reach = self.rows.first.size, self.rows.weights.shape[1]
        kept: Array | None = None
        begin = done = 0  # row of the model at which `kept` begins; rows of the tile that are made
        for start, strip in strips:
            if kept is None:
                kept, begin = strip.copy(), start
            else:
                kept = np.concatenate([kept[:, max(0, self.rows.first[min(done, total - 1)] - begin) :], strip], axis=1)
                begin = start + strip.shape[1] - kept.shape[1]
            here = begin + kept.shape[1]
            # weights of 0 reach beyond the last source row
            ready = int(
                np.searchsorted(np.maximum(self.rows.first + _used(self.rows), self.rows.nearest + 1), here + 1)
            )
            while done < ready:
                stop = min(done + _ROWS, ready)
                out = np.empty((kept.shape[0], stop - done, self.cols.first.size), np.float32)
                _resample(
                    kept, self.rows.first[done:stop] - begin, self.rows.weights[done:stop],
                    self.rows.nearest[done:stop] - begin, self.cols.first, self.cols.weights, self.cols.nearest,
                    reach, out,
                )  # fmt: skip
                yield done, out
                done = stop


def _used(axis: Axis) -> NDArray[np.int64]:
    """Source pixels up to the last with weight, by target pixel."""
    count = axis.weights.shape[1]
    return np.asarray(count - np.argmax(axis.weights[:, ::-1] > 0, axis=1), np.int64)


@compiled
def _resample(
    values: Array,
    row_first: Array,
    row_weights: Array,
    row_nearest: Array,
    col_first: Array,
    col_weights: Array,
    col_nearest: Array,
    reach: int,
    out: Array,
) -> None:
    """Weighted means over the pixels that have data, (K, h, w) to (K, H, W)."""
    channels, _, width = values.shape
    sums = np.empty(channels, np.float32)
    for r in range(out.shape[1]):
        for c in range(out.shape[2]):
            if np.isnan(values[0, row_nearest[r], col_nearest[c]]):
                out[:, r, c] = np.float32(np.nan)
                continue
            total = np.float32(0.0)
            sums[:] = np.float32(0.0)
            for i in range(reach):
                row_weight = row_weights[r, i]
                if row_weight == 0:
                    continue
                for j in range(col_weights.shape[1]):
                    weight = row_weight * col_weights[c, j]
                    col = col_first[c] + j
                    if weight == 0 or col >= width or np.isnan(values[0, row_first[r] + i, col]):
                        continue
                    total += weight
                    for k in range(channels):
                        sums[k] += weight * values[k, row_first[r] + i, col]
            for k in range(channels):
                out[k, r, c] = sums[k] / total
