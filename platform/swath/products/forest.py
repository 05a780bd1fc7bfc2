"""A forest definition, as a country or a convention has it: least height, least cover, least area."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from swath.cube import CubeSpec
from swath.errors import ProductError
from swath.forms import suggest
from swath.products.inputs import MODEL_BANDS, Input, resolve_bands
from swath.products.layers import Layer, LayerKind
from swath.products.legend import Legend, LegendClass
from swath.sources.facts import Collection

if TYPE_CHECKING:
    from swath.products.product import Product

FOREST = "forest"  #: layer that says which pixels are
UNKNOWN, IS_FOREST, NO_FOREST = 0, 1, 2  #: its codes; 0 is no data
_HECTARE = 10_000.0  # m²


class Threshold(BaseModel):
    """A band of an input, and how much of it makes a forest."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: str = Field(description="Name of one of the product's inputs, which names its bands.", examples=["canopy"])
    band: str | None = Field(
        default=None, description="Its band, by name or common name; null: the only one.", examples=[None]
    )
    least: float = Field(description="Forest has this much at least, in the band's unit (m, %).", examples=[5.0])


class ForestDefinition(BaseModel):
    """Which pixels are forest. FAO's (Forest Resources Assessment 2020): 5 m, 10 % and 0.5 ha.

    It is of what stands there, not of land use: a felled stand is none, a plantation of fruit trees is one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    height: Threshold | None = Field(default=None, description="Least height of trees.", examples=[None])
    cover: Threshold | None = Field(default=None, description="Least cover by crowns.", examples=[None])
    area_ha: float = Field(
        default=0.0,
        ge=0,
        le=10,
        description="Smaller groups of such pixels are no forest, hectares of the map's pixels; 0: any size is.",
    )
    neighbours: Literal[4, 8] = Field(
        default=8, description="Pixels of a group touch by edges (4), or by edges and corners (8)."
    )
    outside: Literal["zero", "nodata"] = Field(
        default="zero", description="What the values are where no forest is: 0, or no data."
    )

    @model_validator(mode="after")
    def _something_is_asked(self) -> ForestDefinition:
        if self.height is None and self.cover is None:
            raise ValueError("a forest definition needs height, cover or both")
        return self

    @property
    def thresholds(self) -> Mapping[str, Threshold]:
        """What is asked for, by what it is of."""
        named = {"height": self.height, "cover": self.cover}
        return {name: asked for name, asked in named.items() if asked is not None}

    @property
    def inputs(self) -> frozenset[str]:
        """Names of the inputs that it reads."""
        return frozenset(asked.input for asked in self.thresholds.values())

    def least_pixels(self, resolution: float) -> int:
        """Pixels of the smallest group that is forest, 1 or more; `resolution` is their edge, metres."""
        return max(1, math.ceil(self.area_ha * _HECTARE / resolution**2 - 1e-9))

    def halo(self, resolution: float) -> int:
        """Pixels round a tile that must be known to tell the size of its groups.

        A group that is too small has fewer pixels than `least_pixels`, so that from the tile it never comes so far:
        what reaches the rim of the halo is large enough, and every tile says the same of a pixel.
        """
        return self.least_pixels(resolution) - 1

    def legend(self, told: Sequence[str]) -> Legend:
        """Of the layer `forest`; `told` says its thresholds."""
        size = f", in groups of {self.area_ha:g} ha or more" if self.area_ha else ""
        said = " and ".join(told) + size
        values = "0" if self.outside == "zero" else "no data"
        return Legend(
            classes=(
                LegendClass(code=IS_FOREST, name="forest", color="#006400", description=f"Has {said}."),
                LegendClass(
                    code=NO_FOREST, name="no forest", color="#e6e0c8",
                    description=f"Has not: {said}. The map's values are {values} here.",
                ),
            )
        )  # fmt: skip

    def bands(
        self, inputs: Sequence[Input], collections: Sequence[Collection | None], *, where: str
    ) -> Iterator[tuple[str, Threshold, int, str]]:
        """What each threshold is of: name of the threshold, itself, place of its input, name of the band there.

        Args:
            inputs: Of the product.
            collections: Their facts.
            where: Names the product in messages.

        Raises:
            ProductError: An input of several bands of which none is named, or one that it does not read.
        """
        places = {given.name: number for number, given in enumerate(inputs)}
        for name, asked in self.thresholds.items():
            number, field = places[asked.input], f"forest.{name}.band"
            facts = collections[number]
            assert facts is not None
            there = resolve_bands(inputs[number].bands, facts, where=f"{where}: inputs.{number}.bands")
            wanted = there if asked.band is None else resolve_bands((asked.band,), facts, where=f"{where}: {field}")
            if len(wanted) != 1 or wanted[0] not in there:
                raise ProductError(
                    f"{where}: {field} is {asked.band!r}, and input {asked.input} reads {', '.join(there)}.",
                    fix="Name one of them.",
                    field=field,
                    value=asked.band,
                    choices=list(there),
                )
            yield name, asked, number, wanted[0]


def check_forest(product: Product, *, where: str) -> None:
    """Refuse a definition that the product cannot follow.

    Raises:
        ProductError: It maps no values; or the definition names an input that is not there, is optional, or is the
            model's.
    """
    if product.forest is None:
        return
    if product.model is None or product.model.kind != "values":
        raise ProductError(
            f"{where}: a forest definition cuts values that a model gives, and "
            + ("there is no model." if product.model is None else f"model.kind is {product.model.kind!r}."),
            fix="Leave `forest` out, or map with a model of kind values.",
            field="forest",
        )
    inputs = {given.name: given for given in product.inputs if given.name is not None}
    for name, asked in product.forest.thresholds.items():
        given, field = inputs.get(asked.input), f"forest.{name}.input"
        if given is None:
            raise ProductError(
                f"{where}: {field} is {asked.input!r}, and no input is called so.",
                fix=suggest(asked.input, sorted(inputs)),
                field=field,
                value=asked.input,
                choices=sorted(inputs),
            )
        if MODEL_BANDS in given.bands or given.optional:
            raise ProductError(
                f"{where}: {field} is {asked.input!r}, "
                + ("of which the model says what is read." if not given.optional else "which may be lacking."),
                fix="Add an input of its own that names its bands and is not optional.",
                field=field,
                value=asked.input,
            )


def with_forest(
    definition: ForestDefinition,
    layers: Sequence[Layer],
    inputs: Sequence[Input],
    specs: Sequence[tuple[CubeSpec, Collection] | None],
    *,
    where: str,
) -> list[Layer]:
    """Layers of a model as the definition leaves them, and after them `forest` with the definition in its legend.

    Args:
        definition: That cuts them.
        layers: That the model gives.
        inputs: Of the product.
        specs: Cube and facts of each input that is read.
        where: Names the product in messages.

    Raises:
        ProductError: See `ForestDefinition.bands`.
    """
    facts = [None if one is None else one[1] for one in specs]
    told = []
    for name, asked, number, band in definition.bands(inputs, facts, where=where):
        collection = facts[number]
        assert collection is not None
        unit = collection.bands[band].unit
        told.append(f"{name} of at least {asked.least:g}{'' if unit == '1' else f' {unit}'} ({collection.title})")
    outside = "0" if definition.outside == "zero" else "no data"
    cut = [replace(layer, title=f"{layer.title}; {outside} where no forest is") for layer in layers]
    forest = Layer(
        name=FOREST, kind=LayerKind.CLASSES, title="Forest by a definition", dtype="uint8", nodata=UNKNOWN,
        overviews="mode", legend=definition.legend(told),
    )  # fmt: skip
    return [*cut, forest]
