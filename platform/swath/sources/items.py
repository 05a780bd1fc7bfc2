"""Reading one STAC item of any version and provider: the places where a fact may stand."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import shapely
from shapely.geometry.base import BaseGeometry

from swath.errors import SourceError
from swath.sources.facts import Collection
from swath.sources.scenes import Asset

#: A parsed STAC item as providers send it.
Item = dict[str, Any]

_OPEN_SCHEMES = frozenset({"http", "https", "s3"})
_MGRS = re.compile(r"(?:^|[^0-9A-Z])T?(\d{1,2}[C-X][A-Z]{2})(?=$|[^0-9A-Z])")


def item_datetime(item: Mapping[str, Any]) -> datetime:
    """When the item was acquired, UTC; a bare date (STAC 0.7) is its midnight.

    Raises:
        SourceError: The item has no date that can be read.
    """
    properties = item.get("properties", {})
    return _instant(item, "datetime", properties.get("datetime") or properties.get("start_datetime"))


def item_updated(item: Mapping[str, Any]) -> datetime | None:
    """When the item's metadata last changed, None if it does not say.

    Raises:
        SourceError: It says something that is no date.
    """
    text = item.get("properties", {}).get("updated")
    return None if text is None else _instant(item, "updated", text)


def _instant(item: Mapping[str, Any], key: str, value: Any) -> datetime:
    try:
        # fromisoformat reads at most 6 digits of a second; some providers write 9
        when = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", str(value)).replace("Z", "+00:00"))
    except ValueError:
        raise SourceError(
            f"Item {item.get('id')!r} has the {key} {value!r}.", fix="It must be RFC 3339.", item=item.get("id")
        ) from None
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)


def item_platform(item: Mapping[str, Any]) -> str:
    """Platform, lower case with dashes: `sentinel-2a`, `landsat-8`; empty if the item has none."""
    properties = item.get("properties", {})
    name = str(properties.get("platform") or properties.get("eo:platform") or "")
    return re.sub(r"[\s_]+", "-", name.strip().lower())


def item_epsg(item: Mapping[str, Any], facts: Collection | None = None) -> int | None:
    """CRS code that the item claims (`proj:code`, older `proj:epsg`), also where only its assets say it."""
    places: list[Mapping[str, Any]] = [item.get("properties", {})]
    assets = item.get("assets", {})
    places += assets.values() if facts is None else [raw for _, raw in _band_assets(item, facts)]
    for place in places:
        code = place.get("proj:code")
        if isinstance(code, str) and code.upper().startswith("EPSG:") and code[5:].isdigit():
            return int(code[5:])
        if place.get("proj:epsg") is not None:
            return int(place["proj:epsg"])
    return None


def item_cloud(item: Mapping[str, Any]) -> float | None:
    """`eo:cloud_cover` in percent, None if the item does not say."""
    value = item.get("properties", {}).get("eo:cloud_cover")
    return None if value is None else float(value)


def item_tile(item: Mapping[str, Any]) -> str | None:
    """MGRS tile (`33UUU`) or WRS path and row (`044033`) of the item, None if it has neither."""
    properties = item.get("properties", {})
    for key in ("s2:mgrs_tile", "grid:code"):
        if properties.get(key):
            return str(properties[key]).upper().removeprefix("MGRS-").removeprefix("WRS2-").removeprefix("T").zfill(5)
    for system in ("mgrs", "sentinel"):
        square = properties.get("mgrs:grid_square" if system == "mgrs" else "sentinel:grid_square")
        if square:
            zone = properties.get(f"{system}:utm_zone")
            return f"{int(zone):02d}{properties.get(f'{system}:latitude_band')}{square}"
    if properties.get("landsat:wrs_path") is not None:
        return f"{int(properties['landsat:wrs_path']):03d}{int(properties['landsat:wrs_row']):03d}"
    hit = _MGRS.search(str(properties.get("s2:product_uri") or item.get("id", "")).upper())
    return hit.group(1).zfill(5) if hit else None


def item_geometry(item: Mapping[str, Any]) -> BaseGeometry:
    """Footprint, WGS84, valid, and split where it crosses 180 degrees.

    Raises:
        SourceError: Neither geometry nor bbox.
    """
    raw = item.get("geometry")
    if raw is None:
        if not item.get("bbox"):
            raise SourceError(
                f"Item {item.get('id')!r} has neither geometry nor bbox.", fix="Leave it out of the source."
            )
        return shapely.union_all(list(bbox_boxes(item_bbox(item))))
    geometry = shapely.force_2d(shapely.geometry.shape(raw))
    west, _, east, _ = geometry.bounds
    if east - west > 180:
        # a ring that jumps from 179 to -179: shift its west side by a turn, then cut at 180
        geometry = shapely.transform(geometry, lambda xy: xy + (xy[:, :1] < 0) * [360.0, 0.0])
        west, _, east, _ = geometry.bounds
        if east - west > 180 and raw["type"] != "Polygon":
            geometry = shapely.force_2d(shapely.geometry.shape(raw))
            return shapely.make_valid(geometry)
    geometry = shapely.make_valid(geometry)
    if east > 180:
        inside = shapely.intersection(geometry, shapely.box(-180, -90, 180, 90))
        outside = shapely.intersection(geometry, shapely.box(180, -90, 540, 90))
        geometry = shapely.union(inside, shapely.transform(outside, lambda xy: xy - [360.0, 0.0]))
    return geometry


def item_bbox(item: Mapping[str, Any]) -> tuple[float, float, float, float]:
    """(west, south, east, north) in degrees; west > east over the antimeridian."""
    box = item.get("bbox")
    if box:
        west, south, east, north = (float(v) for v in (box if len(box) == 4 else (*box[:2], *box[3:5])))
        if east - west <= 180:
            return west, south, (east - 360 if east > 180 else east), north
    geometry = item_geometry(item)
    west, south, east, north = (float(v) for v in geometry.bounds)
    if west <= -180 + 1e-9 and east >= 180 - 1e-9:
        parts = [part.bounds for part in getattr(geometry, "geoms", [geometry])]
        right = [part for part in parts if part[0] > 0]
        left = [part for part in parts if part[2] <= 0]
        if right and left and len(right) + len(left) == len(parts):
            return min(part[0] for part in right), south, max(part[2] for part in left), north
    return west, south, east, north


def bbox_boxes(bbox: tuple[float, float, float, float]) -> Iterator[BaseGeometry]:
    """The bbox as one box, or as two if it crosses the antimeridian (west > east)."""
    west, south, east, north = bbox
    if west <= east:
        yield shapely.box(west, south, east, north)
    else:
        yield shapely.box(west, south, 180, north)
        yield shapely.box(-180, south, east, north)


def absolute_hrefs(item: Item, base: str, facts: Collection) -> Item:
    """The item with absolute asset hrefs.

    Args:
        item: As it was read.
        base: Where it was read from: a URL, or an absolute local path.
        facts: Of its collection. Assets that they do not name are dropped where their href may not be followed.

    Raises:
        SourceError: A band's href that this source may not name (a local file behind a remote item).
    """
    needed = {id(raw) for _, raw in _band_assets(item, facts)}
    assets = {}
    for key, asset in item.get("assets", {}).items():
        href = asset.get("href")
        if href and (id(asset) in needed or may_follow(href, base)):
            assets[key] = {**asset, "href": resolve(href, base)}
    return {**item, "assets": assets}


def may_follow(href: str, base: str) -> bool:
    """Whether a document at `base` may name `href`: http, https, s3; a local file only from a local document."""
    scheme = urlsplit(href).scheme.lower()
    if scheme in _OPEN_SCHEMES:
        return True
    remote = urlsplit(base).scheme in _OPEN_SCHEMES
    return (scheme == "" and not href.startswith("/vsi")) or (scheme == "file" and not remote)


def resolve(href: str, base: str) -> str:
    """An href as an absolute URL or local path.

    Raises:
        SourceError: A scheme other than http, https, s3 or a local file, or a remote document that names a local file.
    """
    if not may_follow(href, base):
        raise SourceError(
            f"{base} names {href!r}, which Swath does not follow.",
            fix="A remote source may name http, https and s3 addresses only; a local one also files.",
            href=href,
        )
    scheme = urlsplit(href).scheme.lower()
    if scheme in _OPEN_SCHEMES:
        return href
    if scheme == "file":
        return unquote(urlsplit(href).path)
    if urlsplit(base).scheme not in _OPEN_SCHEMES:
        return os.path.normpath(os.path.join(os.path.dirname(base), href))
    # urljoin joins http only
    origin = urlsplit(base).scheme
    return origin + ":" + urljoin("http:" + base.removeprefix(origin + ":"), href).removeprefix("http:")


def _band_assets(item: Mapping[str, Any], facts: Collection) -> Iterator[tuple[str, Mapping[str, Any]]]:
    assets = item.get("assets", {})
    platform = item_platform(item)
    for name, band in facts.bands.items():
        # the band's own name last: tables that Swath froze use it as key
        key = next((key for key in (*band.keys(platform), name) if key in assets), None)
        if key is not None:
            yield name, assets[key]


def item_assets(item: Mapping[str, Any], facts: Collection) -> dict[str, Asset]:
    """The item's files by band name of the facts; bands that the item lacks are absent.

    Args:
        item: With absolute hrefs.
        facts: Of its collection. Prefixes in `rewrite` are replaced.
    """
    found = {}
    for name, raw in _band_assets(item, facts):
        href = str(raw["href"])
        for prefix, instead in facts.rewrite.items():
            if href.startswith(prefix):
                href = instead + href.removeprefix(prefix)
        found[name] = Asset(href=href, checksum=raw.get("file:checksum"), index=facts.bands[name].index)
    return found
