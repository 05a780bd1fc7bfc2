"""Units in this process: three threads over one pipeline."""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from typing import Any

from swath.runs.budget import available_memory
from swath.runs.desk import Desk, place
from swath.runs.outcome import Outcome
from swath.runs.pipeline import IN_FLIGHT, Pipeline
from swath.runs.work import Work
from swath.runs.workers import Ended, Task
from swath.settings import settings


class InlineExecutor:
    """Run units in threads of this process: a laptop, a test, a debugger.

    Args:
        memory: Bytes that units in flight may hold; the free memory times SWATH_MEMORY_FRACTION by default.
    """

    def __init__(self, *, memory: int | None = None) -> None:
        self._memory = memory

    def open(self, work: Work[Any, Any, Any]) -> InlineWorkers:
        """Start the threads."""
        memory = self._memory or int(available_memory() * settings().memory_fraction)
        return InlineWorkers(work, memory)


class InlineWorkers:
    """One worker of threads. A thread that hangs cannot be killed: it is left behind and a new set takes over."""

    def __init__(self, work: Work[Any, Any, Any], memory: int) -> None:
        self._work, self._memory = work, memory
        self._ended: queue.SimpleQueue[tuple[Desk[_Threads], Task, Outcome]] = queue.SimpleQueue()
        self._desk = self._fresh()

    def offer(self, task: Task) -> bool:
        """See `Workers.offer`."""
        return place([self._desk], task, lambda desk: desk.worker.tasks.put(task))

    def wait(self, timeout_s: float) -> Sequence[Ended]:
        """See `Workers.wait`."""
        ended: list[Ended] = []
        try:
            desk, task, outcome = self._ended.get(timeout=timeout_s)
            while True:
                if desk is self._desk:  # else a thread that was left behind has come to an end after all
                    desk.take(task)
                    ended.append(Ended(task, outcome))
                desk, task, outcome = self._ended.get_nowait()
        except queue.Empty:
            pass
        if self._desk.hangs():
            hung = self._desk
            hung.worker.end()
            self._desk = self._fresh()
            ended += hung.drop("another unit of this process hung", timed_out=True)
        return ended

    def close(self) -> None:
        """See `Workers.close`: threads end after their unit; nobody waits for one that hangs."""
        self._desk.worker.end()

    def _fresh(self) -> Desk[_Threads]:
        threads = _Threads()
        desk = Desk(threads, "this process")
        pipeline = Pipeline(self._work, memory=self._memory, worker="inline")

        def serve() -> None:
            while (task := threads.tasks.get()) is not None:
                self._ended.put((desk, task, pipeline.run(task.unit)))

        for number in range(IN_FLIGHT):
            threading.Thread(target=serve, name=f"swath-unit-{number}", daemon=True).start()
        return desk


class _Threads:
    def __init__(self) -> None:
        self.tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()

    def end(self) -> None:
        for _ in range(IN_FLIGHT):
            self.tasks.put(None)
