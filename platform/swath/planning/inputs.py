"""The items of a request: searched and frozen, or a frozen table taken as it stands."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from swath.cube import check_mix
from swath.errors import ProductError
from swath.planning.request import MapRequest
from swath.planning.searching import Found, likely, search_inputs
from swath.sources import Collection, FrozenItems, collection, freeze
from swath.sources.files import reading
from swath.sources.items import Item, item_datetime, item_platform

Said = Callable[[str], None]
Members = NDArray[np.bool_]


@dataclass(frozen=True)
class Inputs:
    """What the inputs of a request read, once their items are frozen.

    Attributes:
        collections: Facts of each input, None where the model reads nothing of it.
        ids: Items of each input, where they are not all of its collection.
        left_out: (item id, reason) of items that are not used.
        conflicts: (item id, what it says against the facts).
    """

    collections: tuple[Collection | None, ...]
    ids: tuple[frozenset[str] | None, ...]
    left_out: list[tuple[str, str]]
    conflicts: list[tuple[str, str]]

    @property
    def first(self) -> Collection:
        """Facts of the first input, which gives the grid."""
        (first, *_) = self.collections
        assert first is not None
        return first

    def members(self, items: FrozenItems) -> tuple[Members | None, ...]:
        """Which rows of the frozen table each input reads, bool (N,); None for one that is not read."""
        if len(self.collections) == 1:
            return (np.ones(len(items), bool),)
        parts = list(items.footprint_parts(("collection", "id")))
        keys, names = (
            pa.chunked_array([chunk.cast(pa.string()) for part in parts for chunk in part[name].chunks], pa.string())
            for name in ("collection", "id")
        )
        found: list[Members | None] = []
        for facts, ids in zip(self.collections, self.ids, strict=True):
            if facts is None:
                found.append(None)
                continue
            mine = pc.equal(keys, facts.key)
            if ids is not None:
                mine = pc.and_(mine, pc.is_in(names, pa.array(sorted(ids), pa.string())))
            found.append(np.asarray(mine.combine_chunks(), bool))
        return tuple(found)


def freeze_inputs(request: MapRequest, path: Path, say: Said) -> Inputs:
    """Write the frozen table of a request's items: those of all inputs, each item once.

    A source that is a frozen table itself (the items.parquet of a run, of a continent) is taken as it stands: nothing
    of it is searched again, and its items never become Python objects. If an input has a source of its own, or chooses
    by properties, it is searched like any other.

    Raises:
        NoItemsError: An input that is needed has no item.
        ProductError: Collections that cannot be told apart, or sensors that would be mixed.
    """
    product = request.product
    used = [given for given, read in zip(product.inputs, product.reads, strict=True) if read]
    ready = FrozenItems.at(request.source)
    if ready is None or any(given.source or given.where for given in used):
        found = search_inputs(request, say, whole_tiles=True)
        for number, one in enumerate(found):
            if one is not None:
                _check_sensors(request, one, number)
        inputs = inputs_of(found)
        items = items_of(found)
        say(f"freezing {len(items)} items")
        freeze(items, path)
        return inputs
    say(f"taking the {len(ready)} frozen items of {request.source}")
    facts = _of_table(request, ready.collections)
    with reading(request.source) as table, path.open("wb") as copy:
        shutil.copyfileobj(table, copy, 2**22)
    return Inputs(facts, (None,) * len(facts), [], [])


def inputs_of(found: Sequence[Found | None]) -> Inputs:
    """What was found, without the items themselves."""
    shared = [one.collection.key for one in found if one is not None]
    ids = tuple(
        None
        if one is None or (len(found) == 1 or (not one.chosen and shared.count(one.collection.key) == 1))
        else frozenset(item["id"] for item in one.result.items)
        for one in found
    )
    results = [one.result for one in found if one is not None]
    return Inputs(
        tuple(None if one is None else one.collection for one in found),
        ids,
        # two inputs of one collection say the same of an item
        list(dict.fromkeys(entry for result in results for entry in result.left_out)),
        list(dict.fromkeys(entry for result in results for entry in result.conflicts)),
    )


def items_of(found: Sequence[Found | None]) -> list[Item]:
    """The items of all inputs, each once."""
    every = (item for one in found if one is not None for item in one.result.items)
    return list({(item["properties"]["swath:collection"], item["id"]): item for item in every}.values())


def _of_table(request: MapRequest, keys: list[str]) -> tuple[Collection | None, ...]:
    """The collections of a frozen table, by input."""
    product = request.product
    facts: list[Collection | None] = []
    for number, (given, read) in enumerate(zip(product.inputs, product.reads, strict=True)):
        if not read:
            facts.append(None)
            continue
        mine = [key for key in keys if given.collection in ("auto", key)]
        if len(product.inputs) > 1:
            mine = [one.key for one in likely(product, [collection(key) for key in mine], number)]
        if product.optional[number] and not mine:
            facts.append(collection(given.collection))
            continue
        several = len(keys) != 1 and len(product.inputs) == 1
        if len(mine) != 1 or several:
            raise ProductError(
                f"{product.name}: {request.source} is a frozen table of {', '.join(keys) or 'no items'}"
                + ("." if given.collection == "auto" else f", and the product reads {given.collection}."),
                fix="A frozen table as source holds the items of the product's one collection."
                if len(product.inputs) == 1
                else f"Name inputs.{number}.collection, and take a table that has items of it.",
                field=f"inputs.{number}.collection",
                choices=keys,
            )
        facts.append(collection(mine[0]))
    return tuple(facts)


def _check_sensors(request: MapRequest, found: Found, number: int) -> None:
    """Refuse a step that would mix sensors without named coefficients, before any of its units is begun."""
    spec = request.product.cube_spec(found.collection, number)
    if request.product.inputs[number].static:
        return
    for step in () if request.period.acquisition else request.period.steps:
        items = (item for item in found.result.items if step.start <= item_datetime(item) < step.end)
        check_mix({item_platform(item) for item in items}, spec, found.collection)
