"""What of a product's inputs stands in chips: which bands, in which order, and what a model is told of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from swath.cube import CubeSpec, LayerFacts
from swath.cube.layers import band_layers
from swath.errors import LabelError
from swath.models.inputs import unit_of
from swath.models.spec import LOCATION, LOCATION_BANDS, BandInput, Range
from swath.products import Product
from swath.sources import Collection


class InputChoice(BaseModel):
    """How a model takes the bands of one input."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bands: tuple[str, ...] = Field(
        default=(),
        description="Bands that the model takes, as in a product's inputs; may be left out for the first input.",
        examples=[["vv", "vh"]],
    )
    transform: Literal["none", "decibel", "log1p"] = Field(
        default="none", description="Of physical values, before mean and std: decibel for radar, log1p for rain."
    )
    clip: Range | None = Field(
        default=None, description="Values are clipped to this range after `transform`.", examples=[None]
    )
    optional: bool = Field(default=False, description="The model learns to do without it: a chip may lack its data.")


@dataclass(frozen=True)
class Channel:
    """One band of a chip.

    Attributes:
        band: As a model is told of it.
        facts: Of its numbers, as they are read.
        input: Place of the product's input; None for a pixel's place.
    """

    band: BandInput
    facts: LayerFacts
    input: int | None


def channels_of_chips(
    product: Product,
    collections: Sequence[Collection | None],
    specs: Sequence[CubeSpec | None],
    choices: Mapping[str, InputChoice],
    *,
    location: bool,
) -> tuple[Channel, ...]:
    """The bands of a chip, in order: input by input, then longitude and latitude.

    Args:
        product: Of the cube.
        collections: Facts by input, None for one that is not read.
        specs: Cubes by input.
        choices: By name of the input.
        location: Whether pixels' places are bands too.
    """
    found = []
    unit = None
    for number, (given, facts, spec) in enumerate(zip(product.inputs, collections, specs, strict=True)):
        if facts is None or spec is None:
            continue
        how = choices.get(given.name or "", InputChoice())
        layers = band_layers(spec, facts)
        for name in spec.bands:
            known = facts.bands[name]
            unit = unit or unit_of(known)
            band = BandInput(
                name=name, common_name=known.common_name, wavelength=known.wavelength,
                input=given.name if number else None, unit=None if unit_of(known) == unit else unit_of(known),
                transform=how.transform, clip=how.clip, optional=how.optional,
            )  # fmt: skip
            found.append(Channel(band, layers[name], number))
    if location:
        degrees = LayerFacts("float32", float("nan"), unit="deg")
        found += [Channel(BandInput(name=name, input=LOCATION, unit="deg"), degrees, None) for name in LOCATION_BANDS]
    return tuple(found)


def stored_facts(channels: Sequence[Channel]) -> tuple[LayerFacts, ...]:
    """Facts of the numbers as chips hold them: bands of several inputs in one type, float32 with NaN for no data.

    Where all have one type it stays, and so it does where one collection has bands of several: the smallest that holds
    all of their numbers.
    """
    one_input = len({channel.input for channel in channels}) == 1
    if one_input or len({channel.facts.dtype for channel in channels}) == 1:
        return tuple(channel.facts for channel in channels)
    return tuple(replace(channel.facts, dtype=str(np.dtype(np.float32)), nodata=float("nan")) for channel in channels)


def chosen_inputs(product: Product, choices: Mapping[str, InputChoice]) -> Product:
    """The product with the inputs and bands that a model takes: the first, and the later ones that are named.

    Raises:
        LabelError: An input that the product does not have, or one without bands.
    """
    names = [given.name for given in product.inputs]
    for name, how in choices.items():
        if name not in names:
            raise LabelError(
                f"chips.inputs names {name!r}, and {product.name} has no such input.",
                fix=f"Its inputs are {', '.join(known or 'the first, without a name' for known in names)}.",
            )
        if not how.bands and name != names[0]:
            raise LabelError(f"chips.inputs.{name} has no bands.", fix="Name some, or leave the input out.")
    taken = []
    for number, given in enumerate(product.inputs):
        how = choices.get(given.name or "", InputChoice())
        if how.bands:
            taken.append(given.model_copy(update={"bands": how.bands}))
        elif not number:
            taken.append(given)
    return product.model_copy(update={"inputs": tuple(taken)})
