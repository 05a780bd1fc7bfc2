"""Processes below this one, looked at while a block runs: CPU seconds and memory of Ray's actors."""

from __future__ import annotations

import os
import threading
import time
from types import TracebackType

import psutil


class Watch:
    """Follows the actors of Swath below this process, several times a second.

    Attributes:
        cpu: CPU seconds of each actor, by process id, as last seen.
        peak: Largest resident memory of each, bytes.
        last: Resident memory of each as last seen, bytes.
    """

    def __init__(self, every_s: float = 0.1) -> None:
        self.cpu: dict[int, float] = {}
        self.peak: dict[int, int] = {}
        self.last: dict[int, int] = {}
        self._every = every_s
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join()

    def _follow(self) -> None:
        known: dict[int, psutil.Process] = {}
        looked = 0.0
        while not self._end.wait(self._every):
            if time.monotonic() - looked > 1.0:  # finding them costs more than asking them
                looked = time.monotonic()
                known = {child.pid: child for child in psutil.Process(os.getpid()).children(recursive=True)}
            for pid, process in list(known.items()):
                try:
                    if "_Actor" not in (process.cmdline() or [""])[0]:
                        continue
                    times, memory = process.cpu_times(), process.memory_info().rss
                except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
                    known.pop(pid)
                    continue
                self.cpu[pid] = times.user + times.system
                self.peak[pid] = max(self.peak.get(pid, 0), memory)
                self.last[pid] = memory
