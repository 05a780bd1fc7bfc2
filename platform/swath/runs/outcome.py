"""What a worker sends back for a unit: small, JSON-ready, never pixels."""

from __future__ import annotations

import traceback
from dataclasses import dataclass, field
from typing import Any

from swath.errors import Retry, StoreFullError, SwathError

_TRACE = 8000  # characters of a traceback that are kept: the last ones say most


@dataclass(frozen=True)
class Outcome:
    """How one try of a unit ended.

    Attributes:
        unit: Its id.
        result: What `Work.write` returned; None when it failed.
        error: Why it failed, JSON-ready; None when it did not.
        elsewhere: True when another worker may succeed.
        full: True when the store has no space: no further unit can succeed.
        reading: worker, seconds by stage, bytes, peak_rss.
    """

    unit: str
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    elsewhere: bool = False
    full: bool = False
    reading: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def failure(cls, unit: str, error: BaseException, reading: dict[str, Any] | None = None) -> Outcome:
        """The outcome of a try that raised."""
        if isinstance(error, SwathError):
            told = {"unit": unit, **error.to_dict()}
            elsewhere = error.retry is Retry.ELSEWHERE
        else:
            trace = "".join(traceback.format_exception(error))
            told = {
                "unit": unit,
                "type": type(error).__name__,
                "message": str(error) or repr(error),
                "fix": "This is an error of the program: report it with the traceback.",
                "retry": str(Retry.NEVER),
                "traceback": trace[-_TRACE:],
            }
            elsewhere = False
        full = isinstance(error, StoreFullError)
        return cls(unit, None, told, elsewhere, full, reading or {})
