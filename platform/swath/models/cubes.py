"""Cubes that a model reads: scenes cut into its time steps, composed at its sampling distance, with a halo."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from swath.cube import COUNT, DEFAULT_BUDGET, CubeSpec, LayerFacts, Method, compose, composite_bytes, layer_facts
from swath.cube.access import Sign
from swath.cube.lattice import Window
from swath.errors import ProductError
from swath.grid import Tile
from swath.models.inputs import match_bands
from swath.models.sampling import Sampling
from swath.models.spec import InputSpec
from swath.models.windows import WindowLattice
from swath.sources import Collection, Scene

_UNIT = {"utm": 60, "landsat": 30}  # edges at multiples of this many metres cut no band through


@dataclass(frozen=True)
class ModelCube:
    """Numbers that a model reads.

    Attributes:
        layers: T steps of C bands in the model's order, each (H, W), any integer dtype or float32.
        facts: Of each band: no-data, scale, offset.
        days: Day of the year of each step, (T,) float32.
        origin: Row and column of pixel [0, 0] on the model's lattice: pixels of its sampling distance from the grid's
            anchor, rows downward (negative north of the anchor), columns eastward.
    """

    layers: tuple[tuple[NDArray[Any], ...], ...]
    facts: tuple[LayerFacts, ...]
    days: NDArray[np.float32]
    origin: tuple[int, int]

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        rows, cols = self.layers[0][0].shape
        return rows, cols


@dataclass(frozen=True)
class Part:
    """One of the equal parts of a time step.

    Attributes:
        scenes: That lie in it, by time.
        start: UTC, inclusive.
        end: UTC, exclusive.
    """

    scenes: tuple[Scene, ...]
    start: datetime
    end: datetime

    @property
    def day(self) -> float:
        """Day of the year (1 to 366) of its middle."""
        return float((self.start + (self.end - self.start) / 2).timetuple().tm_yday)


def steps_of(scenes: Iterable[Scene], start: datetime, end: datetime, steps: int) -> tuple[Part, ...]:
    """Cut the scenes of a unit into equal parts of its time step.

    Args:
        scenes: Of the unit; those outside the step are left aside.
        start: Of the step, UTC, inclusive.
        end: Of the step, UTC, exclusive.
        steps: How many parts.
    """
    edges = [start + (end - start) * number / steps for number in range(steps)] + [end]
    ordered = sorted(scenes, key=lambda scene: (scene.datetime, scene.id))
    return tuple(
        Part(tuple(scene for scene in ordered if first <= scene.datetime < last), first, last)
        for first, last in pairwise(edges)
    )


@dataclass(frozen=True)
class ReadCube:
    """A cube that was read for a tile.

    Attributes:
        cube: With its halo.
        inner: The tile in pixels of the cube, at the model's sampling distance.
        tile: What was read, at the model's sampling distance.
        bands: Of the collection, in the model's order.
        count: Clear observations of all steps together, on the tile asked for, (H, W) uint8 or uint16.
        sampling: How the tile's pixels lie on those of `inner`; None where they are the same.
        skipped: As of a composite.
        notes: As of a composite.
        stats: As of a composite, summed over the steps.
    """

    cube: ModelCube
    inner: Window
    tile: Tile
    bands: tuple[str, ...]
    count: NDArray[Any]
    sampling: Sampling | None
    skipped: list[dict[str, Any]]
    notes: list[dict[str, Any]]
    stats: dict[str, Any]

    def on_tile(self, strips: Iterable[tuple[int, NDArray[np.float32]]]) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Strips over `inner` (`Predictor.strips(read.cube, read.inner)`) as strips over the tile asked for.

        Finer pixels by bilinear interpolation between those that have data, coarser ones by area mean; a pixel is no
        data where the model's pixel at its centre is. Arrays are used again, as those of `strips`.
        """
        return iter(strips) if self.sampling is None else self.sampling.strips(strips)


