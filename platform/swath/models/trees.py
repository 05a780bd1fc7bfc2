"""Trees as arrays and as a node of an ONNX graph: no pickle, and the same numbers as the library that grew them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from swath.cube.compiled import compiled
from swath.errors import ModelError

if TYPE_CHECKING:
    from onnx import NodeProto

ML_DOMAIN, ML_OPSET = "ai.onnx.ml", 5  #: of the operator TreeEnsemble
_LEQ, _SUM, _NONE = 0, 1, 0  #: its BRANCH_LEQ, its aggregate SUM, no transform


@dataclass(frozen=True)
class Trees:
    """Trees whose leaves add up, each to one output.

    A row goes left where its feature is at most the threshold. A tree that never splits is one node whose both sides
    are the same leaf.

    Attributes:
        feature: Column that a node looks at, (nodes,) int32.
        threshold: (nodes,) float32.
        left: Where to go: a node, or -1 - leaf, (nodes,) int32; `right` likewise.
        leaf: What a leaf adds, (leaves,) float32.
        root: First node of each tree, (trees,) int32.
        output: To which output a tree adds, (trees,) int32.
        outputs: How many there are.
        base: Added to each output, (outputs,) float32.
    """

    feature: NDArray[np.int32]
    threshold: NDArray[np.float32]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    leaf: NDArray[np.float32]
    root: NDArray[np.int32]
    output: NDArray[np.int32]
    outputs: int
    base: NDArray[np.float32]

    @classmethod
    def of_sklearn(cls, trees: Sequence[Any], *, column: int = 0) -> Trees:
        """The mean over fitted scikit-learn trees: one output.

        Args:
            trees: Decision or extra trees, or their `tree_`; a forest's `estimators_`.
            column: For classifiers: whose probability, by place in `classes_`; for regressors 0.
        """
        made = []
        for given in trees:
            tree = getattr(given, "tree_", given)
            values = tree.value[:, 0, :]
            shares = values / values.sum(axis=1, keepdims=True) if values.shape[1] > 1 else values
            leaf = shares[:, column] * (1.0 / len(trees))
            made.append(_tree(tree.feature, tree.threshold, tree.children_left, tree.children_right, leaf))
        return cls._sum(made)

    @classmethod
    def of_lightgbm(cls, booster: Any) -> Trees:
        """Raw scores of a LightGBM booster of one output, with numeric splits.

        Raises:
            ModelError: It has several outputs or categorical splits; give codes as columns of 0 and 1.
        """
        told = booster.dump_model()
        if told["num_tree_per_iteration"] != 1:
            raise ModelError(
                f"The booster has {told['num_tree_per_iteration']} outputs.", fix="Fit one booster a class."
            )
        return cls._sum([_flat(tree["tree_structure"]) for tree in told["tree_info"]])

    @classmethod
    def _sum(cls, trees: Sequence[Trees]) -> Trees:
        """Trees that all add to one output."""
        whole = cls.stack(trees)
        return replace(whole, output=np.zeros_like(whole.output), outputs=1, base=np.zeros(1, np.float32))

    @staticmethod
    def stack(parts: Sequence[Trees]) -> Trees:
        """One ensemble of the outputs of several, in order."""
        nodes = np.cumsum([0, *(len(part.feature) for part in parts)]).tolist()
        leaves = np.cumsum([0, *(len(part.leaf) for part in parts)]).tolist()
        outputs = np.cumsum([0, *(part.outputs for part in parts)]).tolist()

        def sides(name: str) -> NDArray[np.int32]:
            moved = []
            for part, node, leaf in zip(parts, nodes, leaves, strict=False):
                side = getattr(part, name)
                moved.append(np.where(side >= 0, side + node, side - leaf))
            return np.concatenate(moved).astype(np.int32)

        return Trees(
            feature=np.concatenate([part.feature for part in parts]),
            threshold=np.concatenate([part.threshold for part in parts]),
            left=sides("left"),
            right=sides("right"),
            leaf=np.concatenate([part.leaf for part in parts]),
            root=np.concatenate([p.root + n for p, n in zip(parts, nodes, strict=False)]).astype(np.int32),
            output=np.concatenate([p.output + o for p, o in zip(parts, outputs, strict=False)]).astype(np.int32),
            outputs=outputs[-1],
            base=np.concatenate([part.base for part in parts]),
        )

    def predict(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, outputs) of rows (n, features)."""
        sums = np.tile(self.base.astype(np.float64), (len(x), 1))
        _descend(
            np.ascontiguousarray(x, np.float32), self.feature, self.threshold, self.left, self.right, self.leaf,
            self.root, self.output, sums,
        )  # fmt: skip
        return sums.astype(np.float32)

    def node(self, given: str, made: str) -> NodeProto:
        """The operator TreeEnsemble of ONNX, from rows (n, features) to (n, outputs); `base` is not in it."""
        from onnx import helper, numpy_helper

        def side(where: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
            ends = where < 0
            return np.where(ends, -1 - where, where).astype(np.int64), ends.astype(np.int64)

        (left, left_ends), (right, right_ends) = side(self.left), side(self.right)
        return helper.make_node(
            "TreeEnsemble", [given], [made], domain=ML_DOMAIN,
            aggregate_function=_SUM, post_transform=_NONE, n_targets=self.outputs,
            tree_roots=self.root.tolist(), nodes_featureids=self.feature.tolist(),
            nodes_splits=numpy_helper.from_array(self.threshold, "splits"),
            nodes_modes=numpy_helper.from_array(np.full(len(self.feature), _LEQ, np.uint8), "modes"),
            nodes_truenodeids=left.tolist(), nodes_trueleafs=left_ends.tolist(),
            nodes_falsenodeids=right.tolist(), nodes_falseleafs=right_ends.tolist(),
            leaf_targetids=self._targets().tolist(), leaf_weights=numpy_helper.from_array(self.leaf, "weights"),
        )  # fmt: skip

    def _targets(self) -> NDArray[np.int64]:
        """Output of each leaf."""
        ends = np.append(self.root[1:], len(self.feature))
        of_node = np.repeat(self.output, ends - self.root)
        targets = np.zeros(len(self.leaf), np.int64)
        for side in (self.left, self.right):
            targets[-1 - side[side < 0]] = of_node[side < 0]
        return targets


def _one(feature: Any, threshold: Any, left: Any, right: Any, leaf: Any) -> Trees:
    """One tree; nodes and leaves are counted from 0, sides as in `Trees`."""
    zero = np.zeros(1, np.int32)
    return Trees(
        feature=np.asarray(feature, np.int32), threshold=_floor(np.asarray(threshold, np.float64)),
        left=np.asarray(left, np.int32), right=np.asarray(right, np.int32), leaf=np.asarray(leaf, np.float32),
        root=zero, output=zero, outputs=1, base=np.zeros(1, np.float32),
    )  # fmt: skip


def _tree(feature: Any, threshold: Any, left: Any, right: Any, value: Any) -> Trees:
    """Of arrays in which leaves are nodes without children (-1)."""
    inner = np.asarray(left) >= 0
    if not inner.any():
        return _one([0], [0.0], [-1], [-1], value)
    number = np.where(inner, np.cumsum(inner) - 1, 0 - np.cumsum(~inner))
    return _one(
        np.asarray(feature)[inner], np.asarray(threshold)[inner], number[np.asarray(left)[inner]],
        number[np.asarray(right)[inner]], np.asarray(value)[~inner],
    )  # fmt: skip


def _floor(threshold: NDArray[np.float64]) -> NDArray[np.float32]:
    """The largest float32 that is not above each: a float32 is at most the one where it is at most the other."""
    near = threshold.astype(np.float32)
    return np.where(near.astype(np.float64) > threshold, np.nextafter(near, np.float32(-np.inf)), near)


def _flat(tree: dict[str, Any]) -> Trees:
    """Of a tree as LightGBM dumps it."""
    feature: list[int] = []
    threshold: list[float] = []
    sides: list[list[int]] = []
    leaf: list[float] = []

    def visit(node: dict[str, Any]) -> int:
        if "leaf_value" in node:
            leaf.append(node["leaf_value"])
            return -len(leaf)
        if node["decision_type"] != "<=":
            raise ModelError("The booster has categorical splits.", fix="Give codes as columns of 0 and 1.")
        if node["missing_type"] == "Zero":
            raise ModelError("The booster takes 0 as missing.", fix="Fit it with zero_as_missing false.")
        at = len(feature)
        feature.append(node["split_feature"])
        threshold.append(node["threshold"])
        sides.append([0, 0])
        sides[at] = [visit(node["left_child"]), visit(node["right_child"])]
        return at

    if visit(tree) < 0:
        feature, threshold, sides = [0], [0.0], [[-1, -1]]
    left, right = np.transpose(sides)
    return _one(feature, threshold, left, right, leaf)


@compiled
def _descend(
    x: Any, feature: Any, threshold: Any, left: Any, right: Any, leaf: Any, root: Any, output: Any, sums: Any
) -> None:
    """Add the leaf of each tree to its output, by row."""
    for tree in range(root.size):
        first, target = root[tree], output[tree]
        for row in range(x.shape[0]):
            at = first
            while at >= 0:
                at = left[at] if x[row, feature[at]] <= threshold[at] else right[at]
            sums[row, target] += leaf[-1 - at]
