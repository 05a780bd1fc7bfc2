"""What a run has used so far, from the readings of its units."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Any

from swath.mapping.bill import HOUR, Use
from swath.planning.spread import Spread
from swath.runs import Done, Event, Failed, Started


@dataclass(frozen=True)
class Used:
    """Sums over the units that came back.

    Attributes:
        units: Made.
        tries: Given to workers; more than `units` by those in flight, lost or failed.
        bytes_in: From files, and over the network by every machine of a worker.
        bytes_out: Written.
        files: Files of the archive opened.
        cpu_s: CPU seconds of all workers.
        stage_s: Wall seconds of each stage, over all units.
        wall_s: Of the run.
    """

    units: int = 0
    tries: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    files: int = 0
    cpu_s: float = 0.0
    stage_s: dict[str, float] = field(default_factory=lambda: {"read": 0.0, "compute": 0.0, "write": 0.0})
    wall_s: float = 0.0

    def __add__(self, other: Used) -> Used:
        """Of two drivers, one after the other."""
        values = {name: getattr(self, name) + getattr(other, name) for name in _SUMMED}
        return Used(**values, stage_s={name: self.stage_s[name] + other.stage_s[name] for name in self.stage_s})

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Used:
        """What `to_dict` gave."""
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {**{name: getattr(self, name) for name in _SUMMED}, "stage_s": self.stage_s}

    def use(self, *, layers: int, gets_a_file: float, busy: float, on_gpu: bool) -> Use:
        """As a bill takes it.

        Args:
            layers: Files a unit writes beside its item.
            gets_a_file: Requests a file that was opened.
            busy: Share of the cores' time that is used: cores are held while they wait.
            on_gpu: The compute stage holds a GPU.
        """
        return Use(
            bytes_in=Spread.exact(self.bytes_in),
            bytes_out=Spread.exact(self.bytes_out),
            gets=Spread.exact(self.files * gets_a_file),
            puts=Spread.exact(self.units * (layers + 1)),
            core_hours=Spread.exact(self.cpu_s / busy / HOUR),
            gpu_hours=Spread.exact(self.stage_s["compute"] / HOUR if on_gpu else 0.0),
        )


_SUMMED = ("units", "tries", "bytes_in", "bytes_out", "files", "cpu_s", "wall_s")


class Meter:
    """Adds up readings; give it every event.

    Args:
        network: The archive is read over the network: what came to the workers' machines counts as read.

    Attributes:
        running: Units in flight.
    """

    def __init__(self, *, network: bool = False) -> None:
        self._used = Used()
        self._counts_network = network
        self.running = 0
        self._begun = time.monotonic()
        self._cpu: dict[str, float] = {}
        self._network: dict[str, int] = {}

    def __call__(self, event: Event) -> None:
        """Count one event."""
        used = self._used
        if isinstance(event, Started):
            self._used = replace(used, tries=used.tries + 1)
        self.running += 1 if isinstance(event, Started) else -1
        if not isinstance(event, Done | Failed):
            return
        reading = event.reading
        worker = str(reading.get("worker", ""))
        # what a worker says is of its whole life; a new process has a new name
        self._cpu[worker] = max(self._cpu.get(worker, 0.0), float(reading.get("worker_cpu_s", 0.0)))
        host = worker.partition(" on ")[2] or worker
        self._network[host] = max(self._network.get(host, 0), int(reading.get("worker_network_bytes", 0)))
        result = event.result if isinstance(event, Done) else {}
        self._used = replace(
            used,
            units=used.units + isinstance(event, Done),
            bytes_in=used.bytes_in + int(reading.get("file_bytes", 0)),
            bytes_out=used.bytes_out + int(result.get("bytes_written", 0)),
            files=used.files + int(result.get("files_opened", 0)),
            stage_s={name: done + float(reading.get(f"seconds_{name}", 0.0)) for name, done in used.stage_s.items()},
        )

    @property
    def used(self) -> Used:
        """Of this moment."""
        return replace(
            self._used,
            bytes_in=self._used.bytes_in + (sum(self._network.values()) if self._counts_network else 0),
            cpu_s=sum(self._cpu.values()),
            wall_s=time.monotonic() - self._begun,
        )
