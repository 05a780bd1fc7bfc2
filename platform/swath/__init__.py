"""Swath: satellite archives into maps that can be trusted, at continental scale."""

from __future__ import annotations

__version__ = "0.1.0"
