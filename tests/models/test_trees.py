"""Trees leave their libraries as arrays, and give the same numbers there and in ONNX Runtime."""

from types import SimpleNamespace

import numpy as np
import pytest

from swath.errors import ModelError
from swath.models.trees import ML_DOMAIN, ML_OPSET, Trees

ROWS = np.random.default_rng(0).normal(size=(400, 5)).astype(np.float32)
TRUTH = (ROWS[:, 0] + ROWS[:, 1] * ROWS[:, 2] > 0).astype(float)
UNSEEN = np.random.default_rng(1).normal(size=(300, 5)).astype(np.float32)


def in_runtime(trees: Trees, rows: np.ndarray) -> np.ndarray:
    import onnxruntime
    from onnx import TensorProto, checker, helper

    graph = helper.make_graph(
        [trees.node("x", "y")],
        "trees",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, rows.shape[1]])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, trees.outputs])],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 18), helper.make_opsetid(ML_DOMAIN, ML_OPSET)], ir_version=10
    )
    checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": rows})[0]


def forest(kind="RandomForestClassifier", **settings):
    from sklearn import ensemble

    return getattr(ensemble, kind)(n_estimators=20, random_state=0, **settings).fit(ROWS, TRUTH)


@pytest.mark.parametrize("kind", ["RandomForestClassifier", "ExtraTreesClassifier"])
def test_a_forest_gives_the_shares_of_scikit_learn(kind):
    model = forest(kind)
    trees = Trees.of_sklearn(model.estimators_, column=1)
    wanted = model.predict_proba(UNSEEN)[:, 1]
    assert np.abs(trees.predict(UNSEEN)[:, 0] - wanted).max() < 1e-5
    assert np.abs(in_runtime(trees, UNSEEN)[:, 0] - wanted).max() < 1e-5


def test_a_forest_of_values_gives_those_of_scikit_learn():
    model = forest("RandomForestRegressor")
    trees = Trees.of_sklearn(model.estimators_)
    wanted = model.predict(UNSEEN)
    assert np.abs(trees.predict(UNSEEN)[:, 0] - wanted).max() < 1e-5
    assert np.abs(in_runtime(trees, UNSEEN)[:, 0] - wanted).max() < 1e-5


def test_boosted_trees_give_the_raw_scores_of_lightgbm():
    import lightgbm

    data = lightgbm.Dataset(ROWS, TRUTH, params={"verbose": -1})
    booster = lightgbm.train(
        {"objective": "binary", "num_leaves": 7, "verbose": -1, "num_threads": 1, "min_data_in_leaf": 5}, data, 30
    )
    trees = Trees.of_lightgbm(booster)
    wanted = booster.predict(UNSEEN, raw_score=True)
    assert np.abs(trees.predict(UNSEEN)[:, 0] - wanted).max() < 1e-5
    assert np.abs(in_runtime(trees, UNSEEN)[:, 0] - wanted).max() < 1e-5


def test_a_row_at_a_threshold_goes_the_same_way():
    model = forest(max_depth=3)
    trees = Trees.of_sklearn(model.estimators_, column=1)
    rows = np.repeat(ROWS[:1], len(trees.threshold), axis=0)
    rows[np.arange(len(rows)), trees.feature] = trees.threshold
    above = rows.copy()
    above[np.arange(len(rows)), trees.feature] = np.nextafter(trees.threshold, np.float32(np.inf))
    for given in (rows, above):
        wanted = model.predict_proba(given)[:, 1]
        assert np.abs(trees.predict(given)[:, 0] - wanted).max() < 1e-5
        assert np.abs(in_runtime(trees, given)[:, 0] - wanted).max() < 1e-5


def test_a_tree_that_never_splits_gives_its_one_leaf():
    from sklearn.tree import DecisionTreeClassifier

    only = DecisionTreeClassifier(max_depth=1, min_samples_leaf=400).fit(ROWS, TRUTH)
    trees = Trees.of_sklearn([only], column=1)
    assert trees.predict(UNSEEN) == pytest.approx(np.full((300, 1), TRUTH.mean()), abs=1e-6)
    assert in_runtime(trees, UNSEEN) == pytest.approx(np.full((300, 1), TRUTH.mean()), abs=1e-6)


def test_ensembles_of_several_outputs_keep_to_their_own():
    parts = [Trees.of_sklearn(forest(max_depth=depth).estimators_, column=1) for depth in (1, 4, 8)]
    both = Trees.stack(parts)
    wanted = np.concatenate([part.predict(UNSEEN) for part in parts], axis=1)
    assert both.outputs == 3
    assert np.array_equal(both.predict(UNSEEN), wanted)
    assert np.abs(in_runtime(both, UNSEEN) - wanted).max() < 1e-5


def test_a_booster_of_several_classes_is_refused():
    told = SimpleNamespace(dump_model=lambda: {"num_tree_per_iteration": 3})
    with pytest.raises(ModelError, match="3 outputs"):
        Trees.of_lightgbm(told)


def test_a_split_of_categories_is_refused():
    split = {"split_feature": 0, "threshold": "1||2", "decision_type": "==", "missing_type": "None"}
    told = SimpleNamespace(dump_model=lambda: {"num_tree_per_iteration": 1, "tree_info": [{"tree_structure": split}]})
    with pytest.raises(ModelError, match="categorical splits"):
        Trees.of_lightgbm(told)
