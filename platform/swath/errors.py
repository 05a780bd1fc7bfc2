"""Every error that a user can meet: what happened, the value, what to do.

A type carries a decision. `retry` says who waits and whether another try is worth it, `exit_code` what
the command line returns. All of them pickle, so that they stay readable when a Ray worker raises them.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar


class Retry(StrEnum):
    """What another try of the same call would bring."""

    NEVER = "never"  #: the answer will be the same: tell the user
    SOON = "soon"  #: a flaky call: the same worker tries again with backoff
    LATER = "later"  #: the server asks for less: everybody on this host slows down
    RENEW = "renew"  #: the token has run out: sign again, once for all workers
    ELSEWHERE = "elsewhere"  #: this worker cannot: another one may


class SwathError(Exception):
    """Base of all errors that Swath raises on purpose.

    Args:
        message: What happened, with the value that caused it.
        fix: What the user can do, as a full sentence. Printed behind the message.
        facts: Machine-readable values (href, tile, status, ...) for `--json` and failure records.
    """

    retry: ClassVar[Retry] = Retry.NEVER
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, fix: str = "", **facts: Any) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix
        self.facts = facts

    def __str__(self) -> str:
        return f"{self.message} {self.fix}".rstrip()

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.message, self.fix, self.facts)

    def to_dict(self) -> dict[str, Any]:
        """The error as JSON-ready values: type, message, fix, retry and facts."""
        return {
            "type": type(self).__name__,
            "message": self.message,
            "fix": self.fix,
            "retry": str(self.retry),
            **self.facts,
        }


def _rebuild(kind: type[SwathError], message: str, fix: str, facts: dict[str, Any]) -> SwathError:
    return kind(message, fix=fix, **facts)


# --- the request was wrong: nothing has been done or paid for -----------------------------------------


class RequestError(SwathError):
    """What was asked for cannot be done as asked."""

    exit_code = 2


class AreaError(RequestError):
    """An area that cannot be read, is empty, or lies outside what a grid covers."""


class PeriodError(RequestError):
    """A period that cannot be read or runs backwards."""


class GridError(RequestError):
    """A grid or tile id that does not exist, or a tile size that would misalign bands."""


class ProductError(RequestError):
    """A product file with unknown keys, missing bands or contradicting fields."""


class CollectionError(RequestError):
    """A collection whose facts are unknown, or a band that it does not have."""


class SourceError(RequestError):
    """A source (STAC API, catalog, table) that cannot be reached or read."""


class LabelError(RequestError):
    """Labels that cannot be read, placed or split: unknown classes, outside area or period, a fold without a class."""


class SampleError(RequestError):
    """A sample or its reference cannot give what is asked for."""


class NoItemsError(RequestError):
    """The search found nothing at all for the area and period."""


class ModelError(RequestError):
    """A model package, card or network that cannot be used as asked."""


class PriceError(RequestError):
    """A price, carbon or rates file that cannot be read or lacks what is asked of it."""


class LimitError(RequestError):
    """A plan that would pass what may be spent. Facts: limit, expected, units_that_fit."""


class StoreError(RequestError):
    """A store that cannot be opened or written."""


class StoreMismatchError(StoreError):
    """A store that holds another product, version or grid; never mixed."""


class StoreBusyError(StoreError):
    """Another living driver holds the lease of this run."""


class ClusterError(RequestError):
    """A cluster that cannot be started or joined, or that has no room for a worker."""


class CredentialsError(RequestError):
    """Credentials are missing or refused. The message names the variables, never their values."""


# --- a search against an API ------------------------------------------------------------------------


class SearchError(SwathError):
    """One page of a search failed for good. Facts: url, status."""


class SearchThrottledError(SearchError):
    """The API asks for fewer or smaller requests (429, 502, 503, 504)."""

    retry = Retry.LATER


# --- one asset could not be read: always named by its href ------------------------------------------


class ReadError(SwathError):
    """An asset could not be read. Facts: href, band, item."""

    retry = Retry.NEVER

    def __init__(self, message: str, *, href: str, fix: str = "", **facts: Any) -> None:
        super().__init__(message, fix=fix, href=href, **facts)
        self.href = href

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild_read, (type(self), self.message, self.fix, self.facts)


def _rebuild_read(kind: type[ReadError], message: str, fix: str, facts: dict[str, Any]) -> ReadError:
    return kind(message, fix=fix, **facts)


class AssetMissingError(ReadError):
    """404, or no such file or key."""


class AssetForbiddenError(ReadError):
    """401 or 403: signed anew once, then given up."""

    retry = Retry.RENEW


class AssetThrottledError(ReadError):
    """429 or 503 from the archive."""

    retry = Retry.LATER


class AssetServerError(ReadError):
    """500, 502, 504, a reset connection: the archive stumbled."""

    retry = Retry.SOON


class ReadTimeoutError(ReadError):
    """The read took longer than SWATH_READ_TIMEOUT_S."""

    retry = Retry.SOON


class AssetCorruptError(ReadError):
    """Truncated, not a raster, or a block that does not decode."""


class AssetMismatchError(ReadError):
    """The file is not what facts and item promise: CRS, dtype, number of bands."""


# --- a unit of a run ----------------------------------------------------------------------------------


class UnitError(SwathError):
    """A unit could not be made. Facts: unit, and `reads`, a list of failed reads as dicts."""


class UnitTimeoutError(UnitError):
    """The unit took longer than SWATH_UNIT_TIMEOUT_S."""

    retry = Retry.ELSEWHERE


class WorkerDiedError(UnitError):
    """The worker process or its node went away in the middle of the unit."""

    retry = Retry.ELSEWHERE


class OutOfMemoryError(UnitError):
    """The unit needs more memory than the worker has. Facts: needed, available, fitting_tile_size."""


class StoreWriteError(SwathError):
    """A file could not be written: disk full, read-only, refused. Facts: path."""


class StoreFullError(StoreWriteError):
    """No space left where the store lies: the run stops, resumable."""


class RunStoppedError(SwathError):
    """The run was stopped (Ctrl-C or on request); the same command goes on."""

    exit_code = 130


class RunFailedError(SwathError):
    """The run ended, some units failed; each is listed with href and reason."""


class DependencyMissingError(SwathError):
    """An optional part is not installed; the message names how to get it."""


class SwathWarning(UserWarning):
    """Base of all warnings of Swath."""


class UnverifiedCollectionWarning(SwathWarning):
    """Facts of this collection were taken from documentation, never checked on a real item."""


class OldPricesWarning(SwathWarning):
    """Prices or carbon intensities that were looked up more than a year ago."""


class DataConflictWarning(SwathWarning):
    """An item contradicts the facts of its collection; said once, listed in the run's report."""
