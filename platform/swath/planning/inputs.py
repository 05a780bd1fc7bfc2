"""The items of a request: searched and frozen, or a frozen table taken as it stands."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from swath.cube import check_mix
from swath.errors import NoItemsError, ProductError
from swath.grid import Grid
from swath.planning.join import MARGIN_M, searched_area
from swath.planning.models import halo_m
from swath.planning.request import MapRequest
from swath.products import Product
from swath.sources import Collection, FrozenItems, SearchResult, collection, freeze, search
from swath.sources.files import reading
from swath.sources.items import item_datetime, item_platform
from swath.sources.offered import offered

Said = Callable[[str], None]


def frozen_inputs(request: MapRequest, path: Path, say: Said) -> tuple[Collection, SearchResult]:
    """Write the frozen table of a request's items; what was left out on the way.

    A source that is a frozen table itself (the items.parquet of a run, of a continent) is taken as it stands: nothing
    of it is searched again, and its items never become Python objects.
    """
    product = request.product
    ready = FrozenItems.at(request.source)
    if ready is None:
        say(f"searching {request.source}")
        facts, found = searched(request, whole_tiles=True)
        _check_sensors(request, facts, found)
        say(f"freezing {len(found.items)} items")
        freeze(found.items, path)
        return facts, found
    say(f"taking the {len(ready)} frozen items of {request.source}")
    keys = ready.collections
    wanted = product.inputs[0].collection
    if len(keys) != 1 or wanted not in ("auto", keys[0]):
        raise ProductError(
            f"{product.name}: {request.source} is a frozen table of {', '.join(keys) or 'no items'}"
            + ("." if wanted == "auto" else f", and the product reads {wanted}."),
            fix="A frozen table as source holds the items of the product's one collection.",
            field="inputs.0.collection",
            choices=keys,
        )
    with reading(request.source) as table, path.open("wb") as copy:
        shutil.copyfileobj(table, copy, 2**22)
    return collection(keys[0]), SearchResult([])


def _check_sensors(request: MapRequest, facts: Collection, found: SearchResult) -> None:
    """Refuse a step that would mix sensors without named coefficients, before any of its units is begun."""
    spec = request.product.cube_spec(facts)
    for step in () if request.period.acquisition else request.period.steps:
        items = (item for item in found.items if step.start <= item_datetime(item) < step.end)
        check_mix({item_platform(item) for item in items}, spec, facts)


def searched(request: MapRequest, *, whole_tiles: bool = False) -> tuple[Collection, SearchResult]:
    """The collection and its items: the one that the product names, or the one of which the source has items here.

    Args:
        request: What is asked for.
        whole_tiles: Search also where the area's tiles reach beyond it.
    """
    product = request.product
    composite = product.inputs[0].composite
    wanted = product.inputs[0].collection
    choices = offered(request.source) if wanted == "auto" else [collection(wanted)]
    margin = MARGIN_M + halo_m(product)
    results = {
        facts.key: search(
            request.source,
            collection=facts,
            area=searched_area(request.area, grid_of(product, facts), margin_m=margin) if whole_tiles else request.area,
            period=request.period,
            max_cloud=composite.max_cloud,
        )
        for facts in choices
    }
    found = {key: result for key, result in results.items() if result.items}
    if len(found) > 1:
        counts = ", ".join(f"{key} ({len(result.items)} items)" for key, result in found.items())
        raise ProductError(
            f"{product.name}: {request.source} has items of several collections here: {counts}.",
            fix=f"Name one with --set inputs.0.collection={min(found)}.",
            field="inputs.0.collection",
            choices=sorted(found),
        )
    if not found:
        raise no_items(request, [*results], [entry for result in results.values() for entry in result.left_out])
    key = next(iter(found))
    return collection(key), found[key]


def grid_of(product: Product, facts: Collection) -> Grid:
    """The grid that a product asks for, of a collection's own resolution where it asks for none."""
    return Grid.named(
        product.grid_name(facts), resolution=product.resolution(facts), tile_size=product.output.grid.tile_size
    )


def no_items(request: MapRequest, collections: list[str], left_out: list[tuple[str, str]]) -> NoItemsError:
    """That there is nothing to map, with what was left out."""
    return NoItemsError(
        f"{request.source} has no item of {', '.join(collections)} over {request.area.name} in {request.period.text}"
        + (f"; {len(left_out)} were left out, the first because: {left_out[0][1]}" if left_out else "")
        + ".",
        fix="Check area and period against the source's extent; over the sea most archives have nothing.",
        left_out=[list(entry) for entry in left_out[:100]],
    )
