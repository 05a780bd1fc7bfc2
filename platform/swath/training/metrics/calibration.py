"""Whether the probabilities of classes are true: confidence against how often it was right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from swath.training.metrics.plain import plain, ratio

BINS = 15  #: of confidence, equal widths of 0 to 1


@dataclass(frozen=True)
class Reliability:
    """Sums by bin of confidence, the probability of the class that was chosen; those of parts of the data add up.

    Attributes:
        sums: (3, BINS) float64: pixels, sum of confidence, pixels that were right.
    """

    sums: NDArray[np.float64]

    SIZE = 3 * BINS

    @classmethod
    def of(cls, confidence: NDArray[Any], right: NDArray[Any], weight: NDArray[Any] | None = None) -> Reliability:
        """Of labelled pixels.

        Args:
            confidence: Probability of the chosen class, any shape.
            right: Whether it is the label's, the same shape.
            weight: What each counts, the same shape; 1 each by default.
        """
        p, hit = np.ravel(confidence).astype(np.float64), np.ravel(right).astype(np.float64)
        at = np.clip(np.ceil(p * BINS).astype(np.int64) - 1, 0, BINS - 1)  # (0, 1/15], (1/15, 2/15], …
        each = np.ones_like(p) if weight is None else np.ravel(weight).astype(np.float64)
        return cls(np.stack([np.bincount(at, weights=each * w, minlength=BINS) for w in (np.ones_like(p), p, hit)]))

    def __add__(self, other: Reliability) -> Reliability:
        return Reliability(self.sums + other.sums)

    @property
    def error(self) -> float | None:
        """Expected calibration error (Guo et al. 2017, arXiv:1706.04599, equation 3): sum n/N |accuracy - confidence|.

        None without pixels.
        """
        pixels, confidence, right = self.sums
        return plain(ratio(np.abs(right - confidence).sum(), pixels.sum()))

    def figures(self) -> dict[str, Any]:
        """`ece`, and `reliability`: bins with pixels, their mean confidence and accuracy."""
        bins = [{"pixels": int(n), "confidence": p / n, "accuracy": hit / n} for n, p, hit in self.sums.T.tolist() if n]
        return {"ece": self.error, "reliability": bins}
