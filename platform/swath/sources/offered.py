"""Which collections a source offers, of those that Swath knows: for products that take what there is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pystac
from pystac_client import Client
from pystac_client.exceptions import APIError

from swath.errors import CollectionError, SourceError
from swath.settings import settings
from swath.sources.api import PatientIO
from swath.sources.catalog import Read, reader
from swath.sources.facts import Collection, collections, identify
from swath.sources.files import reading
from swath.sources.items import resolve
from swath.sources.search import is_api, source_address

_DEPTH = 4  # of catalogs in catalogs


def offered(source: str | os.PathLike[str]) -> list[Collection]:
    """The known collections that a source holds, in order of keys.

    Where several providers publish the same id, the address of the API or the hrefs of an item decide.

    Args:
        source: As `search` takes it.

    Raises:
        SourceError: The source cannot be reached, or is no STAC.
        CollectionError: It holds none that Swath knows, or one that several providers publish; names the choices.
    """
    address = source_address(source)
    if urlsplit(address).path.endswith((".parquet", ".geoparquet")):
        ids, example = _of_table(address), None
    else:
        read = reader()
        document = read(address)
        if isinstance(document, dict) and is_api(document):
            ids, example = _of_api(address), None
        else:
            ids, example = _of_documents(address, document, read)
    known = [_one(name, address, example) for name in sorted(ids) if _with_id(name)]
    if not known:
        raise CollectionError(
            f"{address} holds {', '.join(sorted(ids)[:10]) or 'no collection'}, of which Swath knows no facts.",
            fix="Add a file to swath/sources/collections; CONTRIBUTING.md says how.",
        )
    return known


def _with_id(name: str) -> list[Collection]:
    return [facts for facts in collections().values() if name in facts.ids or name == facts.key]


def _one(name: str, address: str, example: dict[str, Any] | None) -> Collection:
    fits = _with_id(name)
    host = urlsplit(address).netloc
    by_api = [facts for facts in fits if facts.api and host and urlsplit(facts.api).netloc == host]
    fits = by_api or fits
    if len(fits) == 1:
        return fits[0]
    if example is not None:
        return identify(example)
    raise CollectionError(
        f"{address} holds {name!r}, which {len(fits)} providers publish.",
        fix=f"Name one: --set inputs.0.collection={fits[0].key} (or {', '.join(facts.key for facts in fits[1:])}).",
        choices=[facts.key for facts in fits],
    )


def _of_table(address: str) -> set[str]:
    try:
        with reading(address) as file:
            table = pq.ParquetFile(file)
            names = [name for name in ("swath:collection", "collection") if name in table.schema_arrow.names][:1]
            if not names:
                raise SourceError(
                    f"{address} names no collections.", fix="Give its collection with --set inputs.0.collection=…."
                )
            return set(pc.unique(table.read(columns=names)[names[0]]).to_pylist()) - {None}
    except pa.ArrowException as error:
        raise SourceError(
            f"{address} cannot be read as Parquet: {error}.", fix="Check the file.", url=address
        ) from None


def _of_api(address: str) -> set[str]:
    try:
        client = Client.open(address, stac_io=PatientIO(settings().search_page))
        return {found.id for found in client.get_collections()}
    except (APIError, pystac.STACError, NotImplementedError, KeyError) as error:
        raise SourceError(
            f"{address} does not list its collections: {error}.", fix="Check the address.", url=address
        ) from None


def _of_documents(address: str, document: Any, read: Read) -> tuple[set[str], dict[str, Any] | None]:
    ids: set[str] = set()
    example: dict[str, Any] | None = None
    for base, doc in _walk(address, document, read, _DEPTH):
        if "extent" in doc:
            ids.add(doc["id"])
            first = next((link["href"] for link in doc["links"] if link.get("rel") == "item"), None)
            example = example or (read(resolve(first, base)) if first else None)
        for item in [doc] if doc.get("type") == "Feature" else doc.get("features", []):
            example = example or item
            ids.add(str(item.get("collection") or identify(item).key))
    return ids, example


def _walk(address: str, document: Any, read: Read, depth: int) -> Iterator[tuple[str, dict[str, Any]]]:
    if not isinstance(document, dict):
        raise SourceError(f"{address} holds JSON, but no STAC.", fix="Give a catalog.json.", url=address)
    yield address, document
    if depth:
        for link in document.get("links", []):
            if link.get("rel") == "child":
                target = resolve(link["href"], address)
                yield from _walk(target, read(target), read, depth - 1)
