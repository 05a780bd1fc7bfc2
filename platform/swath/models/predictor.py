"""One predictor for batch mapping and serving: windows of a cube through a network, blended to a map."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from swath.cube.lattice import Window
from swath.errors import ModelError
from swath.models.backends import BackendName, Weights, input_shapes, make_backend, output_shape
from swath.models.blend import ACTIVATIONS, NONE, blend, finish
from swath.models.cubes import ModelCube
from swath.models.normalise import Normaliser, steps_first
from swath.models.spec import ClassesOutput, ModelSpec
from swath.models.windows import WindowLattice
from swath.settings import settings

Floats = NDArray[np.float32]
T = TypeVar("T")


@dataclass(frozen=True)
class _Place:
    """One window of a row: its first column in the cube, and the columns that its core gives (ends excluded)."""

    left: int
    first: int
    last: int


class Predictor:
    """Turns cubes into maps with one model. One call at a time: its buffers are used again.

    Args:
        package: A model package.
        backend: `onnx` or `torch`; `auto` takes torch where there is a CUDA device and safetensors, else ONNX.
        device: `auto`, `cpu`, `cuda`, `cuda:1`.
        threads: Of the network on a CPU, and of what is done around it; SWATH_READ_THREADS, or one a core, unless
            given.
        batch: Windows of a batch, where the package leaves it open.
        compiled: Let torch compile the network.

    Raises:
        ModelError: Weights that are not there or do not fit the card, or a model that has no map.
    """

    def __init__(
        self,
        package: Weights,
        *,
        backend: BackendName = "auto",
        device: str = "auto",
        threads: int | None = None,
        batch: int | None = None,
        compiled: bool = False,
    ) -> None:
        self.spec: ModelSpec = package.spec
        if self.spec.task == "classification":
            raise ModelError(
                f"Model {self.spec.name} gives one answer a window, not one a pixel.",
                fix="Take a model of task semantic-segmentation or regression.",
                model=self.spec.name,
            )
        self._threads = threads or settings().read_threads or len(os.sched_getaffinity(0))
        self._backend = make_backend(
            package, backend=backend, device=device, threads=self._threads, batch=batch, compiled=compiled
        )
        self.backend_name = self._backend.name
        self.lattice = WindowLattice.of(self.spec.input)
        self._pool = ThreadPoolExecutor(self._threads, "swath-predict") if self._threads > 1 else None
        self._buffers = [self._backend.empty() for _ in range(self._backend.buffers)]
        output = self.spec.output
        self._activation = ACTIVATIONS[output.activation] if isinstance(output, ClassesOutput) else NONE
        self._finish = _finish_of(self.spec)

    def halo(self, origin: tuple[int, int], shape: tuple[int, int]) -> int:
        """Pixels of input that are needed round a rectangle.

        Args:
            origin: Row and column of its first pixel on the lattice, see `WindowLattice`.
            shape: (rows, columns).
        """
        return self.lattice.halo(origin, shape)

    def nbytes(self, cols: int) -> int:
        """Memory that `strips` takes for a rectangle of so many columns, beside the cube and the network's own."""
        span = cols + 2 * self.lattice.window
        kept = len(self.spec.output.channels) * self.lattice.core * cols * 4
        flags = (self.spec.input.steps + 1) * self.lattice.window * span
        sizes = [*input_shapes(self.spec.input, self._backend.batch).values()] * self._backend.buffers
        sizes.append(output_shape(self.spec, self._backend.batch))
        return kept + flags + sum(4 * int(np.prod(size)) for size in sizes)

    def predict(self, cube: ModelCube, inner: Window) -> Floats:
        """The map of a rectangle, see `strips`: (K, rows, columns) float32, NaN where no step has data."""
        out = np.empty((len(self.spec.output.channels), *inner.shape), np.float32)
        for row, strip in self.strips(cube, inner):
            out[:, row : row + strip.shape[1]] = strip
        return out

    def strips(self, cube: ModelCube, inner: Window) -> Iterator[tuple[int, Floats]]:
        """The map of a rectangle, from top to bottom.

        Places beyond the cube count as no data. Windows whose core holds no data are not run. Memory is one row of
        windows, whatever the rectangle's height.

        Args:
            cube: Layers with their halo.
            inner: The rectangle, in pixels of the cube.

        Yields:
            First row within `inner`, and the values (K, rows, columns) float32: probabilities, or values in their
            unit; NaN where no step has data. The array is used again for the next strip: copy what is to stay.

        Raises:
            ModelError: A cube of another number of steps or bands; NaN or infinity from the network where there is
                data.
        """
        self._check(cube)
        if inner.empty:
            return
        lattice, margin, core = self.lattice, self.lattice.margin, self.lattice.core
        normaliser = Normaliser.of(self.spec.input, cube.facts)
        for buffers in self._buffers:
            if "day" in buffers:
                buffers["day"][:] = cube.days
        row0, col0 = cube.origin
        places = []
        for number in lattice.over(col0 + inner.left, col0 + inner.right):
            left = lattice.start(number) - col0
            places.append(_Place(left, max(left + margin, inner.left), min(left + margin + core, inner.right)))
        span = places[0].left
        valid = np.empty((len(cube.layers), lattice.window, places[-1].left + lattice.window - span), np.uint8)
        sums = np.zeros((len(self.spec.output.channels), core, inner.shape[1]), np.float32)
        for number in lattice.over(row0 + inner.top, row0 + inner.bottom):
            top = lattice.start(number) - row0
            row = _Row(top, max(top + margin, inner.top), min(top + margin + core, inner.bottom))
            self._mark(normaliser, cube, valid, top, span)
            inside = valid[:, row.first - top : row.last - top, inner.left - span : inner.right - span]
            row_data = np.ascontiguousarray(inside.max(axis=0))
            chosen = [
                place for place in places if row_data[:, place.first - inner.left : place.last - inner.left].any()
            ]
            self._run_row(_Job(normaliser, cube, inner, valid, span, row, row_data, sums), chosen)
            begin, end = row.first - top - margin, min(top + margin + lattice.stride, row.last) - top - margin
            if end > begin:
                strip = sums[:, begin:end]
                self._in_parts(end - begin, lambda a, b: finish(strip, row_data, *self._finish, a, b))  # noqa: B023
                yield row.first - inner.top, strip
            sums[:, : core - lattice.stride] = sums[:, lattice.stride :]
            sums[:, core - lattice.stride :] = 0

    def _run_row(self, job: _Job, places: list[_Place]) -> None:
        """All windows of a row, in batches; a batch is filled while the one before runs, where the backend can."""
        size = self._backend.batch
        waiting: tuple[Callable[[], Floats], list[_Place]] | None = None
        for number, start in enumerate(range(0, len(places), size)):
            group = places[start : start + size]
            if waiting and len(self._buffers) == 1:
                self._settle(job, *waiting)
                waiting = None
            inputs = self._buffers[number % len(self._buffers)]
            self._fill(job, inputs, group)
            scores = waiting[0]() if waiting else None
            begun = self._backend.start(inputs)
            if waiting and scores is not None:
                self._blend(job, scores, waiting[1])
            waiting = begun, group
        if waiting:
            self._settle(job, *waiting)

    def _settle(self, job: _Job, wait: Callable[[], Floats], group: list[_Place]) -> None:
        self._blend(job, wait(), group)

    def _mark(self, normaliser: Normaliser, cube: ModelCube, valid: NDArray[np.uint8], top: int, left: int) -> None:
        self._in_parts(valid.shape[1], lambda a, b: normaliser.valid(cube.layers, top + a, left, valid[:, a:b]))

    def _fill(self, job: _Job, inputs: Mapping[str, Floats], group: list[_Place]) -> None:
        """A batch's input; slots beyond the group keep what they held, and their scores are left aside."""
        x = steps_first(inputs["x"], self.spec.input.layout)
        window = self.lattice.window
        for slot, place in enumerate(group):
            begin = place.left - job.span
            valid = job.valid[:, :, begin : begin + window]
            if "valid" in inputs:
                inputs["valid"][slot] = valid

            def part(a: int, b: int, slot: int = slot, place: _Place = place, valid: Any = valid) -> None:
                job.normaliser.fill_input(
                    job.cube.layers, valid[:, a:b], job.row.top + a, place.left, x[slot][:, :, a:b]
                )

            self._in_parts(window, part)

    def _blend(self, job: _Job, scores: Floats, group: list[_Place]) -> None:
        weights, row = self.lattice.weights, job.row
        base = row.top + self.lattice.margin
        for slot, place in enumerate(group):

            def part(a: int, b: int, slot: int = slot, place: _Place = place) -> int:
                return blend(
                    scores[slot], row.first - row.top, place.first - place.left,
                    weights[row.first - row.top : row.last - row.top],
                    weights[place.first - place.left : place.last - place.left],
                    self._activation, job.data, job.sums, row.first - base, place.first - job.inner.left, a, b,
                )  # fmt: skip

            wrong = sum(self._in_parts(row.last - row.first, part))
            if wrong:
                raise ModelError(
                    f"Model {self.spec.name}: the network gives NaN or infinity at {wrong} pixels that have data, in "
                    f"the window at row {job.cube.origin[0] + row.top}, column {job.cube.origin[1] + place.left} of "
                    f"the grid.",
                    fix="Check the input there against the model's clip, mean and std; bfloat16 and float16 reach less "
                    "far than float32.",
                    model=self.spec.name,
                )

    def _in_parts(self, rows: int, call: Callable[[int, int], T]) -> list[T]:
        """Do rows in as many parts as there are threads."""
        if self._pool is None:
            return [call(0, rows)]
        edges = np.linspace(0, rows, self._threads + 1).astype(int).tolist()
        return list(self._pool.map(call, edges[:-1], edges[1:]))

    def _check(self, cube: ModelCube) -> None:
        steps, bands = self.spec.input.steps, len(self.spec.input.bands)
        given = {len(step) for step in cube.layers}
        if len(cube.layers) != steps or given != {bands} or cube.days.shape != (steps,):
            raise ModelError(
                f"Model {self.spec.name} takes {steps} steps of {bands} bands, and the cube has {len(cube.layers)} "
                f"steps of {', '.join(map(str, sorted(given)))} bands and {cube.days.size} days.",
                fix="Cut the period into as many steps as the model takes.",
                model=self.spec.name,
            )


