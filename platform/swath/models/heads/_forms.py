"""Forms of a prediction of values: what a head's scores are, and how a map's numbers follow from them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist

import torch
from torch import Tensor
from torch.nn import functional

from swath.errors import ModelError
from swath.models.features import choice, number

FORMS = ("point", "gaussian", "laplace", "quantiles")
LOG_SCALE = (-10.0, 10.0)  #: a log of a scale beyond is clipped, as in the losses
LARGEST_LOG = 30.0  #: of a value in log space: what lies beyond (1e13) would overflow
LARGEST_SPREAD = 3.0  #: of a value in log space: beyond, its mean is 90 times its median


@dataclass(frozen=True)
class Form:
    """What the scores of one value are, and what is made of them.

    Attributes:
        name: One of `FORMS`.
        gives: What a map gets of a value, in order: `mean`, `median`, `sd`, `q05` and the like.
        levels: Of the quantiles; empty for other forms.
        log: Scores are logs of value + shift.
        shift: In the unit of the value.
        correction: The mean in log space is multiplied by it on the way back.
    """

    name: str
    gives: tuple[str, ...]
    levels: tuple[float, ...]
    log: bool
    shift: float
    correction: float

    @classmethod
    def of(cls, name: object, gives: object, levels: object, *, log: object, shift: object, correction: object) -> Form:
        """Check settings.

        Raises:
            ModelError: One that is unknown, or that the form cannot give.
        """
        form = choice("form", name, FORMS)
        if not isinstance(log, bool):
            raise ModelError(f"Setting log of a network is {log!r}.", fix="Give true or false.", setting="log")
        made = cls(
            form,
            tuple(word.strip() for word in str(gives).split(",")),
            _levels(levels) if form == "quantiles" else (),
            log,
            number("shift", shift, low=0, high=1e9),
            number("correction", correction, low=1e-3, high=1e3),
        )
        if made.correction != 1 and (not log or form == "quantiles"):
            why = "quantiles go through a log as they are" if log else "without log there is no way back"
            raise ModelError(
                f"Setting correction of a network is {correction!r}, and form {form} has no use for it: {why}.",
                fix="Leave it at 1.",
                setting="correction",
            )
        if len(set(made.gives)) < len(made.gives):
            raise ModelError(f"Setting gives of a network is {gives!r}.", fix="Name each thing once.", setting="gives")
        for word in made.gives:
            made._maker(word)
        return made

    @property
    def scores(self) -> int:
        """Channels of one value before the closing formula."""
        return {"point": 1, "quantiles": len(self.levels)}.get(self.name, 2)

    def ordered(self, raw: Tensor) -> Tensor:
        """(N, scores, H, W) of one value as the loss takes them: of quantiles, steps become values that rise."""
        if self.name != "quantiles":
            return raw
        middle = min(range(len(self.levels)), key=lambda place: abs(self.levels[place] - 0.5))
        made = {middle: raw[:, middle]}
        for place in range(middle + 1, len(self.levels)):
            made[place] = made[place - 1] + functional.softplus(raw[:, place])
        for place in range(middle - 1, -1, -1):
            made[place] = made[place + 1] - functional.softplus(raw[:, place])
        return torch.stack([made[place] for place in range(len(self.levels))], dim=1)

    def pooled(self, scores: Sequence[Tensor]) -> Tensor:
        """(N, scores, H, W) of each network to those of one distribution: the mean of their points, or quantiles.

        A spread takes in what the networks differ by: the variance is that of their mixture (Lakshminarayanan et al.
        2017, arXiv:1612.01474, section 2.4).
        """
        each = torch.stack(list(scores))
        if self.name not in ("gaussian", "laplace"):
            return each.mean(dim=0)
        ratio = 2.0 if self.name == "laplace" else 1.0  # of the variance to the square of the scale
        means = each[:, :, :1]
        middle = means.mean(dim=0)
        inner = ratio * each[:, :, 1:].clamp(*LOG_SCALE).mul(2).exp().mean(dim=0)
        outer = (means - middle).square().mean(dim=0)
        return torch.cat([middle, 0.5 * torch.log((inner + outer) / ratio)], dim=1)

    def close(self, scores: Tensor) -> Tensor:
        """(N, scores, H, W) of one value to what the map gets: (N, len(gives), H, W)."""
        return torch.stack([self._maker(word)(scores) for word in self.gives], dim=1)

    def _maker(self, word: str) -> Callable[[Tensor], Tensor]:
        """The formula of one thing that is given.

        Raises:
            ModelError: This form does not give it.
        """
        makers = {"point": self._point, "gaussian": self._gaussian, "laplace": self._laplace}
        found = makers.get(self.name, self._quantiles)(word, _level(word))
        if found is None:
            raise ModelError(
                f"Setting gives of a network names {word!r}, which form {self.name}{' in log space' * self.log} does "
                "not give.",
                fix=self._choices(),
                setting="gives",
            )
        return found

    def _choices(self) -> str:
        if self.name == "point":
            return "It gives mean."
        if self.name == "quantiles":
            return f"It gives mean, sd, and the quantiles of its levels {', '.join(f'{t:g}' for t in self.levels)}."
        return "It gives mean, median, " + ("" if self.name == "laplace" and self.log else "sd, ") + "and q05 to q95."

    def _back(self, z: Tensor, factor: float = 1.0) -> Tensor:
        """A value from a score."""
        return torch.exp(z.clamp(max=LARGEST_LOG)) * factor - self.shift if self.log else z

    def _point(self, word: str, level: float | None) -> Callable[[Tensor], Tensor] | None:
        return (lambda scores: self._back(scores[:, 0], self.correction)) if word == "mean" else None

    def _gaussian(self, word: str, level: float | None) -> Callable[[Tensor], Tensor] | None:
        if level is not None:
            z = NormalDist().inv_cdf(level)
            return lambda scores: self._back(scores[:, 0] + z * _scale(scores))
        if word == "mean":
            return self._lognormal_mean if self.log else (lambda scores: scores[:, 0])
        if word == "sd":
            return self._lognormal_sd if self.log else _scale
        return None

    def _lognormal_mean(self, scores: Tensor) -> Tensor:
        """exp(m + s^2 / 2) - shift, times the correction before the shift."""
        spread = _scale(scores).clamp(max=LARGEST_SPREAD)
        return self._back(scores[:, 0] + 0.5 * spread**2, self.correction)

    def _lognormal_sd(self, scores: Tensor) -> Tensor:
        """Square root of exp(s^2) - 1, times the mean before the shift."""
        spread = _scale(scores).clamp(max=LARGEST_SPREAD)
        return (self._lognormal_mean(scores) + self.shift) * (torch.exp(spread**2) - 1).sqrt()

    def _laplace(self, word: str, level: float | None) -> Callable[[Tensor], Tensor] | None:
        if level is not None:
            step = math.copysign(math.log(1 - 2 * abs(level - 0.5)), level - 0.5)
            return lambda scores: self._back(scores[:, 0] + step * _scale(scores))
        if word == "mean":
            return lambda scores: self._back(scores[:, 0], self.correction)
        if word == "sd" and not self.log:  # the log-Laplace distribution has none where the scale is half or more
            return lambda scores: math.sqrt(2) * _scale(scores)
        return None

    def _quantiles(self, word: str, level: float | None) -> Callable[[Tensor], Tensor] | None:
        levels = self.levels
        if level is not None:
            place = next((n for n, known in enumerate(levels) if math.isclose(known, level, abs_tol=1e-9)), None)
            return None if place is None else (lambda scores: self._back(scores[:, place]))
        if word == "mean":
            # the quantile function, straight between levels and flat beyond them, integrated over all levels
            edges = [0.0, *((a + b) / 2 for a, b in pairwise(levels)), 1.0]
            shares = [b - a for a, b in pairwise(edges)]
            return lambda scores: sum(
                (share * self._back(scores[:, n]) for n, share in enumerate(shares)), torch.zeros_like(scores[:, 0])
            )
        if word == "sd" and len(levels) > 1:
            # of the normal distribution with the same outer quantiles
            width = NormalDist().inv_cdf(levels[-1]) - NormalDist().inv_cdf(levels[0])
            return lambda scores: (self._back(scores[:, -1]) - self._back(scores[:, 0])) / width
        return None


def _scale(scores: Tensor) -> Tensor:
    return scores[:, 1].clamp(*LOG_SCALE).exp()


def _level(word: str) -> float | None:
    """Level of `q05` (0.05) or `q975` (0.975), 0.5 of `median`; None of other words."""
    if word == "median":
        return 0.5
    found = re.fullmatch(r"q(\d{2,4})", word)
    level = float(f"0.{found[1]}") if found else 0.0
    return level if 0 < level < 1 else None


def _levels(told: object) -> tuple[float, ...]:
    """Levels of quantiles.

    Raises:
        ModelError: They do not rise between 0 and 1.
    """
    words: Sequence[str] = [word.strip() for word in str(told).split(",")]
    try:
        levels = tuple(float(word) for word in words)
    except ValueError:
        levels = ()
    if not levels or not all(a < b for a, b in pairwise((0.0, *levels, 1.0))):
        raise ModelError(
            f"Setting levels of a network is {told!r}.",
            fix="Give rising numbers between 0 and 1, as '0.05,0.5,0.95'.",
            setting="levels",
        )
    return levels
