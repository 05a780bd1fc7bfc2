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
from swath.training.dropped import Reason
from swath.training.label_rasters import CodeLabels, paint_codes
from swath.training.rasterise import Painted, lattice_place
from swath.training.shards import pack, shard_key
from swath.training.source import IGNORED

HALO_M = 60.0  # a halo is a multiple of this: bands of 10, 20, 30 and 60 m stay aligned


@dataclass(frozen=True)
class Read:
    """A unit after reading.

    Attributes:
        tile: Its lattice.
        numbers: (T, C, H, W).
        days: Day of the year, (T,) float32.
        codes: Indices of classes with a halo, where labels are pixels.
        halo: Pixels.
        items: Ids, by date.
        skipped: Reads that failed and whose scenes were left out, as the product allows.
    """

    tile: Tile
    numbers: NDArray[Any]
    days: NDArray[np.float32]
    codes: NDArray[np.uint8] | None
    halo: int
    items: list[list[str]]
    skipped: list[dict[str, Any]]


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
        return cube + pixels * (2 * each + 24)

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
        inner = read.inner.slices(Window(0, read.tile.shape[0], 0, read.tile.shape[1]))
        numbers = np.empty((len(parts), len(plan.layers), *tile.shape), self._dtype)
        for n, bands in enumerate(read.cube.layers):
            for c, band in enumerate(bands):
                numbers[n, c] = band[inner]
        codes, halo = self._codes([scene for scene in scenes if unit.start <= scene.datetime < unit.end], tile)
        ids = [[scene.id for scene in part.scenes] for part in parts]
        return Read(tile, numbers, read.cube.days, codes, halo, ids, read.skipped)

    def _compose(self, scenes: list[Scene], tile: Tile, spec: CubeSpec) -> Composite:
        return compose(
            scenes, tile, spec,
            collection=self.plan.collection, threads=self._threads, budget_bytes=self._strip_bytes,
        )  # fmt: skip

    def _codes(self, scenes: list[Scene], tile: Tile) -> tuple[NDArray[np.uint8] | None, int]:
        labels, split = self.plan.labels, self.plan.settings.split
        if not isinstance(labels, CodeLabels):
            return None, 0
        buffer = split.buffer_m if split.by == "block" else 0.0
        halo = int(np.ceil(buffer / HALO_M) * HALO_M / tile.resolution)
        wide = padded(tile, halo)
        if not labels.band:
            return labels.indices(labels.read(wide)), halo
        spec = CubeSpec(bands=(labels.where,), method=Method.FIRST, on_missing=self.plan.spec.on_missing)
        return labels.indices(self._compose(scenes, wide, spec).layers[labels.where]), halo

    def compute(self, unit: ChipUnit, read: Read) -> Cut:
        """Labels onto the lattice, and both cut into chips."""
        plan, size = self.plan, self.plan.settings.size
        painted = self._painted(unit, read)
        target = plan.settings.target
        seen = read.numbers if target is None else read.numbers[target : target + 1]
        painted.erase(~has_data(seen, list(plan.layers.values())), Reason.NO_DATA)
        rows, cols = (n // size for n in read.tile.shape)
        labelled = (painted.y != IGNORED).reshape(rows, size, cols, size).sum(axis=(1, 3))
        places = np.argwhere(labelled >= plan.settings.least)
        windows = [(slice(r * size, (r + 1) * size), slice(c * size, (c + 1) * size)) for r, c in places]
        tensors = {
            "numbers": _cut(read.numbers, windows, size),
            "day": np.repeat(read.days[np.newaxis], len(windows), axis=0),
            "y": _cut(painted.y, windows, size),
            "fold": _cut(painted.fold, windows, size),
            "near": _cut(painted.near, windows, size),
        }
        first_row, first_col = lattice_place(read.tile)
        folds, classes = plan.settings.split.number, len(plan.labels.classes)
        chips = []
        for number, (r, c) in enumerate(places.tolist()):
            pixels = np.zeros((folds, classes), np.int64)
            here = tensors["y"][number] != IGNORED
            np.add.at(pixels, (tensors["fold"][number][here], tensors["y"][number][here]), 1)
            chips.append(
                {
                    "top": first_row + r * size, "left": first_col + c * size,
                    "x": read.tile.affine.c + c * size * read.tile.resolution,
                    "y": read.tile.affine.f - r * size * read.tile.resolution,
                    "pixels": pixels.ravel().tolist(),
                }
            )  # fmt: skip
        facts = {
            "unit": unit.id, "tile": unit.tile, "step": unit.step, "year": unit.start.year, "crs": read.tile.crs,
            "items": read.items, "chips": chips, "dropped": painted.dropped.to_dict(), "skipped": read.skipped,
        }  # fmt: skip
        return Cut(tensors, facts)

    def _painted(self, unit: ChipUnit, read: Read) -> Painted:
        if read.codes is not None:
            split, area = self.plan.settings.split, self.plan.area
            return paint_codes(read.codes, read.halo, read.tile, split, year=unit.start.year, area=area)
        painter = self.plan.painter
        assert painter is not None
        return painter.paint(read.tile, unit.start, unit.end)

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


def _cut(array: NDArray[Any], windows: list[tuple[slice, slice]], size: int) -> NDArray[Any]:
    if not windows:
        return np.empty((0, *array.shape[:-2], size, size), array.dtype)
    return np.stack([array[..., rows, cols] for rows, cols in windows])
