"""What a folder of a store holds: one recipe, never two mixed."""

from __future__ import annotations

import json

from swath.errors import StoreMismatchError
from swath.grid import Grid
from swath.products import Product
from swath.sources import Collection
from swath.store import Store

FILE = "recipe.json"


def recipe(product: Product, collection: Collection, grid: Grid) -> dict[str, object]:
    """What must be equal over all runs of one product and version: JSON-ready, ordered."""
    return {
        "product": product.name,
        "version": product.version,
        "collection": collection.key,
        "grid": grid.name,
        "resolution": grid.resolution,
        "tile_size": grid.tile_size,
        "layers": [layer.name for layer in product.layers(collection)],
        "pixels": product.pixel_digest(collection),
    }


def claim(store: Store, root: str, mine: dict[str, object]) -> None:
    """Make the folder of a product and version this recipe's.

    Raises:
        StoreMismatchError: It is another recipe's; names what differs.
    """
    key = f"{root}/{FILE}"
    if store.create(key, json.dumps(mine, indent=1).encode()):
        return
    there = json.loads(store.read_bytes(key))
    differs = [name for name in mine if there.get(name) != mine[name]]
    if differs:
        said = "; ".join(f"{name} is {there.get(name)!r}, asked for is {mine[name]!r}" for name in differs)
        raise StoreMismatchError(
            f"{store.url(root)} holds another map: {said}.",
            fix="Take another --store, or give the product another version (--set version=…).",
            differs=differs,
        )
