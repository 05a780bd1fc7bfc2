"""Somebody else's ONNX file, checked before anything runs it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from swath.errors import ModelError
from swath.models.spec import ClassesOutput, InputSpec, ModelSpec

if TYPE_CHECKING:
    from onnx import FunctionProto, GraphProto, ModelProto, NodeProto, ValueInfoProto

LIMIT = 2**31 - 1  #: bytes of a protobuf message
STANDARD = ("", "ai.onnx")  #: names of the standard domain


def read_graph(path: Path) -> ModelProto:
    """Parse a file and hold it against the ONNX standard.

    Raises:
        ModelError: There is no such file, it is no ONNX, it keeps weights in other files, or it has an operator that
            ONNX Runtime does not know. Facts: path, operator.
    """
    import onnx
    from google.protobuf.message import DecodeError

    if not path.is_file():
        raise ModelError(f"There is no file {path}.", fix="Check the path.", path=str(path))
    if path.stat().st_size > LIMIT:
        raise ModelError(f"{path} has more than 2 GB.", fix="Export a smaller network.", path=str(path))
    try:
        model = onnx.load(str(path), load_external_data=False)
    except DecodeError as error:
        raise ModelError(
            f"{path} is no ONNX file: {error}.", fix="Export the network again.", path=str(path)
        ) from error
    for tensor in _tensors(model):
        if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
            raise ModelError(
                f"{path} keeps tensor {tensor.name!r} in another file.",
                fix="Save it as one file: onnx.save(onnx.load(FILE), OUT, save_as_external_data=False).",
                path=str(path),
                tensor=tensor.name,
            )
    check_operators(model, path)
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        raise ModelError(
            f"{path} is not valid ONNX: {str(error).strip().splitlines()[0]}.",
            fix="Export the network again.",
            path=str(path),
        ) from error
    return model


def check_operators(model: ModelProto, path: Path) -> None:
    """Refuse an operator that the installed ONNX Runtime does not know.

    Raises:
        ModelError: It has one. Facts: operator.
    """
    from onnxruntime.capi.onnxruntime_pybind11_state import get_all_operator_schema

    known = {("" if s.domain in STANDARD else s.domain, s.name) for s in get_all_operator_schema()}
    known |= {(function.domain, function.name) for function in model.functions}
    for node in _nodes(model):
        domain = "" if node.domain in STANDARD else node.domain
        if (domain, node.op_type) not in known:
            name = f"{domain}::{node.op_type}" if domain else node.op_type
            raise ModelError(
                f"{path} has an operator that ONNX Runtime does not know: {name}.",
                fix="Export the network with standard operators.",
                path=str(path),
                operator=name,
            )


def fit_shapes(model: ModelProto, spec: ModelSpec, path: Path) -> bool:
    """Hold a graph's inputs and output against a spec, and fix what it leaves open to the spec's window and steps.

    The first dimension, of the batch, may stay open.

    Args:
        model: Changed in place.
        spec: What it should take and give.
        path: For messages.

    Returns:
        Whether it was changed.

    Raises:
        ModelError: It takes or gives something else.
    """
    constants = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in constants]
    wanted = input_shapes(spec.input)
    if len(inputs) != len(wanted):
        raise ModelError(
            f"{path} takes {len(inputs)} inputs ({', '.join(v.name for v in inputs)}), the card says {len(wanted)} "
            f"({', '.join(wanted)}).",
            fix="Set day_of_year and valid in the card as the network takes them.",
            path=str(path),
        )
    if len(model.graph.output) != 1:
        raise ModelError(
            f"{path} gives {len(model.graph.output)} outputs ({', '.join(v.name for v in model.graph.output)}).",
            fix="Export the network with the one output that the card describes.",
            path=str(path),
        )
    changed = [
        _fix(value, shape, path, f"input {value.name!r} ({name})")
        for value, (name, shape) in zip(inputs, wanted.items(), strict=True)
    ]
    if any(changed):
        # what the exporter noted for the open shape, inside and at the end, no longer holds: the runtime infers it anew
        del model.graph.value_info[:]
        for dim, size in zip(
            model.graph.output[0].type.tensor_type.shape.dim[1:], output_shape(spec)[1:], strict=False
        ):
            dim.dim_value = size
    return any(changed)


def dry_run(data: bytes, spec: ModelSpec, path: Path) -> None:
    """Run a graph on zeros, which is what it sees where there is no data, and on normal noise, as of a scaled scene.

    Args:
        data: The graph.
        spec: What it should give.
        path: For messages.

    Raises:
        ModelError: It cannot be loaded or run, or gives another shape, numbers that are not finite, or probabilities
            where the card says scores.
    """
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4  # what goes wrong is raised, and said once
    faults = (state.Fail, state.InvalidArgument, state.InvalidGraph, state.NotImplemented, state.RuntimeException)
    try:
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        shapes = input_shapes(spec.input).values()
        batch = session.get_inputs()[0].shape[0]
        first = batch if isinstance(batch, int) else 1
        random, results = np.random.default_rng(0), []
        for scale in (0, 1):
            feeds = {
                given.name: scale * random.standard_normal((first, *shape[1:]), np.float32)
                for given, shape in zip(session.get_inputs(), shapes, strict=True)
            }
            results += session.run(None, feeds)
    except faults as error:
        raise ModelError(
            f"ONNX Runtime {onnxruntime.__version__} cannot run {path}: {str(error).strip().splitlines()[0]}.",
            fix="Check the window in the card, or export the network again.",
            path=str(path),
        ) from error
    for scores in results:
        _check_scores(scores, (first, *output_shape(spec)[1:]), spec, path)
    _check_activation(results[-1], spec, path)


def input_shapes(spec: InputSpec) -> dict[str, tuple[int, ...]]:
    """Shape of each input for one window, in the order in which a graph takes them."""
    shapes = {"x": spec.shape(1)}
    if spec.day_of_year:
        shapes["day"] = (1, spec.steps)
    if spec.valid:
        shapes["valid"] = (1, spec.steps, spec.window, spec.window)
    return shapes


def output_shape(spec: ModelSpec) -> tuple[int, ...]:
    """Shape of the output for one window."""
    channels, window = len(spec.output.channels), spec.input.window
    return (1, channels, window, window) if spec.output.order == "NCHW" else (1, window, window, channels)


def count_weights(model: ModelProto) -> int:
    """Numbers in a graph's tensors of floats."""
    import onnx

    floats = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16, onnx.TensorProto.DOUBLE)
    return sum(int(np.prod(list(t.dims))) for t in _tensors(model) if t.data_type in floats)


