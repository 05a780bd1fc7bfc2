"""What is published of a product's version as a whole: the STAC collection, and a table of its items."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
from stac_geoparquet.arrow import parse_stac_items_to_arrow, to_parquet

import swath
from swath.mapping.item import STAC_VERSION, Recipe, asset_facts, collection_id, extensions
from swath.products.rules import FIRST
from swath.store import names

Item = Mapping[str, Any]
AnyItem = TypeVar("AnyItem", bound=Mapping[str, Any])
CHUNK = 4096  #: items that are held at a time
MAX_ITEM_LINKS = 20_000  #: beyond it items stand in the table only: a crawler would not follow so many links
PARQUET_TYPE = "application/vnd.apache.parquet"


class Summaries:
    """What a collection says of its items, gathered one item at a time, with bounded memory."""

    def __init__(self) -> None:
        self.count = 0
        self.links: list[dict[str, str]] = []
        self._south, self._north = 90.0, -90.0
        # longitudes from -180 to 180, and from 0 to 360: what lies about the antimeridian is narrow in the second
        self._spans = [(360.0, -360.0), (360.0, -360.0)]
        self._times: list[str] = []
        self._sets: dict[str, set[Any]] = {"gsd": set(), "proj:code": set(), "platform": set()}

    def add(self, item: Item) -> None:
        """Take one item in."""
        properties = item["properties"]
        self.count += 1
        west, south, east, north = item["bbox"]
        self._south, self._north = min(self._south, south), max(self._north, north)
        for frame, box in enumerate((_from_minus_180(west, east), _from_0(west, east))):
            low, high = self._spans[frame]
            self._spans[frame] = min(low, box[0]), max(high, box[1])
        # RFC 3339 of UTC sorts as text
        times = [*self._times, properties["start_datetime"], properties["end_datetime"]]
        self._times = [min(times), max(times)]
        self._sets["gsd"].add(properties["gsd"])
        self._sets["proj:code"].add(properties["proj:code"])
        self._sets["platform"].update(properties["swath:platforms"])
        if self.count <= MAX_ITEM_LINKS:
            self.links.append({"rel": "item", "href": f"./{item_path(item)}", "type": "application/geo+json"})

    def watch(self, items: Iterable[AnyItem]) -> Iterator[AnyItem]:
        """The same items, each taken in as it passes."""
        for item in items:
            self.add(item)
            yield item

    @property
    def extent(self) -> dict[str, Any]:
        """STAC extent: one box around all (west > east over the antimeridian), one interval."""
        (west, east), (west_0, east_0) = self._spans
        if east_0 - west_0 < east - west:
            west, east = (lon - 360 if lon > 180 else lon for lon in (west_0, east_0))
        box = [west, self._south, east, self._north]
        return {"spatial": {"bbox": [box]}, "temporal": {"interval": [self._times]}}

    @property
    def lists(self) -> dict[str, list[Any]]:
        """Sorted values by field."""
        return {name: sorted(values) for name, values in self._sets.items() if values}


def make_collection(
    plan: Recipe,
    summaries: Summaries,
    *,
    assets: Mapping[str, Mapping[str, Any]] | None = None,
    links: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """The STAC 1.1 collection of a product's version, JSON-ready.

    Args:
        plan: Product and layers.
        summaries: Of the items that are published, at least one.
        assets: Files of the whole (the items' table, VRTs, a report), by key.
        links: More links.

    Raises:
        ValueError: There are no items.
    """
    if not summaries.count:
        raise ValueError(f"collection {collection_id(plan.product)!r} has no items to publish")
    product = plan.product
    item_assets = {layer.name: asset_facts(layer) for layer in plan.layers}
    processor = {
        "name": "Swath",
        "roles": ["processor"],
        "processing:level": "L3",
        "processing:software": {"swath": swath.__version__},
    }
    own = "./collection.json"
    collection: dict[str, Any] = {
        "type": "Collection",
        "stac_version": STAC_VERSION,
        "stac_extensions": extensions(plan.layers),
        "id": collection_id(product),
        "title": product.title,
        "description": product.description or product.title,
        "license": product.license,
        "providers": [*(p.model_dump(mode="json", exclude_none=True) for p in product.providers), processor],
        "extent": summaries.extent,
        "summaries": {
            **summaries.lists,
            "bands": [band for facts in item_assets.values() for band in facts["bands"]],
            "processing:level": ["L3"],
        },
        "item_assets": item_assets,
        "links": [
            {"rel": "root", "href": own, "type": "application/json"},
            *(dict(link) for link in links),
            *summaries.links,
        ],
        "swath:product": product.name,
        "swath:version": product.version,
        "swath:items": summaries.count,
        **_sources(plan),
    }
    if assets:
        collection["assets"] = {name: dict(asset) for name, asset in assets.items()}
    return collection


def with_notes(collection: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """A collection with what others have written into the one before it, if both are of the same items.

    Args:
        collection: That is to be written.
        before: That stands there; may be empty.
    """
    assets, earlier = collection.get("assets", {}), before.get("assets", {})
    same = "items" in earlier and earlier["items"].get("file:checksum") == assets["items"]["file:checksum"]
    if not same:
        return dict(collection)
    notes = {name: value for name, value in before.items() if name not in collection}
    return {**collection, "assets": {**earlier, **assets}, **notes}


def _sources(plan: Recipe) -> dict[str, Any]:
    """Which collections the map is made of, as Swath names them."""
    keys = [None if facts is None else facts.key for facts in plan.collections]
    named = {given.name or FIRST: key for given, key in zip(plan.product.inputs, keys, strict=True) if key is not None}
    return {"swath:source": keys[0], **({"swath:sources": named} if len(named) > 1 else {})}


def table_asset(href: str, *, size: int, multihash: str) -> dict[str, Any]:
    """The asset that tells of the items' table."""
    return {
        "href": href,
        "type": PARQUET_TYPE,
        "title": "All items, stac-geoparquet",
        "roles": ["stac-items"],
        "file:size": size,
        "file:checksum": multihash,
    }


def item_path(item: Item) -> str:
    """Path of an item's file from the root of its product and version."""
    properties = item["properties"]
    key = names.item_key("root", properties["swath:step"], properties["swath:tile"], properties["swath:key"])
    return key.removeprefix("root/")


def write_items_table(items: Iterable[Item], path: Path) -> int:
    """A stac-geoparquet table of items, with hrefs relative to the root of the product and version.

    Memory is that of `CHUNK` items. The same items in the same order give the same bytes.

    Args:
        items: At least one.
        path: Local file to write.

    Returns:
        How many items were written.

    Raises:
        ValueError: There are no items.
    """
    stream = iter(items)
    count = 0
    schema: pa.Schema | None = None
    with tempfile.TemporaryDirectory(prefix="swath-items-") as folder:
        parts: list[str] = []
        while chunk := [_from_root(item) for item in islice(stream, CHUNK)]:
            table = parse_stac_items_to_arrow(chunk).read_all()
            # items of another version of the code may have more or fewer fields
            known = [table.schema] if schema is None else [schema, table.schema]
            schema = pa.unify_schemas(known, promote_options="permissive")
            parts.append(f"{folder}/{len(parts):06d}.parquet")
            pq.write_table(table, parts[-1])
            count += len(chunk)
        if schema is None:
            raise ValueError("a table needs at least one item")
        batches = pyarrow.dataset.dataset(parts, schema=schema, format="parquet").to_batches(batch_size=CHUNK)
        to_parquet(pa.RecordBatchReader.from_batches(schema, batches), path, compression="zstd")
    return count


def _from_root(item: Item) -> dict[str, Any]:
    """The item as its row: hrefs from the root, and what differs in form between items as text or number."""
    row = copy.deepcopy(dict(item))
    folder = PurePosixPath(item_path(item)).parent
    for asset in row["assets"].values():
        asset["href"] = f"./{folder / asset['href']}"
    row["links"] = [{"rel": "collection", "href": "./collection.json", "type": "application/json"}]
    row["properties"]["swath:item"] = f"./{item_path(item)}"
    row["properties"]["swath:skipped"] = len(row["properties"]["swath:skipped"])
    return row


def _from_minus_180(west: float, east: float) -> tuple[float, float]:
    return (west, east) if west <= east else (-180.0, 180.0)


def _from_0(west: float, east: float) -> tuple[float, float]:
    if west > east:
        return west, east + 360
    if west >= 0:
        return west, east
    return (west + 360, east + 360) if east <= 0 else (0.0, 360.0)
