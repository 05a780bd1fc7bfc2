"""Cubes that a model reads: scenes cut into its time steps, composed at its sampling distance, with a halo."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from swath.cube import DEFAULT_BUDGET, CubeSpec, LayerFacts
from swath.cube.access import Sign
from swath.cube.lattice import Window, lonlat
from swath.cube.reader import tile_lattice
from swath.grid import Tile
from swath.models.sampling import Sampling
from swath.models.series import Series, SeriesReader
from swath.models.spec import LOCATION, LOCATION_BANDS, InputSpec
from swath.models.steps import Part, steps_of
from swath.models.windows import WindowLattice
from swath.sources import Collection

__all__ = [
    "ModelCube",
    "Part",
    "ReadCube",
    "model_tile",
    "read_bytes",
    "read_cube",
    "read_series",
    "series_bytes",
    "steps_of",
]

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
class ReadCube:
    """A cube that was read for a tile.

    Attributes:
        cube: With its halo.
        inner: The tile in pixels of the cube, at the model's sampling distance.
        tile: What was read, at the model's sampling distance.
        bands: Names of the model's channels.
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
    return series_bytes([(scenes, Series((), spec, collection))], tile, input=input, budget_bytes=budget_bytes)


def series_bytes(series: Sequence[tuple[int, Series]], tile: Tile, *, input: InputSpec, budget_bytes: int) -> int:
    """Peak memory of `read_series`.

    Args:
        series: Of each input the number of its scenes, of all steps together, and how it is read; its parts are not
            looked at.
        tile: As for `read_series`, as the others.
        input: Of the model.
        budget_bytes: As given to `read_series`.
    """
    grown, _, _ = model_tile(tile, input)
    pixels = grown.shape[0] * grown.shape[1]
    each = [one.nbytes(scenes, grown, input, budget_bytes) for scenes, one in series]
    # all that was read before stays while the widest is read, its first step included in what that takes
    first_steps = [
        sum(np.dtype(one.collection.bands[name].dtype).itemsize for name in one.bound(input)[0].bands) * pixels
        for _, one in series[1:]
    ]
    places = 4 * sum(band.input == LOCATION for band in input.bands) * pixels
    return sum(held for held, _ in each) + sum(first_steps) + places + 4 * pixels + max(most for _, most in each)


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
    """Read what a model takes of one collection for a tile, see `read_series`.

    Args:
        parts: The steps, see `steps_of`.
        tile: Of a grid, without halo.
        spec: Masks and method; its bands are replaced by the model's.
        input: Of the model.
        collection: Facts of the scenes' collection.
        threads: As of `swath.cube.compose`.
        budget_bytes: As of `swath.cube.compose`, for a step.
        sign: As of `swath.cube.compose`.
    """
    channels = tuple(place for place, band in enumerate(input.bands) if band.input != LOCATION)
    series = Series(tuple(parts), spec, collection, channels)
    return read_series([series], tile, input=input, threads=threads, budget_bytes=budget_bytes, sign=sign)


def read_series(
    series: Sequence[Series],
    tile: Tile,
    *,
    input: InputSpec,
    threads: int | None = None,
    budget_bytes: int = DEFAULT_BUDGET,
    sign: Sign | None = None,
) -> ReadCube:
    """Read what a model takes for a tile: a composite an input and step, with the halo that its windows need.

    A step without scenes has no data anywhere. Each pixel's place is computed, not read.

    Args:
        series: Of the product's inputs; the first tells days and counts.
        tile: Of a grid, without halo.
        input: Of the model.
        threads: As of `swath.cube.compose`.
        budget_bytes: As of `swath.cube.compose`, for a step.
        sign: As of `swath.cube.compose`.

    Raises:
        ModelError: A collection lacks a band.
        ProductError: A method that gives several values a band.
        UnitError: Files could not be read, see `swath.cube.compose`.
    """
    grown, origin, inner = model_tile(tile, input)
    reader = SeriesReader(grown, input, threads=threads, budget_bytes=budget_bytes, sign=sign)
    read = [reader.read(one) for one in series]
    placed: dict[int, tuple[list[NDArray[Any]], LayerFacts]] = {}
    for one, bands in zip(series, read, strict=True):
        channels = range(len(input.bands)) if one.channels is None else one.channels
        for c, place in enumerate(channels):
            placed[place] = [step[c] for step in bands.layers], bands.facts[c]
    steps = len(series[0].parts)
    placed |= _places(input, grown, origin, steps)
    layers = tuple(tuple(placed[place][0][step] for place in range(len(input.bands))) for step in range(steps))
    facts = tuple(placed[place][1] for place in range(len(input.bands)))
    days = np.array([part.day for part in series[0].parts], np.float32)
    count = read[0].count[inner.slices(_all(grown))]
    sampling = None
    if tile.resolution != input.gsd:
        sampling = Sampling.between(tile, grown, inner)
        count = sampling.nearest(count)
    count = count.copy() if count.max(initial=0) > 255 else count.astype(np.uint8)
    stats: dict[str, Any] = {}
    for bands in read:
        for name, number in bands.stats.items():
            stats[name] = stats.get(name, 0) + number
    return ReadCube(
        ModelCube(layers, facts, days, origin), inner, grown, tuple(band.channel for band in input.bands), count,
        sampling, [entry for bands in read for entry in bands.skipped],
        [entry for bands in read for entry in bands.notes], stats,
    )  # fmt: skip


def _places(
    input: InputSpec, tile: Tile, origin: tuple[int, int], steps: int
) -> dict[int, tuple[list[NDArray[Any]], LayerFacts]]:
    """Longitude and latitude of the pixels, by the channels that take them: the same in every step."""
    wanted = {place: band.name for place, band in enumerate(input.bands) if band.input == LOCATION}
    if not wanted:
        return {}
    values = dict(zip(LOCATION_BANDS, lonlat(tile_lattice(tile), origin), strict=True))
    facts = LayerFacts("float32", float("nan"), unit="deg")
    return {place: ([values[name]] * steps, facts) for place, name in wanted.items()}


def _all(tile: Tile) -> Window:
    return Window(0, tile.shape[0], 0, tile.shape[1])
