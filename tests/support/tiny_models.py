"""Networks of a few weights as ONNX files, with their specs: packages as far as a predictor needs them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from swath.cube import LayerFacts
from swath.models.spec import BandInput, ClassesOutput, InputSpec, ModelSpec

REFLECTANCE = LayerFacts("uint16", 0, 0.0001, -0.1, "1", "reflectance")


@dataclass(frozen=True)
class TinyPackage:
    """A folder with `model.onnx`, or with weights, and what they compute."""

    folder: Path
    spec: ModelSpec
    digest: str = "0" * 64

    def has(self, name: str) -> bool:
        return self.path(name).exists()

    def path(self, name: str) -> Path:
        return self.folder / name


def bands(count: int, *, mean: float = 0.2, std: float = 0.1) -> tuple[BandInput, ...]:
    return tuple(BandInput(name=f"B{number:02}", mean=mean, std=std) for number in range(1, count + 1))


def model_spec(*, channels: int = 2, classes: int = 3, output: Any = None, **given: Any) -> ModelSpec:
    known: dict[str, Any] = {"unit": "reflectance", "gsd": 10, "window": 32, "stride": 16, "margin": 8}
    return ModelSpec(
        name="tiny",
        input=InputSpec(bands=bands(channels), **{**known, **given}),
        output=output or ClassesOutput(classes=tuple(f"class {k}" for k in range(classes))),
    )


def write_onnx(
    path: Path,
    spec: ModelSpec,
    *,
    kind: str = "conv",
    batch: int | str = 1,
    shape: tuple[int | str, int | str] | None = None,
    seed: int = 0,
) -> Path:
    """Write a network of a spec.

    Args:
        path: Of the file.
        spec: Its input and output.
        kind: `conv`: 3x3, 3x3, 1x1 (reach 2). `pool`: halved and doubled between (reach below 8, multiple 2).
            `global`: each pixel plus its window's mean. `constant`: a 1x1 of zeros plus 1. `log`: NaN below 0.
        batch: Windows of a batch, or the name of an open one.
        shape: (H, W), or names of open ones; the window unless given.
        seed: Of the weights: the same for every shape.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(seed)
    channels, classes = len(spec.input.bands), len(spec.output.channels)
    height, width = shape or (spec.input.window, spec.input.window)
    made: list[Any] = []

    def weights(name: str, *size: int) -> str:
        values = rng.normal(0, 1 / np.sqrt(np.prod(size[1:]) or 1), size).astype(np.float32)
        made.append(numpy_helper.from_array(values, name))
        return name

    def conv(name: str, given: str, out: str, c_in: int, c_out: int, kernel: int) -> Any:
        return helper.make_node(
            "Conv", [given, weights(f"{name}_w", c_out, c_in, kernel, kernel), weights(f"{name}_b", c_out)], [out],
            kernel_shape=[kernel, kernel], pads=[kernel // 2] * 4,
        )  # fmt: skip

    size = list(spec.input.shape(1))
    size[0] = batch
    spatial = {"NCHW": (2, 3), "NHWC": (1, 2), "NTCHW": (3, 4)}[spec.input.layout.value]
    size[spatial[0]], size[spatial[1]] = height, width
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, size)]
    nodes, x = [], "x"
    if spec.input.layout == "NHWC":
        nodes.append(helper.make_node("Transpose", ["x"], ["first"], perm=[0, 3, 1, 2]))
        x = "first"
    if spec.input.layout == "NTCHW":
        steps = size[1]
        if spec.input.day_of_year:
            inputs.append(helper.make_tensor_value_info("day", TensorProto.FLOAT, [batch, steps]))
            made.append(numpy_helper.from_array(np.array([batch, steps, 1, 1, 1], np.int64), "day_shape"))
            made.append(numpy_helper.from_array(np.array(0.01, np.float32), "percent"))
            nodes.append(helper.make_node("Reshape", ["day", "day_shape"], ["days"]))
            nodes.append(helper.make_node("Mul", ["days", "percent"], ["scaled"]))
            nodes.append(helper.make_node("Add", [x, "scaled"], ["dated"]))
            x = "dated"
        if spec.input.valid:
            inputs.append(helper.make_tensor_value_info("valid", TensorProto.FLOAT, [batch, steps, height, width]))
            made.append(numpy_helper.from_array(np.array([2], np.int64), "axis"))
            nodes.append(helper.make_node("Unsqueeze", ["valid", "axis"], ["there"]))
            nodes.append(helper.make_node("Mul", [x, "there"], ["masked"]))
            x = "masked"
        made.append(numpy_helper.from_array(np.array([1], np.int64), "time"))
        nodes.append(helper.make_node("ReduceSum", [x, "time"], ["flat"], keepdims=0))
        x = "flat"
    if kind == "constant":
        made.append(numpy_helper.from_array(np.zeros((classes, channels, 1, 1), np.float32), "zero"))
        made.append(numpy_helper.from_array(np.ones(classes, np.float32), "one"))
        nodes.append(helper.make_node("Conv", [x, "zero", "one"], ["scores"]))
    elif kind == "log":
        nodes += [helper.make_node("Log", [x], ["logs"]), conv("last", "logs", "scores", channels, classes, 1)]
    elif kind == "unknown":
        nodes.append(helper.make_node("Teleport", [x], ["scores"]))
    else:
        nodes += [conv("a", x, "a", channels, 8, 3), helper.make_node("Relu", ["a"], ["a2"])]
        last = "a2"
        if kind == "pool":
            nodes.append(helper.make_node("MaxPool", [last], ["low"], kernel_shape=[2, 2], strides=[2, 2]))
            nodes += [conv("p", "low", "p", 8, 8, 3), helper.make_node("Relu", ["p"], ["p2"])]
            made.append(numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "twice"))
            nodes.append(helper.make_node("Resize", ["p2", "", "twice"], ["up"], mode="nearest"))
            nodes.append(helper.make_node("Add", [last, "up"], ["joined"]))
            last = "joined"
        if kind == "global":
            nodes.append(helper.make_node("GlobalAveragePool", [last], ["mean"]))
            nodes.append(helper.make_node("Add", [last, "mean"], ["joined"]))
            last = "joined"
        nodes += [conv("b", last, "b", 8, 8, 3), helper.make_node("Relu", ["b"], ["b2"])]
        nodes.append(conv("last", "b2", "scores", 8, classes, 1))
    outputs = [batch, classes, height, width]
    name = "scores"
    if spec.output.order == "NHWC":
        nodes.append(helper.make_node("Transpose", ["scores"], ["turned"], perm=[0, 2, 3, 1]))
        outputs, name = [batch, height, width, classes], "turned"
    graph = helper.make_graph(
        nodes, "tiny", inputs, [helper.make_tensor_value_info(name, TensorProto.FLOAT, outputs)], made
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, path)
    return path


def tiny_package(folder: Path, spec: ModelSpec, **given: Any) -> TinyPackage:
    """A package with a network, see `write_onnx`."""
    folder.mkdir(parents=True, exist_ok=True)
    write_onnx(folder / "model.onnx", spec, **given)
    return TinyPackage(folder, spec)
