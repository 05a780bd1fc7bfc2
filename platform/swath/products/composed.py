"""The layers that a composite gives: bands, day, count, flags, indices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from swath.cube import (
    COUNT,
    DAY,
    FLAGS,
    INDEX_FACTS,
    CubeSpec,
    LayerFacts,
    Method,
    index_bands,
    index_name,
    layer_facts,
    percentile_name,
)
from swath.errors import ProductError
from swath.products.inputs import Input
from swath.products.layers import DType, Layer, LayerKind
from swath.sources.facts import Collection

_MANY = 1000  # observations: the count's type grows with them and would differ between tiles, so the widest is taken


def composed_layers(spec: CubeSpec, collection: Collection) -> list[Layer]:
    """Layers of a composite in order: bands, `day` of a best-date one, `count`, `flags` where `min_obs` is over one."""
    facts = layer_facts(spec, collection, observations=_MANY)
    layers = []
    for name in spec.bands:
        band = collection.bands[name]
        called = f"{name} ({band.common_name})" if band.common_name else name
        made = {name: spec.method.value}
        if spec.method is Method.PERCENTILE:
            made = {percentile_name(name, percent): f"percentile {percent:g}" for percent in spec.percentiles}
        layers += [
            replace(
                _layer(layer, LayerKind.CONTINUOUS, f"{called}, {how} of clear observations", facts[layer]),
                band=name,
                common_name=band.common_name,
                wavelength=band.wavelength,
                width=band.width,
            )
            for layer, how in made.items()
        ]
    if DAY in facts:
        layers.append(_layer(DAY, LayerKind.CODES, "Day of the observation", facts[DAY]))
    layers.append(_layer(COUNT, LayerKind.COUNT, "Clear observations", facts[COUNT]))
    if spec.min_obs > 1:
        title = f"1: fewer than {spec.min_obs} clear observations, 2: none"
        layers.append(_layer(FLAGS, LayerKind.CODES, title, facts[FLAGS]))
    return layers


def input_layers(specs: Sequence[tuple[CubeSpec, Collection] | None], inputs: Sequence[Input]) -> list[Layer]:
    """Layers of the composites of several inputs, in order.

    Those of the first have their own names. One of a later input that has the name of an earlier layer is called after
    its input: `radar_count`. A static input gives bands only.

    Args:
        specs: Cube and facts an input.
        inputs: Of the product, as many.
    """
    layers: dict[str, Layer] = {}
    for number, (read, given) in enumerate(zip(specs, inputs, strict=True)):
        if read is None:
            continue
        for layer in composed_layers(*read):
            if number and given.static and layer.band is None:
                continue
            if layer.name in layers:
                called, title = f"{given.name}_{layer.name}", f"{layer.title} ({given.name})"
                layer = replace(layer, name=called, title=title, made_of=layer.name)
            if layer.name in layers:
                raise ProductError(
                    f"Two layers would be called {layer.name}.", fix="Give the input another name.", value=layer.name
                )
            layers[layer.name] = replace(layer, input=number)
    return list(layers.values())


def index_layer(name: str, spec: CubeSpec, collection: Collection, *, where: str) -> Layer:
    """The layer of an index of the composite.

    Args:
        name: spyndex name, any case.
        spec: The cube, which must hold the index's bands.
        collection: Facts that give the bands' common names.
        where: Product and field, for the message.

    Raises:
        ProductError: No such index, or the cube lacks one of its bands: names them and what it has.
    """
    lacking = sorted(set(index_bands(name, collection).values()) - set(spec.bands))
    if lacking:
        raise ProductError(
            f"{where}: {index_name(name)} needs {', '.join(lacking)}, the cube has {', '.join(spec.bands)}.",
            fix="Add the bands to inputs.0.bands, or drop the index.",
            field="index_of_composite",
            value=name,
            choices=list(spec.bands),
        )
    title = f"{index_name(name)} of the {spec.method.value} composite"
    return _layer(index_name(name), LayerKind.CONTINUOUS, title, INDEX_FACTS)


def _layer(name: str, kind: LayerKind, title: str, facts: LayerFacts) -> Layer:
    return Layer(
        name=name,
        kind=kind,
        title=title,
        dtype=cast(DType, facts.dtype),
        nodata=facts.nodata,
        scale=facts.scale,
        offset=facts.offset,
        unit=facts.unit,
        overviews="average" if kind is LayerKind.CONTINUOUS else "nearest",
    )
