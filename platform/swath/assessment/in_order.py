"""Work on many tiles by a few threads, results in order, a bounded number of tiles in memory."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from swath.runs import available_memory
from swath.settings import settings

MOST_THREADS = 8

T = TypeVar("T")
R = TypeVar("R")


def in_order(work: Callable[[T], R], items: Iterable[T], *, threads: int) -> Iterator[tuple[T, R]]:
    """Each item with what `work` gives for it, in the order of the items.

    Args:
        work: Called in several threads at once; the first error that it raises ends the whole.
        items: Taken as there is room: twice as many as there are threads are under way.
        threads: How many.
    """
    stream = iter(items)
    with ThreadPoolExecutor(threads, thread_name_prefix="swath-tiles") as pool:
        flying: deque[tuple[T, Future[R]]] = deque(
            (item, pool.submit(work, item)) for item in islice(stream, 2 * threads)
        )
        try:
            while flying:
                item, future = flying.popleft()
                yield item, future.result()
                for following in islice(stream, 1):
                    flying.append((following, pool.submit(work, following)))
        finally:
            for _, future in flying:
                future.cancel()


def threads_for(nbytes: float) -> int:
    """As many threads as there are cores, and as fit into memory with so many bytes each."""
    fit = int(available_memory() * settings().memory_fraction / max(1.0, nbytes))
    return max(1, min(MOST_THREADS, len(os.sched_getaffinity(0)), fit))
