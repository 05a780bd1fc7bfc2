"""Scores of windows to one map: activation, weights and sums in one pass, compiled."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from swath.cube.compiled import compiled, inlined

Array = NDArray[Any]

NONE, SOFTMAX, SIGMOID = 0, 1, 2
ACTIVATIONS = {"none": NONE, "softmax": SOFTMAX, "sigmoid": SIGMOID}

#: Pixels worked on at a time: their scores of a dozen classes stay in a core's nearest cache.
BLOCK = 256

# exp on float32, so that the compiler can turn it into vector instructions: 2**n times a polynomial on +-ln(2)/2
# (S. L. Moshier, Cephes 2.2, expf.c), exact to 2 units in the last place
_LOWEST = np.float32(-87.0)
_LOG2E = np.float32(1.44269504088896341)
_LN2_HIGH, _LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)
_P0, _P1, _P2 = np.float32(1.9875691500e-4), np.float32(1.3981999507e-3), np.float32(8.3334519073e-3)
_P3, _P4, _P5 = np.float32(4.1665795894e-2), np.float32(1.6666665459e-1), np.float32(5.0000001201e-1)
_HALF, _ONE, _ZERO = np.float32(0.5), np.float32(1.0), np.float32(0.0)
_BIAS, _EXPONENT = np.float32(127.0), np.float32(8388608.0)


@inlined
def _exp(values: Array, size: int, bits: Array, powers: Array) -> None:
    """Exponentials of values that are not above 0, in place; `powers` is the float32 view of `bits` (int32)."""
    for j in range(size):
        x = max(values[j], _LOWEST)
        n = np.floor(x * _LOG2E + _HALF)
        x = x - n * _LN2_HIGH
        x = x - n * _LN2_LOW
        p = _P0 * x + _P1
        p = p * x + _P2
        p = p * x + _P3
        p = p * x + _P4
        p = p * x + _P5
        values[j] = p * x * x + x + _ONE
        bits[j] = np.int32((n + _BIAS) * _EXPONENT)
    for j in range(size):
        values[j] *= powers[j]


@compiled
def blend(
    scores: Array,
    row: int,
    col: int,
    row_weights: Array,
    col_weights: Array,
    activation: int,
    data: Array,
    out: Array,
    top: int,
    left: int,
    first: int,
    last: int,
) -> int:
    """Add a window's activated scores, weighted, to sums.

    Args:
        scores: (K, S, S) float32, as the network gives them.
        row: Row of `scores` whose place is the first row of the rectangle.
        col: As row, of the columns.
        row_weights: (R,) float32 of the rectangle's rows.
        col_weights: (C,) float32 of its columns.
        activation: `NONE`, `SOFTMAX` over K, or `SIGMOID`.
        data: (R, .) uint8 of the columns of `out`, 1 where there is data: elsewhere nothing is added.
        out: (K, ., .) float32 sums; the rectangle is added at `top`, `left`.
        top: Row of `out`.
        left: Column of `out`.
        first: First row of the rectangle that this call works on.
        last: One beyond the last.

    Returns:
        How many pixels with data have a score that is not finite; those are not added.
    """
    channels, cols = scores.shape[0], col_weights.size
    block = np.empty((channels, BLOCK), np.float32)
    most = np.empty(BLOCK, np.float32)
    sums = np.empty(BLOCK, np.float32)
    odd = np.empty(BLOCK, np.float32)
    bits = np.empty(BLOCK, np.int32)
    powers = bits.view(np.float32)
    wrong = 0
    for r in range(first, last):
        for start in range(0, cols, BLOCK):
            size = min(BLOCK, cols - start)
            odd[:] = _ZERO
            for k in range(channels):
                # cut to the block first: an index that may be negative keeps the compiler from vector instructions
                line, given = block[k], scores[k, row + r, col + start : col + start + size]
                for j in range(size):
                    value = given[j]
                    line[j] = value
                    odd[j] += value - value  # NaN, once a score is NaN or infinite
            if activation == SOFTMAX:
                most[:size] = block[0, :size]
                for k in range(1, channels):
                    line = block[k]
                    for j in range(size):
                        most[j] = max(most[j], line[j])
                sums[:] = _ZERO
                for k in range(channels):
                    line = block[k]
                    for j in range(size):
                        line[j] -= most[j]
                    _exp(line, size, bits, powers)
                    for j in range(size):
                        sums[j] += line[j]
            elif activation == SIGMOID:
                sums[:] = _ONE
                for k in range(channels):
                    line = block[k]
                    most[:size] = line[:size]
                    for j in range(size):
                        line[j] = -abs(line[j])
                    _exp(line, size, bits, powers)
                    for j in range(size):
                        line[j] = (_ONE if most[j] >= _ZERO else line[j]) / (_ONE + line[j])
            else:
                sums[:] = _ONE
            there = data[r, left + start : left + start + size]
            weights = col_weights[start : start + size]
            for j in range(size):
                counts, finite = there[j] != 0, odd[j] == _ZERO
                wrong += int(counts & ~finite)
                most[j] = row_weights[r] * weights[j] / sums[j] if counts & finite else _ZERO
            for k in range(channels):
                line, sum_line = block[k], out[k, top + r, left + start : left + start + size]
                for j in range(size):
                    # a score of a place without data may be NaN: 0 times it would be NaN too
                    sum_line[j] += most[j] * line[j] if most[j] != _ZERO else _ZERO
    return wrong


@compiled
def finish(
    out: Array, data: Array, scale: Array, offset: Array, low: Array, high: Array, plain: bool, first: int, last: int
) -> None:
    """Turn sums into values, in place: `clip(sum * scale + offset)`, NaN where there is no data.

    Args:
        out: (K, ., C) float32; rows `first` to `last` are worked on.
        data: (rows, C) uint8 of the same rows.
        scale: (K,) float32, as offset, low and high.
        offset: See scale.
        low: Values below are set to it.
        high: Values above are set to it.
        plain: Sums are values already: only NaN is set.
        first: First row.
        last: One beyond the last.
    """
    nothing = np.float32(np.nan)
    for k in range(out.shape[0]):
        for r in range(first, last):
            line, there = out[k, r], data[r]
            if plain:
                for c in range(line.size):
                    line[c] = line[c] if there[c] else nothing
            else:
                for c in range(line.size):
                    value = min(max(line[c] * scale[k] + offset[k], low[k]), high[k])
                    line[c] = value if there[c] else nothing
