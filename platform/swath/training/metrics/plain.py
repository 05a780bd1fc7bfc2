"""Figures that have no meaning: NaN while they are counted with, None where they are told."""

from __future__ import annotations

from typing import Any

import numpy as np


def ratio(top: Any, bottom: Any) -> Any:
    """Quotients; NaN where the lower part is not above 0."""
    bottom = np.asarray(bottom, np.float64)
    return np.divide(top, bottom, out=np.full(bottom.shape, np.nan), where=bottom > 0)[()]


def plain(value: Any) -> float | None:
    """A JSON-ready number; None for NaN and infinity."""
    return float(value) if np.isfinite(value) else None
