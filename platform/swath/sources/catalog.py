"""Static STAC: catalogs, item collections and single items, as files, over HTTP or on S3."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import requests

from swath.errors import SourceError
from swath.sources.files import reading
from swath.sources.http import get_json
from swath.sources.items import Item, resolve

_THREADS = 8

#: Reads the JSON document at an absolute address.
Read = Callable[[str], Any]


def reader() -> Read:
    """A reader of documents over HTTP (patient), on S3 and in local files, sharing one session."""
    session = requests.Session()

    def read(address: str) -> Any:
        if urlsplit(address).scheme in ("http", "https"):
            return get_json(session, address)
        with reading(address) as file:
            try:
                return json.load(file)
            except ValueError as error:
                raise SourceError(f"{address} is not JSON: {error}.", fix="Check the file.", url=address) from None

    return read


def static_items(address: str, document: Any, ids: Collection[str], read: Read) -> Iterator[tuple[Item, str]]:
    """Items of a document and of all that it links to, with the address that each was read from.

    Args:
        address: Absolute, of `document`.
        document: A catalog, a collection, an item or a FeatureCollection.
        ids: Of the collections that are wanted; the items of others are not opened.
        read: Reads what is linked to.

    Raises:
        SourceError: A document that cannot be read or is no STAC, or a remote one that links to a local file.
    """
    seen = {address}
    layer = [(address, document)]
    with ThreadPoolExecutor(_THREADS) as pool:
        while layer:
            linked: list[str] = []
            for base, doc in layer:
                kind = doc.get("type") if isinstance(doc, dict) else None
                if kind == "Feature":
                    yield doc, base
                elif kind == "FeatureCollection":
                    yield from ((item, base) for item in doc.get("features", []))
                elif isinstance(doc, dict) and "links" in doc and "id" in doc:
                    if "extent" in doc and doc["id"] not in ids:
                        continue
                    for link in doc["links"]:
                        if link.get("rel") in ("item", "child"):
                            target = resolve(link["href"], base)
                            if target not in seen:
                                seen.add(target)
                                linked.append(target)
                else:
                    raise SourceError(
                        f"{base} is no STAC catalog, collection, item or FeatureCollection.",
                        fix="Give the address of a STAC API's landing page, of a catalog.json, or of a .parquet table.",
                        url=base,
                    )
            layer = list(zip(linked, pool.map(read, linked), strict=True))
