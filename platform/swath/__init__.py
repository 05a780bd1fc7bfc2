"""Swath: satellite archives into maps that can be trusted, at continental scale."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from swath.mapping.cube import open_cube

__all__ = ["__version__", "open_cube"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # lazy, so that `import swath` costs nothing and no room is loaded that is not used
    if name == "open_cube":
        from swath.mapping.cube import open_cube

        return open_cube
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
