"""Check of STAC: items and collection against the core schemas, and what links them."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import shapely

from swath.assessment.audit.finding import Finding, Offences, Verdict
from swath.assessment.audit.reading import UnitRead
from swath.assessment.published import TABLE, PublishedMap
from swath.store import names

_CORE = {
    "Feature": "https://schemas.stacspec.org/v1.1.0/item-spec/json-schema/item.json",
    "Collection": "https://schemas.stacspec.org/v1.1.0/collection-spec/json-schema/collection.json",
}


class Stac:
    """Items and collection are valid STAC 1.1, and refer to what is there.

    Held against the core schemas, which pystac carries, offline; outlines by shapely. Schemas of extensions are not at
    hand: their fields are checked where other checks read them (projection and classification by `grids`, file by
    `checksums`).
    """

    name = "stac"

    def __init__(self, map_: PublishedMap) -> None:
        self._map, self._offences, self._items = map_, Offences(), 0
        self._schemas = _schemas()

    def measure(self, read: UnitRead) -> Any:
        """See `Check`."""
        item = read.item
        if item is None:
            return None
        faults = self._schemas.faults(item)
        if item.get("id") != read.id:
            faults.append(f"its id is {item.get('id')!r}")
        if item.get("collection") != self._map.collection.get("id"):
            faults.append(f"it is of the collection {item.get('collection')!r}")
        for layer, asset in item.get("assets", {}).items():
            name = names.layer_key("root", read.unit.step, read.unit.tile.id, layer, read.unit.key).rpartition("/")[2]
            if str(asset.get("href", "")).removeprefix("./") != name:
                faults.append(f"the href of {layer} is {asset.get('href')!r}")
        return faults

    def take(self, unit: str, measured: Any) -> None:
        """See `Check`."""
        if measured is None:  # told by `checksums`
            return
        self._items += 1
        for fault in measured:
            self._offences.add(unit, fault, kind="faults of items")

    def finding(self) -> Finding:
        """See `Check`."""
        collection, store, root = self._map.collection, self._map.store, self._map.root
        faults = self._schemas.faults(collection)
        with store.open_read(f"{root}/{TABLE}") as file:
            rows = pq.read_metadata(file).num_rows
        if collection.get("swath:items") != rows:
            faults.append(f"it counts {collection.get('swath:items')} items, its table has {rows}")
        linked = {link["href"] for link in collection.get("links", ()) if link.get("rel") == "item"}
        wanted = {f"./{unit.step}/{unit.tile.id}/{unit.key}.json" for unit in self._map.units}
        if linked and len(linked) == rows and not wanted <= linked:
            faults.append(f"{len(wanted - linked)} items have no link: {min(wanted - linked)}")
        told = collection.get("assets", {}).get("items", {}).get("file:checksum")
        if told is not None and told[4:] != hashlib.sha256(store.read_bytes(f"{root}/{TABLE}")).hexdigest():
            faults.append("the checksum of its table is another")
        for fault in faults:
            self._offences.add("collection", fault, kind="faults of the collection")
        return Finding.of(
            self.name, self._offences, bad=Verdict.FAILED, good="valid by the core schemas, and complete",
            read=f"{self._items:,} items and the collection; extensions' schemas are not at hand",
        )  # fmt: skip


@cache
def _schemas() -> _Schemas:
    return _Schemas()


class _Schemas:
    """Validators of the core, made once."""

    def __init__(self) -> None:
        import jsonschema  # type: ignore[import-untyped]
        from pystac.validation.local_validator import get_local_schema_cache
        from referencing import Registry, Resource

        schemas = get_local_schema_cache()
        registry: Any = Registry().with_resources(
            [(uri, Resource.from_contents(schema)) for uri, schema in schemas.items()]
        )
        self._of = {}
        for kind, uri in _CORE.items():
            validator = jsonschema.validators.validator_for(schemas[uri])
            self._of[kind] = validator(schemas[uri], registry=registry, format_checker=validator.FORMAT_CHECKER)

    def faults(self, value: dict[str, Any]) -> list[str]:
        """What is wrong with a STAC object, a sentence each."""
        kind = value.get("type")
        if kind not in self._of:
            return [f"its type is {kind!r}"]
        value = json.loads(json.dumps(value))  # a tuple is no array to a schema
        found: list[str] = []
        if kind == "Feature":
            found, value["geometry"] = _shortened(value.get("geometry"))
        return found + [f"{error.json_path}: {error.message[:200]}" for error in self._of[kind].iter_errors(value)]


def _shortened(geometry: Any) -> tuple[list[str], Any]:
    """Faults of a geometry, and one of its type with a short ring.

    The schema tries each position of an outline against each type of geometry, which takes longer than all the rest of
    an item: positions are looked at here.
    """
    try:
        shape = shapely.geometry.shape(geometry)
        rings = [ring for part in shapely.get_parts(shape) for ring in (part.exterior, *part.interiors)]
    except (TypeError, ValueError, KeyError, AttributeError, shapely.errors.ShapelyError) as error:
        return [f"its geometry is no polygon: {error}"], geometry
    west, south, east, north = shape.bounds if not shape.is_empty else (np.nan,) * 4
    faults = []
    if not (west >= -180 and south >= -90 and east <= 180 and north <= 90):
        faults.append(f"its geometry reaches from {west:g}, {south:g} to {east:g}, {north:g}")
    if not (shape.is_valid and rings):
        faults.append(f"its geometry is not valid: {shapely.is_valid_reason(shape)}")
    ring = [list(point) for point in rings[0].coords][:3] if rings else []
    short = [[*ring, *ring[:1]]]
    return faults, {"type": geometry["type"], "coordinates": short if geometry["type"] == "Polygon" else [short]}
