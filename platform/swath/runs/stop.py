"""Ctrl-C: the first asks for a clean stop, the second ends at once."""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType
from typing import Any


class StopSignal:
    """Turns SIGINT and SIGTERM into a flag while the block runs: give it as `should_stop`.

    The first signal sets the flag and says so on standard error; the next raises KeyboardInterrupt. Outside of the
    main thread signals cannot be caught: there it is only a flag to `set`.
    """

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._before: dict[int, Any] = {}

    def __call__(self) -> bool:
        """True once a stop was asked for."""
        return self._asked.is_set()

    def set(self) -> None:
        """Ask for a stop."""
        self._asked.set()

    def __enter__(self) -> StopSignal:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._caught)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    def _caught(self, number: int, frame: FrameType | None) -> None:
        if self._asked.is_set():
            raise KeyboardInterrupt
        self._asked.set()
        print("Stopping: units in flight finish first; press Ctrl-C again to drop them.", file=sys.stderr, flush=True)
