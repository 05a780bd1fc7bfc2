"""Values from rows: a line and small networks, averaged, and an interval that blocks of rows have checked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from swath.errors import LabelError
from swath.training.tables.perceptrons import PerceptronConfig, Perceptrons, learn_perceptrons
from swath.training.tables.scaling import Scaling
from swath.training.tables.table import Table

Floats = NDArray[np.float64]
REACH = 4.0  #: deviations; columns beyond are set to it, so that nothing is asked for what was never seen
_RIDGES = np.logspace(0, 3, 13)  # of the line, of which leave-one-out chooses (Golub, Heath and Wahba 1979)
_LEAST_BLOCKS = 3


class ValueConfig(BaseModel):
    """How values are learned from a table."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    network: PerceptronConfig = Field(default_factory=PerceptronConfig, description="What is averaged with the line.")
    parts: int = Field(
        default=5, ge=2, le=20, description="Of the training blocks: each is foretold by a model of the others."
    )
    level: float = Field(default=0.9, gt=0, lt=1, description="Of the interval.")
    low: float | None = Field(default=None, description="Least value that can be; null: any.")
    high: float | None = Field(default=None, description="Largest value that can be; null: any.")


@dataclass(frozen=True)
class Estimates:
    """What is said of each row, (n,) float64 in the unit of the target.

    Attributes:
        mean: Within what can be.
        sd: Standard deviation, as wide as blocks that were not learned from needed it.
        low: Lower bound of the interval.
        high: Upper bound.
    """

    mean: Floats
    sd: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True)
class _Fitted:
    """Line and networks of the same rows."""

    scaling: Scaling
    slope: Floats
    intercept: float
    centre: float
    unit: float
    networks: Perceptrons

    def parts(self, table: Table) -> tuple[Floats, Floats, Floats]:
        """Line, what the networks say beyond it, and their spread, (n,) each."""
        x = _columns(self.scaling, table)
        line = x @ self.slope + self.intercept
        mean, sd = self.networks.predict(x)
        return line, mean * self.unit + self.centre - line, sd * self.unit


@dataclass(frozen=True)
class ValueModel:
    """A model of values of a table.

    Attributes:
        config: How it was learned.
        share: Of the networks beside the line, 0 to 1: least squares over blocks that neither had seen (Breiman 1996,
            doi:10.1007/BF00117832). 0 is the line alone.
        spread: What their spread is multiplied by, so that it is the deviation over such blocks.
        reach: Half the interval, in their spreads.
        rows: That it learned from.
        blocks: In which they lie.
    """

    config: ValueConfig
    share: float
    spread: float
    reach: float
    rows: int
    blocks: int
    _fitted: _Fitted

    def predict(self, table: Table) -> Estimates:
        """Estimates of rows with the same columns."""
        line, added, sd = self._fitted.parts(table)
        mean = line + self.share * added
        low, high = self.config.low, self.config.high

        def kept(values: Floats) -> Floats:
            return values if low is None and high is None else np.clip(values, low, high)

        return Estimates(kept(mean), self.spread * sd, kept(mean - self.reach * sd), kept(mean + self.reach * sd))


def learn_values(
    table: Table, blocks: NDArray[np.integer[Any]], config: ValueConfig | None = None, *, seed: int = 0
) -> ValueModel:
    """Learn values, and from blocks that are held out in turn how far they are to be believed.

    A ridge regression and networks are fitted once to all rows, and once without each part of the blocks. Rows of the
    parts that were left out say three things: in which shares the two are best averaged, how wide their spread must be,
    and how wide an interval is of which `level` of them lie inside (normalised cross-conformal prediction: Vovk 2015,
    doi:10.1007/s10472-013-9368-4, with whole blocks in a part, since rows near each other are alike). That level then
    holds for blocks like these, not for a region that is unlike.

    Args:
        table: Rows with a target of numbers.
        blocks: (n,) number of the block of each row, as `Table.blocks` gives it.
        config: See the class.
        seed: Of parts, weights and noise.

    Raises:
        LabelError: No target, one that is no finite number or never varies, or fewer than three blocks.
    """
    config = config or ValueConfig()
    target = _target(table)
    names, number = np.unique(blocks, return_inverse=True)
    if len(names) < _LEAST_BLOCKS:
        raise LabelError(
            f"{table.source}: {len(table)} rows lie in {len(names)} blocks.",
            fix=f"Make blocks smaller: {_LEAST_BLOCKS} are needed to tell how far a model is to be believed.",
            blocks=len(names),
        )
    part = np.random.default_rng(seed).permutation(len(names))[number.reshape(-1)] % min(config.parts, len(names))
    line, added, sd = (np.zeros(len(table)) for _ in range(3))
    for held in np.unique(part):
        rows = part == held
        fitted = _fit(table.take(~rows), target[~rows], config.network, seed=seed)
        line[rows], added[rows], sd[rows] = fitted.parts(table.take(rows))
    weight = table.weight.astype(np.float64)
    share = float(np.clip((weight * added * (target - line)).sum() / max((weight * added**2).sum(), 1e-300), 0, 1))
    off = np.abs(target - line - share * added) / sd
    # the smallest distance that covers level x (n + 1) of the rows: a row to come is one more
    place = min(len(off), math.ceil(config.level * (len(off) + 1))) - 1
    return ValueModel(
        config=config,
        share=share,
        spread=float(np.sqrt(np.average(off**2, weights=weight))),
        reach=float(np.sort(off)[place]),
        rows=len(table),
        blocks=len(names),
        _fitted=_fit(table, target, config.network, seed=seed),
    )


def _fit(table: Table, target: Floats, config: PerceptronConfig, *, seed: int) -> _Fitted:
    from sklearn.linear_model import RidgeCV

    scaling = Scaling.fit([table])
    x = _columns(scaling, table)
    weight = table.weight / table.weight.mean()
    line = RidgeCV(_RIDGES).fit(x, target, sample_weight=weight)
    centre, unit = float(target.mean()), float(target.std()) or 1.0
    networks = learn_perceptrons(x, (target - centre) / unit, weight, config, seed=seed)
    return _Fitted(scaling, np.asarray(line.coef_, np.float64), float(line.intercept_), centre, unit, networks)


def _columns(scaling: Scaling, table: Table) -> Floats:
    """(n, columns) standardised, codes as columns of 0 and 1."""
    return scaling.spread(scaling.apply(table)).astype(np.float64).clip(-REACH, REACH)


def _target(table: Table) -> Floats:
    """(n,) numbers.

    Raises:
        LabelError: See `learn_values`.
    """
    if table.target is None:
        raise LabelError(f"{table.source} has no target.", fix="Name it in the schema.", file=table.source)
    try:
        target = np.asarray(table.target).astype(np.float64)
    except ValueError:
        target = np.full(len(table), np.nan)
    wrong = ~np.isfinite(target)
    if wrong.any():
        shown = ", ".join(str(value) for value in table.target[wrong][:5])
        raise LabelError(
            f"{table.source}: {wrong.sum()} rows have a target that is no finite number: {shown}.",
            fix="Leave these rows out, or name another column as the target.",
            rows=int(wrong.sum()),
        )
    if not target.std() > 0:
        raise LabelError(
            f"{table.source}: the target is {target[0]:g} in all {len(table)} rows.",
            fix="Give rows that differ: there is nothing to learn.",
        )
    return target
