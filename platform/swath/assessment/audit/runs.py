"""What the runs of a map left in its store: planned units, failures, and which scenes each unit was made of."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from swath.assessment.published import PublishedMap
from swath.errors import CollectionError, ProductError
from swath.products import Product
from swath.sources import FrozenItems, collection
from swath.store import MissingKeyError, Progress, Store, names, read_progress

BATCH = 4096


@dataclass(frozen=True)
class Planned:
    """A unit of a plan, at the map's time step.

    Attributes:
        id: Of the unit.
        tile: Of the tile.
        scenes: How many items it has; 0: the search found nothing, and it was never to be made.
        items: Their rows in the frozen table; empty where they were not asked for.
    """

    id: str
    tile: str
    scenes: int
    items: tuple[int, ...]


@dataclass(frozen=True)
class Run:
    """A run that wrote into the folder of the map.

    Attributes:
        store: Where.
        root: Folder of product and version.
        id: Of the run.
        facts: Content of run.json.
        progress: As its driver left it; None if it never began.
    """

    store: Store
    root: str
    id: str
    facts: dict[str, Any]
    progress: Progress | None

    @property
    def after(self) -> frozenset[str]:
        """Of an update: the runs that stood before it."""
        return frozenset(self.facts.get("update", {}).get("after", ()))

    @property
    def moved(self) -> frozenset[str]:
        """Of an update: units of earlier runs which others, of another time, have taken the place of."""
        return frozenset(self.facts.get("update", {}).get("moved", {}))

    def units(self, step: str, *, items: bool = False) -> Iterator[Planned]:
        """Units of one time step, a batch at a time."""
        columns = ["id", "tile", "step", "scenes", *(["items"] if items else [])]
        with (
            self.store.open_read(names.run_file(self.root, self.id, "tiles.parquet")) as file,
            pq.ParquetFile(file) as table,
        ):
            for batch in table.iter_batches(batch_size=BATCH, columns=columns):
                mine = batch.filter(pc.equal(batch["step"], step))
                for row in mine.to_pylist():
                    yield Planned(row["id"], row["tile"], row["scenes"], tuple(row.get("items") or ()))

    def records(self, kind: names.Records) -> set[str]:
        """Ids of units with a record of this kind."""
        folder = names.failed_folder(self.root, self.id, kind)
        return {key.removeprefix(f"{folder}/").removesuffix(".json") for key, _ in self.store.list(folder)}

    @property
    def own_counts(self) -> dict[str, str | None]:
        """Layer of counts by layer of data, as the run's product has them; empty where they cannot be told.

        Layers of a static input have none. What a model makes of several inputs may hold data where the first of them
        has no observation, so that nothing counts for it.
        """
        keys = self.facts.get("collections") or [self.facts.get("collection")]
        try:
            product = Product.model_validate(self.facts["product"])
            layers = product.layers(*(None if key is None else collection(key) for key in keys))
        except (KeyError, ValueError, ProductError, CollectionError):  # a plan of code that knew other fields
            return {}
        counts = {layer.input: layer.name for layer in layers if (layer.made_of or layer.name) == "count"}
        several = product.model is not None and sum(map(bool, product.channels)) > 1
        return {
            layer.name: None if several or product.inputs[layer.input].static else counts.get(layer.input)
            for layer in layers
        }

    def frozen(self) -> FrozenItems:
        """The items that it read."""
        return FrozenItems.open(self.store.url(names.run_file(self.root, self.id, "items.parquet")))


def runs_of(map_: PublishedMap) -> list[Run]:
    """The committed runs of a map's folder: updates behind what they go on from, else by id."""
    keys = (key for key, _ in map_.store.list(f"{map_.root}/{names.RUNS}"))
    found = sorted({key.split("/")[3] for key in keys if key.endswith("/run.json") and key.count("/") == 4})
    made = []
    for run in found:
        try:
            facts = json.loads(map_.store.read_bytes(names.run_file(map_.root, run, "run.json")))
        except (MissingKeyError, ValueError):
            continue
        made.append(Run(map_.store, map_.root, run, facts, read_progress(map_.store, map_.root, run)))
    return sorted(made, key=lambda run: len(run.after))


@dataclass(frozen=True)
class Footprints:
    """Which ground the scenes of each tile cover, by observation.

    Attributes:
        items: Rows of a frozen table by tile.
        tables: Frozen table of each tile, by place in `outlines`.
        outlines: (geometry: WKB, observation) of every item of each table; distinct footprints stand once.
    """

    items: dict[str, tuple[int, tuple[int, ...]]]
    outlines: tuple[pa.Table, ...]

    @classmethod
    def of(cls, runs: list[Run], step: str) -> Footprints:
        """Of the tiles of a time step, as far as the runs' frozen items stand; by the last run that has a tile.

        Memory: a row number an item and unit, and a reference an item.
        """
        items: dict[str, tuple[int, tuple[int, ...]]] = {}
        outlines: list[pa.Table] = []
        for run in runs:
            if not run.store.exists(names.run_file(run.root, run.id, "items.parquet")):
                continue
            outlines.append(run.frozen().footprints(("geometry", "observation")))
            for unit in run.units(step, items=True):
                if unit.items:
                    items[unit.tile] = len(outlines) - 1, unit.items
        return cls(items, tuple(outlines))

    def of_tile(self, tile: str) -> dict[str, list[bytes]]:
        """Distinct footprints (WKB, degrees) by observation; empty where nothing is known."""
        if tile not in self.items:
            return {}
        place, rows = self.items[tile]
        table = self.outlines[place].take(pa.array(rows))
        found: dict[str, list[bytes]] = {}
        for wkb, observation in zip(table["geometry"].to_pylist(), table["observation"].to_pylist(), strict=True):
            mine = found.setdefault(observation, [])
            if wkb not in mine:
                mine.append(wkb)
        return found
