"""From a composite to the numbers of a product's layers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from swath.cube import Composite
from swath.cube.indices import index_of_composite
from swath.products import Layer
from swath.sources import Collection


def layers_of(composite: Composite, layers: tuple[Layer, ...], collection: Collection) -> dict[str, NDArray[Any]]:
    """Numbers of the layers of one input, as they stand in their files.

    Layers of the composite change dtype and scale where the product asks for it; layers that the composite lacks are
    spectral indices of it.

    Args:
        composite: Bands, `count`, `flags` and, for a best-date composite, `day`.
        layers: Of the product, those of the input.
        collection: Facts of the bands.

    Returns:
        Arrays (rows, columns) by name of layer.
    """
    made: dict[str, NDArray[Any]] = {}
    for layer in layers:
        own = layer.made_of or layer.name
        if own in composite.layers:
            facts = composite.facts[own]
            made[layer.name] = layer.encode(
                composite.layers[own], nodata=facts.nodata, scale=facts.scale, offset=facts.offset
            )
        elif layer.name == "count":
            made["count"] = composite.count.astype(np.dtype(layer.dtype), copy=False)
        else:
            values = index_of_composite(layer.name, composite.layers, composite.facts, collection)
            made[layer.name] = layer.encode(values, nodata=float("nan"))
    return made
