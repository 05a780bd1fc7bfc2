"""What a failed read means: GDAL's words into Swath's errors, always with the href."""

from __future__ import annotations

import re
from typing import Any

from swath.cube.gdal import unsigned
from swath.errors import (
    AssetCorruptError,
    AssetForbiddenError,
    AssetMissingError,
    AssetServerError,
    AssetThrottledError,
    ReadError,
    ReadTimeoutError,
)
from swath.settings import settings

_STATUS = re.compile(
    r"(?:HTTP(?: error)?(?: response)?(?: code)?|response_code|status)\s*[:=]?\s*(\d{3})", re.IGNORECASE
)

_TIMEOUT = ("timed out", "timeout", "operation too slow")
_STUMBLED = (
    "connection reset",
    "could not connect",
    "failed to connect",
    "couldn't connect",
    "could not resolve host",
    "connection refused",
    "empty reply",
    "recv failure",
    "transfer closed",
    "slowdown",
    "internalerror",
)
_MISSING = ("no such file", "does not exist", "nosuchkey", "nosuchbucket", "not found")
_FORBIDDEN = (
    "access denied",
    "accessdenied",
    "permission denied",
    "forbidden",
    "invalidaccesskeyid",
    "invalid credentials",
)


def _words(error: BaseException) -> str:
    """All messages of an error and of what caused it, outermost first."""
    words: list[str] = []
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        words.append(str(link))
        link = link.__cause__ or link.__context__
    return " | ".join(word for word in words if word)


def _kind(words: str) -> type[ReadError]:
    lower = words.lower()
    found = _STATUS.search(words)
    status = int(found.group(1)) if found else 0
    if status in (401, 403):
        return AssetForbiddenError
    if status in (404, 410):
        return AssetMissingError
    if status in (429, 503):
        return AssetThrottledError
    if status >= 500:
        return AssetServerError
    if any(word in lower for word in _TIMEOUT):
        return ReadTimeoutError
    if any(word in lower for word in _STUMBLED):
        return AssetServerError
    if any(word in lower for word in _FORBIDDEN):
        return AssetForbiddenError
    if any(word in lower for word in _MISSING):
        return AssetMissingError
    return AssetCorruptError


_WHAT = {
    AssetForbiddenError: (
        "is refused",
        "Check the credentials of its provider (`swath doctor` tells which are present).",
    ),
    AssetMissingError: (
        "is missing",
        "The archive may have moved or withdrawn it: search again, or skip its date (on_missing: skip).",
    ),
    AssetThrottledError: ("is throttled by its archive", "Lower SWATH_HOST_RATE."),
    AssetServerError: ("could not be fetched", "The archive or the network stumbled: `swath retry` takes it up."),
    ReadTimeoutError: ("took too long", "Raise SWATH_READ_TIMEOUT_S or try again."),
    AssetCorruptError: (
        "cannot be decoded",
        "It is truncated, damaged or no raster: ask the provider for it anew, or skip its date (on_missing: skip).",
    ),
}


def read_error(error: BaseException, href: str, **facts: Any) -> ReadError:
    """The error of Swath for what rasterio or GDAL said about a file.

    Args:
        error: As raised.
        href: Of the asset; shown without its query, which may hold a token.
        **facts: band, item.

    Returns:
        One of the `ReadError` types; not raised here.
    """
    if isinstance(error, ReadError):
        return error
    kind = _kind(_words(error))
    shown = unsigned(href)
    said = " ".join(_words(error).replace(href, shown).split())
    said = re.sub(r"\?[^\s'\"|]+", "", said)[:300]
    what, fix = _WHAT[kind]
    if kind is ReadTimeoutError:
        what = f"{what} (limit {settings().read_timeout_s:g} s)"
    return kind(f"{shown} {what}: {said}", href=shown, fix=fix, **facts)
