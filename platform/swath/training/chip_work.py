"""How the chips of one unit are cut: read the tile's cube, paint its labels, write a shard."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from swath.cube import Composite, CubeSpec, LayerFacts, Method, compose
from swath.cube.lattice import Window
from swath.cube.load import padded
from swath.grid import Tile, parse_tile
from swath.models.cubes import read_bytes, read_cube, steps_of
from swath.models.steps import parts_around
from swath.sources import Scene
from swath.store import Store
from swath.training.chip_plan import ChipPlan
from swath.training.chip_units import ChipUnit
from swath.training.dropped import Dropped, Reason
from swath.training.label_rasters import CodeLabels
from swath.training.label_set import Labels
from swath.training.paint_pixels import paint_pixels
from swath.training.rasterise import Painted, lattice_place
from swath.training.shards import pack, shard_key
from swath.training.source import IGNORED

HALO_M = 60.0  # a halo is a multiple of this: bands of 10, 20, 30 and 60 m stay aligned


@dataclass(frozen=True)
class Read:
    """A unit after reading.

    Attributes:
        tile: Its lattice.
        numbers: (T, C, H + 2 margins, W + 2 margins).
        days: Day of the year, (T,) float32.
        labels: Indices of classes, or values, with a halo, where labels are pixels.
        halo: Pixels.
        items: Ids, by date.
        skipped: Reads that failed and whose scenes were left out, as the product allows.
        dropped: Pixels of labels that were left out as they were read.
    """

    tile: Tile
    numbers: NDArray[Any]
    days: NDArray[np.float32]
    labels: NDArray[Any] | None
    halo: int
    items: list[list[str]]
    skipped: list[dict[str, Any]]
    dropped: Dropped


@dataclass(frozen=True)
class Cut:
    """A unit after computing: tensors and facts of its shard."""

    tensors: dict[str, NDArray[Any]]
    facts: dict[str, Any]


class ChipWork:
    """The three stages of a unit, for the runner; travels to workers as an address.

    Args:
        out: Folder of the chips, with its plan.
        threads: That read, in one worker.
        strip_bytes: Memory that the dates of one strip may take.
    """

    def __init__(self, out: str, *, threads: int = 1, strip_bytes: int = 512 * 2**20) -> None:
        self._out, self._threads, self._strip_bytes = out, threads, strip_bytes

    def __getstate__(self) -> dict[str, Any]:
        return {name: self.__dict__[name] for name in ("_out", "_threads", "_strip_bytes")}

    @cached_property
    def plan(self) -> ChipPlan:
        """The plan, opened once a worker."""
        return ChipPlan.open(Store.open(self._out))

    def size(self, unit: ChipUnit) -> int:
        """Peak bytes: the cube in the making, its numbers twice, the labels."""
        tile = parse_tile(unit.tile)
        pixels = tile.shape[0] * tile.shape[1]
        each = self._dtype.itemsize * len(self.plan.layers) * self.plan.settings.steps
        cube = read_bytes(
            len(unit.items), tile, self.plan.spec,
            input=self.plan.input, collection=self.plan.collection, budget_bytes=self._strip_bytes,
        )  # fmt: skip
        seen = (self.plan.settings.edge / self.plan.settings.size) ** 2  # margins of neighbouring chips overlap
        return cube + int(pixels * seen * (2 * each + 24))

    @cached_property
    def _dtype(self) -> np.dtype[Any]:
        """One type for all bands: that of the collection, or one that holds each of its numbers."""
        return np.result_type(*(facts.dtype for facts in self.plan.layers.values()))

    def read(self, unit: ChipUnit) -> Read:
        """Scenes to numbers on the tile's lattice, by the code that maps.

        Raises:
            UnitError: Files that could not be read, each by href.
        """
        plan, tile = self.plan, parse_tile(unit.tile)
        scenes, steps, target = plan.items.scenes(unit.items), plan.settings.steps, plan.settings.target
        if target is None:
            parts = steps_of(scenes, unit.start, unit.end, steps)
        else:
            parts = parts_around(scenes, unit.start, unit.end, steps=steps, target=target)
        read = read_cube(
            parts, tile, plan.spec, input=plan.input, collection=plan.collection, threads=self._threads,
            budget_bytes=self._strip_bytes,
        )  # fmt: skip
        seen = read.inner.grown(plan.settings.margin)
        inner = seen.slices(Window(0, read.tile.shape[0], 0, read.tile.shape[1]))
        numbers = np.empty((len(parts), len(plan.layers), *seen.shape), self._dtype)
        for n, bands in enumerate(read.cube.layers):
            for c, band in enumerate(bands):
                numbers[n, c] = band[inner]
        labels, halo, dropped = self._pixels(
            [scene for scene in scenes if unit.start <= scene.datetime < unit.end], tile
        )
        ids = [[scene.id for scene in part.scenes] for part in parts]
        return Read(tile, numbers, read.cube.days, labels, halo, ids, read.skipped, dropped)

    def _compose(self, scenes: list[Scene], tile: Tile, spec: CubeSpec) -> Composite:
        return compose(
            scenes, tile, spec,
            collection=self.plan.collection, threads=self._threads, budget_bytes=self._strip_bytes,
        )  # fmt: skip

    def _pixels(self, scenes: list[Scene], tile: Tile) -> tuple[NDArray[Any] | None, int, Dropped]:
        """Labels that are pixels, with as many more on each side as the buffer needs."""
        labels, split = self.plan.labels, self.plan.settings.split
        if isinstance(labels, Labels):
            return None, 0, Dropped()
        buffer = split.buffer_m if split.is_spatial else 0.0
        halo = int(np.ceil(buffer / HALO_M) * HALO_M / tile.resolution)
        wide = padded(tile, halo)
        if not isinstance(labels, CodeLabels):
            values, dropped = labels.read(wide)
            return values, halo, dropped
        if not labels.band:
            return labels.indices(labels.read(wide)), halo, Dropped()
        spec = CubeSpec(bands=(labels.where,), method=Method.FIRST, on_missing=self.plan.spec.on_missing)
        return labels.indices(self._compose(scenes, wide, spec).layers[labels.where]), halo, Dropped()

    def compute(self, unit: ChipUnit, read: Read) -> Cut:
        """Labels onto the lattice, and both cut into chips."""
        plan, settings = self.plan, self.plan.settings
        size, margin, edge = settings.size, settings.margin, settings.edge
        painted = self._painted(unit, read)
        target = settings.target
        height, width = read.tile.shape
        seen = read.numbers[..., margin : margin + height, margin : margin + width]
        seen = seen if target is None else seen[target : target + 1]
        painted.erase(~has_data(seen, list(plan.layers.values())), Reason.NO_DATA)
        rows, cols = (n // size for n in read.tile.shape)
        labelled = painted.labelled.reshape(rows, size, cols, size).sum(axis=(1, 3))
        places = np.argwhere(labelled >= settings.least)
        tensors = {
            "numbers": _cut(read.numbers, places, size, edge),
            "day": np.repeat(read.days[np.newaxis], len(places), axis=0),
            **{
                name: _framed(_cut(array, places, size, size), margin, empty)
                for name, (array, empty) in self._labels(painted).items()
            },
        }
        if "object" in tensors:
            tensors["object"] = _numbered(tensors["object"])
        first_row, first_col = lattice_place(read.tile)
        folds, classes = settings.split.number, len(plan.labels.output.channels)
        chips = []
        for number, (r, c) in enumerate(places.tolist()):
            # the last row is of those that are never held out
            pixels = np.zeros((folds + 1, classes), np.int64)
            here = tensors["fold"][number] != IGNORED
            y = tensors["y"][number][here] if plan.labels.classes else 0
            np.add.at(pixels, (np.minimum(tensors["fold"][number][here], folds), y), 1)
            chips.append(
                {
                    "top": first_row + r * size - margin, "left": first_col + c * size - margin,
                    "x": read.tile.affine.c + (c * size - margin) * read.tile.resolution,
                    "y": read.tile.affine.f - (r * size - margin) * read.tile.resolution,
                    "pixels": pixels.ravel().tolist(),
                }
            )  # fmt: skip
        facts = {
            "unit": unit.id, "tile": unit.tile, "step": unit.step, "year": unit.start.year, "crs": read.tile.crs,
            "items": read.items, "chips": chips, "dropped": painted.dropped.to_dict(), "skipped": read.skipped,
        }  # fmt: skip
        return Cut(tensors, facts)

    def _painted(self, unit: ChipUnit, read: Read) -> Painted:
        if read.labels is not None:
            split, area = self.plan.settings.split, self.plan.area
            painted = paint_pixels(read.labels, read.halo, read.tile, split, year=unit.start.year, area=area)
            painted.dropped += read.dropped
            return painted
        painter = self.plan.painter
        assert painter is not None
        return painter.paint(read.tile, unit.start, unit.end)

    def _labels(self, painted: Painted) -> dict[str, tuple[NDArray[Any], float]]:
        """Arrays of a tile that tell of labels, and what stands in each where there is none."""
        y = (painted.y, IGNORED if painted.y.dtype == np.uint8 else np.nan)
        found: dict[str, tuple[NDArray[Any], float]] = {
            "y": y, "fold": (painted.fold, IGNORED), "near": (painted.near, 0)
        }  # fmt: skip
        labels, which = self.plan.labels, painted.which
        if isinstance(labels, Labels) and which is not None:
            found["object"] = (which + 1, 0)
            for name, numbers in (("weight", labels.weights), ("error", labels.errors)):
                if numbers is not None:
                    found[name] = (np.where(which >= 0, numbers[which], np.float32(0)), 0)
        return found

    def write(self, unit: ChipUnit, cut: Cut) -> dict[str, Any]:
        """The shard, whole or not at all: it commits the unit."""
        data = pack(cut.tensors, cut.facts)
        self.plan.store.put_bytes(shard_key(unit.id), data)
        return {"unit": unit.id, "chips": len(cut.facts["chips"]), "bytes_written": len(data)}


def has_data(numbers: NDArray[Any], facts: list[LayerFacts]) -> NDArray[np.bool_]:
    """Where any date has data in every band, (H, W) of (T, C, H, W)."""
    present = np.zeros(numbers.shape[-2:], bool)
    for date in numbers:
        whole = np.ones(present.shape, bool)
        for band, layer in zip(date, facts, strict=True):
            whole &= valid(band, layer)
        present |= whole
    return present


def valid(numbers: NDArray[Any], facts: LayerFacts) -> NDArray[np.bool_]:
    """Where one band has data."""
    given = np.ones(numbers.shape, bool) if facts.nodata is None else numbers != facts.nodata
    return given & ~np.isnan(numbers) if numbers.dtype.kind == "f" else given


def _cut(array: NDArray[Any], places: NDArray[np.int64], size: int, edge: int) -> NDArray[Any]:
    """Squares of `edge` pixels that begin every `size`, (n, ..., edge, edge) of (..., H, W)."""
    if not len(places):
        return np.empty((0, *array.shape[:-2], edge, edge), array.dtype)
    return np.stack([array[..., r * size : r * size + edge, c * size : c * size + edge] for r, c in places.tolist()])


def _numbered(objects: NDArray[np.int32]) -> NDArray[Any]:
    """Labels of each chip numbered from 1, 0 where there is none; uint16, or uint32 where a chip has very many."""
    out = np.zeros(objects.shape, np.uint32)
    for chip, found in zip(out, objects, strict=True):
        numbers = np.unique(found[found > 0])
        chip[found > 0] = np.searchsorted(numbers, found[found > 0]) + 1
    return out.astype(np.uint16) if out.max(initial=0) <= np.iinfo(np.uint16).max else out


def _framed(array: NDArray[Any], margin: int, value: float) -> NDArray[Any]:
    """Chips with a margin round each, in which nothing is labelled."""
    return np.pad(array, ((0, 0), (margin, margin), (margin, margin)), constant_values=value)
