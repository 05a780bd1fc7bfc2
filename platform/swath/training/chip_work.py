"""How the chips of one unit are cut: read the tile's cube, paint its labels, write a shard."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from swath.cube import Composite, CubeSpec, LayerFacts, Method, compose
from swath.cube.lattice import Window
from swath.cube.load import padded
from swath.errors import LabelError
from swath.grid import Tile, parse_tile
from swath.models.cubes import read_series, series_bytes
from swath.models.normalise import Normaliser
from swath.models.series import Series
from swath.models.steps import Part, parts_around, steps_of
from swath.sources import Scene
from swath.store import Store
from swath.training.chip_labels import chip_facts, cut, label_tensors, labelled_places
from swath.training.chip_plan import ChipPlan
from swath.training.chip_units import ChipUnit
from swath.training.dropped import Dropped, Reason
from swath.training.label_rasters import CodeLabels
from swath.training.label_set import Labels
from swath.training.paint_pixels import paint_pixels
from swath.training.rasterise import Painted
from swath.training.shards import pack, shard_key

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
        series = [(count, one) for count, one in zip(unit.counts, self._by_input(unit, read=False), strict=True) if one]
        cube = series_bytes(series, tile, input=self.plan.input, budget_bytes=self._strip_bytes)
        seen = (self.plan.settings.edge / self.plan.settings.size) ** 2  # margins of neighbouring chips overlap
        return cube + int(pixels * seen * (2 * each + 24))

    @cached_property
    def _dtype(self) -> np.dtype[Any]:
        """One type for all bands, see `stored_facts`."""
        return np.result_type(*(facts.dtype for facts in self.plan.layers.values()))

    def read(self, unit: ChipUnit) -> Read:
        """Scenes to numbers on the tile's lattice, by the code that maps.

        Raises:
            UnitError: Files that could not be read, each by href.
        """
        tile = parse_tile(unit.tile)
        numbers, parts, days, skipped = self.cube(unit, tile)
        scenes = self.plan.items.scenes(unit.by_input[0])
        labels, halo, dropped = self._pixels(
            [scene for scene in scenes if unit.start <= scene.datetime < unit.end], tile
        )
        ids = [[scene.id for scene in part.scenes] for part in parts]
        return Read(tile, numbers, days, labels, halo, ids, skipped, dropped)

    def parts(self, unit: ChipUnit) -> tuple[Part, ...]:
        """The scenes of a unit by time step, those of all inputs together."""
        series = [one for one in self._by_input(unit) if one is not None]
        return tuple(
            replace(own[0], scenes=tuple(scene for part in own for scene in part.scenes))
            for own in zip(*(one.parts for one in series), strict=True)
        )

    def _by_input(self, unit: ChipUnit, *, read: bool = True) -> list[Series | None]:
        """How each input is read; None for one that is not. Without `read` no scene is looked up."""
        plan, settings = self.plan, self.plan.settings
        found: list[Series | None] = []
        for number, (spec, facts, rows) in enumerate(zip(plan.specs, plan.collections, unit.by_input, strict=True)):
            if spec is None or facts is None:
                found.append(None)
                continue
            scenes = plan.items.scenes(rows) if read else []
            static = bool(plan.product.inputs[number].static)
            if static:
                empty = steps_of([], unit.start, unit.end, settings.steps)
                parts = tuple(replace(part, scenes=tuple(scenes)) for part in empty)
            elif settings.target is None:
                parts = steps_of(scenes, unit.start, unit.end, settings.steps)
            else:
                parts = parts_around(scenes, unit.start, unit.end, steps=settings.steps, target=settings.target)
            places = tuple(place for place, channel in enumerate(plan.channels) if channel.input == number)
            found.append(Series(parts, spec, facts, places, static))
        return found

    def cube(
        self, unit: ChipUnit, tile: Tile
    ) -> tuple[NDArray[Any], tuple[Part, ...], NDArray[np.float32], list[dict[str, Any]]]:
        """Numbers on a lattice, which may be a unit's tile or whole chips of it.

        Returns:
            Numbers with the margin round the lattice, (T, C, H + 2 margins, W + 2 margins); the scenes by step; days of
            the year, (T,); reads that failed and were left out.

        Raises:
            UnitError: Files that could not be read, each by href.
        """
        plan, parts = self.plan, self.parts(unit)
        series = [one for one in self._by_input(unit) if one is not None]
        read = read_series(series, tile, input=plan.input, threads=self._threads, budget_bytes=self._strip_bytes)
        seen = read.inner.grown(plan.settings.margin)
        inner = seen.slices(Window(0, read.tile.shape[0], 0, read.tile.shape[1]))
        numbers = np.empty((len(parts), len(plan.layers), *seen.shape), self._dtype)
        stored = list(plan.layers.values())
        for n, bands in enumerate(read.cube.layers):
            for c, band in enumerate(bands):
                numbers[n, c] = band[inner]
                if stored[c] != read.cube.facts[c]:  # no data of its own becomes that of the chips
                    numbers[n, c][~valid(band[inner], read.cube.facts[c])] = stored[c].nodata
        return numbers, parts, read.cube.days, read.skipped

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
        painted.erase(~self.seen(read.numbers, read.tile.shape), Reason.NO_DATA)
        places = labelled_places(painted, size, settings.least)
        tensors = {
            "numbers": cut(read.numbers, places, size, edge),
            "day": np.repeat(read.days[np.newaxis], len(places), axis=0),
            **label_tensors(painted, plan.labels, places, size=size, margin=margin),
        }
        facts = {
            "unit": unit.id, "tile": unit.tile, "step": unit.step, "year": unit.start.year, "crs": read.tile.crs,
            "start": unit.start.isoformat(), "end": unit.end.isoformat(),
            "items": read.items, "chips": chip_facts(tensors, places, read.tile, plan),
            "dropped": painted.dropped.to_dict(), "skipped": read.skipped,
        }  # fmt: skip
        return Cut(tensors, facts)

    def seen(self, numbers: NDArray[Any], shape: tuple[int, int]) -> NDArray[np.bool_]:
        """Where what is labelled has data in every band that is needed, without the margin, (H, W)."""
        margin, target = self.plan.settings.margin, self.plan.settings.target
        inner = numbers[..., margin : margin + shape[0], margin : margin + shape[1]]
        inner = inner if target is None else inner[target : target + 1]
        there = np.empty((len(inner), *shape), np.uint8)
        Normaliser.of(self.plan.input, list(self.plan.layers.values())).valid(inner, 0, 0, there)
        return np.asarray(there.any(axis=0))

    def _painted(self, unit: ChipUnit, read: Read) -> Painted:
        if read.labels is None:
            painter = self.plan.painter
            assert painter is not None
            return painter.paint(read.tile, unit.start, unit.end)
        split, area = self.plan.settings.split, self.plan.area
        painted = paint_pixels(read.labels, read.halo, read.tile, split, year=unit.start.year, area=area)
        painted.dropped += read.dropped
        return painted

    def painted(self, unit: ChipUnit, tile: Tile | None = None) -> Painted:
        """Labels of a unit, or of a part of its tile, before anything is read but a raster of labels.

        Raises:
            LabelError: Labels are a band of the items: they are read with them.
        """
        tile, labels = tile or parse_tile(unit.tile), self.plan.labels
        if isinstance(labels, CodeLabels) and labels.band:
            raise LabelError(
                f"{labels.source} is read with the items, so that its chips cannot be known before.",
                fix="Write the chips (swath chips without --stream).",
            )
        pixels, halo, dropped = self._pixels([], tile)
        nothing = np.empty((0, 0, 0, 0), np.float32)
        return self._painted(unit, Read(tile, nothing, nothing, pixels, halo, [], [], dropped))

    def write(self, unit: ChipUnit, cut: Cut) -> dict[str, Any]:
        """The shard, whole or not at all: it commits the unit."""
        data = pack(cut.tensors, cut.facts)
        self.plan.store.put_bytes(shard_key(unit.id), data)
        return {"unit": unit.id, "chips": len(cut.facts["chips"]), "bytes_written": len(data)}


def valid(numbers: NDArray[Any], facts: LayerFacts) -> NDArray[np.bool_]:
    """Where one band has data."""
    given = np.ones(numbers.shape, bool) if facts.nodata is None else numbers != facts.nodata
    return given & ~np.isnan(numbers) if numbers.dtype.kind == "f" else given
