"""A plan: the frozen items and units of a run, priced, before anything is read or paid for.

A plan is three files in the run's folder: items.parquet, tiles.parquet, and run.json last: it commits the plan.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from swath.cube import CubeSpec
from swath.errors import NoItemsError
from swath.grid import Grid
from swath.mapping.cost import CostModel
from swath.mapping.key import key_of, pixels_of_code
from swath.mapping.packages import keep_package
from swath.mapping.recipe import claim, recipe
from swath.mapping.unit_plan import Choose, Totals, backend_of, specs_of, write_units
from swath.mapping.units import Unit, read_units
from swath.planning.inputs import Inputs, Said, freeze_inputs
from swath.planning.models import check_period
from swath.planning.request import MapRequest
from swath.planning.searching import grid_of, no_items
from swath.products import Layer, Product
from swath.sources import Collection, FrozenItems, collection
from swath.store import Store, names


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
    def collections(self) -> tuple[Collection | None, ...]:
        """Facts of the items of each input, None for one that the model does not read."""
        keys = self.facts.get("collections") or [self.facts["collection"]]
        return tuple(None if key is None else collection(key) for key in keys)

    @property
    def collection(self) -> Collection:
        """Facts of the first input's items."""
        first = self.collections[0]
        assert first is not None
        return first

    @cached_property
    def specs(self) -> tuple[CubeSpec | None, ...]:
        """The cubes of each unit, by input."""
        return specs_of(self.product, self.collections)

    @property
    def spec(self) -> CubeSpec:
        """The cube of the first input."""
        first = self.specs[0]
        assert first is not None
        return first

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """What each unit writes."""
        return self.product.layers(*self.collections)

    @property
    def totals(self) -> Totals:
        """Sums over the units."""
        return Totals(**self.facts["totals"])

    @property
    def after(self) -> frozenset[str]:
        """Of an update: the runs that stood when it was planned; its units go before theirs."""
        return frozenset(self.facts.get("update", {}).get("after", ()))

    @property
    def moved(self) -> dict[str, str]:
        """Of an update: units of the map to those that take their place, at another time."""
        return dict(self.facts.get("update", {}).get("moved", {}))

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
        NoItemsError: The search found nothing of an input that is needed.
        ProductError: Items of several collections, bands that the collection lacks, or a static layer that is too new.
        StoreMismatchError: The store's folder of this product holds another recipe.
    """
    root = names.product_root(request.product.name, request.product.version)
    if store.exists(names.run_file(root, request.run, "run.json")):
        say(f"run {request.run}: its plan stands in the store, items stay as they were frozen")
        return Plan.open(store, root, request.run)
    with tempfile.TemporaryDirectory(prefix="swath-plan-") as folder:
        draft = draft_plan(request, store, Path(folder), say=say)
        for name, count in sorted(draft.totals.lacking.items()):
            say(f"{count} units have no item of {name}")
        if not draft.totals.units:
            raise nothing_to_map(request, draft.inputs, draft.totals)
        return draft.commit(store, request.run)


@dataclass(frozen=True)
class Draft:
    """A plan that is not in the store yet: its files lie in a folder of this machine.

    Attributes:
        request: What is asked for.
        inputs: What was searched.
        grid: Of the tiles.
        totals: Over the units.
        items: The frozen table.
        units: tiles.parquet.
    """

    request: MapRequest
    inputs: Inputs
    grid: Grid
    totals: Totals
    items: Path
    units: Path

    def commit(self, store: Store, run: str, more: Mapping[str, Any] | None = None) -> Plan:
        """Write the three files of the plan, run.json last.

        Args:
            store: Where.
            run: Id of the run.
            more: Facts of this kind of run, for run.json.
        """
        product, facts = self.request.product, self.inputs.first
        root = names.product_root(product.name, product.version)
        digest = FrozenItems.open(self.items).digest
        store.put_file(names.run_file(root, run, "items.parquet"), self.items)
        store.put_file(names.run_file(root, run, "tiles.parquet"), self.units)
        several = len(self.inputs.collections) > 1
        content = {
            "swath": _software(),
            "request": self.request.to_dict(),
            "area": self.request.area.to_geojson(),
            "product": product.model_dump(mode="json"),
            "collection": facts.key,
            **({"collections": [f and f.key for f in self.inputs.collections]} if several else {}),
            "grid": {"name": self.grid.name, "resolution": self.grid.resolution, "tile_size": self.grid.tile_size},
            "items_digest": digest,
            "left_out": [list(entry) for entry in self.inputs.left_out],
            "conflicts": [list(entry) for entry in self.inputs.conflicts],
            "pixels": pixels_of_code(product.model_digest),
            "backend": backend_of(product),
            "rates": asdict(CostModel(product.cube_spec(facts), facts).rates),
            "totals": asdict(self.totals),
            **(more or {}),
        }
        store.put_bytes(names.run_file(root, run, "run.json"), json.dumps(content, indent=1).encode())
        return Plan(store, root, run, content)


def draft_plan(
    request: MapRequest,
    store: Store,
    folder: Path,
    *,
    choosing: Callable[[FrozenItems], Choose] | None = None,
    say: Said = lambda _: None,
) -> Draft:
    """Search, freeze and join; the store's folder is claimed for the product's recipe, and nothing else is written.

    Args:
        request: What is asked for.
        store: Where the plan will stand.
        folder: For its files.
        choosing: Of the frozen items: which units the plan shall have; all by default.
        say: Told what is being done, a line a stage.

    Raises:
        NoItemsError, ProductError, StoreMismatchError: As `make_plan`.
    """
    product = request.product
    check_period(product, request.period)
    store.check_writable()
    path, units = folder / "items.parquet", folder / "tiles.parquet"
    inputs = freeze_inputs(request, path, say)
    facts = inputs.first
    grid = grid_of(product, facts)
    product.layers(*inputs.collections)
    root = names.product_root(product.name, product.version)
    claim(store, root, recipe(product, inputs.collections, grid, request.period))
    if request.package is not None:
        keep_package(request.package, store, root)
    items = FrozenItems.open(path)
    say(f"joining {len(items)} items with the tiles of {request.area.name}")
    totals = write_units(
        items, grid=grid, area=request.area, period=request.period, product=product, inputs=inputs,
        path=units, choose=None if choosing is None else choosing(items), say=say,
    )  # fmt: skip
    return Draft(request, inputs, grid, totals, path, units)


def nothing_to_map(request: MapRequest, inputs: Inputs, totals: Totals) -> NoItemsError:
    """That no unit has items of all inputs that it needs; of several inputs, how many units lack each."""
    if not totals.lacking:
        return no_items(request, [inputs.first.key], inputs.left_out)
    told = ", ".join(f"{count} lack {name}" for name, count in sorted(totals.lacking.items()))
    return NoItemsError(
        f"{request.product.name}: no tile and step has items of every input that it needs; of "
        f"{totals.without_input} units {told}.",
        fix="Take longer steps, a source that has them, or let the product do without an input (optional: true).",
        left_out=[list(entry) for entry in inputs.left_out[:100]],
    )


def _software() -> dict[str, Any]:
    import platform
    import sys

    import swath

    return {"version": swath.__version__, "python": sys.version.split()[0], "machine": platform.machine()}
