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
from swath.training.species.ranks import RankMap
from swath.training.species.records import Records
from swath.training.tables.boosted import boost
from swath.training.tables.forest import grow
from swath.training.tables.scaling import Scaling

if TYPE_CHECKING:
    from swath.training.species.network import Networks

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Members:
    """Fitted models of all species; each gives scores that rise with suitability.

    Attributes:
        networks: None where the recipe has none.
        trees: Of each kind that the recipe has.
        ranks: From the scores of each member to ranks among sites and background.
        weights: Of the members' ranks.
    """

    networks: Networks | None
    trees: dict[str, Trees]
    ranks: tuple[RankMap, ...]
    weights: tuple[float, ...]

    def scores(self, columns: Floats) -> list[Floats]:
        """Of each member, (n, S)."""
        called: list[Callable[[Floats], Floats]] = []
        if self.networks is not None:
            called.append(self.networks.rows)
        called += [trees.predict for trees in self.trees.values()]
        return [call(columns) for call in called]

    def suitability(self, columns: Floats) -> Floats:
        """(n, S) from 0 to 1: weighted mean of the members' ranks."""
        ranks = [rank(scores) for scores, rank in zip(self.scores(columns), self.ranks, strict=True)]
        return np.average(ranks, axis=0, weights=self.weights).astype(np.float32)

    def spread(self, columns: Floats) -> Floats:
        """(n,) standard deviation of the members' ranks about their mean, by the same weights; mean over species."""
        ranks = [rank(scores) for scores, rank in zip(self.scores(columns), self.ranks, strict=True)]
        mean = np.average(ranks, axis=0, weights=self.weights)
        variance = np.average([(rank - mean) ** 2 for rank in ranks], axis=0, weights=self.weights)
        return np.sqrt(variance).mean(axis=1).astype(np.float32)


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
    kinds = [*(["network"] if networks is not None else []), *trees]
    given: dict[str, float] = {str(kind): weight for kind, weight in config.weights.items()}
    weights = tuple(given.get(kind, 1.0) for kind in kinds)  # 1 where a recipe does not tell it
    found = Members(networks, trees, (), weights).scores(reference)
    return Members(networks, trees, tuple(RankMap.of(scores, config.knots) for scores in found), weights)


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
