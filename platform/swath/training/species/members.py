"""What is averaged: networks for all species, a forest and boosted trees for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from swath.models.trees import Trees
from swath.training.species.config import SpeciesConfig
from swath.training.species.records import Records
from swath.training.tables.boosted import boost
from swath.training.tables.forest import grow
from swath.training.tables.scaling import Scaling

if TYPE_CHECKING:
    from swath.training.species.network import Networks

Floats = NDArray[np.float32]
STEEP = 1e-6  #: least distance of two knots: where many places have one score, a rank leaps


@dataclass(frozen=True)
class Members:
    """Fitted models of all species; each gives scores that rise with suitability.

    Attributes:
        networks: None where the recipe has none.
        trees: Of each kind that the recipe has.
        knots: Scores at which ranks rise by one step, for each member (S, knots).
    """

    networks: Networks | None
    trees: dict[str, Trees]
    knots: tuple[Floats, ...]

    def scores(self, columns: Floats) -> list[Floats]:
        """Of each member, (n, S)."""
        called: list[Callable[[Floats], Floats]] = []
        if self.networks is not None:
            called.append(self.networks.rows)
        called += [trees.predict for trees in self.trees.values()]
        return [call(columns) for call in called]

    def suitability(self, columns: Floats) -> Floats:
        """(n, S) from 0 to 1: mean of the members' ranks."""
        ranks = [ranked(scores, knots) for scores, knots in zip(self.scores(columns), self.knots, strict=True)]
        return np.mean(ranks, axis=0, dtype=np.float32)


def fit_members(records: Records, scaling: Scaling, names: Sequence[str], config: SpeciesConfig) -> Members:
    """Fit what the recipe names.

    Args:
        records: Of the species.
        scaling: Of their columns.
        names: Of the outputs.
        config: The recipe.
    """
    sites = scaling.spread(scaling.apply(records.sites))
    background = scaling.spread(scaling.apply(records.background))
    networks = None
    if config.network.members:
        from swath.training.species.network import learn

        networks = learn(
            sites, background, records, config.network, names=names, seed=config.seed, window=config.window,
            codes=sum(len(codes) for codes in scaling.codes.values()), target_group=config.background.target_group,
        )  # fmt: skip
    trees = {}
    if config.forest is not None:
        trees["forest"] = _each(partial(grow, config=config.forest), sites, background, records, config)
    if config.boosted is not None:
        trees["boosted"] = _each(partial(boost, config=config.boosted), sites, background, records, config)
    reference = np.concatenate([sites, background])
    unranked = Members(networks, trees, ())
    return Members(networks, trees, tuple(knots_of(scores, config.knots) for scores in unranked.scores(reference)))


def knots_of(scores: Floats, count: int) -> Floats:
    """Quantiles of scores, (S, count), rising: what `ranked` takes.

    The ends lie a tenth of the range beyond, so that a score beyond all that were seen is still told from them.
    """
    inner = np.quantile(scores.astype(np.float64), np.linspace(0, 1, count - 2), axis=0).T
    tenth = 0.1 * (inner[:, -1:] - inner[:, :1]) + STEEP
    return np.concatenate([inner[:, :1] - tenth, inner, inner[:, -1:] + tenth], axis=1).astype(np.float32)


def ranked(scores: Floats, knots: Floats) -> Floats:
    """Share of knots below each score, linear between them.

    Args:
        scores: (n, S).
        knots: (S, K), rising.
    """
    low, width = knots[:, :-1], np.maximum(np.diff(knots, axis=1), np.float32(STEEP))
    made = np.empty_like(scores)
    for column in range(scores.shape[1]):
        steps = np.clip((scores[:, column : column + 1] - low[column]) / width[column], 0, 1)
        made[:, column] = steps.mean(axis=1)
    return made


def _each(
    fit: Callable[..., Trees], sites: Floats, background: Floats, records: Records, config: SpeciesConfig
) -> Trees:
    """Trees of each species, an output each."""

    def one(species: int) -> Trees:
        others = records.told[:, species]
        lonely = not (others & ~records.seen[:, species]).any()
        share = 0.0 if lonely else config.background.target_group
        shares = np.concatenate(
            [np.full(others.sum(), share / others.sum()), np.full(len(background), (1 - share) / len(background))]
        )
        kept = shares > 0
        return fit(
            sites[records.seen[:, species]], np.concatenate([sites[others], background])[kept], shares=shares[kept],
            seed=config.seed * 100_003 + species,
        )  # fmt: skip

    with ThreadPoolExecutor(config.threads) as pool:
        return Trees.stack(list(pool.map(one, range(len(records.names)))))
