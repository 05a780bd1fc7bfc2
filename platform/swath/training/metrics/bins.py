"""Bias by size of the prediction, and the value at which a map stops rising: sums by fine bins that workers add up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_DECADE = (1, 1.25, 1.6, 2, 2.5, 3.15, 4, 5, 6.3, 8)  # preferred numbers R10 of ISO 3
_UP = np.array([step * 10.0**power for power in range(-2, 5) for step in _DECADE])
#: Edges of the bins: steps of a quarter from 0.01 to 80,000, to both sides of 0. What lies beyond falls into the ends.
EDGES: NDArray[np.float64] = np.concatenate([-_UP[::-1], [0.0], _UP])
BINS = len(EDGES) + 1
_SHOWN = 10  # bins that are told, of about as many labels each
_LEAST = 0.05  # of the labels must lie beyond a point of saturation, and before it


@dataclass(frozen=True)
class ValueBins:
    """Sums by bin of the estimate, and by bin of the value; those of parts of the data add up.

    Attributes:
        sums: (2, BINS, 5) float64: by estimate, by value; pairs, value, estimate, estimate^2, error^2.
    """

    sums: NDArray[np.float64]

    SHAPE = (2, BINS, 5)
    SIZE = 2 * BINS * 5

    @classmethod
    def of(cls, truth: NDArray[Any], estimate: NDArray[Any]) -> ValueBins:
        """Of pairs of any shape; those whose truth is not finite are left out."""
        keep = np.isfinite(truth)
        y, p = truth[keep].astype(np.float64), estimate[keep].astype(np.float64)
        columns = (np.ones_like(y), y, p, p * p, (p - y) ** 2)
        sums = [
            np.stack([np.bincount(at, weights=column, minlength=BINS) for column in columns], 1)
            for at in (np.searchsorted(EDGES, by, side="right") for by in (p, y))
        ]
        return cls(np.stack(sums))

    def __add__(self, other: ValueBins) -> ValueBins:
        return ValueBins(self.sums + other.sums)

    def by_prediction(self) -> list[dict[str, Any]]:
        """Bias and RMSE by size of the prediction: about ten bins of about as many labels, JSON-ready; [] of nothing.

        Each has `low`, `high` (None at an open end), `pixels`, `prediction` (mean), `bias` (mean of estimate - value),
        `rmse`.
        """
        found, rows = self.sums[0], []
        total, start, taken = found[:, 0].sum(), 0, np.zeros(5)
        for at, row in enumerate(found):
            taken = taken + row
            left = found[at + 1 :, 0].sum()
            # the last bin takes what would be too small to stand alone
            if taken[0] and (not left or (taken[0] >= total / _SHOWN and left >= total / _SHOWN / 2)):
                n, y, p, _, squared = taken
                low = float(EDGES[start - 1]) if start else None
                high = float(EDGES[at]) if at < len(EDGES) else None
                told = {"prediction": p / n, "bias": (p - y) / n, "rmse": np.sqrt(squared / n)}
                rows.append({"low": low, "high": high, "pixels": int(n), **{k: float(v) for k, v in told.items()}})
                start, taken = at + 1, np.zeros(5)
            if not left:
                break
        return rows

    def saturation(self) -> float | None:
        """The value above which the estimate rises less than half as steeply as below it; None where there is none.

        A line with one bend is fitted to the mean estimate by bin of the value, weighted by pairs; the bend is where
        it fits best, with at least a twentieth of the pairs on either side. It counts if the slope above is less than
        half of that below by 1.64 standard errors, from the spread of estimates within bins (Muggeo 2003,
        doi:10.1002/sim.1545, for a line with a bend).
        """
        rows = self.sums[1][self.sums[1][:, 0] > 0]
        n, y, p, square = rows[:, 0], rows[:, 1] / rows[:, 0], rows[:, 2] / rows[:, 0], rows[:, 3]
        spare = n.sum() - len(n)
        if len(n) < 4 or spare < 1:
            return None
        noise = max(float((square - n * p * p).sum() / spare), 1e-12 * float(square.sum() / n.sum()))
        share = np.cumsum(n) / n.sum()
        inner = (share[:-1] >= _LEAST) & (share[:-1] <= 1 - _LEAST)
        edge = (y[:-1] + y[1:]) / 2
        ends = edge[inner]
        if not len(ends):
            return None
        best: tuple[float, float, NDArray[np.float64], NDArray[np.float64]] | None = None
        for bend in np.linspace(ends[0], ends[-1], 200) if len(ends) > 1 else ends:
            if min((y < bend).sum(), (y > bend).sum()) < 2:
                continue
            design = np.stack([np.ones_like(y), y, np.maximum(y - bend, 0)], 1)
            square_of = design.T @ (design * n[:, None])
            found = np.linalg.solve(square_of, design.T @ (n * p))
            left = float((n * (p - design @ found) ** 2).sum())
            if best is None or left < best[0]:
                best = (left, float(bend), found, np.linalg.inv(square_of) * noise)
        if best is None:
            return None
        _, at, (_, below, turn), covariance = best
        # slope above - half the slope below = below / 2 + turn
        combine = np.array([0, 0.5, 1])
        error = np.sqrt(combine @ covariance @ combine)
        return at if below > 0 and below / 2 + turn + 1.64 * error < 0 else None

    def figures(self) -> dict[str, Any]:
        """`bias_by_bin`: see `by_prediction`; `saturation`, in the unit of the value."""
        return {"bias_by_bin": self.by_prediction(), "saturation": self.saturation()}