def _fix(value: ValueInfoProto, wanted: Sequence[int], path: Path, what: str) -> bool:
    import onnx

    kind = value.type.tensor_type
    if kind.elem_type != onnx.TensorProto.FLOAT:
        name = onnx.TensorProto.DataType.Name(kind.elem_type)
        raise ModelError(f"{path}: {what} takes {name}, not FLOAT.", fix="Export it in float32.", path=str(path))
    shape = [dim.dim_value if dim.HasField("dim_value") else None for dim in kind.shape.dim]
    fits = len(shape) == len(wanted) and all(
        size in (None, want) for size, want in zip(shape[1:], wanted[1:], strict=True)
    )
    if not fits:
        text = " x ".join("?" if size is None else str(size) for size in shape)
        raise ModelError(
            f"{path}: {what} takes {text}, the card says {' x '.join(map(str, ('batch', *wanted[1:])))}.",
            fix="Correct bands, steps, window or layout in the card.",
            path=str(path),
        )
    for dim, size in zip(kind.shape.dim[1:], wanted[1:], strict=True):
        dim.dim_value = size
    return None in shape[1:]


def _check_scores(scores: Any, wanted: tuple[int, ...], spec: ModelSpec, path: Path) -> None:
    if scores.shape != wanted:
        turned = (
            wanted == tuple(np.moveaxis(np.empty(scores.shape, np.bool_), -1, 1).shape) if scores.ndim == 4 else False
        )
        raise ModelError(
            f"{path} gives {' x '.join(map(str, scores.shape))}, the card says {' x '.join(map(str, wanted))} "
            f"({len(spec.output.channels)} channels: {', '.join(spec.output.channels)}; order {spec.output.order}).",
            fix="Set the order of the output to NHWC." if turned else "Correct the output in the card.",
            path=str(path),
        )
    if scores.dtype != np.float32:
        raise ModelError(f"{path} gives {scores.dtype}, not float32.", fix="Export it in float32.", path=str(path))
    if not np.isfinite(scores).all():
        raise ModelError(
            f"{path} gives numbers that are not finite, for an input of zeros or noise.",
            fix="Look for a division by zero.",
            path=str(path),
        )


def _check_activation(scores: Any, spec: ModelSpec, path: Path) -> None:
    if not isinstance(spec.output, ClassesOutput):
        return
    total = scores.sum(axis=1 if spec.output.order == "NCHW" else -1)
    summed = bool(scores.min() >= 0 and np.abs(total - 1).max() < 1e-4)
    if spec.output.activation == "softmax" and summed:
        raise ModelError(
            f"{path} gives probabilities already (they sum to 1), and the card says softmax.",
            fix="Set the activation to none.",
            path=str(path),
        )
    if spec.output.activation == "none" and (scores.min() < 0 or scores.max() > 1):
        raise ModelError(
            f"{path} gives {scores.min():g} to {scores.max():g}, and the card says they are probabilities.",
            fix="Set the activation to softmax or sigmoid.",
            path=str(path),
        )


def _graphs(model: ModelProto) -> Iterator[GraphProto | FunctionProto]:
    """The graph, functions, and the graphs inside of nodes."""
    stack: list[GraphProto | FunctionProto] = [model.graph, *model.functions]
    while stack:
        graph = stack.pop()
        yield graph
        for node in graph.node:
            for attribute in node.attribute:
                stack += [*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs]


def _nodes(model: ModelProto) -> Iterator[NodeProto]:
    for graph in _graphs(model):
        yield from graph.node


def _tensors(model: ModelProto) -> Iterator[Any]:
    for graph in _graphs(model):
        if hasattr(graph, "initializer"):
            yield from graph.initializer
        for node in graph.node:
            for attribute in node.attribute:
                yield from [*([attribute.t] if attribute.HasField("t") else []), *attribute.tensors]
