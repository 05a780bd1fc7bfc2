"""From raw items to those of a run: what fits, each once, with its observation and its offset."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

import shapely
from shapely.geometry.base import BaseGeometry

from swath.sources.facts import Collection
from swath.sources.items import Item, item_assets, item_cloud, item_datetime, item_geometry
from swath.sources.observations import observation, once
from swath.sources.offsets import Reader, Verdict, decide

#: Properties that Swath adds to an item.
COLLECTION, OBSERVATION, DN_SHIFT = "swath:collection", "swath:observation", "swath:dn_shift"

_PIXEL_READERS = 8


@dataclass(frozen=True)
class SearchResult:
    """What a search found.

    Attributes:
        items: Plain STAC items with absolute hrefs and the properties `swath:collection`, `swath:observation` and
            `swath:dn_shift`; each once, in order of datetime, then id.
        left_out: (item id, reason) of items in area and period that are not used. Items that are merely cloudier
            than asked for, or beside the area, are not listed.
        conflicts: (item id, what it says against the facts); the item is used, the facts win.
    """

    items: list[Item]
    left_out: list[tuple[str, str]] = field(default_factory=list)
    conflicts: list[tuple[str, str]] = field(default_factory=list)


def select(
    items: Iterable[Item],
    facts: Collection,
    *,
    within: BaseGeometry | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    max_cloud: float = 100,
    read: Reader | None = None,
) -> SearchResult:
    """Keep the items that fit, each once, and settle their offsets.

    Args:
        items: With absolute hrefs, any order, perhaps repeated.
        facts: Of their collection.
        within: WGS84, split at 180 degrees; items whose footprint does not intersect it are not kept.
        start: First instant, inclusive.
        end: Last instant, exclusive.
        max_cloud: Percent; items that do not say their cloud cover are kept.
        read: Reads overviews where the offset rule needs pixels (`offsets.decide`).
    """
    if within is not None:
        shapely.prepare(within)
    fitting: list[Item] = []
    left_out: dict[str, str] = {}
    for item in items:
        when = item_datetime(item)
        if (start is not None and when < start) or (end is not None and when >= end):
            continue
        if (item_cloud(item) or 0) > max_cloud:
            continue
        if within is not None and not within.intersects(item_geometry(item)):
            continue
        reason = _unfit(item, facts)
        if reason:
            left_out[item["id"]] = reason
        else:
            fitting.append(item)
    single, older = once(fitting, facts)
    left_out.update(older)
    kept: list[Item] = []
    conflicts: list[tuple[str, str]] = []
    for item, verdict in zip(single, _verdicts(single, facts, read), strict=True):
        if verdict.dn_shift is None:
            left_out[item["id"]] = f"offset undecided: {verdict.reason}"
            continue
        if verdict.conflict:
            conflicts.append((item["id"], verdict.conflict))
        kept.append(marked(item, facts, verdict.dn_shift))
    return SearchResult(kept, sorted(left_out.items()), conflicts)


def marked(item: Item, facts: Collection, dn_shift: int) -> Item:
    """The item with the properties that Swath adds."""
    added = {COLLECTION: facts.key, OBSERVATION: observation(item, facts), DN_SHIFT: dn_shift}
    return {**item, "properties": {**item["properties"], **added}}


def _unfit(item: Item, facts: Collection) -> str | None:
    for key, allowed in facts.keep.items():
        value = item["properties"].get(key)
        if value is not None and value not in allowed:
            return f"{key} is {value}, not {' or '.join(allowed)}"
    if not item_assets(item, facts):
        return f"has none of the assets of {facts.key} (its assets: {', '.join(item.get('assets', {})) or 'none'})"
    return None


def _verdicts(items: list[Item], facts: Collection, read: Reader | None) -> Iterable[Verdict]:
    call = partial(decide, facts=facts, read=read)
    if facts.offset_rule != "earth-search-flag":
        return map(call, items)
    # items whose flag is not believed are looked at: one small read each, over the network
    with ThreadPoolExecutor(_PIXEL_READERS) as pool:
        return list(pool.map(call, items))
