"""Accuracy and areas of a map from a probability sample, published formula and default interval side by side."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from swath.assessment.posterior import intervals
from swath.assessment.stratified import Figures, shares, standard_errors
from swath.assessment.tally import Tally
from swath.errors import SampleError

FEW = 5  #: omission units; an estimate that rests on fewer is flagged
TITLE = "design-based"


@dataclass(frozen=True)
class Estimate:
    """A figure of a map.

    Attributes:
        figure: `overall_accuracy`, `users_accuracy`, `producers_accuracy`, `f1` or `area`.
        of: Class; empty for what is of all.
        value: Share, or hectares of an area; NaN where the figure has no meaning.
        standard_error: By the published formula.
        published: Its interval, value -+ z standard errors, low and high.
        low: Of the default interval.
        high: Of it.
        omitted: Units of the class that the map calls something else; None for what is of all.
        is_few: The estimate rests on fewer than five of them: the published interval is too short.
    """

    figure: str
    of: str
    value: float
    standard_error: float
    published: tuple[float, float]
    low: float
    high: float
    omitted: int | None
    is_few: bool


@dataclass(frozen=True)
class Accuracy:
    """What a sample says of a map.

    Attributes:
        tally: The sample.
        level: Of the intervals.
        estimates: All figures.
        title: What they are.
    """

    tally: Tally
    level: float
    estimates: tuple[Estimate, ...]
    title: str = TITLE

    def of(self, figure: str, name: str = "") -> Estimate:
        """One figure.

        Raises:
            KeyError: There is none.
        """
        for one in self.estimates:
            if (one.figure, one.of) == (figure, name):
                return one
        raise KeyError((figure, name))

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; None where a figure has no meaning."""
        return {
            "title": self.title,
            "level": self.level,
            "area_ha": self.tally.area,
            "units": int(self.tally.counts.sum()),
            "estimates": [{name: plain(value) for name, value in asdict(one).items()} for one in self.estimates],
        }


def accuracy(
    tally: Tally, *, level: float = 0.95, seed: int = 0, effects: NDArray[np.float64] | None = None, title: str = TITLE
) -> Accuracy:
    """Overall, user's and producer's accuracy, F1, and the area of each class in hectares.

    Args:
        tally: The sample.
        level: Of the intervals, as 0.95.
        seed: Of the draws that the default intervals rest on.
        effects: (F,) variance of the design over that of simple random samples, by figure of `Figures.of`; None: 1.
        title: What the estimates are.

    Raises:
        SampleError: A level that is none.
    """
    if not 0.5 <= level < 1:
        raise SampleError(f"A level of {level:g} is none.", fix="Give a share from 0.5 to below 1, as 0.95.")
    figures = Figures.of(tally.classes)
    values = figures.ratios(shares(tally))
    errors = standard_errors(tally, figures) * (1.0 if effects is None else np.sqrt(effects))
    ours = intervals(tally, figures, level=level, seed=seed, effects=effects)
    z = NormalDist().inv_cdf((1 + level) / 2)
    whole = tally.counts.sum(axis=0)
    missed = dict(zip(tally.classes, (whole.sum(axis=0) - np.diagonal(whole)).tolist(), strict=True))
    made = []
    for (figure, name), value, error, (low, high) in zip(figures.names, values, errors, ours, strict=True):
        scale = tally.area if figure == "area" else 1.0
        few = figure in ("producers_accuracy", "f1", "area") and missed[name] < FEW
        made.append(
            Estimate(
                figure,
                name,
                scale * value,
                scale * error,
                (scale * (value - z * error), scale * (value + z * error)),
                scale * low,
                scale * high,
                missed.get(name),
                few,
            )
        )
    return Accuracy(tally, level, tuple(made), title)


def plain(value: Any) -> Any:
    """JSON-ready; None for a number that is none."""
    if isinstance(value, tuple):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    return None if isinstance(value, float) and not np.isfinite(value) else value
