"""Compiled choices: which slots count at a pixel, and which one is taken whole.

Arguments are those of `kernels`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from swath.cube.compiled import compiled

Array = NDArray[Any]


@compiled
def pick(stack: Array, chosen: Array, nodata: Array, first: int, out: Array) -> None:
    """Take all bands of one slot.

    Args:
        stack: (S, B, N).
        chosen: (n,) int32, the slot, negative where there is none.
        nodata: (B,).
        first: First pixel of the chunk that is written.
        out: (B, N).
    """
    for b in range(stack.shape[1]):
        for k in range(chosen.size):
            s = chosen[k]
            out[b, first + k] = nodata[b] if s < 0 else stack[max(s, 0), b, first + k]


@compiled
def first_kept(keep: Array, slots: Array) -> Array:
    """(n,) int32: the slot of the earliest observation that counts, -1 where none does."""
    chosen = np.full(keep.shape[1], -1, np.int32)
    for s in range(keep.shape[0]):
        for k in range(keep.shape[1]):
            if keep[s, k] != 0 and (chosen[k] < 0 or slots[s] < slots[chosen[k]]):
                chosen[k] = s
    return chosen


@compiled
def best_kept(keep: Array, slots: Array, score: Array) -> Array:
    """(n,) int32: the slot of the highest score that counts, the earliest of equals.

    No number (NaN) is the lowest score: where no date has another, the pixel still has a clear observation.

    Args:
        keep: (S, n) uint8.
        slots: (S,) observation of each slot.
        score: (S, n) float32.
    """
    chosen = np.full(keep.shape[1], -1, np.int32)
    for s in range(keep.shape[0]):
        for k in range(keep.shape[1]):
            if keep[s, k] == 0:
                continue
            c = chosen[k]
            mine = score[s, k] if score[s, k] == score[s, k] else -np.inf
            best = score[c, k] if c >= 0 and score[c, k] == score[c, k] else -np.inf
            if c < 0 or mine > best or (mine == best and slots[s] < slots[c]):
                chosen[k] = s
    return chosen


@compiled
def present(stack: Array, nodata: Array, first: int, keep: Array) -> None:
    """Clear `keep` (S, n) where any band of a slot has no data (its number, or NaN)."""
    for s in range(stack.shape[0]):
        row = keep[s]
        for b in range(stack.shape[1]):
            absent = nodata[b]
            values = stack[s, b, first : first + row.size]
            for k in range(row.size):
                value = values[k]
                row[k] &= np.uint8((value != absent) & (value == value))


@compiled
def settle(keep: Array, dropped: Array, slots: Array, first: int, taken: Array, count: Array, seen: Array) -> None:
    """Let one slot of an observation count at a pixel, unless its mask drops it; count the observations.

    The first slot (in the order given) that has data is the observation at that pixel, and its mask decides: a second
    granule of the same pass never fills what the first one calls cloud.

    Args:
        keep: (S, n) uint8, where a slot has data; afterwards where it counts.
        dropped: (S, N) uint8, 1 where the slot's mask drops the pixel.
        slots: (S,) observation of each slot.
        first: First pixel of the chunk.
        taken: (T, n) uint8 scratch.
        count: (n,), written.
        seen: (n,), written: observations with data, masked or not.
    """
    n = keep.shape[1]
    taken[:] = 0
    count[:] = 0
    seen[:] = 0
    for s in range(keep.shape[0]):
        row, mine = keep[s], taken[slots[s]]
        drops = dropped[s, first : first + n]
        for k in range(n):
            here = row[k] & (np.uint8(1) ^ mine[k])
            mine[k] |= row[k]
            seen[k] += here
            here &= np.uint8(1) ^ drops[k]
            row[k] = here
            count[k] += here
