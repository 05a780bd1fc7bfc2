"""Sources: STAC search, signing, the facts of collections, frozen tables of items."""

from __future__ import annotations

from swath.sources.facts import (
    Band,
    BandKind,
    Collection,
    MaskRule,
    collection,
    collections,
    identify,
    warn_unverified,
)
from swath.sources.frozen import FrozenItems, freeze
from swath.sources.observations import observation
from swath.sources.offered import offered
from swath.sources.offsets import Verdict, decide, processing_baseline
from swath.sources.scenes import Asset, Scene
from swath.sources.search import search
from swath.sources.selection import SearchResult, select
from swath.sources.signing import gdal_options, sign

__all__ = [
    "Asset",
    "Band",
    "BandKind",
    "Collection",
    "FrozenItems",
    "MaskRule",
    "Scene",
    "SearchResult",
    "Verdict",
    "collection",
    "collections",
    "decide",
    "freeze",
    "gdal_options",
    "identify",
    "observation",
    "offered",
    "processing_baseline",
    "search",
    "select",
    "sign",
    "warn_unverified",
]
