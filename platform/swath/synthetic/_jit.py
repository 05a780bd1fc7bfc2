"""How kernels of this room are compiled: without the GIL, cached by the digest of the sources that they rest on.

numba looks only at the file of a kernel when it decides whether a cached one still holds, not at the
files of the kernels that it calls. So the cache's folder is named by the digest of a kernel's file and of all
files of this room that it imports, however far.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba

from swath.settings import settings

_HERE = Path(__file__).parent
_IMPORT = re.compile(rb"^\s*from swath\.synthetic\.(\w+) import", re.MULTILINE)


@cache
def digest(module: str) -> str:
    """Of a file of this room and of those it imports: the first 12 digits of a sha256."""
    found: dict[str, bytes] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = (_HERE / f"{name}.py").read_bytes()
            waiting += [word.decode() for word in _IMPORT.findall(found[name])]
    total = hashlib.sha256()
    for name in sorted(found):
        total.update(name.encode() + found[name])
    return total.hexdigest()[:12]


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a function on its first call, with IEEE arithmetic in the order written, and cache it."""
    module = function.__module__.rpartition(".")[2]
    config: Any = numba.config  # read while decorating, so the setting is put back for other rooms
    before = config.CACHE_DIR
    config.CACHE_DIR = str(settings().cache.expanduser() / "numba" / f"synthetic-{module}-{digest(module)}")
    try:
        return numba.njit(function, nogil=True, cache=True, fastmath=False, error_model="numpy")
    finally:
        config.CACHE_DIR = before
