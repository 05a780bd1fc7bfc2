"""Chips that are not written: read from the cubes each time, with the tensors that a folder of chips would hold.

What is known before, without reading an image, is where labels lie: so the index may name chips whose labels turn out
to lie where no date has data. They come with no label at all.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from swath.errors import LabelError
from swath.grid import Tile, parse_tile
from swath.planning import MapRequest, Said
from swath.store import Store
from swath.training.chip_index import chip_rows, publish_index
from swath.training.chip_labels import chip_facts, label_tensors, labelled_places
from swath.training.chip_plan import AnyLabels, ChipSettings, check_request, make_chip_plan
from swath.training.chip_units import ChipUnit
from swath.training.chip_work import ChipWork
from swath.training.chipset import ChipSet, completed
from swath.training.dropped import Dropped
from swath.training.rasterise import Painted

_PAINTED = 4  # units whose labels stay in memory
KEPT_BYTES = 1 << 30  # cubes of all units that are kept, where they take no more


class Streamed(ChipSet):
    """Chips that are read from the cubes of their plan. It pickles by its address.

    Where the cubes of all units fit into memory each is read once and kept; else each chip is read by itself.

    Args:
        store: With a plan and an index, as `stream_chips` writes them.
        threads: That read.
        kept_bytes: Memory for the cubes of all units together.
    """

    def __init__(self, store: Store, *, threads: int = 1, kept_bytes: int = KEPT_BYTES) -> None:
        super().__init__(store)
        self._work, self._kept_bytes = ChipWork(store.root, threads=threads), kept_bytes
        self._painted: OrderedDict[str, Painted] = OrderedDict()
        self._cubes: dict[str, tuple[NDArray[Any], NDArray[np.float32]]] = {}

    @cached_property
    def _units(self) -> dict[str, ChipUnit]:
        return {unit.id: unit for unit in self._work.plan.units()}

    @cached_property
    def _keeps(self) -> bool:
        """Whether the cubes of all units fit."""
        plan, used = self._work.plan, set(self.index["file"].to_pylist())
        dtype = np.result_type(*(facts.dtype for facts in plan.layers.values()))
        each = dtype.itemsize * len(plan.layers) * plan.settings.steps
        pixels = plan.grid.tile_size + 2 * plan.settings.margin
        return len(used) * each * pixels**2 <= self._kept_bytes

    def read(self, indices: Sequence[int]) -> dict[str, NDArray[Any]]:
        """See `ChipSet.read`.

        Raises:
            UnitError: Files that could not be read, each by href.
        """
        found = [self._chip(int(i)) for i in indices]
        return completed({name: np.concatenate([chip[name] for chip in found]) for name in found[0]})

    def labels(self, indices: Sequence[int]) -> dict[str, NDArray[Any]]:
        """y, fold and near of chips, before what has no data is known."""
        found = [self._labels(*self._place(int(i))) for i in indices]
        return {name: np.concatenate([chip[name] for chip in found]) for name in ("y", "fold", "near")}

    def _place(self, index: int) -> tuple[ChipUnit, NDArray[np.int64]]:
        """Unit of a chip, and its place in the tile, counted in chips, (1, 2)."""
        row = self.index.slice(index, 1).to_pylist()[0]
        unit, settings = self._units[row["file"].rpartition("/")[2].removesuffix(".safetensors")], self._settings
        tile = parse_tile(unit.tile)
        left, top = ~tile.affine @ (row["x"], row["y"])
        return unit, np.array([[round(top + settings.margin), round(left + settings.margin)]]) // settings.size

    @property
    def _settings(self) -> ChipSettings:
        return self._work.plan.settings

    def _chip(self, index: int) -> dict[str, NDArray[Any]]:
        unit, place = self._place(index)
        size, edge = self._settings.size, self._settings.edge
        ((row, col),) = place.tolist()
        part = _part(parse_tile(unit.tile), row, col, size)
        if self._keeps:
            if unit.id not in self._cubes:
                whole, _, days, _ = self._work.cube(unit, parse_tile(unit.tile))
                self._cubes[unit.id] = whole, days
            whole, days = self._cubes[unit.id]
            numbers = whole[..., row * size : row * size + edge, col * size : col * size + edge].copy()
        else:
            numbers, _, days, _ = self._work.cube(unit, part)
        painted = self._painted.get(unit.id)
        mine = self._work.painted(unit, part) if painted is None else _window(painted, row, col, size)
        mine.erase(~self._work.seen(numbers, (size, size)))
        return {"numbers": numbers[np.newaxis], "day": days[np.newaxis], **self._tensors(mine)}

    def _labels(self, unit: ChipUnit, place: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """Label tensors of one chip as it is painted, (1, S, S)."""
        ((row, col),) = place.tolist()
        return self._tensors(_window(self._paint(unit), row, col, self._settings.size))

    def _tensors(self, painted: Painted) -> dict[str, NDArray[Any]]:
        first, settings = np.zeros((1, 2), np.int64), self._settings
        return label_tensors(painted, self._work.plan.labels, first, size=settings.size, margin=settings.margin)

    def _paint(self, unit: ChipUnit) -> Painted:
        painted = self._painted.pop(unit.id, None) or self._work.painted(unit)
        self._painted[unit.id] = painted
        while len(self._painted) > _PAINTED:
            self._painted.popitem(last=False)
        return painted


def _window(painted: Painted, row: int, col: int, size: int) -> Painted:
    """The labels of one chip, as a copy."""
    window = (slice(row * size, (row + 1) * size), slice(col * size, (col + 1) * size))
    which = None if painted.which is None else painted.which[window].copy()
    return Painted(painted.y[window].copy(), painted.fold[window].copy(), painted.near[window], Dropped(), which)


def _part(tile: Tile, row: int, col: int, size: int) -> Tile:
    """One chip of a tile as a lattice of its own."""
    affine = tile.affine @ type(tile.affine).translation(col * size, row * size)
    return replace(tile, affine=affine, shape=(size, size))


def stream_chips(
    request: MapRequest,
    labels: AnyLabels,
    out: str | Path | Store,
    *,
    settings: ChipSettings | None = None,
    say: Said = lambda _: None,
) -> ChipSet:
    """Freeze items and labels, and index the chips, without reading an image; see `cut_chips`.

    Args:
        request: Product (its cube and grid), area, period, source.
        labels: Shapes or a raster; a band of the items cannot be known before they are read.
        out: Local folder or s3:// prefix that all workers reach: of plan and index.
        settings: Size, dates, split.
        say: Told what is being done.

    Returns:
        The chips; `ChipSet.open` opens them again.

    Raises:
        LabelError: No chip at all, a fold without a class, or labels that cannot be split or are a band.
        StoreMismatchError: The folder holds other chips.
        NoItemsError, ProductError, SourceError: As in mapping.
    """
    settings = settings or ChipSettings()
    check_request(labels, request, settings)
    store = out if isinstance(out, Store) else Store.open(out)
    plan = make_chip_plan(request, labels, store, settings, say=say)
    work = ChipWork(store.root)
    rows, dropped = [], [labels.dropped]
    for unit in plan.units():
        painted, tile = work.painted(unit), parse_tile(unit.tile)
        places = labelled_places(painted, settings.size, settings.least)
        tensors = label_tensors(painted, plan.labels, places, size=settings.size, margin=settings.margin)
        dropped.append(painted.dropped)
        facts = {
            "unit": unit.id, "tile": unit.tile, "step": unit.step, "year": unit.start.year, "crs": tile.crs,
            "start": unit.start.isoformat(), "end": unit.end.isoformat(),
            "items": [[scene.id for scene in part.scenes] for part in work.parts(unit)],
            "chips": chip_facts(tensors, places, tile, plan),
        }  # fmt: skip
        rows += list(chip_rows(facts, plan))
    if not rows:
        raise LabelError(
            f"Not one chip holds a label ({Dropped.sum(dropped)} left out).",
            fix="Check whether the images show the labels' places.",
        )
    told = Dropped.sum(dropped).to_dict()
    publish_index(plan, rows, held=settings.split.held, dropped=told, streamed=True)
    return Streamed(store)
