"""What a folder of a store holds: one recipe, never two mixed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import cast

from swath.errors import StoreMismatchError
from swath.grid import Grid, Period
from swath.products import Product
from swath.sources import Collection
from swath.store import Store

FILE = "recipe.json"


def recipe(product: Product, collections: Sequence[Collection | None], grid: Grid, period: Period) -> dict[str, object]:
    """What must be equal over all runs of one product and version: JSON-ready, ordered.

    Args:
        product: What is mapped.
        collections: Of its inputs, None for one that its model does not read.
        grid: Of the tiles.
        period: Its steps.

    The step belongs to it: a month and two months that begin together have one name, and must not be mixed.
    """
    keys = [None if facts is None else facts.key for facts in collections]
    return {
        "product": product.name,
        "version": product.version,
        "collection": keys[0],
        **({"collections": keys} if len(keys) > 1 else {}),
        "grid": grid.name,
        "resolution": grid.resolution,
        "tile_size": grid.tile_size,
        "step": period.step,
        "layers": [layer.name for layer in product.layers(*collections)],
        "pixels": product.pixel_digest(*collections),
        # only to tell which field makes the pixels differ
        "fields": _flat(product.model_dump(mode="json", include={"inputs", "index_of_composite", "forest", "output"})),
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
    differs = [name for name in mine if name != "fields" and there.get(name) != mine[name]]
    if differs:
        is_there, asked = dict(there), dict(mine)
        if differs == ["pixels"]:
            fields = there.get("fields", {}), cast("dict[str, object]", mine["fields"])
            names = sorted(name for name in {*fields[0], *fields[1]} if fields[0].get(name) != fields[1].get(name))
            # a field that one of them does not know stands at its default
            named = [name for name in names if name in fields[0] and name in fields[1]] or names
            if named:  # else the facts of the collection have changed since
                (is_there, asked), differs = fields, named
        said = "; ".join(f"{name} is {is_there.get(name)!r}, asked for is {asked.get(name)!r}" for name in differs)
        raise StoreMismatchError(
            f"{store.url(root)} holds another map: {said}.",
            fix="Take another --store, or give the product another version (--set \"version='…'\").",
            differs=differs,
        )


def _flat(value: object, path: str = "") -> dict[str, object]:
    """Nested fields by path, as `--set` writes them: `inputs.0.composite.method`."""
    if isinstance(value, dict) and value:
        return {k: v for name, part in value.items() for k, v in _flat(part, f"{path}{name}.").items()}
    if isinstance(value, list) and any(isinstance(part, dict | list) for part in value):
        return {k: v for n, part in enumerate(value) for k, v in _flat(part, f"{path}{n}.").items()}
    return {path.removesuffix("."): value}
