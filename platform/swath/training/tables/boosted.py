"""Boosted trees in which presences and background weigh alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from swath.models.trees import Trees

Floats = NDArray[np.float32]


class BoostedConfig(BaseModel):
    """Small trees, one upon the other (LightGBM; Ke et al. 2017)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    trees: int = Field(default=150, ge=1, le=5000, description="Of each species.")
    leaves: int = Field(default=6, ge=2, le=256, description="Of a tree: how many predictors may act together.")
    lr: float = Field(default=0.05, gt=0, le=1, description="Share of each tree that is added.")
    least: int = Field(default=10, ge=1, description="Rows of a leaf, at least.")
    columns: float = Field(default=0.4, gt=0, le=1, description="Share of the columns that a tree may use.")
    rows: float = Field(default=0.6, gt=0, le=1, description="Share of the rows that a tree sees.")
    ridge: float = Field(default=5.0, ge=0, description="L2 of leaves.")


def boost(
    present: Floats,
    background: Floats,
    *,
    shares: NDArray[np.float64] | None = None,
    config: BoostedConfig | None = None,
    seed: int = 0,
) -> Trees:
    """Fit boosted trees that tell presences from background.

    Args:
        present: (n, columns).
        background: (m, columns).
        shares: (m,) weight of each row of the background; all alike by default. Together they weigh as presences do.
        config: The trees.
        seed: Of draws.

    Returns:
        Trees of one output: log odds, where presences and background are as many.
    """
    import lightgbm

    config = config or BoostedConfig()
    weights = np.full(len(background), 1.0) if shares is None else shares
    rows, half = np.concatenate([present, background]), (len(present) + len(background)) / 2
    weight = np.concatenate([np.full(len(present), half / len(present)), half * weights / weights.sum()])
    settings = {
        "objective": "binary", "learning_rate": config.lr, "num_leaves": config.leaves,
        "min_data_in_leaf": min(config.least, max(1, len(present) // 2)), "feature_fraction": config.columns,
        "bagging_fraction": config.rows, "bagging_freq": 1, "lambda_l2": config.ridge, "max_bin": 63, "verbose": -1,
        "num_threads": 1, "deterministic": True, "seed": seed,
    }  # fmt: skip
    truth = np.repeat([1.0, 0.0], [len(present), len(background)])
    data = lightgbm.Dataset(rows, truth, weight=weight, params={"verbose": -1, "max_bin": 63})
    return Trees.of_lightgbm(lightgbm.train(settings, data, config.trees))
