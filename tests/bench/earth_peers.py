"""Plain peers that learn from rows: the same five kinds for classes, for values, and for presence among background."""

from __future__ import annotations

from typing import Any, Literal

import lightgbm
import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from sklearn.tree import DecisionTreeClassifier

Array = NDArray[Any]
Kind = Literal["classes", "values", "presence"]
PEERS = ("linear", "neighbours", "forest", "boosting")  #: each of them for each kind
_BOOST = {
    "learning_rate": 0.05, "num_leaves": 15, "min_data_in_leaf": 20, "feature_fraction": 0.6, "bagging_fraction": 0.8,
    "bagging_freq": 1, "verbosity": -1, "deterministic": True,
}  # fmt: skip


def predict(peer: str, kind: Kind, x: Array, y: Array, at: Array, *, seed: int, threads: int) -> Array:
    """Fit a peer on rows x (n, p), y (n,) and predict at rows (m, p).

    Returns:
        Classes' numbers, values, or scores of presence, (m,).
    """
    if peer == "boosting":
        return _boosting(kind, x, y, at, seed, threads)
    if peer == "forest" and kind == "presence":
        return _balanced_trees(x, y, at, seed)
    model = _model(peer, kind, seed, threads)
    model.fit(x, y)
    found = model.predict_proba(at)[:, 1] if kind == "presence" else model.predict(at)
    return np.asarray(found)


def _model(peer: str, kind: Kind, seed: int, threads: int) -> Any:
    if peer == "linear":
        if kind == "values":
            return make_pipeline(StandardScaler(), RidgeCV(np.logspace(-2, 4, 13)))
        logistic = LogisticRegression(C=0.1, class_weight="balanced", max_iter=300)
        if kind == "classes":
            return make_pipeline(StandardScaler(), logistic)
        # responses with an optimum need squares, as MaxEnt has them
        return make_pipeline(StandardScaler(), PolynomialFeatures(2, include_bias=False), StandardScaler(), logistic)
    if peer == "neighbours":
        of = KNeighborsRegressor if kind == "values" else KNeighborsClassifier
        return make_pipeline(StandardScaler(), of(n_neighbors=25, weights="distance", n_jobs=threads))
    if peer == "forest":
        if kind == "values":
            return RandomForestRegressor(300, min_samples_leaf=3, max_features=0.4, random_state=seed, n_jobs=threads)
        return RandomForestClassifier(
            150, min_samples_leaf=3, class_weight="balanced_subsample", random_state=seed, n_jobs=threads
        )
    if peer == "process" and kind == "values":
        kernel = ConstantKernel() * RBF(3.0) + WhiteKernel(0.5)
        return make_pipeline(StandardScaler(), GaussianProcessRegressor(kernel, normalize_y=True, random_state=seed))
    raise ValueError(f"no peer is called {peer!r} for {kind}")


def _boosting(kind: Kind, x: Array, y: Array, at: Array, seed: int, threads: int) -> Array:
    settings: dict[str, Any] = _BOOST | {"seed": seed, "num_threads": threads}
    if kind == "classes":
        names, number, count = np.unique(y, return_inverse=True, return_counts=True)
        settings |= {"objective": "multiclass", "num_class": len(names)}
        data = lightgbm.Dataset(x, number, weight=(len(y) / (len(names) * count))[number])
        return np.asarray(names[lightgbm.train(settings, data, 120).predict(at).argmax(1)])
    if kind == "values":
        return np.asarray(
            lightgbm.train(settings | {"objective": "regression"}, lightgbm.Dataset(x, y), 120).predict(at)
        )
    weight = np.where(y == 1, len(y) / (2 * (y == 1).sum()), len(y) / (2 * (y == 0).sum()))
    settings |= {"objective": "binary", "min_data_in_leaf": 5}
    return np.asarray(lightgbm.train(settings, lightgbm.Dataset(x, y, weight=weight), 150).predict(at))


def _balanced_trees(x: Array, y: Array, at: Array, seed: int, trees: int = 200) -> Array:
    """Trees that each see as many background rows as presences (down-sampling: Valavi et al. 2021)."""
    random = np.random.default_rng(seed)
    there, away = np.flatnonzero(y == 1), np.flatnonzero(y == 0)
    total = np.zeros(len(at))
    for _ in range(trees):
        rows = np.concatenate([random.choice(there, len(there)), random.choice(away, len(there))])
        tree = DecisionTreeClassifier(max_features="sqrt", random_state=int(random.integers(1 << 31)))
        tree.fit(x[rows], y[rows])
        total += tree.predict_proba(at)[:, 1] if len(tree.classes_) == 2 else float(tree.classes_[0])
    return total / trees