@dataclass(frozen=True)
class _Row:
    """A row of windows: its first row in the cube, and the rows that its cores give (ends excluded)."""

    top: int
    first: int
    last: int


@dataclass(frozen=True)
class _Job:
    """What the windows of a row share.

    Attributes:
        normaliser: Of the cube.
        cube: That is read.
        inner: The rectangle that is wanted.
        valid: (T, window, .) of all columns that the row's windows see.
        span: Column of the cube at which `valid` begins.
        row: Of the windows.
        data: Where any step has data, (rows of the row, columns of `inner`).
        sums: (K, core, columns of `inner`).
    """

    normaliser: Normaliser
    cube: ModelCube
    inner: Window
    valid: NDArray[np.uint8]
    span: int
    row: _Row
    data: NDArray[np.uint8]
    sums: Floats


def _finish_of(spec: ModelSpec) -> tuple[Floats, Floats, Floats, Floats, bool]:
    """Scale, offset, low and high by channel, and whether they change nothing."""
    output = spec.output
    if isinstance(output, ClassesOutput):
        rows = [(1.0, 0.0, -np.inf, np.inf)] * len(output.classes)
    else:
        rows = [
            (
                value.scale,
                value.offset,
                -np.inf if value.low is None else value.low,
                np.inf if value.high is None else value.high,
            )
            for value in output.values
        ]
    scale, offset, low, high = (np.array(column, np.float32) for column in zip(*rows, strict=True))
    return scale, offset, low, high, all(row == (1.0, 0.0, -np.inf, np.inf) for row in rows)
