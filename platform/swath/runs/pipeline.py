"""The stages of a worker: read, compute and write, one lock each."""

from __future__ import annotations

import resource
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from swath.errors import OutOfMemoryError, SwathError
from swath.runs import counters
from swath.runs.budget import ByteBudget
from swath.runs.outcome import Outcome
from swath.runs.work import FitsMemory, Unit, Work

IN_FLIGHT = 3  #: units of a worker at once: one is read, one computes, one is written


class Pipeline:
    """Runs units for threads of one process: up to `IN_FLIGHT` call `run` at once, each stage serves one at a time.

    Args:
        work: What to do.
        memory: Bytes that the units in flight may hold together.
        worker: Names the worker in readings.
    """

    def __init__(self, work: Work[Any, Any, Any], *, memory: int, worker: str) -> None:
        self._work, self._worker = work, worker
        self._budget = ByteBudget(memory)
        self._begun = counters.cpu_s(), counters.network_bytes()
        self._locks = {stage: threading.Lock() for stage in ("read", "compute", "write")}

    def run(self, unit: Unit) -> Outcome:
        """Carry one unit through all stages. Never raises for what the work raises: the outcome tells it."""
        reading: dict[str, Any] = {"worker": self._worker}
        begun = time.perf_counter()
        try:
            size = int(self._work.size(unit))
            reading["bytes"] = size
            if size > self._budget.limit:
                raise self._too_big(unit, size)
            with self._budget.hold(size):
                result = self._stages(unit, reading)
        except MemoryError as error:
            return Outcome.failure(unit.id, self._exhausted(unit, error), self._closed(reading, begun))
        except Exception as error:  # recorded with its traceback: one unit must not end a run of thousands
            return Outcome.failure(unit.id, error, self._closed(reading, begun))
        return Outcome(unit.id, result, reading=self._closed(reading, begun))

    def _stages(self, unit: Unit, reading: dict[str, Any]) -> dict[str, Any]:
        with self._stage("read", reading):
            before = counters.file_bytes()
            data = self._work.read(unit)
            # one unit is read at a time, and the other stages read no files
            reading["file_bytes"] = counters.file_bytes() - before
        with self._stage("compute", reading):
            made = self._work.compute(unit, data)
            del data
        with self._stage("write", reading):
            return self._work.write(unit, made)

    @contextmanager
    def _stage(self, stage: str, reading: dict[str, Any]) -> Iterator[None]:
        with self._locks[stage]:
            begun = time.perf_counter()
            try:
                yield
            finally:
                reading[f"seconds_{stage}"] = round(time.perf_counter() - begun, 4)

    def _closed(self, reading: dict[str, Any], begun: float) -> dict[str, Any]:
        busy = sum(value for name, value in reading.items() if name.startswith("seconds_"))
        reading["seconds_wait"] = round(max(0.0, time.perf_counter() - begun - busy), 4)
        # of the worker since it began: units overlap, so that none has its own
        reading["worker_cpu_s"] = round(counters.cpu_s() - self._begun[0], 4)
        reading["worker_network_bytes"] = counters.network_bytes() - self._begun[1]
        reading["peak_rss"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        return reading

    def _too_big(self, unit: Unit, needed: int) -> SwathError:
        return self._memory_error(f"Unit {unit.id} needs {_gb(needed)}", unit, needed)

    def _exhausted(self, unit: Unit, error: MemoryError) -> SwathError:
        return self._memory_error(f"Memory ran out in unit {unit.id} ({error})", unit, int(self._work.size(unit)))

    def _memory_error(self, what: str, unit: Unit, needed: int) -> SwathError:
        available = self._budget.limit
        size = self._work.fitting_tile_size(unit, available) if isinstance(self._work, FitsMemory) else None
        smaller = f"--tile-size {size} fits" if size else "Take a smaller --tile-size"
        return OutOfMemoryError(
            f"{what}; a worker has {_gb(available)} for units.",
            fix=f"{smaller}; or give workers more memory, or raise SWATH_MEMORY_FRACTION.",
            needed=needed,
            available=available,
            fitting_tile_size=size,
        )


def _gb(size: int) -> str:
    return f"{size / 1e9:.2f} GB"
