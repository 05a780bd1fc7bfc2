"""Waiting: the rate of one host, and the next try of a single read."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

import tenacity

from swath.cube.gdal import host_of
from swath.errors import ReadError, Retry
from swath.settings import settings

T = TypeVar("T")

_WORTH = {Retry.SOON, Retry.LATER, Retry.RENEW}


class HostRate:
    """Lets at most so many calls a second through to each host, over all threads of a process.

    A host that asks for less is left alone for a moment by all threads: `slow_down`.
    """

    def __init__(self, rate: float | None = None) -> None:
        self._rate = rate
        self._lock = threading.Lock()
        self._next: dict[str, float] = {}

    def wait(self, href: str) -> None:
        """Return when the next call to this href's host may go; at once for local files."""
        host = host_of(href)
        if not host:
            return
        gap = 1.0 / (self._rate or settings().host_rate)
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next.get(host, 0.0))
            self._next[host] = turn + gap
        if turn > now:
            time.sleep(turn - now)

    def slow_down(self, href: str, seconds: float) -> None:
        """Let nobody through to this host for so many seconds."""
        host = host_of(href)
        if host:
            with self._lock:
                self._next[host] = max(self._next.get(host, 0.0), time.monotonic() + seconds)


hosts = HostRate()

#: What each thread reads now, by thread number: since when (monotonic seconds) and which href. The watchdog looks here.
reading: dict[int, tuple[float, str]] = {}


def patiently(call: Callable[[int], T], href: str, *, rate: HostRate = hosts) -> T:
    """Make one read, again while its error says that this is worth it.

    Args:
        call: Gets the number of the try, from 1; raises `ReadError`.
        href: Whose host's rate holds.
        rate: Of all hosts.

    Returns:
        What `call` returns.

    Raises:
        ReadError: Of the last try, with the number of tries among its facts. A refused file is signed anew and tried
            once more only.
    """
    limits = settings()

    def worth(error: BaseException) -> bool:
        return isinstance(error, ReadError) and error.retry in _WORTH

    def stop(state: tenacity.RetryCallState) -> bool:
        outcome = state.outcome
        error = outcome.exception() if outcome is not None else None
        most = 2 if isinstance(error, ReadError) and error.retry is Retry.RENEW else limits.read_attempts
        return state.attempt_number >= most

    def before_sleep(state: tenacity.RetryCallState) -> None:
        outcome = state.outcome
        error = outcome.exception() if outcome is not None else None
        if isinstance(error, ReadError) and error.retry is Retry.LATER:
            rate.slow_down(href, state.upcoming_sleep)

    attempts = tenacity.Retrying(
        retry=tenacity.retry_if_exception(worth),
        stop=stop,
        wait=tenacity.wait_exponential_jitter(multiplier=limits.backoff_s, max=30.0, jitter=limits.backoff_s),
        before_sleep=before_sleep,
        reraise=True,
    )
    number = 0
    me = threading.get_ident()
    try:
        for attempt in attempts:
            with attempt:
                number = attempt.retry_state.attempt_number
                rate.wait(href)
                reading[me] = (time.monotonic(), href)
                try:
                    return call(number)
                finally:
                    del reading[me]
    except ReadError as error:
        error.facts["attempts"] = number
        raise
    raise AssertionError("tenacity ended without a result or an error")
