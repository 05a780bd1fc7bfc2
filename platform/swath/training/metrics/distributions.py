"""How good a map's uncertainty is: CRPS, coverage and width of its interval, and where labels fall in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import special

from swath.training.metrics.plain import plain, ratio

LEVEL = 0.9  #: of the interval whose coverage and width are told
PIT_BINS = 10
Floats = NDArray[np.float64]


class Distribution(Protocol):
    """What a map says of each label, in the unit of the value."""

    def interval(self) -> tuple[Floats, Floats]:
        """Bounds of the central interval of `LEVEL`, as it is published."""
        ...

    def with_error(self, error: Floats) -> Distribution:
        """The distribution of a label of that standard error, where the map's is that of the truth."""
        ...

    def crps(self, y: Floats) -> Floats:
        """Continuous ranked probability score of each label; lower is better."""
        ...

    def pit(self, y: Floats) -> Floats:
        """Share of the distribution below each label: evenly spread over 0 to 1 where it is right."""
        ...


@dataclass(frozen=True)
class Normal:
    """Of each label: mean and standard deviation."""

    mean: Floats
    sd: Floats

    def interval(self) -> tuple[Floats, Floats]:
        """Mean ± 1.645 sd."""
        half = special.ndtri(0.5 + LEVEL / 2) * self.sd
        return self.mean - half, self.mean + half

    def with_error(self, error: Floats) -> Normal:
        """Variances add up."""
        return Normal(self.mean, np.hypot(self.sd, error))

    def crps(self, y: Floats) -> Floats:
        """Gneiting and Raftery 2007 (doi:10.1198/016214506000001437), equation 21, with the sign turned."""
        z = (y - self.mean) / self.sd
        density = np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
        return self.sd * (z * (2 * special.ndtr(z) - 1) + 2 * density - 1 / np.sqrt(np.pi))

    def pit(self, y: Floats) -> Floats:
        """Of the normal distribution."""
        return special.ndtr((y - self.mean) / self.sd)


@dataclass(frozen=True)
class Laplace:
    """Of each label: mean and scale b; the standard deviation is sqrt(2) b."""

    mean: Floats
    scale: Floats

    def interval(self) -> tuple[Floats, Floats]:
        """Mean ± b log 10: the tails hold exp(-t / b)."""
        half = -np.log(1 - LEVEL) * self.scale
        return self.mean - half, self.mean + half

    def with_error(self, error: Floats) -> Laplace:
        """Variances add up; the shape is held, as in the loss."""
        return Laplace(self.mean, np.sqrt(self.scale**2 + error**2 / 2))

    def crps(self, y: Floats) -> Floats:
        """Jordan, Krüger and Lerch 2019 (doi:10.18637/jss.v090.i12), appendix A."""
        off = np.abs(y - self.mean) / self.scale
        return self.scale * (off + np.exp(-off) - 0.75)

    def pit(self, y: Floats) -> Floats:
        """Of the Laplace distribution."""
        z = (y - self.mean) / self.scale
        tail = 0.5 * np.exp(-np.abs(z))
        return np.where(z < 0, tail, 1 - tail)


@dataclass(frozen=True)
class LogNormal:
    """Of each label: mean and standard deviation of log(value + shift)."""

    mean: Floats
    sd: Floats
    shift: float = 0.0

    def interval(self) -> tuple[Floats, Floats]:
        """Quantiles go through the exponential."""
        low, high = Normal(self.mean, self.sd).interval()
        return np.exp(low) - self.shift, np.exp(high) - self.shift

    def with_error(self, error: Floats) -> LogNormal:
        """By the delta method about the median: the error of the log is error / (median + shift)."""
        return LogNormal(self.mean, np.hypot(self.sd, error * np.exp(-self.mean)), self.shift)

    def crps(self, y: Floats) -> Floats:
        """Jordan, Krüger and Lerch 2019 (doi:10.18637/jss.v090.i12), appendix A; a shift changes nothing."""
        raised = y + self.shift
        z = (np.log(np.maximum(raised, 1e-300)) - self.mean) / self.sd
        mean = np.exp(self.mean + self.sd**2 / 2)
        part = special.ndtr(z - self.sd) + special.ndtr(self.sd / np.sqrt(2)) - 1
        return raised * (2 * special.ndtr(z) - 1) - 2 * mean * part

    def pit(self, y: Floats) -> Floats:
        """Of the logs; 0 at -shift and below."""
        raised = y + self.shift
        return np.where(raised > 0, special.ndtr((np.log(np.maximum(raised, 1e-300)) - self.mean) / self.sd), 0.0)


