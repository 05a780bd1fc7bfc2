"""Compiled reductions over the dates of a stack.

All work on a block of `BLOCK` pixels at a time: the values of a block are laid out as rows, one a date, absent ones as
the largest value of the dtype, and the rows are put in order by Batcher's odd-even merge network. Every comparator is
a minimum and a maximum of two rows, which the compiler turns into vector instructions, so that the cost does not
depend on the values.

Common arguments:
    stack: (S, B, N) numbers, C-contiguous; S slots (a scene each), N pixels of a chunk.
    keep: (S, n) uint8, 1 where the slot counts, for pixels `first` to `first + n` of the chunk. At most one slot of an
        observation counts at a pixel.
    slots: (S,) int64, the observation of each slot; `observations` of them.
    count: (n,) observations that count.
    nodata: (B,) of the stack's dtype.
    out: (B, N), written from `first` to `first + n`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from swath.cube.compiled import compiled, inlined

Array = NDArray[Any]

BLOCK = 512


@lru_cache(maxsize=64)
def network(length: int) -> NDArray[np.int64]:
    """Comparators of Batcher's odd-even merge sort for any length, as (P, 2) row numbers.

    Source: Knuth, The Art of Computer Programming 3, 5.2.2, algorithm M.
    """
    pairs: list[tuple[int, int]] = []
    top = 1
    while top * 2 < length:
        top *= 2
    p = top if length > 1 else 0
    while p > 0:
        q, r, d = top, 0, p
        while True:
            pairs.extend((i, i + d) for i in range(length - d) if i & p == r)
            if q == p:
                break
            d, q, r = q - p, q // 2, p
        p //= 2
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def largest(dtype: np.dtype[Any]) -> Any:
    """The value that stands for an absent one while sorting: the largest of the dtype."""
    return dtype.type(np.inf) if dtype.kind == "f" else dtype.type(np.iinfo(dtype).max)


@inlined
def _gather(
    stack: Array,
    b: int,
    keep: Array,
    slots: Array,
    first: int,
    start: int,
    width: int,
    absent: Any,
    rows: Array,
) -> None:
    """Fill `rows` (T, BLOCK) with the values that count of band `b`, the rest with `absent`."""
    for t in range(rows.shape[0]):
        row = rows[t]
        for k in range(width):
            row[k] = absent
    for s in range(stack.shape[0]):
        row = rows[slots[s]]
        values = stack[s, b, first + start : first + start + width]
        counts = keep[s, start : start + width]
        for k in range(width):
            row[k] = values[k] if counts[k] != 0 else row[k]


@inlined
def _sort(rows: Array, pairs: Array, width: int) -> None:
    """Put the rows in order, pixel by pixel."""
    for p in range(pairs.shape[0]):
        low, high = rows[pairs[p, 0]], rows[pairs[p, 1]]
        for k in range(width):
            a, b = low[k], high[k]
            low[k] = a if a < b else b
            high[k] = b if a < b else a


@compiled
def median_integers(
    stack: Array,
    keep: Array,
    slots: Array,
    observations: int,
    count: Array,
    nodata: Array,
    absent: Any,
    pairs: Array,
    first: int,
    out: Array,
) -> None:
    """Median; an even count takes the mean of the middle two, rounded half to even. No count: nodata."""
    rows = np.empty((observations, BLOCK), stack.dtype)
    n = count.size
    for start in range(0, n, BLOCK):
        width = min(BLOCK, n - start)
        for b in range(stack.shape[1]):
            _gather(stack, b, keep, slots, first, start, width, absent, rows)
            _sort(rows, pairs, width)
            for k in range(width):
                c = np.int64(count[start + k])
                if c == 0:
                    out[b, first + start + k] = nodata[b]
                else:
                    total = np.int64(rows[(c - 1) >> 1, k]) + np.int64(rows[c >> 1, k])
                    half = total >> 1
                    out[b, first + start + k] = half + (half & total & 1)


@compiled
def median_floats(
    stack: Array,
    keep: Array,
    slots: Array,
    observations: int,
    count: Array,
    nodata: Array,
    absent: Any,
    pairs: Array,
    first: int,
    out: Array,
) -> None:
    """Median of floats; an even count takes the mean of the middle two."""
    rows = np.empty((observations, BLOCK), stack.dtype)
    n = count.size
    for start in range(0, n, BLOCK):
        width = min(BLOCK, n - start)
        for b in range(stack.shape[1]):
            _gather(stack, b, keep, slots, first, start, width, absent, rows)
            _sort(rows, pairs, width)
            for k in range(width):
                c = np.int64(count[start + k])
                if c == 0:
                    out[b, first + start + k] = nodata[b]
                else:
                    out[b, first + start + k] = (np.float64(rows[(c - 1) >> 1, k]) + np.float64(rows[c >> 1, k])) * 0.5


@compiled
def percentiles(
    stack: Array,
    keep: Array,
    slots: Array,
    observations: int,
    count: Array,
    nodata: Array,
    absent: Any,
    pairs: Array,
    first: int,
    shares: Array,
    integer: bool,
    out: Array,
) -> None:
    """Percentiles, linear between neighbours as `numpy.percentile`; integers rounded half to even.

    Shares are (Q,) float64, 0 to 1; `integer` says whether to round; `out` is (B * Q, N), the percentiles of a band
    beside each other. The other arguments are those of all reductions here.
    """
    rows = np.empty((observations, BLOCK), stack.dtype)
    n = count.size
    for start in range(0, n, BLOCK):
        width = min(BLOCK, n - start)
        for b in range(stack.shape[1]):
            _gather(stack, b, keep, slots, first, start, width, absent, rows)
            _sort(rows, pairs, width)
            for q in range(shares.size):
                layer = b * shares.size + q
                for k in range(width):
                    c = np.int64(count[start + k])
                    if c == 0:
                        out[layer, first + start + k] = nodata[b]
                        continue
                    place = shares[q] * (c - 1)
                    below = np.int64(np.floor(place))
                    part = place - below
                    low = np.float64(rows[below, k])
                    high = np.float64(rows[min(below + 1, c - 1), k])
                    # numpy's own two-sided interpolation, so that the two agree to the last bit
                    value = low + (high - low) * part
                    if part >= 0.5:
                        value = high - (high - low) * (1.0 - part)
                    out[layer, first + start + k] = np.rint(value) if integer else value


@compiled
def mean_integers(stack: Array, keep: Array, count: Array, nodata: Array, first: int, out: Array) -> None:
    """Mean, exact in integers, rounded half to even."""
    sums = np.empty(BLOCK, np.int64)
    n = count.size
    for start in range(0, n, BLOCK):
        width = min(BLOCK, n - start)
        for b in range(stack.shape[1]):
            sums[:] = 0
            for s in range(stack.shape[0]):
                for k in range(width):
                    if keep[s, start + k] != 0:
                        sums[k] += np.int64(stack[s, b, first + start + k])
            for k in range(width):
                c = np.int64(count[start + k])
                if c == 0:
                    out[b, first + start + k] = nodata[b]
                else:
                    quotient = sums[k] // c
                    twice = (sums[k] - quotient * c) * 2
                    if twice > c or (twice == c and quotient & 1 == 1):
                        quotient += 1
                    out[b, first + start + k] = quotient


@compiled
def mean_floats(stack: Array, keep: Array, count: Array, nodata: Array, first: int, out: Array) -> None:
    """Mean, summed in float64 in the order of the slots."""
    sums = np.empty(BLOCK, np.float64)
    n = count.size
    for start in range(0, n, BLOCK):
        width = min(BLOCK, n - start)
        for b in range(stack.shape[1]):
            sums[:] = 0.0
            for s in range(stack.shape[0]):
                for k in range(width):
                    if keep[s, start + k] != 0:
                        sums[k] += np.float64(stack[s, b, first + start + k])
            for k in range(width):
                c = count[start + k]
                out[b, first + start + k] = nodata[b] if c == 0 else sums[k] / c
