"""What chips of several sensors have in common: the union of their bands and classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from swath.cube.layers import LayerFacts
from swath.models.inputs import NEAR
from swath.models.spec import BandInput, ClassesOutput, OutputSpec
from swath.training.source import ChipFacts


def united_facts(several: Sequence[ChipFacts]) -> ChipFacts:
    """What the chips of several folders have in common: all bands and classes, physical values."""
    first, (bands, _) = several[0], united_bands(several)
    layers = tuple(LayerFacts("float32", float("nan"), unit=band.unit or first.unit) for band in bands)
    output: OutputSpec = first.output
    if isinstance(output, ClassesOutput):
        names = dict.fromkeys(name for facts in several for name in facts.output.channels)
        output = output.model_copy(update={"classes": tuple(names)})
    levels = {facts.level for facts in several}
    return replace(
        first, bands=bands, layers=layers, output=output, level=first.level if len(levels) == 1 else "any"
    )  # fmt: skip


def united_bands(several: Sequence[ChipFacts]) -> tuple[tuple[BandInput, ...], tuple[tuple[int, ...], ...]]:
    """The bands of all, and the place of each one's bands among them.

    A band is another's if its name is the same and their wavelengths agree, else by common name, else by a wavelength
    within 0.02 micrometres where not both have a common name: as a model takes a collection's bands (`match_bands`).
    One that a folder lacks is optional.
    """
    bands: list[BandInput] = []
    places: list[list[int]] = []
    for facts in several:
        mine: list[int] = []
        for given in facts.bands:
            own = given.unit or facts.unit
            band = given.model_copy(update={"unit": None if own == several[0].unit else own})
            ranks = {n: rank for n, known in enumerate(bands) if n not in mine and (rank := _alike(known, band))}
            if ranks:
                place = min(ranks, key=lambda n: ranks[n])
                optional = bands[place].optional or band.optional
                bands[place] = bands[place].model_copy(update={"optional": optional})
            else:
                place = len(bands)
                bands.append(_named(band, {known.channel for known in bands}))
            mine.append(place)
        places.append(mine)
    everywhere = set.intersection(*map(set, places))
    return (
        tuple(b if n in everywhere else b.model_copy(update={"optional": True}) for n, b in enumerate(bands)),
        tuple(map(tuple, places)),
    )


def _alike(known: BandInput, band: BandInput) -> int:
    """How two bands are one: 1 by name, 2 by common name, 3 by wavelength; 0 if they are not."""
    if (known.input, known.unit, known.transform) != (band.input, band.unit, band.transform):
        return 0
    waves = (known.wavelength, band.wavelength)
    near = waves[0] is not None and waves[1] is not None and abs(waves[0] - waves[1]) <= NEAR
    common = (known.common_name, band.common_name)
    if known.name == band.name and (near or None in waves):
        return 1
    if None not in common:
        return 2 if common[0] == common[1] else 0
    return 3 if near else 0


def _named(band: BandInput, taken: set[str]) -> BandInput:
    """With a name that no other has: B05 is red edge on one sensor and near infrared on another."""
    names = (band.name, band.common_name or band.name, *(f"{band.name}_{n}" for n in range(2, len(taken) + 3)))
    free = (band.model_copy(update={"name": name}) for name in names)
    return next(one for one in free if one.channel not in taken)
