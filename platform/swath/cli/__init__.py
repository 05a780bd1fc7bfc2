"""The `swath` command."""

from __future__ import annotations

from swath.cli.app import main

__all__ = ["main"]
