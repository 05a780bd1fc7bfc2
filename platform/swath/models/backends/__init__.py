"""What runs a network: ONNX Runtime on CPUs, torch on GPUs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from swath.errors import ModelError
from swath.models.spec import InputSpec, ModelSpec

Floats = NDArray[np.float32]
#: `auto`: torch where there is a CUDA device and the package has its weights as safetensors, else ONNX Runtime.
BackendName = Literal["auto", "onnx", "torch"]

ONNX_FILE, WEIGHTS_FILE = "model.onnx", "weights.safetensors"


class Weights(Protocol):
    """What a backend needs of a package."""

    @property
    def spec(self) -> ModelSpec:
        """What the model computes."""
        ...

    def has(self, name: str) -> bool:
        """Whether the package has a file of weights."""
        ...

    def path(self, name: str) -> Path:
        """Where it lies."""
        ...


class Backend(Protocol):
    """Runs batches of one fixed shape.

    Attributes:
        name: For the resume key: `onnxruntime-cpu`, `torch-cuda-bf16`.
        batch: Windows of a batch; never another number.
        buffers: Input arrays that it wants in turn: 2 where it runs while the caller fills the next batch.
    """

    name: str
    batch: int
    buffers: int

    def empty(self) -> dict[str, Floats]:
        """Arrays for a batch: `x` in the spec's layout, and `day` and `valid` where the model takes them."""
        ...

    def start(self, inputs: Mapping[str, Floats]) -> Callable[[], Floats]:
        """Begin with a batch; the call returned waits for its scores, (N, K, S, S), valid until the next wait.

        Raises:
            ModelError: The network cannot run, or gives another shape than the spec says.
        """
        ...


def input_shapes(spec: InputSpec, batch: int) -> dict[str, tuple[int, ...]]:
    """Shape of each input, in the order in which a network takes them."""
    shapes = {"x": spec.shape(batch)}
    if spec.day_of_year:
        shapes["day"] = (batch, spec.steps)
    if spec.valid:
        shapes["valid"] = (batch, spec.steps, spec.window, spec.window)
    return shapes


def output_shape(spec: ModelSpec, batch: int) -> tuple[int, ...]:
    """Shape of the output, in the order of its spec."""
    n, k, s = batch, len(spec.output.channels), spec.input.window
    return (n, k, s, s) if spec.output.order == "NCHW" else (n, s, s, k)


def channels_first(scores: NDArray[Any], spec: ModelSpec) -> NDArray[Any]:
    """A view (N, K, S, S) of an output.

    Raises:
        ModelError: Its shape is not the one that the spec says.
    """
    wanted = output_shape(spec, scores.shape[0] if scores.ndim else 0)
    if scores.shape != wanted:
        raise ModelError(
            f"Model {spec.name}: the network gives {_text(scores.shape)}, the card says {_text(wanted)} "
            f"({len(spec.output.channels)} channels, {spec.output.order}).",
            fix="Correct the output's channels and order, and the window, in the card.",
            model=spec.name,
        )
    return scores if spec.output.order == "NCHW" else np.moveaxis(scores, -1, 1)


def _text(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "a scalar"


def make_backend(
    package: Weights,
    *,
    backend: BackendName = "auto",
    device: str = "auto",
    threads: int = 1,
    batch: int | None = None,
    compiled: bool = False,
) -> Backend:
    """The backend of a package.

    Args:
        package: With its weights.
        backend: Which; the choice of `auto` is in its `name`.
        device: `auto`, `cpu`, `cuda` or `cuda:1`; ONNX Runtime takes the CPU only.
        threads: For one network on a CPU.
        batch: Windows of a batch; unless given, that of the ONNX file, else 1 on a CPU and 8 on a GPU.
        compiled: Let torch compile the network (needs a C++ compiler).

    Raises:
        ModelError: The package lacks the weights, or the device is not there.
    """
    if backend == "auto":
        gpu = device != "cpu" and package.has(WEIGHTS_FILE) and (device != "auto" or _cuda())
        backend = "torch" if gpu or not package.has(ONNX_FILE) else "onnx"
    if backend == "torch":
        from swath.models.backends.torch import TorchBackend

        return TorchBackend(package, device=device, threads=threads, batch=batch, compiled=compiled)
    if backend != "onnx":
        raise ModelError(f"There is no backend {backend!r}.", fix="Take auto, onnx or torch.")
    if device not in ("auto", "cpu"):
        raise ModelError(
            f"Model {package.spec.name}: ONNX Runtime runs on the CPU here, and the device is {device}.",
            fix="Take backend torch, which needs weights.safetensors in the package, or device cpu.",
        )
    from swath.models.backends.onnx import OnnxBackend

    return OnnxBackend(package, threads=threads, batch=batch)


def _cuda() -> bool:
    # torch takes seconds and hundreds of megabytes: without a driver's device it need not be asked
    if not any(Path(name).exists() for name in ("/dev/nvidiactl", "/dev/dxg")):
        return False
    import torch

    return bool(torch.cuda.is_available())


def need_file(package: Weights, name: str) -> Path:
    """Where a file of weights lies.

    Raises:
        ModelError: The package has none of that name.
    """
    if package.has(name):
        return package.path(name)
    other, way = (WEIGHTS_FILE, "torch") if name == ONNX_FILE else (ONNX_FILE, "onnx")
    raise ModelError(
        f"Model {package.spec.name} has no {name}.",
        fix=f"It has {other}: take backend {way}." if package.has(other) else "Export the model again.",
        model=package.spec.name,
    )


__all__ = [
    "ONNX_FILE",
    "WEIGHTS_FILE",
    "Backend",
    "BackendName",
    "Weights",
    "channels_first",
    "input_shapes",
    "make_backend",
    "need_file",
    "output_shape",
]
