"""ONNX Runtime on the CPU."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from swath.errors import ModelError
from swath.models.backends import ONNX_FILE, Weights, channels_first, input_shapes, need_file, output_shape

Floats = NDArray[np.float32]


def session_options(threads: int, *, spin: bool = False) -> Any:
    """Options of a session: so many threads in an operator, one operator at a time.

    Args:
        threads: Of an operator.
        spin: Let threads that wait burn their core. It gains little, and takes that core from the readers beside.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "1" if spin else "0")
    return options


class OnnxBackend:
    """A package's ONNX graph on the CPU, its output in one array that is used again.

    Args:
        package: With `model.onnx`.
        threads: Of an operator.
        batch: Windows of a batch, where the file leaves it open; 1 unless given.

    Raises:
        ModelError: A file that cannot be loaded (an operator that is unknown), a shape that is not the spec's, or a
            spatial shape that the file leaves open.
    """

    name = "onnxruntime-cpu"
    buffers = 1

    def __init__(self, package: Weights, *, threads: int = 1, batch: int | None = None) -> None:
        import onnxruntime

        self.spec = package.spec
        path = need_file(package, ONNX_FILE)
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), session_options(threads), providers=["CPUExecutionProvider"]
            )
        except _errors() as error:
            raise ModelError(
                f"Model {self.spec.name}: ONNX Runtime {onnxruntime.__version__} cannot load {path.name}: "
                f"{_first_line(error)}",
                fix="Export it with operators of the standard opset that this version knows.",
                model=self.spec.name,
            ) from error
        self._given = self._session.get_inputs()
        self.batch = self._batch_of_file(batch)
        self._check_inputs()
        outputs = self._session.get_outputs()
        self._output_name = outputs[0].name
        if outputs[0].type != "tensor(float)":
            raise self._unfit(f"its output is {outputs[0].type}, not tensor(float)")
        self._check_output(outputs[0].shape)
        self._scores = np.empty(output_shape(self.spec, self.batch), np.float32)
        self._binding = self._session.io_binding()

    def _batch_of_file(self, wanted: int | None) -> int:
        first = self._given[0].shape[0] if self._given and self._given[0].shape else None
        if not isinstance(first, int):
            return wanted or 1
        if wanted not in (None, first):
            raise self._unfit(f"it takes batches of {first}, and {wanted} are asked for")
        return first

    def _check_inputs(self) -> None:
        shapes = input_shapes(self.spec.input, self.batch)
        if len(self._given) != len(shapes):
            names = ", ".join(given.name for given in self._given)
            raise self._unfit(f"it has {len(self._given)} inputs ({names}), the card says {len(shapes)}")
        by_name = {given.name: given for given in self._given}
        # graphs of others name their inputs as they like: then their order decides
        order = [by_name[name] for name in shapes] if set(shapes) == set(by_name) else self._given
        self._names = {name: given.name for name, given in zip(shapes, order, strict=True)}
        for (name, wanted), given in zip(shapes.items(), order, strict=True):
            if given.type != "tensor(float)":
                raise self._unfit(f"its input {given.name} is {given.type}, not tensor(float)")
            shape = list(given.shape)
            if any(not isinstance(size, int) for size in shape[1:]):
                raise self._unfit(f"its input {given.name} has a shape that is left open: {shape}")
            if len(shape) != len(wanted) or tuple(shape[1:]) != wanted[1:]:
                raise self._unfit(f"its input {given.name} ({name}) is {shape}, the card says {list(wanted)}")

    def _check_output(self, shape: list[Any]) -> None:
        wanted = output_shape(self.spec, self.batch)
        if len(shape) != len(wanted) or any(
            isinstance(size, int) and size != want for size, want in zip(shape, wanted, strict=True)
        ):
            raise self._unfit(f"its output is {shape}, the card says {list(wanted)}")

    def _unfit(self, what: str) -> ModelError:
        return ModelError(
            f"Model {self.spec.name}: {ONNX_FILE} does not fit its card: {what}.",
            fix="Correct the card, or export the network with the fixed shape that the card says, float32 in and out.",
            model=self.spec.name,
        )

    def empty(self) -> dict[str, Floats]:
        """Arrays for a batch."""
        return {name: np.zeros(shape, np.float32) for name, shape in input_shapes(self.spec.input, self.batch).items()}

    def start(self, inputs: Mapping[str, Floats]) -> Callable[[], Floats]:
        """Begin with a batch: it is run when its scores are asked for."""

        def wait() -> Floats:
            binding = self._binding
            binding.clear_binding_inputs()
            for name, given in self._names.items():
                binding.bind_cpu_input(given, inputs[name])
            scores = self._scores
            binding.bind_output(self._output_name, "cpu", 0, np.float32, scores.shape, scores.ctypes.data)
            try:
                self._session.run_with_iobinding(binding)
            except _errors() as error:
                raise ModelError(
                    f"Model {self.spec.name}: ONNX Runtime cannot run it: {_first_line(error)}",
                    fix="Check the shapes in the card against the graph, or export the model again.",
                    model=self.spec.name,
                ) from error
            return channels_first(scores, self.spec)

        return wait


def _errors() -> tuple[type[BaseException], ...]:
    """The errors of ONNX Runtime's core, which has no common base."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    names = ("EPFail", "Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "NoModel", "NoSuchFile")
    return (RuntimeError, ValueError, state.NotImplemented, state.RuntimeException, *(getattr(state, n) for n in names))


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
