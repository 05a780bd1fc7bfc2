"""What the runs of a map left in its store: planned units, failures, items, and a bill."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from swath.assessment.published import PublishedMap
from swath.errors import CollectionError, ProductError
from swath.products import Product
from swath.sources import FrozenItems, collection
from swath.store import MissingKeyError, Progress, Store, names, read_progress

BATCH = 4096
BILL = "bill.json"


@dataclass(frozen=True)
class PlannedUnit:
    """A unit of a plan, at the map's time step.

    Attributes:
        id: Of the unit.
        tile: Of the tile.
        key: In the names of its files.
        scenes: How many items it has; 0: the search found nothing, and it was never to be made.
        items: Their rows in the frozen table; empty where they were not asked for.
    """

    id: str
    tile: str
    key: str
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

    @cached_property
    def steps(self) -> tuple[str, ...]:
        """Time steps that it was planned for, sorted."""
        with self.store.open_read(names.run_file(self.root, self.id, "tiles.parquet")) as file:
            return tuple(sorted(pc.unique(pq.read_table(file, columns=["step"])["step"]).to_pylist()))

    @cached_property
    def bill(self) -> dict[str, Any] | None:
        """Content of bill.json: what the plan was expected to take, and what was used; None where nobody priced it."""
        try:
            return dict(json.loads(self.store.read_bytes(names.run_file(self.root, self.id, BILL))))
        except MissingKeyError:
            return None

    @property
    def update(self) -> dict[str, Any] | None:
        """What an update was to change, and of which run; None for a run that is no update."""
        return self.facts.get("update")

    @property
    def after(self) -> frozenset[str]:
        """Of an update: the runs that stood before it."""
        return frozenset(self.facts.get("update", {}).get("after", ()))

    @property
    def moved(self) -> frozenset[str]:
        """Of an update: units of earlier runs which others, of another time, have taken the place of."""
        return frozenset(self.facts.get("update", {}).get("moved", {}))

    def units(self, step: str, *, items: bool = False) -> Iterator[PlannedUnit]:
        """Units of one time step, a batch at a time."""
        columns = ["id", "tile", "key", "step", "scenes", *(["items"] if items else [])]
        with (
            self.store.open_read(names.run_file(self.root, self.id, "tiles.parquet")) as file,
            pq.ParquetFile(file) as table,
        ):
            for batch in table.iter_batches(batch_size=BATCH, columns=columns):
                mine = batch.filter(pc.equal(batch["step"], step))
                for row in mine.to_pylist():
                    yield PlannedUnit(row["id"], row["tile"], row["key"], row["scenes"], tuple(row.get("items") or ()))

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
