"""Which collection each input of a request reads, and its items: searched, not yet frozen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from swath.errors import CollectionError, NoItemsError, ProductError
from swath.grid import Area, Grid, Period
from swath.planning.join import MARGIN_M, searched_area
from swath.planning.models import halo_m
from swath.planning.request import MapRequest
from swath.products import Input, Product
from swath.sources import Collection, SearchResult, collection, search
from swath.sources.offered import offered

#: Static items may be of any date.
ALWAYS = Period.parse("1900/2100")


@dataclass(frozen=True)
class Found:
    """What one input reads.

    Attributes:
        collection: Facts.
        result: Its items; what was left out.
        chosen: Whether the input takes only some of the collection's items.
    """

    collection: Collection
    result: SearchResult
    chosen: bool


def search_inputs(
    request: MapRequest, say: Callable[[str], None] = lambda _: None, *, whole_tiles: bool = False
) -> tuple[Found | None, ...]:
    """Items of all inputs, in their order; None for one of which the model takes nothing.

    Args:
        request: What is asked for.
        say: Told what is searched.
        whole_tiles: Search also where the area's tiles reach beyond it.

    Raises:
        NoItemsError: An input that is not optional has no item; names it.
        ProductError: A source with items of several collections that would do.
    """
    product = request.product
    found: list[Found | None] = []
    area = request.area
    for number, (given, read) in enumerate(zip(product.inputs, product.reads, strict=True)):
        if not read:
            found.append(None)
            continue
        source = given.source or product.inputs[0].source or request.source
        say(f"searching {source}" + (f" for {given.name}" if number else ""))
        one = _search_input(request, number, source, area, whole_tiles=whole_tiles and not number)
        if whole_tiles and not number:
            area = _wide(request, one.collection)
        found.append(one)
    return tuple(found)


def _search_input(request: MapRequest, number: int, source: str, area: Area, *, whole_tiles: bool) -> Found:
    product = request.product
    given = product.inputs[number]
    results = {
        facts.key: _chosen(
            search(
                source,
                collection=facts,
                area=_wide(request, facts) if whole_tiles else area,
                period=ALWAYS if given.static else request.period,
                max_cloud=given.composite.max_cloud,
            ),
            given,
        )
        for facts in _choices(product, number, source)
    }
    found = {key: result for key, result in results.items() if result.items}
    if len(found) > 1:
        counts = ", ".join(f"{key} ({len(result.items)} items)" for key, result in found.items())
        raise ProductError(
            f"{product.name}: {source} has items of several collections here{_for(given)}: {counts}.",
            fix=f"Name one with --set inputs.{number}.collection={min(found)}.",
            field=f"inputs.{number}.collection",
            choices=sorted(found),
        )
    if not found:
        left_out = [entry for result in results.values() for entry in result.left_out]
        if product.optional[number]:
            return Found(collection(given.collection), SearchResult([], left_out), bool(given.where))
        raise no_items(request, [*results], left_out, number=number)
    key = next(iter(found))
    return Found(collection(key), found[key], bool(given.where))


def _choices(product: Product, number: int, source: str) -> list[Collection]:
    """The collections that an input may read: the one that it names, or those offered that have its bands."""
    wanted = product.inputs[number].collection
    if wanted != "auto":
        return [collection(wanted)]
    return likely(product, offered(source), number)


def likely(product: Product, there: list[Collection], number: int) -> list[Collection]:
    """Of some collections those that an input may read: they have its bands, and no other input names them.

    Where none has, all are likely alike, so that the refusal says what each lacks.
    """
    if len(there) > 1:
        there = [facts for facts in there if fits(product, facts, number)] or there
    if len(there) > 1:
        named = {other.collection for other in product.inputs}
        there = [facts for facts in there if facts.key not in named] or there
    return there


def fits(product: Product, facts: Collection, number: int) -> bool:
    """Whether a collection has what an input reads."""
    try:
        product.cube_spec(facts, number)
    except (ProductError, CollectionError):
        return False
    return True


def _chosen(result: SearchResult, given: Input) -> SearchResult:
    """The items whose properties are those that the input asks for; one that does not say them is listed."""
    items, left_out = [], list(result.left_out)
    for item in result.items:
        lacking = [key for key in given.where if item["properties"].get(key) is None]
        if lacking:
            left_out.append((item["id"], f"does not say {', '.join(lacking)}"))
        elif all(_allows(item["properties"], key, allowed) for key, allowed in given.where.items()):
            items.append(item)
    return replace(result, items=items, left_out=left_out)


def _allows(properties: Mapping[str, Any], key: str, allowed: object) -> bool:
    return properties[key] in (allowed if isinstance(allowed, tuple) else (allowed,))


def _wide(request: MapRequest, facts: Collection) -> Area:
    margin = MARGIN_M + halo_m(request.product)
    return searched_area(request.area, grid_of(request.product, facts), margin_m=margin)


def _for(given: Input) -> str:
    return f" for input {given.name}" if given.name else ""


def grid_of(product: Product, facts: Collection) -> Grid:
    """The grid that a product asks for, of a collection's own resolution where it asks for none."""
    return Grid.named(
        product.grid_name(facts), resolution=product.resolution(facts), tile_size=product.output.grid.tile_size
    )


def no_items(
    request: MapRequest, collections: list[str], left_out: list[tuple[str, str]], *, number: int = 0
) -> NoItemsError:
    """That there is nothing to map, with what was left out.

    Args:
        request: What was asked for.
        collections: That were searched.
        left_out: (item id, reason).
        number: Of the input that has nothing.
    """
    given = request.product.inputs[number]
    source = given.source or request.product.inputs[0].source or request.source
    asked = ", ".join(f"{key}: {value}" for key, value in given.where.items())
    return NoItemsError(
        f"{source} has no item of {', '.join(collections)}{_for(given) if number else ''}"
        + (f" with {asked}" if asked else "")
        + f" over {request.area.name}"
        + ("" if given.static else f" in {request.period.text}")
        + (f"; {len(left_out)} were left out, the first because: {left_out[0][1]}" if left_out else "")
        + ".",
        fix="Check area and period against the source's extent; over the sea most archives have nothing."
        if not number
        else f"Name another inputs.{number}.source, or let the product do without it (optional: true).",
        left_out=[list(entry) for entry in left_out[:100]],
    )
