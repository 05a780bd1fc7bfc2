"""Labels that are records of species, for a head that tells the suitability of places."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from swath.errors import ModelError
from swath.models.spec import ModelSpec, PartSpec, ValueOutput, ValuesOutput
from swath.training.losses import species_weights
from swath.training.source import ChipFacts

HEAD = "presence"
BACKGROUND = "background"  #: class of labels that are places without a record
RICHNESS = "richness"


def is_presence(spec: ModelSpec) -> bool:
    """Whether a model tells the suitability of places for species."""
    return spec.network is not None and spec.network.head.name == HEAD


def places_of_species(facts: ChipFacts) -> NDArray[np.int64]:
    """Place of each species among the classes of the labels, (S,)."""
    return np.array([place for place, name in enumerate(facts.output.channels) if name != BACKGROUND], np.int64)


def suitability_output(facts: ChipFacts, head: PartSpec) -> ValuesOutput:
    """The outputs of a model of species: a value from 0 to 1 each, and relative richness where the head gives it.

    Args:
        facts: Of chips whose classes are species, and `background`.
        head: With its settings.

    Raises:
        ModelError: Labels that are no species, or two whose names are one as names of layers.
    """
    if not facts.classes:
        raise ModelError("Head presence needs records of species, the labels are values.", fix="Change the head.")
    species = [facts.output.channels[place] for place in places_of_species(facts)]
    names = [_layer(name) for name in species]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None or not names:
        raise ModelError(
            f"Species {', '.join(species)} make layers {', '.join(names) or 'of none'}: {twice} stands twice."
            if names
            else "All labels are background: there is no species.",
            fix="Name species so that letters and digits tell them apart.",
        )
    values = [ValueOutput(name=name, unit="1", low=0, high=1) for name in names]
    if head.settings.get("richness"):
        values.append(ValueOutput(name=RICHNESS, unit="1", low=0))
    return ValuesOutput(values=tuple(values), name="relative suitability")


def record_weights(labels: NDArray[np.int64], facts: ChipFacts) -> tuple[float, ...]:
    """Weights of species in the weighted loss.

    Args:
        labels: (classes,) training records of each class.
        facts: Of the chips.
    """
    records = labels[places_of_species(facts)]
    return tuple(float(weight) for weight in species_weights(records, int(records.sum())))


def _layer(name: str) -> str:
    """A name of a layer: `Eucalyptus regnans` to `eucalyptus_regnans`."""
    plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    return plain if plain[:1].isalpha() else f"s_{plain}"
