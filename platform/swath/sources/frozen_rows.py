"""Rows of the frozen table: how an item becomes one, in which order, and what their digest covers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import shapely

from swath.errors import SourceError
from swath.sources.facts import Collection, identify
from swath.sources.items import (
    Item,
    item_assets,
    item_bbox,
    item_cloud,
    item_datetime,
    item_epsg,
    item_geometry,
    item_platform,
    item_tile,
    item_updated,
)
from swath.sources.offsets import decide, offset_flag, processing_baseline
from swath.sources.selection import COLLECTION, DN_SHIFT, OBSERVATION, marked

#: Column of `item_digest`.
DIGEST = "swath:digest"
_CELL_DEGREES = 2.0
_ASSET = pa.struct([("href", pa.string()), ("file:checksum", pa.string())])


def schema(bands: Sequence[str]) -> pa.Schema:
    """Schema of a frozen table whose items have assets for `bands` (stac-geoparquet 1.1, GeoParquet 1.1)."""
    geo = {
        "version": "1.1.0",
        "primary_column": "geometry",
        "columns": {"geometry": {"encoding": "WKB", "geometry_types": [], "edges": "planar"}},
    }
    fields: list[tuple[str, pa.DataType]] = [
        ("type", pa.string()),
        ("stac_version", pa.string()),
        ("id", pa.string()),
        ("collection", pa.string()),
        ("geometry", pa.binary()),
        ("bbox", pa.struct([(side, pa.float64()) for side in ("xmin", "ymin", "xmax", "ymax")])),
        ("links", pa.list_(pa.struct([("href", pa.string()), ("rel", pa.string())]))),
        ("assets", pa.struct([(band, _ASSET) for band in bands])),
        ("datetime", pa.timestamp("us", tz="UTC")),
        ("updated", pa.timestamp("us", tz="UTC")),
        ("platform", pa.string()),
        ("eo:cloud_cover", pa.float64()),
        ("proj:epsg", pa.int32()),
        ("grid:code", pa.string()),
        ("s2:datatake_id", pa.string()),
        ("s2:processing_baseline", pa.string()),
        ("earthsearch:boa_offset_applied", pa.bool_()),
        (COLLECTION, pa.string()),
        (OBSERVATION, pa.string()),
        (DN_SHIFT, pa.int32()),
        (DIGEST, pa.binary(16)),
    ]
    meta = {"geo": json.dumps(geo), "stac-geoparquet": json.dumps({"version": "1.1.0"})}
    return pa.schema(fields).with_metadata(meta)


def row_of(item: Item) -> dict[str, Any]:
    """The item as a row of `schema`; the `swath:` properties are added where they are missing.

    Raises:
        SourceError: Its offset cannot be decided.
    """
    facts = identify(item)
    if DN_SHIFT not in item["properties"]:
        verdict = decide(item, facts)
        if verdict.dn_shift is None:
            raise SourceError(
                f"The offset of item {item['id']!r} is undecided: {verdict.reason}.",
                fix="Leave it out.",
                item=item["id"],
            )
        item = marked(item, facts, verdict.dn_shift)
    properties = item["properties"]
    baseline = processing_baseline(item) if facts.sensor in ("sentinel-2", "simulated-optical") else None
    row: dict[str, Any] = {
        "type": "Feature",
        "stac_version": "1.1.0",
        "id": item["id"],
        "collection": item.get("collection") or facts.ids[0],
        "geometry": shapely.to_wkb(item_geometry(item), byte_order=1),
        "bbox": dict(zip(("xmin", "ymin", "xmax", "ymax"), item_bbox(item), strict=True)),
        "links": [],
        "assets": {
            band: {"href": asset.href, "file:checksum": asset.checksum}
            for band, asset in item_assets(item, facts).items()
        },
        "datetime": item_datetime(item),
        "updated": item_updated(item),
        "platform": item_platform(item),
        "eo:cloud_cover": item_cloud(item),
        "proj:epsg": item_epsg(item, facts),
        "grid:code": _grid_code(item, facts),
        "s2:datatake_id": properties.get("s2:datatake_id"),
        "s2:processing_baseline": None if baseline is None else f"{baseline[0]:02d}.{baseline[1]:02d}",
        "earthsearch:boa_offset_applied": offset_flag(item),
        COLLECTION: properties[COLLECTION],
        OBSERVATION: properties[OBSERVATION],
        DN_SHIFT: properties[DN_SHIFT],
    }
    return row | {DIGEST: item_digest(row)}


def _grid_code(item: Item, facts: Collection) -> str | None:
    tile = item_tile(item)
    return None if tile is None else f"{'WRS2' if facts.sensor == 'landsat' else 'MGRS'}-{tile}"


def order(row: dict[str, Any]) -> tuple[int, Any, str, str]:
    """Cell on a Z curve, then datetime, id, collection."""
    box = row["bbox"]
    width = box["xmax"] - box["xmin"] + (360 if box["xmax"] < box["xmin"] else 0)
    column = int(((box["xmin"] + width / 2 + 180) % 360) // _CELL_DEGREES)
    line = int(((box["ymin"] + box["ymax"]) / 2 + 90) // _CELL_DEGREES)
    cell = sum(((column >> bit) & 1) << (2 * bit) | ((line >> bit) & 1) << (2 * bit + 1) for bit in range(8))
    return cell, row["datetime"], row["id"], row[COLLECTION]


def item_digest(row: dict[str, Any]) -> bytes:
    """First 16 bytes of a sha256 over all that a run reads of an item; signatures in hrefs do not count."""
    told = {key: value for key, value in row.items() if key not in ("geometry", "datetime", "assets", DIGEST)}
    told["geometry"] = row["geometry"].hex()
    told["datetime"] = row["datetime"].isoformat()
    told["updated"] = row["updated"] and row["updated"].isoformat()
    told["assets"] = {
        band: [asset["href"].split("?")[0], asset["file:checksum"]] for band, asset in row["assets"].items()
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True, separators=(",", ":")).encode()).digest()[:16]


def digest_of(rows: Sequence[dict[str, Any]]) -> str:
    """sha256 over the digests of all rows, in their order."""
    total = hashlib.sha256()
    for row in rows:
        total.update(row[DIGEST])
    return total.hexdigest()
