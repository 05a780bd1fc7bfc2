"""A map as it stands in a store: its tiles, its legend, and the numbers of its layers, tile by tile."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray
from rasterio.io import MemoryFile

from swath.errors import SampleError, StoreError
from swath.forms import suggest
from swath.grid import Tile, parse_tile
from swath.store import Store, names

TABLE = "items.parquet"
CLASS = "class"  #: the layer of a map of classes


@dataclass(frozen=True)
class Unit:
    """A tile of a map at one time step.

    Attributes:
        tile: Where.
        step: When.
        key: In the names of its files.
    """

    tile: Tile
    step: str
    key: str


class PublishedMap:
    """One time step of a product in a store.

    Args:
        store: Where.
        root: Folder of the product's version.
        step: The time step.
    """

    def __init__(self, store: Store, root: str, step: str) -> None:
        self.store, self.root, self.step = store, root, step

    @classmethod
    def open(
        cls, where: str | os.PathLike[str] | Store, *, product: str | None = None, step: str | None = None
    ) -> PublishedMap:
        """A map in a store.

        Args:
            where: The store, or the folder of a product's version in it.
            product: Name, or name and version as `landcover/1.0`; needed where the store has several.
            step: Needed where the map has several.

        Raises:
            SampleError: There is none, or several to choose from: they are named.
        """
        store = where if isinstance(where, Store) else Store.open(os.fspath(where))
        root = chosen_root(store, product)
        steps = chosen_steps(store, root, step)
        if len(steps) > 1:
            raise SampleError(
                f"{root} has {len(steps)} time steps.",
                fix=f"Name one with --step: {', '.join(steps[:12])}.",
                steps=steps,
            )
        return cls(store, root, steps[0])

    def __repr__(self) -> str:
        return f"PublishedMap({self.store.root}, {self.root}, {self.step})"

    @cached_property
    def collection(self) -> dict[str, Any]:
        """The STAC collection."""
        return dict(json.loads(self.store.read_bytes(names.collection_key(self.root))))

    @cached_property
    def units(self) -> tuple[Unit, ...]:
        """By id of tile."""
        columns = ["swath:step", "swath:tile", "swath:key"]
        with self.store.open_read(f"{self.root}/{TABLE}") as file:
            rows = pq.read_table(file, columns=columns).to_pydict()
        found = [
            Unit(parse_tile(tile), step, key)
            for step, tile, key in zip(*(rows[name] for name in columns), strict=True)
            if step == self.step
        ]
        return tuple(sorted(found, key=lambda unit: unit.tile.id))

    @cached_property
    def id(self) -> str:
        """Names this very map: product, version, step and 12 digits of what its tiles hold."""
        told = json.dumps([[unit.tile.id, unit.key] for unit in self.units])
        return f"{self.root}/{self.step}@{hashlib.sha256(told.encode()).hexdigest()[:12]}"

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers."""
        return tuple(self.collection["item_assets"])

    @cached_property
    def legend(self) -> dict[int, str]:
        """Names of the classes by code.

        Raises:
            SampleError: It is no map of classes.
        """
        told = self.collection["item_assets"].get(CLASS, {}).get("classification:classes")
        if not told:
            raise SampleError(
                f"{self.root} is no map of classes; its layers are {', '.join(self.layers)}.",
                fix="Give a map with a layer `class`.",
            )
        return {int(one["value"]): str(one["name"]) for one in told}

    def nodata(self, layer: str) -> float | None:
        """Number that stands for no data."""
        told = self.collection["item_assets"][layer]["bands"][0].get("nodata")
        return None if told is None else float(told)

    def read(self, unit: Unit, layer: str) -> NDArray[Any]:
        """Numbers of a layer, (rows, columns), as they stand in the file.

        Raises:
            StoreError: The file is not there.
        """
        data = self.store.read_bytes(names.layer_key(self.root, unit.step, unit.tile.id, layer, unit.key))
        with MemoryFile(data) as memory, memory.open() as file:
            numbers = file.read(1)
        if numbers.shape != unit.tile.shape:
            raise StoreError(f"{layer} of {unit.tile.id} has {numbers.shape} pixels, the tile {unit.tile.shape}.")
        return np.asarray(numbers)

    def codes(self, unit: Unit) -> NDArray[np.uint8]:
        """Class codes of a unit; 0 where nothing is mapped, 255 where another tile owns the pixel."""
        numbers = self.read(unit, CLASS).astype(np.uint8, copy=False)
        owned = unit.tile.owned()
        return numbers if owned is None else np.where(owned, numbers, np.uint8(NOT_OWNED))


UNMAPPED, NOT_OWNED = 0, 255


def chosen_root(store: Store, product: str | None, *, unpublished: bool = False) -> str:
    """Folder of the one map that is meant.

    Args:
        store: Where.
        product: Name, or name and version; None where there is one only.
        unpublished: Maps that are kept back count too.

    Raises:
        SampleError: There is none, or several to choose from: they are named.
    """
    standing = map_roots(store)
    found = [root for root, published in standing.items() if published or unpublished]
    if not found and store.exists("collection.json") and store.exists(TABLE):
        raise SampleError(f"{store.root} is a map within a store.", fix="Give the store, two folders up.")
    chosen = [root for root in found if product in (None, root, root.partition("/")[0])]
    kept_back = [root for root in standing if root not in found]
    if kept_back and not chosen:
        raise SampleError(
            f"{', '.join(kept_back)} is kept unpublished, for its audit failed.",
            fix="See audit.json there, or swath report; mend the map, and run swath audit again.",
        )
    if len(chosen) != 1:
        raise SampleError(
            f"{store.root} holds {len(chosen)} maps{f' of {product}' if product else ''}"
            f"{'' if unpublished else ' that are published'}{': ' + ', '.join(found) if found else ''}.",
            fix="Name one with --product, as landcover/1.0." if found else "Give the store of `swath map`.",
            maps=found,
        )  # fmt: skip
    return chosen[0]


def chosen_steps(store: Store, root: str, step: str | None) -> list[str]:
    """Time steps of a map, or the one that is asked for.

    Raises:
        SampleError: The map does not have it.
    """
    steps = read_steps(store, root)
    if step is not None and step not in steps:
        raise SampleError(f"{root} has no time step {step!r}.", fix=suggest(step, steps), steps=steps)
    return steps if step is None else [step]


def map_roots(store: Store) -> dict[str, bool]:
    """Folders of a product's version that have a collection, sorted, and whether it is published."""
    found: dict[str, bool] = {}
    for key, _ in store.list():
        root = key.rpartition("/")[0]
        if root.count("/") == 1 and key in (names.collection_key(root), names.unpublished_key(root)):
            found[root] = found.get(root, False) or key == names.collection_key(root)
    return dict(sorted(found.items()))


def read_steps(store: Store, root: str) -> list[str]:
    """Time steps that the items' table of a map has, sorted."""
    with store.open_read(f"{root}/{TABLE}") as file:
        return sorted(set(pq.read_table(file, columns=["swath:step"])["swath:step"].to_pylist()))