@dataclass(frozen=True)
class Quantiles:
    """Of each label: quantiles at rising levels, (labels, Q).

    They are of the label, its noise included: a label's error widens nothing.
    """

    values: Floats
    levels: tuple[float, ...]

    def interval(self) -> tuple[Floats, Floats]:
        """The outermost levels that hold `LEVEL`: q05 and q95.

        Raises:
            ValueError: The levels have no such pair.
        """
        at = [np.flatnonzero(np.isclose(self.levels, share)) for share in (0.5 - LEVEL / 2, 0.5 + LEVEL / 2)]
        if not all(map(len, at)):
            raise ValueError(f"levels {self.levels} have no {LEVEL:.0%} interval; take 0.05 and 0.95 among them")
        return self.values[:, at[0][0]], self.values[:, at[1][0]]

    def with_error(self, error: Floats) -> Quantiles:
        """The same."""
        return self

    def crps(self, y: Floats) -> Floats:
        """Twice the pinball loss integrated over levels (Gneiting and Ranjan 2011, doi:10.1198/jbes.2010.08110).

        Each level stands for the levels that lie nearest to it.
        """
        above = y[:, None] - self.values
        levels = np.array(self.levels)
        edges = np.concatenate([[0.0], (levels[1:] + levels[:-1]) / 2, [1.0]])
        pinball = np.maximum(levels * above, (levels - 1) * above)
        return 2 * (pinball * np.diff(edges)).sum(1)

    def pit(self, y: Floats) -> Floats:
        """By a straight line between quantiles; beyond the outermost ones, the middle of what lies there."""
        values = np.maximum.accumulate(self.values, 1)
        levels = np.array([0, *self.levels, 1])
        place = (y[:, None] > values).sum(1)  # quantiles below the label
        low, high = (
            np.take_along_axis(values, at[:, None].clip(0, len(self.levels) - 1), 1)[:, 0] for at in (place - 1, place)
        )
        inner = (place > 0) & (place < len(self.levels))
        way = np.where(inner, ratio(y - low, high - low), 0.5)
        return levels[place] + way * (levels[place + 1] - levels[place])


@dataclass(frozen=True)
class DistributionSums:
    """Sums over labels; those of parts of the data add up.

    Attributes:
        sums: (SIZE,) float64: labels, CRPS, labels within the interval, its width, labels with a standard error, of
            them within the interval that their error widens, then labels by tenth of the distribution.
    """

    sums: Floats

    SIZE = 6 + PIT_BINS

    @classmethod
    def of(
        cls,
        truth: NDArray[Any],
        said: Distribution,
        error: NDArray[Any] | None = None,
        *,
        low: float | None = None,
        high: float | None = None,
    ) -> DistributionSums:
        """Of labels.

        Args:
            truth: (labels,), all finite.
            said: What the map says of each.
            error: (labels,) standard error of each; 0 where none is known.
            low: What the map sets lower values to, bounds of its interval among them.
            high: What it sets higher values to.
        """
        y = truth.astype(np.float64)
        noise = np.zeros_like(y) if error is None else error.astype(np.float64)
        of_label = said.with_error(noise)
        least, most = (np.clip(bound, low, high) for bound in said.interval())
        wide_low, wide_high = of_label.interval()  # a noisy label may lie beyond what the map can say
        known = noise > 0
        place = np.clip((of_label.pit(y) * PIT_BINS).astype(np.int64), 0, PIT_BINS - 1)
        sums = [
            y.size, of_label.crps(y).sum(), ((y >= least) & (y <= most)).sum(), (most - least).sum(),
            known.sum(), (known & (y >= wide_low) & (y <= wide_high)).sum(),
        ]  # fmt: skip
        return cls(np.concatenate([sums, np.bincount(place, minlength=PIT_BINS)]).astype(np.float64))

    def __add__(self, other: DistributionSums) -> DistributionSums:
        return DistributionSums(self.sums + other.sums)

    def figures(self) -> dict[str, Any]:
        """JSON-ready; None without meaning.

        crps: Mean; of the label, whose error is part of the distribution.
        coverage_90: Share of labels within the map's own interval.
        coverage_90_label: Of labels with a standard error, within the interval that it widens: about 0.9 where the map
            is right about the truth and the errors are right too.
        width_90: Mean of the map's own interval.
        pit: Share of labels in each tenth of the distribution; a tenth each where it is right.
        """
        n, crps, inside, width, known, inside_wide = self.sums[:6]
        return {
            "crps": plain(ratio(crps, n)),
            "coverage_90": plain(ratio(inside, n)),
            "coverage_90_label": plain(ratio(inside_wide, known)),
            "width_90": plain(ratio(width, n)),
            "pit": None if not n else (self.sums[6:] / n).tolist(),
        }


def crps(sums: NDArray[Any]) -> Any:
    """Mean CRPS. Sums may be stacked: (..., SIZE) gives (...)."""
    return ratio(sums[..., 1], sums[..., 0])


def coverage(sums: NDArray[Any]) -> Any:
    """Share of labels within the map's own interval."""
    return ratio(sums[..., 2], sums[..., 0])


def check_levels(levels: Sequence[float]) -> tuple[float, ...]:
    """Levels of quantiles, checked.

    Raises:
        ValueError: They do not rise within (0, 1), or have no interval of `LEVEL`.
    """
    told = tuple(float(level) for level in levels)
    if not all(a < b for a, b in zip((0.0, *told), (*told, 1.0), strict=True)):
        raise ValueError(f"levels {told} do not rise within (0, 1)")
    Quantiles(np.zeros((1, len(told))), told).interval()
    return told
