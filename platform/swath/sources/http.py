"""One HTTP call: its time limit, its tries, and what its failure means."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import requests
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from swath.errors import CredentialsError, SearchError, SearchThrottledError, SourceError
from swath.settings import settings

_SMALLER = frozenset({429, 500, 502, 503, 504})
_TOO_MUCH = frozenset({400, 413, 414, 422})
_LONGEST_WAIT_S = 120.0
_log = logging.getLogger("swath.sources")


class FlakyError(Exception):
    """A call that may succeed when it is made again. Holds the status (0: no answer) and the wait asked for."""

    def __init__(self, url: str, status: int, said: str, wait_s: float | None = None) -> None:
        super().__init__(said)
        self.url, self.status, self.said, self.wait_s = url, status, said, wait_s


class RefusedError(Exception):
    """The server calls the request itself wrong or too large (400, 413, 414, 422)."""

    def __init__(self, url: str, status: int, said: str) -> None:
        super().__init__(said)
        self.url, self.status, self.said = url, status, said


def send(session: requests.Session, request: requests.Request) -> Any:
    """Make one call, once, and read its answer as JSON.

    Raises:
        FlakyError: Worth another try.
        RefusedError: The request is too large for the server.
        CredentialsError: 401 or 403.
        SourceError: 404 and the like, or the answer is no JSON.
    """
    url = request.url
    prepared = session.prepare_request(request)
    options = session.merge_environment_settings(prepared.url, {}, None, None, None)
    limit = settings().read_timeout_s
    try:
        answer = session.send(prepared, timeout=(min(10.0, limit), limit), **options)
    except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
        raise FlakyError(url, 0, _plain(error)) from None
    except (requests.RequestException, ValueError) as error:
        raise SourceError(f"{url} is no address that can be asked: {error}.", fix="Check the URL.", url=url) from None
    status = answer.status_code
    if status in _SMALLER:
        raise FlakyError(url, status, f"HTTP {status}", _retry_after(answer.headers.get("Retry-After")))
    if status in (401, 403):
        raise CredentialsError(
            f"{url} answers HTTP {status}: access is refused.", fix="Check the provider's credentials.", url=url
        )
    if status in _TOO_MUCH:
        raise RefusedError(url, status, answer.text[:300])
    if not 200 <= status < 300:
        raise SourceError(
            f"{url} answers HTTP {status}.", fix="Check the address of the source.", url=url, status=status
        )
    try:
        return json.loads(answer.content)
    except ValueError:
        kind = answer.headers.get("Content-Type", "unknown")
        raise SourceError(
            f"{url} answers, but not with JSON (content type {kind}): this is no STAC.",
            fix="Give the address of a STAC API's landing page, of a catalog.json, or of a .parquet table.",
            url=url,
        ) from None


def _plain(error: Exception) -> str:
    """What went wrong, without the connection pool's inner names."""
    if isinstance(error, requests.Timeout):
        return f"no answer within {settings().read_timeout_s:g} s"
    text = str(error)
    for sign, words in (("refused", "connection refused"), ("resolve", "no such host"), ("Name or", "no such host")):
        if sign in text:
            return words
    return "the connection broke"


def _retry_after(value: str | None) -> float | None:
    if not value:
        return None
    if value.strip().isdigit():
        return min(float(value), _LONGEST_WAIT_S)
    try:
        wait = (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError):
        return None
    return min(max(wait, 0.0), _LONGEST_WAIT_S)


def patiently(
    call: Callable[[], Any], *, attempts: int, before_next: Callable[[FlakyError], None] | None = None
) -> Any:
    """Repeat one call while it is flaky, with backoff and jitter, or after the wait that the server asks for.

    Args:
        call: Raises FlakyError where another try is worth it.
        attempts: Tries, the first included.
        before_next: Told of each failure that will be followed by a try (to ask for less).

    Raises:
        SearchThrottledError: All tries failed with an answer of the server.
        SourceError: No try was answered at all.
    """
    backoff = wait_exponential_jitter(multiplier=settings().backoff_s, max=60, jitter=settings().backoff_s)

    def wait(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.wait_s if isinstance(error, FlakyError) else None
        return backoff(state) if asked is None else asked

    def tell(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if not isinstance(error, FlakyError):
            return
        if before_next is not None:
            before_next(error)
        pause = state.next_action.sleep if state.next_action else 0.0
        # nobody should look at a silent screen for a minute; a first stumble is not worth a line
        if state.attempt_number > 1 or pause > 5:
            _log.warning(
                "%s: %s; try %d of %d in %.0f s", error.url, error.said, state.attempt_number + 1, attempts, pause
            )

    tries = Retrying(
        stop=stop_after_attempt(attempts),
        wait=wait,
        retry=retry_if_exception_type(FlakyError),
        before_sleep=tell,
        reraise=True,
    )
    try:
        return tries(call)
    except FlakyError as error:
        if error.status == 0:
            raise SourceError(
                f"{error.url} cannot be reached: {error.said} (tried {attempts} times).",
                fix="Check the address and the network.",
                url=error.url,
            ) from None
        raise SearchThrottledError(
            f"{error.url} still answers {error.said} after {attempts} tries.",
            fix="Try again later, or raise SWATH_SEARCH_ATTEMPTS; what was found so far is not kept.",
            url=error.url,
            status=error.status,
        ) from None


def get_json(session: requests.Session, url: str, *, attempts: int | None = None) -> Any:
    """One document. Raises as `send` and `patiently` do; a refusal is a SearchError."""
    try:
        return patiently(
            lambda: send(session, requests.Request("GET", url)), attempts=attempts or settings().search_attempts
        )
    except RefusedError as error:
        raise SearchError(
            f"{url} answers HTTP {error.status}: {error.said}", fix="Check the address.", url=url, status=error.status
        ) from None
