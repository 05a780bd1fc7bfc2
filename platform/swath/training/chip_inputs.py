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
from swath.products import Input, Product
from swath.products.rules import FIRST
from swath.sources import Collection


class InputChoice(BaseModel):
    """How a model takes the bands of one input.

    `transform` and `clip` are of its bands that have the unit of the first.
    """

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
    optional: bool | tuple[str, ...] = Field(
        default=False,
        description="The model learns to do without the input, or without these of its bands (names, common names, "
        "kinds): a chip may lack their data, an item their files.",
    )


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
        choices: By name of the input; `first` is the first one where it has none.
        location: Whether pixels' places are bands too.
    """
    found = []
    unit = None
    for number, (given, facts, spec) in enumerate(zip(product.inputs, collections, specs, strict=True)):
        if facts is None or spec is None:
            continue
        how = choices.get(_key(given), InputChoice())
        can_lack = _named(how.optional, spec.bands, facts, where=f"chips.inputs.{_key(given)}.optional")
        own_unit = unit_of(facts.bands[spec.bands[0]])
        layers = band_layers(spec, facts)
        for name in spec.bands:
            known = facts.bands[name]
            alike = unit_of(known) == own_unit
            unit = unit or unit_of(known)
            band = BandInput(
                name=name, common_name=known.common_name, wavelength=known.wavelength,
                input=given.name if number else None, unit=None if unit_of(known) == unit else unit_of(known),
                transform=how.transform if alike else "none", clip=how.clip if alike else None,
                optional=name in can_lack,
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
    names = [_key(given) for given in product.inputs]
    for name, how in choices.items():
        if name not in names:
            raise LabelError(
                f"chips.inputs names {name!r}, and {product.name} has no such input.",
                fix=f"Its inputs are {', '.join(names)}.",
            )
        if not how.bands and name != names[0]:
            raise LabelError(f"chips.inputs.{name} has no bands.", fix="Name some, or leave the input out.")
    taken = []
    for number, given in enumerate(product.inputs):
        how = choices.get(_key(given), InputChoice())
        if how.bands:
            taken.append(given.model_copy(update={"bands": how.bands}))
        elif not number:
            taken.append(given)
    return product.model_copy(update={"inputs": tuple(taken)})


def _named(wanted: bool | tuple[str, ...], bands: Sequence[str], facts: Collection, *, where: str) -> frozenset[str]:
    """Which bands are meant by names, common names and kinds; all or none by true and false.

    Raises:
        LabelError: A word that fits none of them.
    """
    if isinstance(wanted, bool):
        return frozenset(bands if wanted else ())
    words = {name: {name, facts.bands[name].common_name, str(facts.bands[name].kind)} for name in bands}
    for word in wanted:
        if not any(word in known for known in words.values()):
            raise LabelError(
                f"{where} names {word!r}, which none of the bands {', '.join(bands)} is.",
                fix="Name bands of the chips, or kinds of them.",
            )
    return frozenset(name for name in bands if words[name] & set(wanted))


def _key(given: Input) -> str:
    return given.name or FIRST
