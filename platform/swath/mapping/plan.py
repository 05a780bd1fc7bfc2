"""A plan: the frozen items and units of a run, priced, before anything is read or paid for.

A plan is three files in the run's folder: items.parquet, tiles.parquet, and run.json last: it commits the plan.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from swath.cube import CubeSpec
from swath.grid import Area, Grid, Period
from swath.mapping.cost import CostModel, coverage
from swath.mapping.key import KeyMaker, key_of, pixels_of_code
from swath.mapping.packages import keep_package
from swath.mapping.recipe import claim, recipe
from swath.mapping.units import Unit, UnitWriter, read_units
from swath.planning.inputs import Said, frozen_inputs, grid_of, no_items
from swath.planning.join import MARGIN_M, Join
from swath.planning.models import acquisitions_about, check_period, halo_m
from swath.planning.request import MapRequest
from swath.planning.steps import Steps
from swath.planning.table import ItemTable
from swath.products import Layer, Product
from swath.sources import Collection, FrozenItems, collection
from swath.store import Store, names

BACKEND = "numba"
SAY_EVERY_S = 10.0


@dataclass
class Totals:
    """Sums over the units of a plan.

    Attributes:
        tiles: Tiles of the area that have at least one unit with input.
        units: Units with input.
        without_input: Units for which the search found no item.
        scenes: Distinct items.
        assets: Files of those items that will be opened.
        samples: Decoded numbers.
        bytes: Expected bytes to read.
        seconds: Expected seconds on one core.
        km2: True area of the units with input.
    """

    tiles: int = 0
    units: int = 0
    without_input: int = 0
    scenes: int = 0
    assets: int = 0
    samples: int = 0
    bytes: int = 0
    seconds: float = 0.0
    km2: float = 0.0


@dataclass(frozen=True)
class Plan:
    """A plan that stands in a store.

    Attributes:
        store: Where it stands.
        root: Folder of product and version.
        run: Id of the run.
        facts: Content of run.json.
    """

    store: Store
    root: str
    run: str
    facts: dict[str, Any]

    @classmethod
    def open(cls, store: Store, root: str, run: str) -> Plan:
        """A plan that was committed before."""
        return cls(store, root, run, json.loads(store.read_bytes(names.run_file(root, run, "run.json"))))

    @cached_property
    def product(self) -> Product:
        """As it was when the plan was made."""
        return Product.model_validate(self.facts["product"])

    @cached_property
    def collection(self) -> Collection:
        """Facts of the items."""
        return collection(self.facts["collection"])

    @cached_property
    def spec(self) -> CubeSpec:
        """The cube of each unit."""
        return self.product.cube_spec(self.collection)

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """What each unit writes."""
        return self.product.layers(self.collection)

    @property
    def totals(self) -> Totals:
        """Sums over the units."""
        return Totals(**self.facts["totals"])

    def units(self, *, items: bool = True) -> Iterator[Unit]:
        """All units in order, those without input too; see `read_units`.

        Their keys are those of this code: a plan of older code names the same inputs, but not the same pixels.
        """
        pixels = pixels_of_code(self.product.model_digest)
        same = self.facts["pixels"] == pixels
        with self.store.open_read(names.run_file(self.root, self.run, "tiles.parquet")) as file:
            for unit in read_units(file, items=items):
                yield unit if same else replace(unit, key=key_of(unit.content, pixels))

    def items(self) -> FrozenItems:
        """The frozen items."""
        return FrozenItems.open(self.store.url(names.run_file(self.root, self.run, "items.parquet")))


def make_plan(request: MapRequest, store: Store, *, say: Said = lambda _: None) -> Plan:
    """Freeze the items and units of a request, or open the plan that was made of it before.

    Args:
        request: What is asked for.
        store: Where the plan is written.
        say: Told what is being done, a line a stage.

    Raises:
        NoItemsError: The search found nothing.
        ProductError: Items of several collections, or bands that the collection lacks.
        StoreMismatchError: The store's folder of this product holds another recipe.
    """
    product = request.product
    check_period(product, request.period)
    root = names.product_root(product.name, product.version)
    if store.exists(names.run_file(root, request.run, "run.json")):
        say(f"run {request.run}: its plan stands in the store, items stay as they were frozen")
        return Plan.open(store, root, request.run)
    store.check_writable()
    with tempfile.TemporaryDirectory(prefix="swath-plan-") as folder:
        items_path, units_path = Path(folder, "items.parquet"), Path(folder, "tiles.parquet")
        facts, found = frozen_inputs(request, items_path, say)
        grid = grid_of(product, facts)
        product.layers(facts)
        claim(store, root, recipe(product, facts, grid, request.period))
        if request.package is not None:
            keep_package(request.package, store, root)
        items = FrozenItems.open(items_path)
        say(f"joining {len(items)} items with the tiles of {request.area.name}")
        totals = write_units(
            items, grid=grid, area=request.area, period=request.period, product=product, facts=facts, path=units_path,
            say=say,
        )  # fmt: skip
        if not totals.units:
            raise no_items(request, [facts.key], found.left_out)
        digest = items.digest
        store.put_file(names.run_file(root, request.run, "items.parquet"), items_path)
        store.put_file(names.run_file(root, request.run, "tiles.parquet"), units_path)
    content = {
        "swath": _software(),
        "request": request.to_dict(),
        "area": request.area.to_geojson(),
        "product": product.model_dump(mode="json"),
        "collection": facts.key,
        "grid": {"name": grid.name, "resolution": grid.resolution, "tile_size": grid.tile_size},
        "items_digest": digest,
        "left_out": [list(entry) for entry in found.left_out],
        "conflicts": [list(entry) for entry in found.conflicts],
        "pixels": pixels_of_code(product.model_digest),
        "backend": backend_of(product),
        "rates": asdict(CostModel(product.cube_spec(facts), facts).rates),
        "totals": asdict(totals),
    }
    store.put_bytes(names.run_file(root, request.run, "run.json"), json.dumps(content, indent=1).encode())
    return Plan(store, root, request.run, content)


def backend_of(product: Product) -> str:
    """What computes the pixels of a product, as the resume key names it."""
    if product.model is None:
        return BACKEND
    return f"{BACKEND}+{product.model.backend}"


def write_units(
    items: FrozenItems,
    *,
    grid: Grid,
    area: Area,
    period: Period,
    product: Product,
    facts: Collection,
    path: Path,
    say: Said = lambda _: None,
) -> Totals:
    """Join tiles with items and write tiles.parquet; streams, whatever the number of tiles.

    Args:
        items: Frozen, ordered by time.
        grid: Of the tiles.
        area: Its tiles are planned.
        period: Its steps cut the items.
        product: For keys and costs.
        facts: Of the items' collection.
        path: File to write.
        say: Told how far it is, every few seconds: a continent takes a minute.
    """
    spec = product.cube_spec(facts)
    table = ItemTable.of(items)
    join = Join(table.footprints, table.cloud_cover <= spec.max_cloud, margin_m=MARGIN_M + halo_m(product))
    boxes = shapely.bounds(table.footprints.shapes)
    before, after = acquisitions_about(product)
    steps = Steps.of(period, table.times, table.observations, before=before, after=after)
    costs = CostModel(spec, facts)
    model = product.model_digest
    maker = KeyMaker(product.pixel_digest(facts), model, backend_of(product), pixels_of_code(model))
    totals = Totals()
    used = np.zeros(len(table.times), bool)
    writer = UnitWriter(str(path))
    looked, said = 0, time.monotonic()
    for tile, rows in join.rows(grid.tiles(area)):
        looked += 1
        if time.monotonic() - said > SAY_EVERY_S:
            say(f"joined {looked:,} tiles so far")
            said = time.monotonic()
        made = totals.units
        for step, mine in steps.cut(rows):
            shares = coverage(tile.footprint.bounds, boxes[table.footprints.shape_of[mine]])
            cost = costs.cost(tile, float(shares.sum()))
            key, content = maker.keys(tile.id, step.id, table.digests[mine])
            writer.add(
                Unit(
                    id=names.unit_id(tile.id, step.id),
                    tile=tile.id,
                    step=step.id,
                    start=step.start,
                    end=step.end,
                    bbox=tile.bbox,
                    scenes=len(mine),
                    items=(),
                    key=key,
                    content=content,
                    km2=tile.km2,
                    bytes=cost.bytes,
                    seconds=cost.seconds,
                ),
                mine,
            )
            if not len(mine):
                totals.without_input += 1
                continue
            used[mine] = True
            totals.units += 1
            totals.samples += cost.samples
            totals.bytes += cost.bytes
            totals.seconds += cost.seconds
            totals.km2 += tile.km2
        totals.tiles += totals.units > made
    writer.close()
    totals.scenes = int(used.sum())
    totals.assets = totals.scenes * len(costs.bands)
    return totals


def _software() -> dict[str, Any]:
    import platform
    import sys

    import swath

    return {"version": swath.__version__, "python": sys.version.split()[0], "machine": platform.machine()}
