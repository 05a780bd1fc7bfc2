"""What of a product touches pixels, as one number."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from swath.sources.facts import Collection

if TYPE_CHECKING:
    from swath.products.product import Product

_TEXTS = {"name", "description", "lccs", "ipcc"}  # of a class: no pixel depends on them


def pixel_digest(product: Product, *collections: Collection | None) -> str:
    """sha256 (hex) of all that touches the bytes of a product's files; name, version and texts do not.

    Grid, resolution and tile size do not count: a unit's tile id names them.

    Args:
        product: With its model chosen, if it maps with one.
        *collections: Of its inputs in order, None for one that the model does not read. They add the facts that the
            fields resolve to (scale, no-data, default masks), so that a corrected fact changes the digest.
    """
    layers = {
        pattern: rule.model_dump(
            mode="json",
            exclude_defaults=True,
            exclude={"legend": {"classes": {"__all__": _TEXTS}}},
        )
        for pattern, rule in product.output.layers.items()
    }
    content: dict[str, Any] = {
        # without what stands at its default: a field that a later version adds must not make every store another's
        "inputs": [i.model_dump(mode="json", exclude_defaults=True, exclude={"source"}) for i in product.inputs],
        "index_of_composite": product.index_of_composite,
        "layers": list(layers.items()),
    }
    if product.model is not None:
        use = product.model.model_dump(
            mode="json",
            exclude_defaults=True,
            exclude={"package": True, "bound": True, "legend": {"classes": {"__all__": _TEXTS}}},
        )
        content["model"] = use | {"digest": None if product.model.bound is None else product.model.bound.digest}
    if product.forest is not None:
        content["forest"] = product.forest.model_dump(mode="json", exclude_defaults=True)
    told = []
    for number, collection in enumerate(collections):
        if collection is None:
            continue
        spec = product.cube_spec(collection, number)
        used = (*spec.bands, *(rule.band for rule in spec.masks))
        told.append(
            {
                "key": collection.key,
                "offset_rule": collection.offset_rule,
                "bands": {name: collection.bands[name].model_dump(mode="json") for name in used},
                "masks": [rule.model_dump(mode="json") for rule in spec.masks],
            }
        )
        content["inputs"][number] |= {"collection": collection.key, "bands": list(spec.bands)}
    if told:
        content["facts"] = told[0]
    if len(told) > 1:
        content["more_facts"] = told[1:]
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=True)
    return hashlib.sha256(canonical.encode()).hexdigest()
