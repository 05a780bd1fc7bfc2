"""How far a place is outside of what a model has seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from swath.training.tables.scaling import Scaling

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Range:
    """Lowest and highest number of each column of predictors in training.

    Attributes:
        low: (columns,) of columns as `Scaling.spread` gives them.
        high: (columns,).
        codes: Columns of each band of codes.
    """

    low: Floats
    high: Floats
    codes: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, columns: Floats, scaling: Scaling) -> Range:
        """Of training rows (n, columns); places count as a predictor where the model takes them."""
        low, high = columns.min(axis=0).astype(np.float32), columns.max(axis=0).astype(np.float32)
        codes, first = [], len(scaling.numbers) + len(scaling.tilted)
        for known in scaling.codes.values():
            codes.append(tuple(range(first, first + len(known))))
            low[first : first + len(known)], high[first : first + len(known)] = 0, 1
            first += len(known)
        return cls(low, high, tuple(codes))

    def outside(self, columns: Floats) -> Floats:
        """Per cent of a predictor's range by which a row lies beyond it, of the one that is furthest out; 0 within.

        The negative part of the multivariate environmental similarity surface, its sign changed (MESS; Elith et al.
        2010, doi:10.1111/j.2041-210X.2010.00036.x, appendix S3). A code that training lacks counts as 100.

        Args:
            columns: (n, columns), as `Scaling.spread` gives them.
        """
        beyond = np.maximum(np.maximum(self.low - columns, columns - self.high), 0) / ((self.high - self.low) / 100)
        unknown = [100 * (1 - columns[:, list(one)].sum(axis=1)) for one in self.codes]
        return np.max([beyond.max(axis=1), *unknown], axis=0).astype(np.float32)
