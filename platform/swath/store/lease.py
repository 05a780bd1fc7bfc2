"""The lease of a run: a second driver does not pay twice.

Correctness never rests on it. Two drivers that both believe to hold it only do the same work twice.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import TracebackType
from uuid import uuid4

import psutil

from swath.errors import StoreBusyError, StoreWriteError, SwathError
from swath.settings import settings
from swath.store.base import MissingKeyError, Store

_given_up: set[str] = set()  #: tokens of leases of this process whose end could not be written


@dataclass(frozen=True)
class Owner:
    """Who holds a lease.

    Attributes:
        token: Made anew for every lease.
        host: Name of the machine.
        pid: Process id there.
        born: When that process started, seconds since 1970: ids are used again.
        machine: Boot and process namespace in which the id counts; empty when it cannot be told.
        since: When the lease was taken, ISO 8601.
        beat: Last heartbeat, seconds since 1970.
        ttl: Seconds without a heartbeat after which it may be taken over.
        released: True once it was given back.
    """

    token: str
    host: str
    pid: int
    born: float
    machine: str
    since: str
    beat: float
    ttl: float
    released: bool = False

    @classmethod
    def me(cls, ttl: float) -> Owner:
        """This process, now."""
        now = time.time()
        since = datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds")
        born = psutil.Process().create_time()
        return cls(uuid4().hex, socket.gethostname(), os.getpid(), born, _machine(), since, now, ttl)

    @classmethod
    def read(cls, data: bytes) -> Owner | None:
        """The owner as written; None when the content is no lease."""
        try:
            return cls(**json.loads(data))
        except (ValueError, TypeError):
            return None

    def write(self) -> bytes:
        """As JSON."""
        return json.dumps(asdict(self), indent=1).encode()

    def gone(self) -> bool:
        """True when released, given up here, silent for `ttl`, or of a process of this machine that is dead."""
        # a heartbeat far in the future is a clock that cannot be trusted: after the same time it counts as old
        if self.released or self.token in _given_up or abs(time.time() - self.beat) > self.ttl:
            return True
        if not self.machine or self.machine != _machine():
            return False
        try:
            process = psutil.Process(self.pid)
            return abs(process.create_time() - self.born) > 2 or process.status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True


class Lease:
    """Hold `key` in a store while the block runs, with a heartbeat from a thread.

    Args:
        store: Where.
        key: For example `names.run_file(root, run, "lease.json")`.
        ttl: Seconds without a heartbeat after which others take over; SWATH_LEASE_S by default.

    Raises:
        StoreBusyError: Another living driver holds it; the message names host, process and since when.
    """

    def __init__(self, store: Store, key: str, *, ttl: float | None = None) -> None:
        self._store, self._key = store, key
        self._ttl = ttl or settings().lease_s
        self._lost, self._end = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._owner = Owner.me(self._ttl)
        self._version = ""

    @property
    def lost(self) -> bool:
        """True once another driver has taken over or the heartbeat failed for a whole `ttl`: stop giving units."""
        return self._lost.is_set()

    def __enter__(self) -> Lease:
        self._acquire()
        self._thread = threading.Thread(target=self._beat, name="swath-lease", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        if self._thread is not None:
            self._thread.join(timeout=self._ttl)
        if not self.lost:
            try:
                self._put(released=True)
            except SwathError:
                # a full or unreachable store must not hide why the block ended: the lease runs out by itself, and this
                # process knows that it has ended
                self._lost.set()
                _given_up.add(self._owner.token)

    def _acquire(self) -> None:
        for _ in range(5):  # each turn that is lost was won by another driver
            self._owner = Owner.me(self._ttl)
            data = self._owner.write()
            won = self._store.create(self._key, data)
            try:
                now, version = self._store.read_versioned(self._key)
            except MissingKeyError:
                continue
            holder = Owner.read(now)
            # the answer to a PUT that won can be lost and its repetition refused: look whose it is
            if not won and holder is not None and holder.token != self._owner.token:
                if not holder.gone():
                    raise _busy(self._store, self._key, holder)
                if not self._store.replace(self._key, data, version=version):
                    continue
            elif holder is None and not self._store.replace(self._key, data, version=version):
                continue
            now, self._version = self._store.read_versioned(self._key)
            if now == data:
                return
        holder = Owner.read(self._store.read_bytes(self._key))
        raise _busy(self._store, self._key, holder or self._owner)

    def _put(self, *, released: bool = False) -> bool:
        """Write a heartbeat if the lease is still ours; False when it is not."""
        owner = replace(self._owner, beat=time.time(), released=released)
        data = owner.write()
        won = self._store.replace(self._key, data, version=self._version)
        now, version = self._store.read_versioned(self._key)
        holder = Owner.read(now)
        if not won and (holder is None or holder.token != self._owner.token):
            return False
        self._owner, self._version = owner, version
        return holder is not None and holder.token == self._owner.token

    def _beat(self) -> None:
        good = time.monotonic()
        while not self._end.wait(self._ttl / 4):
            try:
                kept = self._put()
                good = time.monotonic()
            except MissingKeyError:
                kept = False
            except (SwathError, StoreWriteError):
                kept = time.monotonic() - good < self._ttl  # a store that stumbles is no lost lease yet
            if not kept:
                self._lost.set()
                return


def _busy(store: Store, key: str, owner: Owner) -> StoreBusyError:
    age = max(0, round(time.time() - owner.beat))
    return StoreBusyError(
        f"Another driver works on this run: process {owner.pid} on {owner.host}, since {owner.since}, "
        f"last heard of {age} s ago ({store.url(key)}).",
        fix=f"Wait for it or stop it; a driver that died is taken over {owner.ttl:.0f} s after its last sign of life.",
        host=owner.host,
        pid=owner.pid,
        since=owner.since,
    )


@cache
def _machine() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""
