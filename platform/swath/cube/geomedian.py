"""The geometric median of a pixel's dates: one spectrum, all bands together."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from swath.cube.compiled import compiled

Array = NDArray[Any]

#: Stop when a step moves less than this, in reflectance: a tenth of the published step of 1e-4.
TOLERANCE = 1e-5
ITERATIONS = 100


@compiled
def geomedian(values: Array, keep: Array, tolerance: float, iterations: int, out: Array) -> None:
    """Weiszfeld's iteration, with the rule of Vardi and Zhang (2000) where the estimate meets a date.

    Source: Roberts, Mueller, McIntyre 2017, doi:10.1109/TGRS.2017.2723896 (the composite); Vardi, Zhang 2000,
    doi:10.1073/pnas.97.4.1423 (equations 2.6 to 2.9).

    Args:
        values: (S, B, n) float32, physical values.
        keep: (S, n) uint8, 1 where a slot counts.
        tolerance: Length of the last step, in the unit of the values.
        iterations: At most so many.
        out: (B, n) float32; NaN where nothing counts.
    """
    slots, bands, n = values.shape
    guess = np.empty(bands, np.float64)
    pull = np.empty(bands, np.float64)
    for k in range(n):
        count = 0
        guess[:] = 0.0
        for s in range(slots):
            if keep[s, k] != 0:
                count += 1
                for b in range(bands):
                    guess[b] += values[s, b, k]
        if count == 0:
            for b in range(bands):
                out[b, k] = np.nan
            continue
        for b in range(bands):
            guess[b] /= count
        if count > 2:
            for _ in range(iterations):
                weights, met = 0.0, 0
                pull[:] = 0.0
                for s in range(slots):
                    if keep[s, k] == 0:
                        continue
                    square = 0.0
                    for b in range(bands):
                        square += (values[s, b, k] - guess[b]) ** 2
                    distance = np.sqrt(square)
                    if distance < 1e-9:
                        met += 1
                        continue
                    weights += 1.0 / distance
                    for b in range(bands):
                        pull[b] += values[s, b, k] / distance
                if weights == 0.0:
                    break
                # length of the resultant of unit vectors from the estimate to the other dates
                resultant = 0.0
                for b in range(bands):
                    resultant += (pull[b] - weights * guess[b]) ** 2
                resultant = np.sqrt(resultant)
                share = 0.0
                if met > 0:
                    share = 1.0 if resultant <= met else met / resultant
                step = 0.0
                for b in range(bands):
                    moved = (1.0 - share) * pull[b] / weights + share * guess[b]
                    step += (moved - guess[b]) ** 2
                    guess[b] = moved
                if np.sqrt(step) < tolerance:
                    break
        for b in range(bands):
            out[b, k] = guess[b]
