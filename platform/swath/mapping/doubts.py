"""How sure the classes of a map are: entropy, margin and sets, compiled."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from swath.cube.compiled import compiled
from swath.products.model import NO_SHARE
from swath.products.uncertainty import NO_SET

Array = NDArray[Any]


@compiled
def share_doubts(
    strip: Array, rows: Array, known: Array, threshold: Any, steps: Any, entropy: Array, margin: Array, sets: Array
) -> None:
    """Write entropy, margin and sets of a strip of probabilities; empty arrays are not written.

    Entropy is that of Shannon 1948 over the logarithm of the number of classes, 0 to 1. A set holds the likeliest class
    and those of at least the threshold, class i of the legend as bit i.

    Args:
        strip: (K, rows, columns) float32, NaN where there is no data.
        rows: (K,) int64, row of the legend for each class of the model, -1 where it is left out.
        known: (L,) bool, whether any class of the model becomes this one.
        threshold: Of a set, float32.
        steps: Numbers of the file from 0 to 1.
        entropy: (rows, columns) uint8, or (0, 0).
        margin: As entropy.
        sets: (rows, columns) uint16, or (0, 0).
    """
    sums = np.empty(known.size, np.float32)
    number = 0
    for c in range(known.size):
        number += int(known[c])
    whole = np.float32(np.log(max(number, 2)))
    low, high = np.float32(0.0), np.float32(1.0)
    for y in range(strip.shape[1]):
        for x in range(strip.shape[2]):
            there = strip[0, y, x] == strip[0, y, x]
            sums[:] = low
            total = low
            for k in range(rows.size):
                if rows[k] >= 0 and there:
                    sums[rows[k]] += strip[k, y, x]
                    total += strip[k, y, x]
            first, second, best, spread, bits = np.float32(-1.0), low, 0, low, 0
            for c in range(known.size):
                if known[c]:
                    share = sums[c]
                    if share > first:
                        second = max(first, low)
                        first, best = share, c
                    elif share > second:
                        second = share
                    if share >= threshold:
                        bits |= 1 << c
                    part = share / total if total > low else low
                    if part > low:
                        spread -= part * np.log(part)
            if entropy.size:
                value = np.rint(min(max(spread / whole, low), high) * steps)
                entropy[y, x] = np.uint8(value if there else NO_SHARE)
            if margin.size:
                value = np.rint(min(max(first - second, low), high) * steps)
                margin[y, x] = np.uint8(value if there else NO_SHARE)
            if sets.size:
                sets[y, x] = np.uint16((bits | (1 << best)) if there else NO_SET)
