"""Conformal quantiles where blocks are what can be exchanged: pixels of a block are alike, and count together once.

Dunn, Wasserman and Ramdas 2022 (doi:10.1080/01621459.2022.2060112), pooled distributions: each block's own distribution
counts alike. Their promise holds on average over blocks, not for each one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
GROUPS = 10  #: of blocks, each left out once
_HALVINGS = 7  #: of the search for the level to aim at
#: From labels that are fitted on, (n,), and a level to whether each label is covered, (n,)
Covers = Callable[[NDArray[np.bool_], float], NDArray[np.bool_]]


def shares_of(blocks: Codes, weight: Floats) -> Floats:
    """What each label counts, (n,): together 1 a block, by weight within it; summing to 1 over all."""
    _, number = np.unique(blocks, return_inverse=True)
    total = np.bincount(number, weights=weight)
    return weight / (total[number] * len(total))


def pooled_quantile(values: Floats, shares: Floats, level: float) -> float:
    """The least value that a share of at least `level` does not exceed.

    Args:
        values: (n,), n above 0.
        shares: (n,), above 0, of any sum.
        level: 0 to 1.
    """
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(shares[order])
    # the sum of all shares may be rounded to below the level
    place = np.searchsorted(reached, level * reached[-1] * (1 - 1e-12))
    return float(values[order][min(int(place), len(order) - 1)])


def left_out(blocks: Codes, *, groups: int = GROUPS, seed: int = 0) -> Iterator[NDArray[np.bool_]]:
    """Labels of each group of blocks in turn, (n,) bool; every block is in one."""
    names, number = np.unique(blocks, return_inverse=True)
    group = np.random.default_rng(seed).permutation(len(names)) % min(groups, len(names))
    for one in range(int(group.max()) + 1):
        yield group[number] == one


def aimed_level(blocks: Codes, weight: Floats, level: float, covers: Covers) -> float:
    """The level to fit at, so that blocks which a fit has not seen are covered at `level` on average.

    Few blocks make a fit too narrow for the next one. Groups of blocks are left out in turn, and the least level is
    taken that covers those left out (block-wise cross-conformal, Vovk 2015, doi:10.1007/s10472-013-9368-4).

    Args:
        blocks: Of labels.
        weight: Of labels.
        level: That is promised.
        covers: From labels to fit on and a level to fit at to whether each label is covered.

    Returns:
        `level` at least; 1 - (1 - level) / 4 at most.
    """
    groups = list(left_out(blocks))
    if len(groups) < 2:
        return level
    shares = shares_of(blocks, weight)

    def reaches(aim: float) -> bool:
        return float(sum((shares * covers(~out, aim))[out].sum() for out in groups)) >= level

    low, high = level, 1 - (1 - level) / 4
    if reaches(low):
        return low
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if reaches(middle) else (middle, high)
    return high


def covered(inside: NDArray[Any], blocks: Codes, weight: Floats) -> Floats:
    """Mean over the labels of each block, (blocks,): of what is true or not, the share that is."""
    _, number = np.unique(blocks, return_inverse=True)
    return np.bincount(number, weights=weight * inside) / np.bincount(number, weights=weight)
