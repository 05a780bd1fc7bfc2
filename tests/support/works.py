"""Units and works for tests of the runner; importable by Ray's workers."""

from __future__ import annotations

import ctypes
import os
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from swath.errors import AssetMissingError, StoreFullError, UnitError, WorkerDiedError


@dataclass(frozen=True)
class Job:
    """A unit; `does` names what goes wrong in it (see `FileWork.read`)."""

    id: str
    does: str = ""
    size: int = 1000


@dataclass(frozen=True)
class FileWork:
    """Writes a file a unit into a folder; counts tries by files too, so that they show over processes."""

    folder: str
    seconds: float = 0.0

    def size(self, unit: Job) -> int:
        return unit.size

    def read(self, unit: Job) -> bytes:
        tries = len(list(Path(self.folder).glob(f"{unit.id}.try.*"))) + 1
        Path(self.folder, f"{unit.id}.try.{os.getpid()}.{time.monotonic_ns()}").touch()
        if unit.does == "die" or (unit.does == "die-once" and tries == 1):
            os._exit(1)
        if unit.does == "hang" or (unit.does == "hang-once" and tries == 1):
            time.sleep(60)
        if unit.does == "broken":
            raise UnitError("2 reads failed.", reads=[{"href": "http://x/a.tif"}, {"href": "http://x/b.tif"}])
        if unit.does == "missing":
            raise AssetMissingError("404", href="http://x/a.tif")
        if unit.does == "elsewhere-once" and tries == 1:
            raise WorkerDiedError("not here")
        if unit.does == "bug":
            raise ZeroDivisionError("a bug")
        if unit.does == "memory":
            raise MemoryError("Unable to allocate 9 GiB")
        time.sleep(self.seconds)
        return unit.id.encode()

    def compute(self, unit: Job, data: bytes) -> bytes:
        return data.upper()

    def write(self, unit: Job, result: bytes) -> dict[str, Any]:
        if unit.does == "full":
            raise StoreFullError("No space is left.", path=self.folder)
        part = Path(self.folder, f"{unit.id}.part")
        part.write_bytes(result)
        part.rename(Path(self.folder, f"{unit.id}.done"))
        return {"km2": 1.5, **({"arenas": _arenas()} if unit.does == "arenas" else {})}

    def done(self) -> list[str]:
        return sorted(path.stem for path in Path(self.folder).glob("*.done"))

    def tries(self, unit: str) -> int:
        return len(list(Path(self.folder).glob(f"{unit}.try.*")))


def _arenas() -> int:
    """Arenas that glibc's malloc has in this process, after a dozen threads have each asked for memory."""
    gate = threading.Barrier(13)
    library = ctypes.CDLL(None)

    def ask() -> None:
        library.malloc(5000)
        gate.wait()

    for _ in range(12):
        threading.Thread(target=ask, daemon=True).start()
    gate.wait()
    # malloc_info writes one <heap> an arena
    library.fopen.restype = ctypes.c_void_p
    with tempfile.NamedTemporaryFile() as file:
        stream = ctypes.c_void_p(library.fopen(file.name.encode(), b"w"))
        library.malloc_info(0, stream)
        library.fclose(stream)
        return Path(file.name).read_text().count("<heap nr=")


class Events(list[Any]):
    """Collects events; `of(Done)` gives ids."""

    def __call__(self, event: Any) -> None:
        self.append(event)

    def of(self, kind: type) -> list[str]:
        return [event.unit for event in self if isinstance(event, kind)]
