"""Publish what is made: items.parquet, the VRTs, and the STAC collection, which refers to all of it."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from affine import Affine

from swath.mapping.collection import Summaries, make_collection, table_asset, with_notes, write_items_table
from swath.mapping.plan import Plan
from swath.mapping.vrt import Part, make_vrt, zone_name
from swath.planning.inputs import Said
from swath.store import MissingKeyError, Store, done_units, names

READERS = 16  # items are small: what counts is the time of a request
Place = tuple[str, str]  # (step, tile)
Standing = dict[Place, str]  # -> key


@dataclass(frozen=True)
class Published:
    """A unit that the collection refers to.

    Attributes:
        key: Its resume key.
        content: The key without the code's version.
    """

    key: str
    content: str


def publish(plan: Plan, kept: dict[str, str], *, say: Said = lambda _: None) -> str:
    """Write the collection of a product and version over all units that stand, of this run and of others.

    The collection comes last: it refers to nothing that is not there. Where an audit has failed it stays unpublished
    until one passes. What others have written into the collection stays as long as its items do: verdicts, accuracy,
    reports are of that very map.

    Args:
        plan: The run that has just ended; its units go before those of earlier runs.
        kept: Units of the plan that stand under another key, as older code or a later update made them.
        say: Told what is being done.

    Returns:
        URL of the collection; empty if no unit stands.
    """
    store, root = plan.store, plan.root
    standing = standing_units(plan, kept)
    if not standing:
        return ""
    say(f"publishing {len(standing)} units")
    order = sorted(standing)
    summaries = Summaries()
    parts: dict[tuple[str, str, str], list[Part]] = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="swath-publish-") as folder:
        table = Path(folder, "items.parquet")
        write_items_table(_noted(summaries.watch(_items(store, root, order, standing)), parts), table)
        digest, size = hashlib.sha256(table.read_bytes()).hexdigest(), table.stat().st_size
        store.put_file(f"{root}/{TABLE}", table)
    layers = {layer.name: layer for layer in plan.layers}
    for (step, crs, layer), files in sorted(parts.items()):
        store.put_bytes(f"{root}/{step}/{layer}.{zone_name(crs)}.vrt", make_vrt(files, layers[layer], crs=crs))
    _delete_vrts(store, root, {_place(unit)[0] for unit in plan.moved} - {step for step, _ in standing})
    collection = make_collection(
        plan, summaries, assets={"items": table_asset(f"./{TABLE}", size=size, multihash=f"1220{digest}")}
    )
    place, before = _collection_before(store, root)
    if place != names.collection_key(root):
        say("the collection stays unpublished, for its audit failed: swath audit publishes it when it passes")
    store.put_bytes(place, json.dumps(with_notes(collection, before), indent=1).encode())
    return store.url(place)


TABLE = "items.parquet"


def _collection_before(store: Store, root: str) -> tuple[str, dict[str, Any]]:
    """Where the collection of a root stands, and what it is; where it shall stand, and nothing, before the first."""
    for place in (names.unpublished_key(root), names.collection_key(root)):
        try:
            return place, json.loads(store.read_bytes(place))
        except MissingKeyError:
            continue
    return names.collection_key(root), {}


def published_units(store: Store, root: str) -> Standing:
    """What the collection refers to, from its table; empty before the first publication."""
    return {place: unit.key for place, unit in published(store, root).items()}


def published(store: Store, root: str) -> dict[Place, Published]:
    """As `published_units`, with what each unit is made of."""
    try:
        with store.open_read(f"{root}/{TABLE}") as file:
            columns = ["swath:step", "swath:tile", "swath:key", "swath:content"]
            rows = pq.read_table(file, columns=columns).to_pydict()
    except MissingKeyError:
        return {}
    told = zip(*(rows[name] for name in columns), strict=True)
    return {(step, tile): Published(key, content) for step, tile, key, content in told}


def standing_units(plan: Plan, kept: dict[str, str]) -> Standing:
    """The key of every unit that belongs to the map: those published before, with those of this plan over them.

    Args:
        plan: Its units go before those of other runs.
        kept: Units of the plan that stand under another key, or under none (empty); see `later_units`.
    """
    done = done_units(plan.store, plan.root)
    standing = {unit: key for unit, key in published_units(plan.store, plan.root).items() if key in done.get(unit, ())}
    for unit in plan.units(items=False):
        place = (unit.step, unit.tile)
        key = kept.get(unit.id, unit.key)
        if not key:
            standing.pop(place, None)
        elif key in done.get(place, ()):
            standing[place] = key
    for before, now in plan.moved.items():
        if _place(now) in standing:
            standing.pop(_place(before), None)
    return standing


def _place(unit: str) -> Place:
    tile, step = names.parse_unit_id(unit)
    return step, tile


def _items(store: Store, root: str, order: list[tuple[str, str]], standing: Standing) -> Iterator[dict[str, Any]]:
    """The items in order, read by many threads, a bounded number ahead."""

    def read(place: tuple[str, str]) -> dict[str, Any]:
        step, tile = place
        item: dict[str, Any] = json.loads(store.read_bytes(names.item_key(root, step, tile, standing[place])))
        return item

    stream = iter(order)
    with ThreadPoolExecutor(READERS) as pool:
        while batch := list(islice(stream, READERS * 8)):
            yield from pool.map(read, batch)


def _delete_vrts(store: Store, root: str, steps: Iterable[str]) -> None:
    """Delete the mosaics of steps that have no unit left."""
    for step in sorted(steps):
        store.delete([key for key, _ in store.list(f"{root}/{step}") if key.endswith(".vrt")])


def _noted(items: Iterator[dict[str, Any]], parts: dict[tuple[str, str, str], list[Part]]) -> Iterator[dict[str, Any]]:
    for item in items:
        properties = item["properties"]
        rows, cols = properties["proj:shape"]
        for layer, asset in item["assets"].items():
            part = Part(
                href=f"{properties['swath:tile']}/{asset['href'].removeprefix('./')}",
                affine=Affine(*properties["proj:transform"]),
                shape=(rows, cols),
            )
            parts[properties["swath:step"], properties["proj:code"], layer].append(part)
        yield item
