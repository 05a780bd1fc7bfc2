"""progress.json: what the driver says of its run, and all that `status` reads."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from swath.errors import SwathError
from swath.settings import settings
from swath.store import names
from swath.store.base import MissingKeyError, Store

State = Literal["running", "stopping", "stopped", "done", "failed"]

_log = logging.getLogger(__name__)


class Progress(BaseModel):
    """One reading of a run. Times are seconds since 1970, UTC."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    run: str
    state: State
    total: int | None = Field(description="Units of the plan; None while they are still being counted.")
    done: int = Field(0, description="Units committed, those of earlier drivers included.")
    failed: int = 0
    retried: int = 0
    running: int = Field(0, description="Units in flight.")
    km2: float = Field(0, description="Area that this driver has done, km².")
    km2_h: float = Field(0, description="Its rate, km²/h.")
    left_s: float | None = Field(None, description="Time left, seconds; None when it cannot be told yet.")
    started: float
    heartbeat: float
    ended: float | None = None
    host: str = ""
    pid: int = 0
    reason: str = Field("", description="Why the run stopped, when it did not end by itself.")
    failures: list[dict[str, Any]] = Field(default=[], description="The last failures: unit, type, message.")

    @property
    def silent_s(self) -> float:
        """Seconds since the last heartbeat: of a run that is `running`, more than a minute means a dead driver."""
        return max(0.0, time.time() - self.heartbeat)


class ProgressWriter:
    """Write `snapshot()` every SWATH_PROGRESS_S from a thread while the block runs, and once more at its end.

    Args:
        store: Where.
        root: Folder of the product's version.
        run: The run.
        snapshot: Gives the reading of this moment; called from another thread.
        every_s: Seconds between two writes; SWATH_PROGRESS_S by default.
    """

    def __init__(
        self, store: Store, root: str, run: str, snapshot: Callable[[], Progress], *, every_s: float | None = None
    ) -> None:
        self._store, self._key = store, names.run_file(root, run, "progress.json")
        self._snapshot, self._every = snapshot, every_s or settings().progress_s
        self._end, self._thread = (
            threading.Event(),
            threading.Thread(target=self._run, name="swath-progress", daemon=True),
        )

    def __enter__(self) -> ProgressWriter:
        self.write()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()
        self._try()

    def write(self) -> None:
        """Write now.

        Raises:
            SwathError: The store refuses.
        """
        self._store.put_bytes(self._key, self._snapshot().model_dump_json(indent=1).encode())

    def _run(self) -> None:
        while not self._end.wait(self._every):
            self._try()

    def _try(self) -> None:
        try:
            self.write()
        except SwathError as error:
            # the reading is for people: units notice a broken store by themselves, and the next beat tries again
            _log.warning("progress.json was not written: %s", error)


def read_progress(store: Store, root: str, run: str) -> Progress | None:
    """The last reading of a run; None when its driver has not written one."""
    try:
        return Progress.model_validate_json(store.read_bytes(names.run_file(root, run, "progress.json")))
    except MissingKeyError:
        return None
