"""A forest in which presences and background count alike in each tree."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from swath.models.trees import Trees

Floats = NDArray[np.float32]


class ForestConfig(BaseModel):
    """Trees, each on as many rows of one class as of the other (Chen et al. 2004; Valavi et al. 2021)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    trees: int = Field(default=300, ge=1, le=5000, description="Of each species.")
    kind: Literal["forest", "extra"] = Field(
        default="forest", description="`forest`: best splits of a few columns; `extra`: random thresholds."
    )
    rows: int = Field(
        default=400, ge=2, description="Presences that a tree draws at most, and as many of the background."
    )
    leaf: int = Field(default=1, ge=1, description="Rows of a leaf, at least.")


def grow(
    present: Floats,
    background: Floats,
    *,
    shares: NDArray[np.float64] | None = None,
    config: ForestConfig | None = None,
    seed: int = 0,
) -> Trees:
    """Fit a forest that tells presences from background.

    Each tree draws its rows with replacement. A rare class is then no smaller than the other, and background in which
    presences may lie does not drown them: doi:10.1111/ecog.05615.

    Args:
        present: (n, columns).
        background: (m, columns).
        shares: (m,) chance of each row of the background to be drawn; all alike by default.
        config: The forest.
        seed: Of draws and splits.

    Returns:
        Trees of one output: mean share of presences in the leaves, 0 to 1.
    """
    from sklearn.tree import DecisionTreeClassifier, ExtraTreeClassifier

    config = config or ForestConfig()
    kind = DecisionTreeClassifier if config.kind == "forest" else ExtraTreeClassifier
    random = np.random.default_rng(seed)
    count = max(2, min(len(present), config.rows))
    cumulated = np.cumsum(np.full(len(background), 1.0) if shares is None else shares)
    truth = np.repeat([1.0, 0.0], count)
    present, background = (np.ascontiguousarray(rows, np.float32) for rows in (present, background))
    trees = []
    for _ in range(config.trees):
        seen = random.integers(0, len(present), count)
        other = np.searchsorted(cumulated, random.random(count) * cumulated[-1], side="right")
        tree = kind(max_features="sqrt", min_samples_leaf=config.leaf, random_state=int(random.integers(2**31)))
        tree.fit(np.concatenate([present[seen], background[other]]), truth, check_input=False)
        trees.append(tree.tree_)
    return Trees.of_sklearn(trees, column=1)
