"""One `search` over STAC APIs, static catalogs, tables, item collections and single items."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from swath.errors import CollectionError, SourceError
from swath.sources.api import BBox, api_items
from swath.sources.catalog import reader, static_items
from swath.sources.facts import Collection, collection, collections, warn_unverified
from swath.sources.items import Item, absolute_hrefs
from swath.sources.selection import SearchResult, select
from swath.sources.table import table_items

if TYPE_CHECKING:
    from swath.grid import Area, Period

_FIX = "Give a STAC API's landing page, a catalog.json or its folder, a .parquet table, or a file of items."


def search(
    source: str | os.PathLike[str],
    *,
    collection: str | Collection,
    area: Area,
    period: Period,
    max_cloud: float = 100,
) -> SearchResult:
    """All items of a collection over an area and a period, each once.

    Args:
        source: Address of a STAC API or static catalog (http, https, s3), path of a catalog or of its folder, of a
            stac-geoparquet table, of a GeoJSON FeatureCollection of items, or of one item.
        collection: Facts, or their key.
        area: Where. Items are kept whose footprint intersects it.
        period: When: from its start up to its end, exclusive.
        max_cloud: Percent of `eo:cloud_cover`; items that do not say it are kept.

    Raises:
        CollectionError: Unknown collection, or the source holds the same id of another provider.
        SourceError: The source cannot be reached or is no STAC.
        SearchError: An API gave up on a page.
        CredentialsError: Access is refused.
    """
    facts = _facts(collection)
    warn_unverified(facts)
    address = source_address(source)
    found = _found(address, facts, bboxes(area.bbox), period.start, period.end)
    return select(
        _settled(found, facts),
        facts,
        within=area.geometry,
        start=period.start,
        end=period.end,
        max_cloud=max_cloud,
    )


def _facts(wanted: str | Collection) -> Collection:
    return wanted if isinstance(wanted, Collection) else collection(wanted)


def bboxes(bbox: BBox) -> list[BBox]:
    """The box as boxes that do not cross the antimeridian: one, or two if west > east."""
    west, south, east, north = bbox
    return [bbox] if west <= east else [(west, south, 180.0, north), (-180.0, south, east, north)]


def source_address(source: str | os.PathLike[str]) -> str:
    """Absolute URL or path.

    Raises:
        SourceError: A scheme that Swath does not read, or nothing there.
    """
    text = os.fspath(source).strip()
    scheme = urlsplit(text).scheme.lower()
    if scheme in ("http", "https", "s3"):
        if not urlsplit(text).netloc:
            raise SourceError(f"The source {text!r} names no host.", fix=_FIX)
        return text
    if "://" in text and scheme != "file":
        raise SourceError(
            f"The source {text!r} has the scheme {scheme!r}.", fix="It can be http, https, s3, or a path."
        )
    path = Path(text.removeprefix("file://")).expanduser().absolute()
    if path.is_dir():
        inside = [path / name for name in ("catalog.json", "collection.json", "items.parquet")]
        there = [file for file in inside if file.is_file()]
        if not there:
            raise SourceError(f"The folder {path} holds no catalog.json.", fix=_FIX)
        return str(there[0])
    if not path.is_file():
        raise SourceError(f"There is no {path}.", fix=_FIX)
    return str(path)


def _found(
    address: str, facts: Collection, boxes: list[BBox], start: datetime, end: datetime
) -> Iterator[tuple[Item, str]]:
    """Raw items, perhaps too many, with the address that their relative hrefs start from."""
    if urlsplit(address).path.endswith((".parquet", ".geoparquet")):
        yield from ((item, address) for item in table_items(address, facts.ids, boxes, start, end))
        return
    read = reader()
    document = read(address)
    if not isinstance(document, dict):
        raise SourceError(f"{address} holds JSON, but no STAC.", fix=_FIX, url=address)
    if is_api(document):
        if urlsplit(address).scheme not in ("http", "https"):
            raise SourceError(f"{address} is the landing page of an API, saved as a file.", fix=_FIX, url=address)
        for item in api_items(address, facts.ids, boxes, start, end):
            yield item, _self_link(item, address)
        return
    yield from static_items(address, document, facts.ids, read)


def is_api(document: dict[str, Any]) -> bool:
    """Whether a document is the landing page of a STAC API."""
    rels = {link.get("rel") for link in document.get("links", []) if isinstance(link, dict)}
    return document.get("type") != "Feature" and ("conformsTo" in document or "search" in rels)


def _self_link(item: Item, address: str) -> str:
    own = next((link["href"] for link in item.get("links", []) if link.get("rel") == "self"), address)
    return own if urlsplit(own).scheme in ("http", "https", "s3") else address


def _settled(found: Iterable[tuple[Item, str]], facts: Collection) -> Iterator[Item]:
    """Items of the collection only, as plain dictionaries with absolute hrefs."""
    for item, base in found:
        named = item.get("collection") or item.get("properties", {}).get("collection")
        if named is not None and named not in facts.ids:
            continue
        other = _other_provider(item, facts)
        if other is not None:
            raise CollectionError(
                f"Item {item.get('id')!r} of {base} is of {other.key}, not of {facts.key}: its numbers differ.",
                fix=f"Name the collection {other.key}.",
                collection=facts.key,
            )
        yield absolute_hrefs(item, base, facts)


def _other_provider(item: Item, facts: Collection) -> Collection | None:
    """A collection with the same id whose hosts the item names, while it names none of ours."""
    hrefs = [str(asset.get("href")) for asset in item.get("assets", {}).values()]
    same_id = [other for other in collections().values() if set(other.ids) & set(facts.ids)]
    named = [other for other in same_id if any(host in href for host in other.hosts for href in hrefs)]
    return named[0] if named and facts not in named else None
