"""What is written where: pure functions from names to keys and back."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from swath.errors import StoreError
from swath.store.base import Store

# <product>/<version>/                    root
#   collection.json                       collection.unpublished.json after an audit that failed
#   audit.json
#   runs/<run>/                           run.json, items.parquet, tiles.parquet, progress.json, lease.json
#     stats/<part>.parquet
#     failed/<unit>.json
#   <period>/<tile>/
#     <layer>.<key>.tif                   written first
#     <key>.json                          the STAC item, written last: the commit

Records = Literal["failed", "skipped"]

RUNS, MODELS = "runs", "models"  #: the names in a root that are no periods

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_+@=.-]*")
_LAYER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_KEY = re.compile(r"[0-9a-f]{12}")
_FILE = re.compile(r"(?:(?P<layer>[A-Za-z0-9][A-Za-z0-9_-]*)\.)?(?P<key>[0-9a-f]{12})\.(?P<kind>tif|json)")


@dataclass(frozen=True)
class UnitFile:
    """A file of a unit, as its name tells.

    Attributes:
        period: Id of the time step.
        tile: Id of the tile.
        key: First 12 digits of the resume key.
        layer: The layer of a COG; None for the item.
    """

    period: str
    tile: str
    key: str
    layer: str | None


def product_root(product: str, version: str) -> str:
    """Folder of one version of a product: all that is published lies in it."""
    return f"{_word(product)}/{_word(version)}"


def collection_key(root: str) -> str:
    """The STAC collection."""
    return f"{root}/collection.json"


def unpublished_key(root: str) -> str:
    """The collection of a map whose audit failed: readers begin at `collection.json`, and find none."""
    return f"{root}/collection.unpublished.json"


def run_folder(root: str, run: str) -> str:
    """Folder of one run."""
    return f"{root}/{RUNS}/{_word(run)}"


def run_file(root: str, run: str, name: str) -> str:
    """A file of a run: `run.json`, `items.parquet`, `tiles.parquet`, `progress.json`, `lease.json`."""
    return f"{run_folder(root, run)}/{_word(name)}"


def failed_folder(root: str, run: str, kind: Records = "failed") -> str:
    """Folder with one file for each unit that failed, or that was made without some of its files (`skipped`)."""
    return f"{run_folder(root, run)}/{kind}"


def failed_key(root: str, run: str, unit: str, kind: Records = "failed") -> str:
    """The record of a failed unit."""
    return f"{failed_folder(root, run, kind)}/{_word(unit)}.json"


def model_folder(root: str, digest: str) -> str:
    """Folder with the model package that units of this root were made with."""
    return f"{root}/{MODELS}/{_short(digest)}"


def stats_folder(root: str, run: str) -> str:
    """Folder with the readings of a run."""
    return f"{run_folder(root, run)}/stats"


def unit_id(tile: str, period: str) -> str:
    """`<tile>_<start>`; ids of tiles hold no underscore."""
    if "_" in tile:
        raise StoreError(f"The tile id {tile!r} holds an underscore.", fix="Use ids of a Swath grid.")
    return f"{_word(tile)}_{_word(period)}"


def parse_unit_id(unit: str) -> tuple[str, str]:
    """(tile, period) of a unit's id.

    Raises:
        StoreError: It is no such id.
    """
    tile, mark, period = unit.partition("_")
    if not mark or not tile or not period:
        raise StoreError(f"{unit!r} is no unit.", fix="A unit is written <tile>_<start>.")
    return tile, period


def unit_folder(root: str, period: str, tile: str) -> str:
    """Folder of one unit."""
    if period in (RUNS, MODELS):
        raise StoreError(f"{period!r} is no time step.")
    return f"{root}/{_word(period)}/{_word(tile)}"


def layer_key(root: str, period: str, tile: str, layer: str, key: str) -> str:
    """A COG of a unit."""
    if not _LAYER.fullmatch(layer):
        raise StoreError(f"{layer!r} is no name of a layer.", fix="Use letters, digits, '_' and '-'.")
    return f"{unit_folder(root, period, tile)}/{layer}.{_short(key)}.tif"


def item_key(root: str, period: str, tile: str, key: str) -> str:
    """The STAC item of a unit, the last thing written."""
    return f"{unit_folder(root, period, tile)}/{_short(key)}.json"


def parse(root: str, name: str) -> UnitFile | None:
    """What a key in a root is; None for anything that is no unit's file."""
    parts = name.removeprefix(f"{root}/").split("/")
    if not name.startswith(f"{root}/") or len(parts) != 3 or parts[0] in (RUNS, MODELS):
        return None
    match = _FILE.fullmatch(parts[2])
    if match is None or (match["layer"] is None) != (match["kind"] == "json"):
        return None
    return UnitFile(period=parts[0], tile=parts[1], key=match["key"], layer=match["layer"])


def done_units(store: Store, root: str, periods: Iterable[str] | None = None) -> dict[tuple[str, str], set[str]]:
    """The keys of every committed unit, from a LIST alone.

    Args:
        store: Where.
        root: Folder of the product's version.
        periods: Only these time steps (fewer requests); all by default.

    Returns:
        (period, tile) to the set of keys with an item. A unit without one has no entry.
    """
    done: dict[tuple[str, str], set[str]] = {}
    for folder in [root] if periods is None else [f"{root}/{_word(period)}" for period in periods]:
        for name, _ in store.list(folder):
            file = parse(root, name)
            if file is not None and file.layer is None:
                done.setdefault((file.period, file.tile), set()).add(file.key)
    return done


def _word(text: str) -> str:
    if not _WORD.fullmatch(text):
        raise StoreError(f"{text!r} cannot be a name in a store.", fix="Use letters, digits and . _ - + @ =")
    return text


def _short(key: str) -> str:
    if not _KEY.fullmatch(key[:12]):
        raise StoreError(f"{key!r} is no resume key.", fix="A key has at least 12 lower-case hexadecimal digits.")
    return key[:12]