def model_tile(tile: Tile, spec: InputSpec) -> tuple[Tile, tuple[int, int], Window]:
    """What a model reads for a tile.

    Args:
        tile: Of a grid.
        spec: Of the model's input.

    Returns:
        The tile at the model's sampling distance with the halo round it, edges on the grid's 60 m (30 m on `landsat`)
        so that no band is cut through; row and column of its first pixel on the model's lattice; and the tile asked
        for within it (where the sampling distances differ, with a pixel more on each side, to interpolate with).

    Raises:
        GridError: The tile's id is not one of a grid.
    """
    gsd = Fraction(f"{spec.gsd:.10g}")
    base = tile.lattice
    left, bottom, right, top = tile.bounds
    edges = [(base.anchor[1] - top), (base.anchor[1] - bottom), (left - base.anchor[0]), (right - base.anchor[0])]
    first_row, last_row, first_col, last_col = (Fraction(edge).limit_denominator(10**6) / gsd for edge in edges)
    wanted = Window(math.floor(first_row), math.ceil(last_row), math.floor(first_col), math.ceil(last_col))
    if tile.resolution != spec.gsd:
        wanted = wanted.grown(1)
    halo = WindowLattice.of(spec).halo((wanted.top, wanted.left), wanted.shape)
    step = (Fraction(_UNIT.get(base.grid, 0)) / gsd).numerator or 1
    grown = wanted.grown(halo)
    grown = Window(
        grown.top // step * step, -(-grown.bottom // step) * step,
        grown.left // step * step, -(-grown.right // step) * step,
    )  # fmt: skip
    affine = Affine(
        spec.gsd, 0.0, base.anchor[0] + grown.left * spec.gsd, 0.0, -spec.gsd, base.anchor[1] - grown.top * spec.gsd
    )
    inner = wanted.moved(-grown.top, -grown.left)
    return replace(tile, affine=affine, shape=grown.shape), (grown.top, grown.left), inner


def read_bytes(
    scenes: int, tile: Tile, spec: CubeSpec, *, input: InputSpec, collection: Collection, budget_bytes: int
) -> int:
    """Peak memory of `read_cube`: the cube, and one composite in the making.

    Args:
        scenes: Of all steps together.
        tile: As for `read_cube`, as the others.
        spec: Masks and method.
        input: Of the model.
        collection: Facts.
        budget_bytes: As given to `read_cube`.
    """
    spec = replace(spec, bands=match_bands(input, collection))
    grown, _, _ = model_tile(tile, input)
    pixels = grown.shape[0] * grown.shape[1]
    a_step = sum(np.dtype(collection.bands[name].dtype).itemsize for name in spec.bands) * pixels
    return a_step * (input.steps - 1) + 4 * pixels + composite_bytes(scenes, grown, spec, collection, budget_bytes)


def read_cube(
    parts: Sequence[Part],
    tile: Tile,
    spec: CubeSpec,
    *,
    input: InputSpec,
    collection: Collection,
    threads: int | None = None,
    budget_bytes: int = DEFAULT_BUDGET,
    sign: Sign | None = None,
) -> ReadCube:
    """Read what a model takes for a tile: a composite a step, with the halo that its windows need.

    A step without scenes has no data anywhere.

    Args:
        parts: The steps, see `steps_of`.
        tile: Of a grid, without halo.
        spec: Masks and method; its bands are replaced by the model's.
        input: Of the model.
        collection: Facts of the scenes' collection.
        threads: As of `swath.cube.compose`.
        budget_bytes: As of `swath.cube.compose`, for a step.
        sign: As of `swath.cube.compose`.

    Raises:
        ModelError: The collection lacks a band.
        ProductError: A method that gives several values a band.
        UnitError: Files could not be read, see `swath.cube.compose`.
    """
    bands = match_bands(input, collection)
    spec = replace(spec, bands=bands, band_resampling={n: r for n, r in spec.band_resampling.items() if n in bands})
    if spec.method is Method.PERCENTILE:
        raise ProductError(
            "A model takes one value a band and step, and percentile gives several.",
            fix="Take median, mean, geomedian, best or first.",
            field="inputs.0.composite.method",
        )
    grown, origin, inner = model_tile(tile, input)
    count = np.zeros(inner.shape, np.uint16)
    known = layer_facts(spec, collection, observations=1)
    facts = tuple(known[name] for name in bands)
    layers, skipped, notes = [], [], []
    stats: dict[str, Any] = {}
    for part in parts:
        if not part.scenes:
            empty = {name: np.full(grown.shape, known[name].nodata or 0, known[name].dtype) for name in bands}
            layers.append(tuple(empty[name] for name in bands))
            continue
        made = compose(
            part.scenes, grown, spec, collection=collection, threads=threads, budget_bytes=budget_bytes, sign=sign
        )
        layers.append(tuple(made.layers[name] for name in bands))
        count += made.layers[COUNT][inner.slices(_all(grown))]
        skipped += made.skipped
        notes += made.notes
        for name, number in made.stats.items():
            stats[name] = stats.get(name, 0) + number
    days = np.array([part.day for part in parts], np.float32)
    sampling = None
    if tile.resolution != input.gsd:
        sampling = Sampling.between(tile, grown, inner)
        count = sampling.nearest(count)
    count = count if count.max(initial=0) > 255 else count.astype(np.uint8)
    cube = ModelCube(tuple(layers), facts, days, origin)
    return ReadCube(cube, inner, grown, bands, count, sampling, skipped, notes, stats)


def _all(tile: Tile) -> Window:
    return Window(0, tile.shape[0], 0, tile.shape[1])
