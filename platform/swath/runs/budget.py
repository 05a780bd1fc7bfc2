"""A bound on the memory of the units that one worker has in flight."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil


class ByteBudget:
    """Bytes that may be held at once. First come, first served, so that a great unit is not overtaken for ever.

    Args:
        limit: Bytes.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._used = 0
        self._queue: deque[object] = deque()
        self._changed = threading.Condition()

    @contextmanager
    def hold(self, size: int) -> Iterator[None]:
        """Wait until `size` bytes fit, and hold them during the block.

        Raises:
            ValueError: It is more than the whole budget: it would wait for ever.
        """
        if size > self.limit:
            raise ValueError(f"{size} bytes do not fit a budget of {self.limit}")
        turn = object()
        with self._changed:
            self._queue.append(turn)
            try:
                self._changed.wait_for(lambda: self._queue[0] is turn and self._used + size <= self.limit)
                self._used += size
            finally:
                self._queue.remove(turn)
                self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._used -= size
                self._changed.notify_all()


def available_memory() -> int:
    """Bytes that this process may still take: of the machine, or of its control group (a container) if that is less."""
    free = psutil.virtual_memory().available
    for limit, used in (
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ):
        try:
            bound = Path(limit).read_text().strip()
            if bound.isdigit():
                free = min(free, max(0, int(bound) - int(Path(used).read_text())))
        except OSError:
            continue
    return int(free)
