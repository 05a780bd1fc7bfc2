"""One observation once: what a satellite saw in one pass is one date of a cube.

An observation is platform and datatake, not the day (SCIENCE.md, "Grids and pixels"): overlapping tiles and the
same pass in a neighbour zone belong to one; two granules of one tile are duplicates only where they overlap.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from shapely.geometry.base import BaseGeometry

from swath.sources.facts import Collection
from swath.sources.items import Item, item_bbox, item_datetime, item_geometry, item_platform, item_tile
from swath.sources.offsets import processing_baseline

#: Share of the smaller footprint: datastrips of one tile overlap by some lines, a second processing by nearly all.
_SAME_PLACE = 0.1

_DATATAKE = re.compile(r"G(S2[A-D])_(\d{8}T\d{6})")
_BASELINE = re.compile(r"_N\d\d\.\d\d$")
_PRODUCT = re.compile(r"(S2[A-D])_MSI\w{3}_(\d{8}T\d{6})")
_HLS = re.compile(r"HLS\.(L30|S30)\.T\w{5}\.(\d{7})T(\d{6})")
_WRS = (
    re.compile(r"L[COTEM]0?\d_\w{4}_(\d{3})\d{3}_(\d{8})"),  # LC08_L2SP_028030_20200114_...
    re.compile(r"^L[COTEM]\d(\d{3})\d{3}\d{7}\w{3}\d{2}$"),  # LE70350322012177EDC00
)


def observation(item: Mapping[str, Any], facts: Collection) -> str:
    """Id of the observation that an item belongs to: `sentinel-2a_20200731T080611`, `landsat-7_p044_20210329`.

    Sentinel-2: start of the datatake, from its id or the product's name, so that another processing of the same
    pass has the same id. Landsat: WRS path and the local solar date (a pass over the Pacific crosses midnight UTC).
    HLS S30: the sensing time in the granule's name, L30: platform and local solar date. Else: the instant. Frozen items
    keep what they have.
    """
    properties = item.get("properties", {})
    known = properties.get("swath:observation")
    if known:
        # a table that Swath froze need not hold what the id was made of
        return str(known)
    platform = item_platform(item)
    texts = [str(item.get("id", ""))]
    texts += [
        str(properties[k]) for k in ("s2:product_uri", "sentinel:product_id", "s2:product_id") if properties.get(k)
    ]
    take = properties.get("s2:datatake_id")
    if take:
        hit = _DATATAKE.search(str(take))
        # of other missions that write theirs alike, the name without the baseline of its processing
        return f"{platform}_{hit.group(2) if hit else _BASELINE.sub('', str(take))}"
    if facts.sensor == "sentinel-2":
        for text in texts:
            hit = _PRODUCT.search(text)
            if hit:
                return f"{platform or 'sentinel-' + hit.group(1)[1:].lower()}_{hit.group(2)}"
    if facts.sensor == "landsat":
        path = _wrs_path(item)
        if path is not None:
            return f"{platform}_p{path:03d}_{_solar_date(item)}"
    if facts.sensor == "hls":
        hit = _HLS.search(texts[0])
        name = platform or f"hls-{facts.key[-3:]}"
        return (
            f"{name}_{hit.group(2)}T{hit.group(3)}" if hit and hit.group(1) == "S30" else f"{name}_{_solar_date(item)}"
        )
    return f"{platform}_{item_datetime(item):%Y%m%dT%H%M%S}"


def _wrs_path(item: Mapping[str, Any]) -> int | None:
    path = item.get("properties", {}).get("landsat:wrs_path")
    if path is not None:
        return int(path)
    hits = (pattern.search(str(item.get("id", ""))) for pattern in _WRS)
    return next((int(hit.group(1)) for hit in hits if hit), None)


def _solar_date(item: Mapping[str, Any]) -> str:
    when = item_datetime(item)
    if "T" not in str(item.get("properties", {}).get("datetime")):
        return f"{when:%Y%m%d}"  # a bare date has no hour to shift
    west, _, east, _ = item_bbox(item)
    centre = (west + east) / 2 + (180 if west > east else 0)
    return f"{when + timedelta(hours=centre / 15):%Y%m%d}"


def _processed(item: Mapping[str, Any]) -> tuple[tuple[int, int], str, str, str]:
    """Sort key: the latest processing is the largest."""
    properties = item.get("properties", {})
    made = str(properties.get("s2:generation_time") or properties.get("processing:datetime") or "")
    if not made:
        # product names end with the time of processing
        name = str(properties.get("s2:product_uri") or properties.get("sentinel:product_id") or item.get("id", ""))
        hit = re.search(r"_(\d{8}T\d{6})(?:\.SAFE)?$", name) or re.search(r"_\d{8}_(\d{8})_", name)
        made = hit.group(1) if hit else ""
    made = re.sub(r"[-:]", "", made)
    return processing_baseline(item) or (0, 0), made, str(properties.get("updated") or ""), str(item.get("id", ""))


def once(items: Iterable[Item], facts: Collection) -> tuple[list[Item], list[tuple[str, str]]]:
    """Keep each granule once, in order of datetime, then id.

    Args:
        items: Any order, the same item possibly several times.
        facts: Of their collection.

    Returns:
        The items that stay, and (item id, reason) of those that do not. Split datastrips all stay, as do the same
        pass in neighbour tiles and zones: they share an observation, and the cube merges them.
    """
    by_id: dict[str, Item] = {}
    for item in items:
        known = by_id.get(item["id"])
        # a page that moved under the search can bring an item twice: no reason to tell
        if known is None or _processed(item) > _processed(known):
            by_id[item["id"]] = item
    groups: dict[tuple[str, str], list[Item]] = defaultdict(list)
    for item in by_id.values():
        # without a tile only the very same id can be a duplicate
        groups[observation(item, facts), item_tile(item) or item["id"]].append(item)
    kept: list[Item] = []
    dropped: list[tuple[str, str]] = []
    for group in groups.values():
        stay: list[tuple[str, BaseGeometry]] = []
        for item in sorted(group, key=_processed, reverse=True) if len(group) > 1 else group:
            footprint = item_geometry(item) if len(group) > 1 else None
            same = [name for name, there in stay if footprint is not None and _overlap(footprint, there)]
            if same:
                dropped.append((item["id"], f"older processing of {same[0]}"))
                continue
            kept.append(item)
            if footprint is not None:
                stay.append((item["id"], footprint))
    kept.sort(key=lambda item: (item_datetime(item), item["id"]))
    return kept, sorted(dropped)


def _overlap(one: BaseGeometry, other: BaseGeometry) -> bool:
    smaller = min(one.area, other.area)
    return smaller > 0 and one.intersection(other).area > _SAME_PLACE * smaller
