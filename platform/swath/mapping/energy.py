"""Energy of this machine by its own counters: RAPL of the processors, NVML of GPUs."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

RAPL = Path("/sys/class/powercap")
_JOULES_A_KWH = 3.6e6


class EnergyMeter:
    """Measures while the block runs; the whole machine, whoever uses it.

    Counters wrap within minutes at full load: call `tick` at least once a minute.

    Args:
        rapl: Folder of the powercap zones.
        gpus: Gives the joules of all GPUs since some moment; NVML where its library is installed, by default.
    """

    def __init__(self, *, rapl: Path = RAPL, gpus: Callable[[], float | None] | None = None) -> None:
        self._zones = [Zone(folder) for folder in sorted(rapl.glob("intel-rapl:[0-9]*")) if _package(folder)]
        self._gpus = gpus or _nvml()
        self._gpu_begun: float | None = None
        self._ticked = 0.0
        self.joules: float | None = None

    def __enter__(self) -> EnergyMeter:
        for zone in self._zones:
            zone.read()
        self._gpu_begun = self._gpus()
        return self

    def tick(self) -> None:
        """Take the counters' numbers before they wrap; cheap, and at most once in five seconds."""
        if time.monotonic() - self._ticked > 5:
            self._ticked = time.monotonic()
            for zone in self._zones:
                zone.read()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for zone in self._zones:
            zone.read()
        # a processor's counter is what makes it a measure: GPUs alone would leave most of a mapping machine out
        if self._zones and all(zone.seen for zone in self._zones):
            ended = self._gpus()
            gpu = 0.0 if ended is None or self._gpu_begun is None else max(0.0, ended - self._gpu_begun)
            self.joules = sum(zone.joules for zone in self._zones) + gpu

    @property
    def kwh(self) -> float | None:
        """Of the block; None where the machine has no counter that may be read."""
        return None if self.joules is None else self.joules / _JOULES_A_KWH


class Zone:
    """One RAPL counter: microjoules that begin again at its range.

    Attributes:
        joules: Since the first reading.
        seen: Whether it could be read every time.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._last = folder, None if not folder.exists() else -1
        self.joules, self.seen = 0.0, True

    def read(self) -> None:
        """Add what was used since the reading before."""
        try:
            now = int((self._folder / "energy_uj").read_text())
            most = int((self._folder / "max_energy_range_uj").read_text())
        except (OSError, ValueError):  # readable by root alone since CVE-2020-8694
            self.seen = False
            return
        if self._last is not None and self._last >= 0:
            step = now - self._last
            self.joules += (step if step >= 0 else step + most) / 1e6
        self._last = now


def _package(folder: Path) -> bool:
    """A processor, or its memory; cores within a processor are part of it."""
    try:
        name = (folder / "name").read_text().strip()
    except OSError:
        return False
    return name.startswith("package") or (name == "dram" and folder.name.count(":") == 1)


def _nvml() -> Callable[[], float | None]:
    try:
        pynvml: Any = importlib.import_module("pynvml")
    except ImportError:
        return lambda: None

    def joules() -> float | None:
        try:
            pynvml.nvmlInit()
            cards = [pynvml.nvmlDeviceGetHandleByIndex(n) for n in range(pynvml.nvmlDeviceGetCount())]
            return float(sum(pynvml.nvmlDeviceGetTotalEnergyConsumption(card) for card in cards)) / 1000
        except pynvml.NVMLError:
            return None

    return joules
