"""From the scenes of a unit to the numbers of its layers: a composite, or what a model makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from swath.cube import COUNT, Composite, compose, composite_bytes
from swath.errors import ModelError, UnitError
from swath.grid import Tile
from swath.mapping.applicability import share_index
from swath.mapping.classes import Shares, share_classes
from swath.mapping.layers import layers_of
from swath.mapping.packages import plan_package
from swath.mapping.plan import Plan
from swath.mapping.units import Unit
from swath.models import Predictor
from swath.models.cubes import ReadCube, read_series, series_bytes
from swath.models.dissimilarity import Dissimilarity
from swath.models.series import Series
from swath.models.spec import ClassesOutput, ModelSpec
from swath.models.steps import Part, parts_around, steps_of
from swath.products import Layer
from swath.sources import Scene

#: What a network takes of memory beside its inputs: a U-Net of width 32 on windows of 512 px takes about this.
NETWORK_BYTES = 512 * 2**20


@dataclass(frozen=True)
class Read:
    """A unit after reading.

    Attributes:
        tile: Its tile.
        scenes: That were read, input by input, each once.
        data: A composite an input (None without scenes), or the cube of a model.
        forest: Codes of the tile's pixels by a forest definition, (H, W) uint8.
        beside: What else was composed, without its numbers.
    """

    tile: Tile
    scenes: list[Scene]
    data: tuple[Composite | None, ...] | ReadCube
    forest: NDArray[np.uint8] | None = None
    beside: tuple[Composite, ...] = ()

    @property
    def _made(self) -> list[Composite | ReadCube]:
        given = (self.data,) if isinstance(self.data, ReadCube) else self.data
        return [one for one in (*given, *self.beside) if one is not None]

    @property
    def skipped(self) -> list[dict[str, Any]]:
        """Files that were left out, see `Composite`."""
        return [entry for made in self._made for entry in made.skipped]

    @property
    def notes(self) -> list[dict[str, Any]]:
        """What was odd, see `Composite`."""
        return [entry for made in self._made for entry in made.notes]

    @property
    def stats(self) -> dict[str, Any]:
        """Readings, see `Composite`; summed."""
        total: dict[str, Any] = {}
        for made in self._made:
            for name, number in made.stats.items():
                total[name] = total.get(name, 0) + number
        return total


Scenes = Sequence[list[Scene]]  # of each input


def each_once(scenes: Scenes) -> list[Scene]:
    """All scenes, input by input; one that two inputs read stands once."""
    return list({scene.row: scene for mine in scenes for scene in mine}.values())


class Maker(Protocol):
    """Makes the layers of units of one plan."""

    def nbytes(self, tile: Tile, scenes: Sequence[int]) -> int:
        """Peak memory of a unit, bytes, before its layers are packed; `scenes` is their number by input."""
        ...

    def read(self, unit: Unit, tile: Tile, scenes: Scenes) -> Read:
        """Scenes to numbers on a lattice."""
        ...

    def layers(self, read: Read) -> dict[str, NDArray[Any]]:
        """Numbers of each layer, as they stand in the files, by name."""
        ...


class CompositeMaker:
    """Layers of a composite.

    Args:
        plan: Of the units.
        threads: That read and reduce.
        strip_bytes: Memory that the dates of one strip may take.
    """

    def __init__(self, plan: Plan, *, threads: int, strip_bytes: int) -> None:
        self._plan, self._threads, self._strip_bytes = plan, threads, strip_bytes

    def nbytes(self, tile: Tile, scenes: Sequence[int]) -> int:
        """See `Maker`. One input is composited after the other; what is made of those before is held."""
        layers = sum(np.dtype(layer.dtype).itemsize for layer in self._plan.layers if layer.input)
        return layers * tile.shape[0] * tile.shape[1] + max(
            composite_bytes(number, tile, spec, collection, self._strip_bytes)
            for number, spec, collection in zip(scenes, self._plan.specs, self._plan.collections, strict=True)
            if spec is not None and collection is not None
        )

    def read(self, unit: Unit, tile: Tile, scenes: Scenes) -> Read:
        """See `Maker`."""
        made = tuple(
            compose(
                mine, tile, spec,
                collection=collection, threads=self._threads, budget_bytes=self._strip_bytes,
            ) if mine and spec is not None and collection is not None else None
            for mine, spec, collection in zip(scenes, self._plan.specs, self._plan.collections, strict=True)
        )  # fmt: skip
        return Read(tile, each_once(scenes), made)

    def layers(self, read: Read) -> dict[str, NDArray[Any]]:
        """See `Maker`. Layers of an optional input that has no scenes hold no data."""
        assert isinstance(read.data, tuple)
        made: dict[str, NDArray[Any]] = {}
        for number, composite in enumerate(read.data):
            layers = tuple(layer for layer in self._plan.layers if layer.input == number)
            collection = self._plan.collections[number]
            if composite is not None and collection is not None:
                made |= layers_of(composite, layers, collection)
            else:
                made |= {layer.name: np.full(read.tile.shape, layer.nodata or 0, layer.dtype) for layer in layers}
        return made


class ModelMaker:
    """Layers that a model gives.

    Args:
        plan: Of the units; its product has a model.
        threads: That read, and of the network.
        strip_bytes: Memory that the dates of one strip may take.
    """

    def __init__(self, plan: Plan, *, threads: int, strip_bytes: int) -> None:
        self._plan, self._threads, self._strip_bytes = plan, threads, strip_bytes
        spec = plan.product.model_spec
        assert spec is not None
        self._spec: ModelSpec = spec

    @cached_property
    def predictor(self) -> Predictor:
        """The model, loaded once a worker."""
        use = self._plan.product.model
        assert use is not None
        return Predictor(plan_package(self._plan), backend=use.backend, threads=self._threads)

    @cached_property
    def _dissimilarity(self) -> Dissimilarity | None:
        """What a pixel is held against, where the product asks for that."""
        use = self._plan.product.model
        return Dissimilarity.open(plan_package(self._plan)) if use is not None and use.applicability else None

    def nbytes(self, tile: Tile, scenes: Sequence[int]) -> int:
        """See `Maker`."""
        series = [
            (scenes[number], self._series(number, ()))
            for number, channels in enumerate(self._plan.product.channels)
            if channels
        ]
        read = series_bytes(series, tile, input=self._spec.input, budget_bytes=self._strip_bytes)
        spec = self._spec.input
        columns = tile.shape[1] * tile.resolution / spec.gsd
        row = 4 * len(self._spec.output.channels) * spec.window * columns
        return read + int(row) + NETWORK_BYTES

    def read(self, unit: Unit, tile: Tile, scenes: Scenes) -> Read:
        """See `Maker`."""
        series = [
            self._series(number, self._parts(scenes[number], unit, number))
            for number, channels in enumerate(self._plan.product.channels)
            if channels
        ]
        cube = read_series(
            series, tile, input=self._spec.input, threads=self._threads, budget_bytes=self._strip_bytes
        )  # fmt: skip
        return Read(tile, each_once(scenes), cube)

    def _parts(self, scenes: list[Scene], unit: Unit, number: int) -> tuple[Part, ...]:
        if not self._plan.product.inputs[number].static:
            return model_parts(scenes, unit, self._spec)
        # its scenes are of no step: they stand in each
        empty = steps_of([], unit.start, unit.end, self._spec.input.steps)
        return tuple(replace(part, scenes=tuple(scenes)) for part in empty)

    def _series(self, number: int, parts: tuple[Part, ...]) -> Series:
        spec, collection = self._plan.specs[number], self._plan.collections[number]
        assert spec is not None and collection is not None
        product = self._plan.product
        return Series(parts, spec, collection, product.channels[number], bool(product.inputs[number].static))

    def layers(self, read: Read) -> dict[str, NDArray[Any]]:
        """See `Maker`. A strip at a time: what all classes take is never held for the whole tile.

        Raises:
            UnitError: The network gave NaN or infinity where there is data.
        """
        assert isinstance(read.data, ReadCube)
        made = {
            layer.name: np.empty(read.tile.shape, layer.dtype) for layer in self._plan.layers if layer.name != COUNT
        }
        write = self._writer(made)
        try:
            strips = self.predictor.strips(read.data.cube, read.data.inner)
            if self._dissimilarity is not None:
                strips = self._dissimilarity.beside(
                    strips, read.data.cube, read.data.inner, self._spec.input, threads=self._threads
                )
            for row, strip in read.data.on_tile(strips):
                write(row, strip)
        except ModelError as error:
            raise UnitError(error.message, fix=error.fix, tile=read.tile.id, **error.facts) from error
        for layer in self._plan.layers:
            if layer.name == COUNT:
                made[COUNT] = read.data.count.astype(np.dtype(layer.dtype), copy=False)
        return made

    def _writer(self, made: dict[str, NDArray[Any]]) -> Any:
        """What takes (first row, (K, rows, columns) float32) into the layers; K + 1 with the dissimilarity."""
        told = self._spec.applicability
        write = self._output_writer(made)
        if self._dissimilarity is None or told is None:
            return write
        layers = {layer.name: layer for layer in self._plan.layers}

        def both(row: int, strip: NDArray[np.float32]) -> None:
            write(row, strip[:-1])
            share_index(strip[-1], told, made, layers, row)

        return both

    def _output_writer(self, made: dict[str, NDArray[Any]]) -> Any:
        """As `_writer`, of what the model gives."""
        use = self._plan.product.model
        assert use is not None
        if isinstance(self._spec.output, ClassesOutput):
            shares = Shares.of(use, where=f"{self._plan.product.name}: model")
            return lambda row, strip: share_classes(strip, shares, made, row)
        layers: dict[str, Layer] = {layer.name: layer for layer in self._plan.layers}

        def values(row: int, strip: NDArray[np.float32]) -> None:
            for number, name in enumerate(self._spec.output.channels):
                made[name][row : row + strip.shape[1]] = layers[name].encode(strip[number], nodata=float("nan"))

        return values


def model_parts(scenes: list[Scene], unit: Unit, spec: ModelSpec) -> tuple[Part, ...]:
    """The time steps that a model reads for a unit: equal parts of its step, or acquisitions about its own."""
    if spec.input.target is None:
        return steps_of(scenes, unit.start, unit.end, spec.input.steps)
    return parts_around(scenes, unit.start, unit.end, steps=spec.input.steps, target=spec.input.target)


def maker_of(plan: Plan, *, threads: int, strip_bytes: int) -> Maker:
    """What makes the layers of a plan's units."""
    kind = CompositeMaker if plan.product.model is None else ModelMaker
    return kind(plan, threads=threads, strip_bytes=strip_bytes)
