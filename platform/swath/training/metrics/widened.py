"""A distribution that is stretched about its middle, as a calibrated map tells it."""

from __future__ import annotations

from dataclasses import dataclass

from swath.training.metrics.distributions import Distribution, Floats


@dataclass(frozen=True)
class Widened:
    """Of each label: `middle + factor x (X - middle)`, X being what the network says.

    Attributes:
        inner: X.
        middle: In the unit of the value, (labels,).
        factor: Above 0, (labels,).
    """

    inner: Distribution
    middle: Floats
    factor: Floats

    def interval(self) -> tuple[Floats, Floats]:
        """Bounds of X, moved."""
        low, high = self.inner.interval()
        return self.middle + self.factor * (low - self.middle), self.middle + self.factor * (high - self.middle)

    def with_error(self, error: Floats) -> Widened:
        """An error is not stretched: X gets one that becomes it."""
        return Widened(self.inner.with_error(error / self.factor), self.middle, self.factor)

    def crps(self, y: Floats) -> Floats:
        """It grows as the distribution does."""
        return self.factor * self.inner.crps(self._back(y))

    def pit(self, y: Floats) -> Floats:
        """As of X."""
        return self.inner.pit(self._back(y))

    def _back(self, y: Floats) -> Floats:
        return self.middle + (y - self.middle) / self.factor
