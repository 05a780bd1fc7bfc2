"""How one unit is made: cube, layers, COGs, and the item last: it commits the unit."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from swath.grid import Tile, parse_tile
from swath.mapping.cog import Cog, encode_cog
from swath.mapping.forest import in_forest
from swath.mapping.item import unit_item
from swath.mapping.making import Maker, Read, maker_of
from swath.mapping.plan import Plan
from swath.mapping.units import Unit
from swath.sources import FrozenItems
from swath.store import Store, names


@dataclass(frozen=True)
class Made:
    """A unit after computing: numbers of each layer, as they stand in the files."""

    read: Read
    layers: dict[str, NDArray[Any]]


class MapWork:
    """The three stages of a unit, for the runner; travels to workers as a few strings.

    Args:
        store: URL of the store.
        root: Folder of product and version.
        run: Id of the run.
        threads: That read and compress, in one worker.
        strip_bytes: Memory that the dates of one strip may take.
    """

    def __init__(self, store: str, root: str, run: str, *, threads: int = 1, strip_bytes: int = 512 * 2**20) -> None:
        self._where = (store, root, run)
        self._threads = threads
        self._strip_bytes = strip_bytes

    def __getstate__(self) -> dict[str, Any]:
        kept = ("_where", "_threads", "_strip_bytes")
        return {name: self.__dict__[name] for name in kept}

    @cached_property
    def plan(self) -> Plan:
        """The plan, opened once a worker."""
        store, root, run = self._where
        return Plan.open(Store.open(store), root, run)

    @cached_property
    def _items(self) -> FrozenItems:
        return self.plan.items()

    @cached_property
    def _maker(self) -> Maker:
        limits: dict[str, int] = {"threads": self._threads, "strip_bytes": self._strip_bytes}
        return in_forest(maker_of(self.plan, **limits), self.plan, **limits)

    def size(self, unit: Unit) -> int:
        """Peak bytes that a unit takes: what it is made from, and its layers while they are packed."""
        return self._bytes(parse_tile(unit.tile), [len(rows) for rows in unit.by_input])

    def _bytes(self, tile: Tile, scenes: Sequence[int]) -> int:
        layers = sum(np.dtype(layer.dtype).itemsize for layer in self.plan.layers)
        pixels = tile.shape[0] * tile.shape[1]
        # one layer at a time is packed: its numbers with their overviews, and its packed bytes
        widest = max(np.dtype(layer.dtype).itemsize for layer in self.plan.layers)
        return self._maker.nbytes(tile, scenes) + (layers + 3 * widest) * pixels

    def read(self, unit: Unit) -> Read:
        """Scenes to numbers on a lattice.

        Raises:
            UnitError: Files that could not be read, each by href.
        """
        tile = parse_tile(unit.tile)
        return self._maker.read(unit, tile, [self._items.scenes(rows) for rows in unit.by_input])

    def compute(self, unit: Unit, read: Read) -> Made:
        """Numbers to the product's layers."""
        return Made(read, self._maker.layers(read))

    def write(self, unit: Unit, made: Made) -> dict[str, Any]:
        """Layers to COGs in the store, the item last."""
        store, root = self.plan.store, self.plan.root
        tile = made.read.tile
        encoding = putting = 0.0
        cogs: dict[str, Cog] = {}
        written = 0
        for layer in self.plan.layers:
            started = time.perf_counter()
            cog = encode_cog(
                made.layers.pop(layer.name), layer, affine=tile.affine, crs=tile.crs, threads=self._threads
            )
            packed = time.perf_counter()
            store.put_bytes(names.layer_key(root, unit.step, unit.tile, layer.name, unit.key), cog.data)
            encoding += packed - started
            putting += time.perf_counter() - packed
            written += cog.size
            cogs[layer.name] = cog.without_data()
        item = unit_item(
            unit=unit,
            tile=tile,
            plan=self.plan,
            cogs=cogs,
            scenes=made.read.scenes,
            skipped=made.read.skipped,
            lacking=self._lacking(unit),
        )
        store.put_bytes(names.item_key(root, unit.step, unit.tile, unit.key), json.dumps(item, indent=1).encode())
        return {
            "unit": unit.id,
            "key": unit.key,
            "km2": unit.km2,
            "scenes": len(made.read.scenes),
            "skipped": made.read.skipped,
            "conflicts": made.read.notes,
            "bytes_written": written,
            "seconds_encode": encoding,
            "seconds_put": putting,
            **made.read.stats,
        }

    def _lacking(self, unit: Unit) -> list[str]:
        """Names of the optional inputs that the unit was made without."""
        product = self.plan.product
        if not unit.counts:
            return []
        inputs = zip(product.inputs, product.reads, unit.counts, strict=True)
        return [given.name or "" for given, read, count in inputs if read and not count]

    def fitting_tile_size(self, unit: Unit, available: int) -> int | None:
        """The largest tile size, pixels, whose unit needs at most `available` bytes; None where none does."""
        tile = parse_tile(unit.tile)
        step = 768 if tile.resolution == 10 else 192
        scenes = [len(rows) for rows in unit.by_input]
        for size in range(tile.shape[0] // step * step, 0, -step):
            if self._bytes(replace(tile, shape=(size, size)), scenes) <= available:
                return size
        return None
