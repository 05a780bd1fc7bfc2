"""The trees of PyPI's s2cloudless as an ONNX graph that `swath models import` takes.

    python tests/support/s2cloudless.py OUT.onnx [--window 256] [--threshold 0.6]

The graph does what the package does with its defaults, but for the dilation of its mask: trees, the logistic function,
the mean of probability over a disk. Inputs are `x` (1, 10, window, window), reflectance, and `valid`, so that pixels
without data have no part in the mean. Output: (1, 2, window, window), clear and cloud.

Only the file of trees is read, so that the package can be installed without what it depends on (`pip install --no-deps
s2cloudless==1.7.3`): OpenCV and a client for a web service, neither of which plays a part in the trees.
"""

import argparse
import importlib.util
from pathlib import Path

import numpy as np
from onnx import ModelProto, TensorProto, checker, helper, numpy_helper, save

BANDS = ("B01", "B02", "B04", "B05", "B08", "B8A", "B09", "B10", "B11", "B12")
MODEL = "models/pixel_s2_cloud_detector_lightGBM_v0.1.txt"
NUMERICAL = 2  # decision_type: `<=`, a missing value goes left, and none is looked for


def trees_file() -> Path:
    """Where the package keeps its trees. It is found without being imported."""
    found = importlib.util.find_spec("s2cloudless")
    if found is None or found.origin is None:
        raise SystemExit("s2cloudless is not installed: pip install --no-deps s2cloudless==1.7.3")
    return Path(found.origin).parent / MODEL


def read_trees(path: Path) -> list[dict[str, np.ndarray]]:
    """Arrays of each tree of a LightGBM text file; a child below 0 is the leaf ~child."""
    kinds = {"split_feature": int, "threshold": float, "decision_type": int, "left_child": int, "right_child": int}
    kinds["leaf_value"] = float
    header, *blocks = path.read_text().split("\nTree=")
    if "objective=binary sigmoid:1" not in header or "average_output" in header:
        raise ValueError(f"{path} has another objective")
    trees = []
    for block in blocks:
        lines = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        trees.append({name: np.array(lines[name].split(), kind) for name, kind in kinds.items()})
        if (trees[-1]["decision_type"] != NUMERICAL).any():
            raise ValueError(f"{path} has other splits than numerical ones")
    return trees


def below(threshold: np.ndarray) -> np.ndarray:
    """The largest float32 that is not above: `x <= threshold` stays what it is for every float32."""
    near = threshold.astype(np.float32)
    return np.where(near > threshold, np.nextafter(near, np.float32(-np.inf)), near)


def ensemble(trees: list[dict[str, np.ndarray]]) -> dict[str, list]:
    """Attributes of a TreeEnsembleRegressor: the splits of a tree come first, then its leaves."""
    nodes: dict[str, list] = {}

    def add(name: str, *parts: np.ndarray | list) -> None:
        for part in parts:
            nodes.setdefault(name, []).extend(part if isinstance(part, list) else part.tolist())

    for number, tree in enumerate(trees):
        splits, leaves = len(tree["threshold"]), len(tree["leaf_value"])
        none = np.zeros(leaves, int)
        add("nodes_treeids", np.full(splits + leaves, number))
        add("nodes_nodeids", np.arange(splits + leaves))
        add("nodes_modes", ["BRANCH_LEQ"] * splits, ["LEAF"] * leaves)
        add("nodes_featureids", tree["split_feature"], none)
        add("nodes_values", below(tree["threshold"]), none.astype(np.float32))
        for name, side in (("nodes_truenodeids", "left_child"), ("nodes_falsenodeids", "right_child")):
            child = tree[side]
            add(name, np.where(child >= 0, child, splits + ~child), none)
        add("target_treeids", none + number)
        add("target_nodeids", splits + np.arange(leaves))
        add("target_ids", none)
        add("target_weights", tree["leaf_value"].astype(np.float32))
    return nodes


def disk(radius: int) -> np.ndarray:
    """Weights of the mean over a disk, sum 1."""
    rows, cols = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    inside = (rows**2 + cols**2 <= radius**2).astype(np.float32)
    return inside / inside.sum()


def graph(trees: list[dict[str, np.ndarray]], *, window: int, threshold: float, average_over: int = 1) -> ModelProto:
    """The network.

    A probability p comes out as p (1 - t) / (p (1 - t) + (1 - p) t), which is 0.5 at the threshold t: the class with
    the higher probability is then the package's own.
    """
    kernel = disk(average_over)[None, None]
    constants = {
        "pixels": np.array([-1, len(BANDS)]),
        "image": np.array([1, 1, window, window]),
        "kernel": kernel,
        "zero": np.float32(0),
        "one": np.float32(1),
        "least": np.float32(kernel[kernel > 0].min() / 2),
        "threshold": np.float32(threshold),
        "rest": np.float32(1 - threshold),
    }
    pads = [average_over] * 4
    attributes = {"n_targets": 1, "aggregate_function": "SUM", "post_transform": "NONE", **ensemble(trees)}
    nodes = [
        helper.make_node("Transpose", ["x"], ["last"], perm=[0, 2, 3, 1]),
        helper.make_node("Reshape", ["last", "pixels"], ["table"]),
        helper.make_node("TreeEnsembleRegressor", ["table"], ["raw"], domain="ai.onnx.ml", **attributes),
        helper.make_node("Sigmoid", ["raw"], ["each"]),
        helper.make_node("Reshape", ["each", "image"], ["map"]),
        helper.make_node("Greater", ["valid", "zero"], ["seen"]),
        helper.make_node("Cast", ["seen"], ["weight"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["map", "weight"], ["weighted"]),
        helper.make_node("Conv", ["weighted", "kernel"], ["sum"], pads=pads),
        helper.make_node("Conv", ["weight", "kernel"], ["share"], pads=pads),
        helper.make_node("Max", ["share", "least"], ["some"]),
        helper.make_node("Div", ["sum", "some"], ["p"]),
        helper.make_node("Sub", ["one", "p"], ["q"]),
        helper.make_node("Mul", ["p", "rest"], ["for"]),
        helper.make_node("Mul", ["q", "threshold"], ["against"]),
        helper.make_node("Add", ["for", "against"], ["both"]),
        helper.make_node("Div", ["for", "both"], ["cloud"]),
        helper.make_node("Div", ["against", "both"], ["clear"]),
        helper.make_node("Concat", ["clear", "cloud"], ["scores"], axis=1),
    ]
    model = helper.make_model(
        helper.make_graph(
            nodes,
            "s2cloudless",
            [
                helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, len(BANDS), window, window]),
                helper.make_tensor_value_info("valid", TensorProto.FLOAT, [1, 1, window, window]),
            ],
            [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, 2, window, window])],
            [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
        ),
        opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)],
        ir_version=8,
    )
    checker.check_model(model)
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--window", type=int, default=256)
    parser.add_argument("--threshold", type=float, default=0.6)
    asked = parser.parse_args()
    save(graph(read_trees(trees_file()), window=asked.window, threshold=asked.threshold), asked.out)


if __name__ == "__main__":
    main()
