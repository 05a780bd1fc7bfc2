"""torch: bfloat16 on a CUDA device, float32 on the CPU."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from swath.errors import ModelError
from swath.models.backends import WEIGHTS_FILE, Weights, channels_first, input_shapes, need_file
from swath.models.spec import Layout

Floats = NDArray[np.float32]
_BATCH_ON_GPU = 8


class TorchBackend:
    """A network built from its spec, with weights from safetensors: nothing is unpickled.

    On CUDA a batch is copied from pinned memory and runs while the caller fills the next one.

    Args:
        package: With `weights.safetensors`.
        device: `auto` (CUDA where there is one), `cpu`, `cuda` or `cuda:1`.
        threads: Of an operator on the CPU; it is the process's, as torch has it.
        batch: Windows of a batch; unless given 1 on a CPU, 8 on a GPU.
        compiled: Compile the network at its first batch.
        half: bfloat16 on CUDA; float32 otherwise.

    Raises:
        ModelError: No such device, an imported network (it has no parts to build from), or weights of another shape.
    """

    def __init__(
        self,
        package: Weights,
        *,
        device: str = "auto",
        threads: int = 1,
        batch: int | None = None,
        compiled: bool = False,
        half: bool = True,
    ) -> None:
        import torch

        self.spec = package.spec
        self._device = _device(device)
        self._cuda = self._device.type == "cuda"
        self._half = half and self._cuda
        path = need_file(package, WEIGHTS_FILE)
        if not self._cuda:
            torch.set_num_threads(threads)
        self._network = _load(package, str(path)).to(self._device, memory_format=torch.channels_last).eval()
        if compiled:
            self._network = torch.compile(self._network)
        self.batch = batch or (_BATCH_ON_GPU if self._cuda else 1)
        self.buffers = 2 if self._cuda else 1
        kind = "-bf16" if self._half else ""
        self.name = f"torch-{self._device.type}{kind}{'-compiled' if compiled else ''}"
        self._pinned: dict[int, tuple[Floats, Any]] = {}  # the array stays too, so that its id stays its own
        self._scores: Any = None

    def empty(self) -> dict[str, Floats]:
        """Arrays for a batch, in pinned memory for CUDA."""
        import torch

        arrays: dict[str, Floats] = {}
        for name, shape in input_shapes(self.spec.input, self.batch).items():
            tensor = torch.zeros(shape, dtype=torch.float32, pin_memory=self._cuda)
            arrays[name] = tensor.numpy()
            self._pinned[id(arrays[name])] = arrays[name], tensor
        return arrays

    def start(self, inputs: Mapping[str, Floats]) -> Callable[[], Floats]:
        """Begin with a batch; on the CPU it is run when its scores are asked for."""
        import torch

        def launch() -> Any:
            with torch.inference_mode(), torch.autocast("cuda", torch.bfloat16, enabled=self._half):
                given = []
                for name in input_shapes(self.spec.input, self.batch):
                    _, tensor = self._pinned.get(id(inputs[name]), (None, None))
                    tensor = torch.from_numpy(inputs[name]) if tensor is None else tensor
                    tensor = tensor.to(self._device, non_blocking=True)
                    if name == "x" and self.spec.input.layout is Layout.NCHW:
                        tensor = tensor.contiguous(memory_format=torch.channels_last)
                    given.append(tensor)
                return self._network(*given).float().contiguous()

        if not self._cuda:
            return lambda: channels_first(self._guarded(launch).numpy(), self.spec)
        scores = self._guarded(launch)
        if self._scores is None or self._scores.shape != scores.shape:
            self._scores = torch.empty(scores.shape, dtype=torch.float32, pin_memory=True)
        # copied at the wait: the array still holds the batch before, which the caller may be blending
        done = torch.cuda.Event()  # type: ignore[no-untyped-call]
        done.record()

        def wait() -> Floats:
            done.synchronize()
            self._scores.copy_(scores)
            return channels_first(self._scores.numpy(), self.spec)

        return wait

    def _guarded(self, launch: Callable[[], Any]) -> Any:
        import torch

        try:
            return launch()
        except torch.OutOfMemoryError as error:
            raise ModelError(
                f"Model {self.spec.name}: a batch of {self.batch} windows of {self.spec.input.window} px does not fit "
                f"{self._device}.",
                fix="Take a smaller batch.",
                model=self.spec.name,
            ) from error


def _device(name: str) -> Any:
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ModelError(f"There is no device {name!r}.", fix="Take auto, cpu, cuda or cuda:1.") from error
    if device.type not in ("cpu", "cuda"):
        raise ModelError(f"Models do not run on {name!r} here.", fix="Take auto, cpu, cuda or cuda:1.")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ModelError(
            f"This machine has {torch.cuda.device_count()} CUDA devices, and {name} is asked for.",
            fix="Take device cpu, or auto.",
        )
    return device


def _load(package: Weights, path: str) -> Any:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from swath.models.network import Network

    network = Network.build(package.spec)
    try:
        weights = load_file(path)
    except SafetensorError as error:
        raise ModelError(
            f"Model {package.spec.name}: {WEIGHTS_FILE} is no safetensors file: {error}",
            fix="Fetch or export the package again.",
            model=package.spec.name,
        ) from error
    network.load(weights)
    return network.eval().finished()
