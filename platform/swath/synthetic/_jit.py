"""How kernels of this room are compiled: without the GIL, cached by the digest of the room's sources.

numba looks only at the file of a kernel when it decides whether a cached one still holds, not at the
files of the kernels that it calls. So the cache's folder is named by the digest of all of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba

from swath.settings import settings


def _digest() -> str:
    total = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        total.update(path.read_bytes())
    return total.hexdigest()[:12]


_FOLDER = str(settings().cache.expanduser() / "numba" / f"synthetic-{_digest()}")


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a function on its first call, with IEEE arithmetic in the order written, and cache it."""
    config: Any = numba.config  # read while decorating, so the setting is put back for other rooms
    before = config.CACHE_DIR
    config.CACHE_DIR = _FOLDER
    try:
        return numba.njit(function, nogil=True, cache=True, fastmath=False, error_model="numpy")
    finally:
        config.CACHE_DIR = before
