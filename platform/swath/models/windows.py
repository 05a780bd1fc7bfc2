"""Windows that a network sees: laid on a lattice fixed in the grid, with the weights that blend them.

All tiles of a grid share the windows, so that a pixel's result does not depend on which tile asked for it. A window has
a margin, whose result is left aside, and a core. Cores that only touch (no overlap left) tile the plane from the grid's
anchor, so that a tile whose edge is a multiple of the stride needs no window beyond it. Cores that overlap are shifted
by half a stride: the edge of such a tile then lies in the middle of a core, and one row of windows less reaches it.

A network that halves its resolution repeats itself only over shifts by a power of two. So starts differ by the stride,
and with overlap they are whole multiples of the largest power of two (at most 64) in the stride; without overlap they
lie at minus the margin, which should itself be such a multiple.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from swath.models.spec import InputSpec

_MOST_SHIFT = 64  # no network here halves its resolution more than six times


@dataclass(frozen=True)
class WindowLattice:
    """Where windows lie along an axis; rows and columns are alike.

    Positions are pixels of the model's sampling distance, counted from the grid's anchor: columns eastward, rows
    downward (negative north of the anchor).

    Attributes:
        window: Edge of a window.
        stride: From one window to the next.
        margin: At each edge of a window, whose result is left aside.
    """

    window: int
    stride: int
    margin: int

    @classmethod
    def of(cls, spec: InputSpec) -> WindowLattice:
        """The lattice of a model's input."""
        return cls(spec.window, spec.stride, spec.margin)

    @property
    def core(self) -> int:
        """Edge of the part of a window whose result counts."""
        return self.window - 2 * self.margin

    @property
    def overlap(self) -> int:
        """Pixels that two neighbouring cores share; 0: they only touch."""
        return self.core - self.stride

    @cached_property
    def first(self) -> int:
        """Start of window 0."""
        half = (self.window - self.stride) // 2
        if not self.overlap:
            return -half
        unit = math.gcd(self.stride, _MOST_SHIFT)
        return round((self.stride // 2 - half) / unit) * unit

    def start(self, number: int) -> int:
        """First pixel of a window; its core begins a margin later."""
        return self.first + number * self.stride

    def over(self, start: int, stop: int) -> range:
        """Numbers of the windows whose core meets pixels `start` to `stop` (excluded)."""
        low = (start - self.first - self.margin - self.core) // self.stride + 1
        high = -((self.first + self.margin - stop) // self.stride) - 1
        return range(low, max(low, high + 1))

    @cached_property
    def weights(self) -> NDArray[np.float32]:
        """Weight of each pixel of a window along one axis, (window,); that of a pixel is the product of its two.

        0 within the margin, raised cosine (Hann) over the overlap, 1 between; divided by the sum over all windows at
        the same place, so that the weights of a pixel's windows sum to one everywhere.
        """
        ramp = min(self.overlap, self.core // 2)
        weights = np.zeros(self.window)
        core = weights[self.margin : self.margin + self.core]
        core[:] = 1.0
        if ramp:
            rise = np.sin((np.arange(ramp) + 0.5) / ramp * (np.pi / 2)) ** 2
            core[:ramp] = rise
            core[-ramp:] = rise[::-1]
        place = np.arange(self.window) % self.stride
        weights /= np.bincount(place, weights, minlength=self.stride)[place]
        return weights.astype(np.float32)

    def halo(self, origin: tuple[int, int], shape: tuple[int, int]) -> int:
        """Pixels of input that are needed round a rectangle, so that every window with weight on it is complete.

        Args:
            origin: Row and column of its first pixel on the lattice.
            shape: (rows, columns).
        """
        reach = 0
        for start, size in zip(origin, shape, strict=True):
            numbers = self.over(start, start + size)
            reach = max(reach, start - self.start(numbers[0]), self.start(numbers[-1]) + self.window - (start + size))
        return reach

    def seams(self, start: int, stop: int) -> list[int]:
        """Pixels after `start` and before `stop` at which a core begins or ends: where a step may show."""
        edges = {
            edge
            for number in self.over(start, stop)
            for edge in (self.start(number) + self.margin, self.start(number) + self.margin + self.core)
        }
        return sorted(edge for edge in edges if start < edge < stop)


def seam_step(values: NDArray[np.floating], origin: tuple[int, int], lattice: WindowLattice) -> float:
    """The largest step between neighbouring pixels across an edge of a core.

    Args:
        values: (K, H, W); NaN is no data.
        origin: Row and column of its first pixel on the lattice.
        lattice: Of the windows that it was made with.
    """
    largest = 0.0
    for axis in (1, 2):
        begin, size = origin[axis - 1], values.shape[axis]
        edges = np.array([edge - begin for edge in lattice.seams(begin, begin + size)], int)
        steps = np.abs(np.take(values, edges, axis) - np.take(values, edges - 1, axis))
        steps = steps[~np.isnan(steps)]
        largest = max(largest, float(steps.max(initial=0.0)))
    return largest
