"""Compiled loops: one place for how numba compiles and where it keeps what it compiled."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

from swath.settings import settings

F = TypeVar("F", bound=Callable[..., Any])

# numba reads NUMBA_CACHE_DIR once, at its import; a user who set it keeps the last word
if not os.environ.get("NUMBA_CACHE_DIR"):
    setattr(numba.config, "CACHE_DIR", str(settings().cache.expanduser() / "kernels"))  # noqa: B010 - set at its import


def compiled(function: F) -> F:
    """Compile a loop over arrays: kept on disk, without the GIL, division as numpy does it."""
    loop: Any = numba.njit(cache=True, nogil=True, error_model="numpy")
    return cast(F, loop(function))


def inlined(function: F) -> F:
    """Compile a helper of a compiled loop, so that the optimiser sees through the call."""
    loop: Any = numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")
    return cast(F, loop(function))
