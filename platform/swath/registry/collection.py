"""The STAC collection of a model: its versions are items."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from swath.models.files import CARD
from swath.models.mlm import MLM, STAC_VERSION

_WORLD = [-180.0, -90.0, 180.0, 90.0]


def model_collection(name: str, versions: Sequence[tuple[str, tuple[str, ...], dict[str, Any]]]) -> dict[str, Any]:
    """The collection, JSON-ready.

    Args:
        name: Of the model.
        versions: Version, aliases and card of each, the oldest first, one at least.
    """
    cards = [card for _, _, card in versions]
    latest = cards[-1]["properties"]
    boxes = [card.get("bbox") or _WORLD for card in cards]  # a card without a place may be of anywhere
    whole = [*(min(box[i] for box in boxes) for i in (0, 1)), *(max(box[i] for box in boxes) for i in (2, 3))]
    licences = {card["properties"].get("license", "other") for card in cards}
    times = [_times(card["properties"]) for card in cards]
    starts = [start for start, _ in times if start is not None]
    ends = [end for _, end in times if end is not None]
    return {
        "type": "Collection",
        "stac_version": STAC_VERSION,
        "stac_extensions": [MLM],
        "id": name,
        "title": latest.get("title", name),
        "description": latest.get("description") or f"Versions of the model {name}.",
        "keywords": ["model", *sorted({task for card in cards for task in card["properties"].get("mlm:tasks", [])})],
        "license": licences.pop() if len(licences) == 1 else "other",
        "extent": {
            "spatial": {"bbox": [whole]},
            "temporal": {"interval": [[min(starts, default=None), max(ends, default=None)]]},
        },
        "links": [
            {
                "rel": "item",
                "href": f"./{version}/{CARD}",
                "type": "application/geo+json",
                "title": ", ".join([f"{name}@{version}", *aliases]),
            }
            for version, aliases, _ in versions
        ],
        "swath:aliases": {alias: version for version, aliases, _ in versions for alias in aliases},
    }


def _times(properties: dict[str, Any]) -> tuple[str | None, str | None]:
    start = properties.get("start_datetime") or properties.get("datetime")
    return start, properties.get("end_datetime") or properties.get("datetime")
