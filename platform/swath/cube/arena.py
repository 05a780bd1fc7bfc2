"""Large buffers that are used again: fresh memory is zeroed page by page, which costs as much as reducing does."""

from __future__ import annotations

import threading

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]

#: Parts of a buffer begin at multiples of this many bytes.
ALIGN = 64


class Arena:
    """Keeps the last few buffers of this process for the next composite.

    Args:
        keep: Buffers kept; two windows are in flight in one composite.
    """

    def __init__(self, keep: int = 2) -> None:
        self._keep = keep
        self._lock = threading.Lock()
        self._idle: list[Bytes] = []

    def take(self, size: int) -> Bytes:
        """A buffer of at least `size` bytes, its content undefined."""
        with self._lock:
            fitting = [buffer for buffer in self._idle if size <= buffer.size <= 2 * size + (1 << 20)]
            if fitting:
                best = min(fitting, key=lambda buffer: buffer.size)
                self._idle = [buffer for buffer in self._idle if buffer is not best]
                return best
            # a small or far too large one would stay for ever beside those that are used
            self._idle = self._idle[1:]
        return np.empty(size, np.uint8)

    def give(self, buffer: Bytes) -> None:
        """Hand a buffer back; nobody may write to it any more."""
        with self._lock:
            self._idle = [*self._idle, buffer][-self._keep :]

    def clear(self) -> None:
        """Let go of all idle buffers."""
        with self._lock:
            self._idle = []


arena = Arena()
