"""A network as an ONNX graph of fixed shape."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from swath.errors import ModelError
from swath.models.network import Network, example_inputs
from swath.models.spec import InputSpec

OPSET = 18  #: of ONNX: the oldest that torch's exporter writes without converting
TOLERANCE = 1e-4  #: between torch and ONNX Runtime, of scores
NAMES = ("x", "day", "valid")  #: of the inputs
SCORES = "scores"  #: name of the output


def export_onnx(network: Network, spec: InputSpec, path: Path, *, batch: int = 1) -> None:
    """Write a network as ONNX, and hold it against torch on random windows.

    The closing formula of its head is part of the graph, which gives the output's channels as the spec names them. All
    shapes are fixed, batch normalisation is folded into the convolutions, and the file says nothing of the machine
    that wrote it.

    Args:
        network: In any mode; it is left as it was, its weights on their device.
        spec: What it takes.
        path: File to write.
        batch: Windows of a run.

    Raises:
        ModelError: The graph gives another result than the network, by more than 1e-4.
    """
    import onnx

    names = input_names(spec)
    training, device = network.training, next(network.parameters()).device
    network.eval().cpu()
    try:
        finished = network.finished()
        inputs = example_inputs(spec, batch=batch)
        with _quiet(), torch.no_grad():
            program = torch.onnx.export(
                finished,
                inputs,
                input_names=list(names),
                output_names=[SCORES],
                opset_version=OPSET,
                dynamo=True,
                external_data=False,
                verbose=False,
            )
        if program is None:
            raise ModelError("torch gives no ONNX graph of this network.", fix="Keep to operators that it can export.")
        model = program.model_proto
        strip(model)
        onnx.checker.check_model(model)
        path.write_bytes(model.SerializeToString())
        with torch.no_grad():
            wanted = finished(*inputs).numpy()
        off = float(np.abs(run(path, names, inputs) - wanted).max())
    finally:
        network.train(training).to(device)
    if not off <= TOLERANCE * max(1.0, float(np.abs(wanted).max())):
        path.unlink()
        raise ModelError(
            f"The ONNX graph differs from the network by {off:g}, and {TOLERANCE:g} is allowed.",
            fix="Look for an operator that depends on the values of its input, or for weights that are not finite.",
            difference=off,
        )


def input_names(spec: InputSpec) -> tuple[str, ...]:
    """Names of a graph's inputs, in order: `x`, and `day` and `valid` where the spec has them."""
    return tuple(name for name, there in zip(NAMES, (True, spec.day_of_year, spec.valid), strict=True) if there)


def run(path: Path, names: tuple[str, ...], inputs: tuple[Tensor, ...]) -> Any:
    """Scores of ONNX Runtime on one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return session.run([SCORES], {name: value.numpy() for name, value in zip(names, inputs, strict=True)})[0]


def strip(model: Any) -> None:
    """Take away what the exporter notes of the source code: paths, stack traces, module names."""
    del model.metadata_props[:]
    model.doc_string = ""
    graph = model.graph
    graph.name, graph.doc_string = "network", ""
    del graph.metadata_props[:]
    for part in (*graph.node, *graph.initializer, *graph.input, *graph.output, *graph.value_info):
        part.doc_string = ""
        del part.metadata_props[:]


@contextmanager
def _quiet() -> Iterator[None]:
    # torch 2.13 says at each export that torchvision is not there, and uses a deprecated check of its own
    logger = logging.getLogger("torch.onnx._internal.exporter._registration")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*LeafSpec.*is deprecated")
            yield
    finally:
        logger.setLevel(level)
