"""Fitted members as one ONNX graph that maps suitability: numbers to columns, scores, ranks, their mean."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from swath.errors import ModelError
from swath.models.trees import ML_DOMAIN, ML_OPSET
from swath.training.species.members import Members
from swath.training.species.novelty import Range
from swath.training.species.ranks import RankMap
from swath.training.tables.scaling import Scaling

if TYPE_CHECKING:
    from onnx import ModelProto

OPSET = 18
IR = 10  #: of the file: the oldest that knows these operators
TOLERANCE = 2e-3  #: of a rank: where places have nearly one score, a score that is off by 1e-6 moves it so far
_NETWORK = "network_"


@dataclass
class _Graph:
    """Nodes in the making."""

    nodes: list[Any] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)

    def add(self, kind: str, given: Sequence[str], made: str, **attributes: Any) -> str:
        from onnx import helper

        self.nodes.append(helper.make_node(kind, list(given), [made], **attributes))
        return made

    def number(self, name: str, value: Any, dtype: Any = np.float32) -> str:
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name


def build_graph(
    members: Members, scaling: Scaling, *, window: int, richness: bool, out_of_range: Range | None, spread: bool = False
) -> ModelProto:
    """The graph of a package.

    Args:
        members: That were fitted.
        scaling: Of their columns.
        window: Edge of its windows.
        richness: Whether the mean over species is a further output.
        out_of_range: Given: how far a pixel is outside of it is the last output, per cent.
        spread: Whether how far members differ is an output, after richness.

    Returns:
        From x (1, bands, window, window), normalised as the card says, to (1, outputs, window, window).
    """
    from onnx import TensorProto, helper

    graph = _Graph()
    bands = _spread(graph, scaling, "x")
    species = len(members.ranks[0].low)
    graph.number("pixels", [window * window, -1], np.int64)
    graph.add("Transpose", [bands], "last", perm=[0, 2, 3, 1])
    rows = graph.add("Reshape", ["last", "pixels"], "rows")
    scores = []
    if members.networks is not None:
        _network(graph, members.networks, bands)
        graph.add("Transpose", [_NETWORK + "scores"], "network_last", perm=[0, 2, 3, 1])
        scores.append(graph.add("Reshape", ["network_last", "pixels"], "network_rows"))
    for kind, trees in members.trees.items():
        graph.nodes.append(trees.node(rows, f"{kind}_rows"))
        scores.append(f"{kind}_rows")
    ranks = [
        _rank(graph, name, curve, f"rank{number}")
        for number, (name, curve) in enumerate(zip(scores, members.ranks, strict=True))
    ]
    total = sum(members.weights)
    weighed = [
        graph.add("Mul", [rank, graph.number(f"{rank}_weight", weight / total)], f"{rank}_weighed")
        for rank, weight in zip(ranks, members.weights, strict=True)
    ]
    made = [graph.add("Sum", weighed, "suitability")]
    if richness or spread or out_of_range is not None:
        graph.number("columns_axis", [1], np.int64)
    if richness:
        made.append(graph.add("ReduceMean", ["suitability", "columns_axis"], "richness", keepdims=1))
    if spread:
        made.append(_differ(graph, ranks, [weight / total for weight in members.weights]))
    if out_of_range is not None:
        made.append(_outside(graph, out_of_range, rows))
    outputs = species + richness + spread + (out_of_range is not None)
    graph.add("Concat", made, "values", axis=1)
    graph.number("map", [1, window, window, outputs], np.int64)
    graph.add("Reshape", ["values", "map"], "values_last")
    graph.add("Transpose", ["values_last"], "scores", perm=[0, 3, 1, 2])
    shape = [1, len(scaling.bands), window, window]
    body = helper.make_graph(
        graph.nodes,
        "species",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, outputs, window, window])],
        graph.constants,
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(ML_DOMAIN, ML_OPSET)]
    return helper.make_model(body, opset_imports=opsets, ir_version=IR)


def check_graph(data: bytes, members: Members, scaling: Scaling, x: NDArray[np.float32], *, window: int) -> None:
    """Hold a graph against the members on rows (n, bands), at most a window of them.

    Raises:
        ModelError: It gives another suitability, by more than 0.002.
    """
    wanted = members.suitability(scaling.spread(x))
    found = run_rows(data, x, window=window)[:, : wanted.shape[1]]
    off = float(np.abs(found - wanted).max())
    if not off <= TOLERANCE:
        raise ModelError(
            f"The graph of the species differs from its members by {off:g}, and {TOLERANCE:g} is allowed.",
            fix="Report it: the card and the recipe tell how to make it again.",
            difference=off,
        )


def run_rows(graph: bytes | Path, x: NDArray[np.float32], *, window: int) -> NDArray[np.float32]:
    """Run a graph on rows (n, bands), normalised; (n, outputs)."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    given = graph if isinstance(graph, bytes) else str(graph)
    session = onnxruntime.InferenceSession(given, options, providers=["CPUExecutionProvider"])
    pixels, made = window * window, []
    for first in range(0, len(x), pixels):
        part = x[first : first + pixels]
        full = np.zeros((pixels, x.shape[1]), np.float32)
        full[: len(part)] = part
        scores = session.run(None, {"x": np.ascontiguousarray(full.T).reshape(1, -1, window, window)})[0]
        made.append(scores.reshape(scores.shape[1], pixels).T[: len(part)])
    return np.concatenate(made)


