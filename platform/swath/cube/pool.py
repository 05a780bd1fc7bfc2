"""Threads that read and reduce, and that may hang without taking the process with them."""

from __future__ import annotations

import itertools
import queue
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from concurrent.futures import wait as wait_futures
from contextlib import AbstractContextManager
from typing import Any

from swath.cube.gdal import unsigned
from swath.cube.patience import reading
from swath.errors import ReadTimeoutError
from swath.settings import settings

#: Reducing goes before reading: it frees the window that the next read needs.
REDUCE, READ, _END = 0, 1, 2


class Pool:
    """Daemon threads, each inside a GDAL environment of its own.

    A thread that hangs in a read cannot be ended. It is given up, with all buffers that it could still write to, and
    the process can end without it.

    Args:
        threads: How many.
        env: Makes the context that each thread stands in.
    """

    def __init__(self, threads: int, env: Callable[[], AbstractContextManager[Any]]) -> None:
        self._env = env
        self._tasks: queue.PriorityQueue[tuple[int, int, Any]] = queue.PriorityQueue()
        self._order = itertools.count()
        self._threads = [threading.Thread(target=self._work, daemon=True, name=f"cube-{i}") for i in range(threads)]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Drop tasks that wait, and let the threads end; does not wait for one that hangs."""
        while True:
            try:
                _, _, task = self._tasks.get_nowait()
            except queue.Empty:
                break
            if task is not None:
                task[0].cancel()
        for _ in self._threads:
            self._tasks.put((_END, next(self._order), None))
        for thread in self._threads:
            thread.join(timeout=None if thread.ident not in reading else 0.0)

    def _work(self) -> None:
        try:
            env = self._env()
            env.__enter__()
        except BaseException as error:
            # nobody may wait for a thread that has no environment to read in
            self._serve(error)
            return
        try:
            self._serve(None)
        finally:
            env.__exit__(None, None, None)

    def _serve(self, broken: BaseException | None) -> None:
        while True:
            _, _, task = self._tasks.get()
            if task is None:
                return
            future, function, args = task
            if not future.set_running_or_notify_cancel():
                continue
            try:
                if broken is not None:
                    raise broken
                result = function(*args)
            except BaseException as error:
                # handed to whoever waits for the future, which raises it
                future.set_exception(error)
            else:
                future.set_result(result)

    def submit(self, priority: int, function: Callable[..., Any], *args: Any) -> Future[Any]:
        """Have a thread call a function."""
        future: Future[Any] = Future()
        self._tasks.put((priority, next(self._order), (future, function, args)))
        return future

    def wait(self, futures: Iterable[Future[Any]]) -> None:
        """Wait for all, whether they fail or not.

        Raises:
            ReadTimeoutError: A thread has been in one read for longer than SWATH_READ_TIMEOUT_S, whatever it waits for.
        """
        pending = set(futures)
        while pending:
            limit = settings().read_timeout_s
            pending = wait_futures(pending, timeout=min(1.0, limit / 4)).not_done
            now = time.monotonic()
            for thread in self._threads:
                since, href = reading.get(thread.ident or 0, (now, ""))
                # what GDAL times out by itself is raised in its thread: give it the chance to
                if pending and now - since > limit * 1.25:
                    shown = unsigned(href)
                    raise ReadTimeoutError(
                        f"{shown} took too long (limit {limit:g} s): nothing came back.",
                        href=shown,
                        fix="Raise SWATH_READ_TIMEOUT_S or try again.",
                    )