def _spread(graph: _Graph, scaling: Scaling, given: str) -> str:
    """As `Scaling.spread`, on (1, bands, H, W)."""
    parts = [graph.add("Gather", [given, graph.number("numbers", scaling.numbers, np.int64)], "plain", axis=1)]
    if scaling.tilted:
        for name, place in zip(("east", "north"), scaling.numbers[-2:], strict=True):
            graph.add("Gather", [given, graph.number(f"{name}_place", [place], np.int64)], name, axis=1)
    for number, pair in enumerate(scaling.tilted):
        # products and their sum as three operators: to the last bit what `Scaling.spread` gives, so that no row
        # changes sides at a threshold
        for name, value in zip(("east", "north"), pair, strict=True):
            graph.add("Mul", [name, graph.number(f"{name}_share{number}", value)], f"{name}_part{number}")
        parts.append(graph.add("Add", [f"east_part{number}", f"north_part{number}"], f"tilted{number}"))
    for place, codes in scaling.codes.items():
        band = graph.add("Gather", [given, graph.number(f"place{place}", [place], np.int64)], f"band{place}", axis=1)
        known = graph.number(f"codes{place}", np.reshape(codes, (1, -1, 1, 1)))
        graph.add("Equal", [band, known], f"is{place}")
        parts.append(graph.add("Cast", [f"is{place}"], f"spread{place}", to=1))
    return graph.add("Concat", parts, "spread", axis=1)


def _network(graph: _Graph, networks: Any, given: str) -> None:
    """Nodes of the networks, their names behind `network_`."""
    import onnx
    from onnx.compose import add_prefix

    from swath.models.export import export_onnx
    from swath.models.network import Network

    with tempfile.TemporaryDirectory(prefix="swath-species-") as folder:
        path = Path(folder, "network.onnx")
        # `Networks` is no Network, and has all that an export asks of one
        export_onnx(cast(Network, networks), networks.spec, path)
        model = add_prefix(onnx.load(str(path)), _NETWORK)
    graph.add("Identity", [given], _NETWORK + "x")
    graph.nodes += model.graph.node
    graph.constants += model.graph.initializer


def _rank(graph: _Graph, given: str, curve: RankMap, made: str) -> str:
    """As `RankMap`, of (n, S)."""
    axis = graph.number(f"{made}_axis", [2], np.int64)
    graph.add("Unsqueeze", [given, axis], f"{made}_one")
    graph.add("Sub", [f"{made}_one", graph.number(f"{made}_low", curve.low[None])], f"{made}_above")
    graph.add("Div", [f"{made}_above", graph.number(f"{made}_width", curve.width[None])], f"{made}_share")
    ends = [graph.number(f"{made}_{name}", value) for name, value in (("zero", 0.0), ("whole", 1.0))]
    graph.add("Clip", [f"{made}_share", *ends], f"{made}_clipped")
    graph.add("Mul", [f"{made}_clipped", graph.number(f"{made}_height", curve.height[None])], f"{made}_steps")
    return graph.add("ReduceSum", [f"{made}_steps", axis], made, keepdims=0)


def _differ(graph: _Graph, ranks: Sequence[str], weights: Sequence[float]) -> str:
    """As `Members.spread`, of (n, S)."""
    parts = []
    for rank, weight in zip(ranks, weights, strict=True):
        graph.add("Sub", [rank, "suitability"], f"{rank}_off")
        graph.add("Mul", [f"{rank}_off", f"{rank}_off"], f"{rank}_square")
        share = graph.number(f"{rank}_square_weight", weight)
        parts.append(graph.add("Mul", [f"{rank}_square", share], f"{rank}_square_weighed"))
    graph.add("Sum", parts, "variance")
    graph.add("Sqrt", ["variance"], "deviation")
    return graph.add("ReduceMean", ["deviation", "columns_axis"], "spread_of_members", keepdims=1)


def _outside(graph: _Graph, seen: Range, rows: str) -> str:
    """As `Range.outside`, of (n, columns)."""
    width = (seen.high - seen.low) / 100
    graph.add("Sub", [graph.number("lowest", seen.low[None]), rows], "below")
    graph.add("Sub", [rows, graph.number("highest", seen.high[None])], "above")
    graph.add("Max", ["below", "above", graph.number("inside", 0.0)], "beyond")
    parts = [graph.add("Div", ["beyond", graph.number("hundredth", width[None])], "shares")]
    for number, columns in enumerate(seen.codes):
        picked = graph.number(f"known{number}", columns, np.int64)
        graph.add("Gather", [rows, picked], f"codes_of{number}", axis=1)
        graph.add("ReduceSum", [f"codes_of{number}", "columns_axis"], f"is_known{number}", keepdims=1)
        one = graph.number(f"one{number}", 1.0)
        graph.add("Sub", [one, f"is_known{number}"], f"unknown{number}")
        parts.append(graph.add("Mul", [f"unknown{number}", graph.number(f"hundred{number}", 100.0)], f"share{number}"))
    graph.add("Concat", parts, "all_shares", axis=1) if len(parts) > 1 else graph.add("Identity", parts, "all_shares")
    return graph.add("ReduceMax", ["all_shares", "columns_axis"], "outside", keepdims=1)
