"""Species distributions: many species at once, from records of where they were found."""

from __future__ import annotations

from swath.training.species.config import SpeciesConfig
from swath.training.species.course import TrainedSpecies, train_species
from swath.training.species.fit import OUTSIDE, RECORD, RICHNESS, fit_species, suitability
from swath.training.species.records import Records, layer_names

__all__ = [
    "OUTSIDE",
    "RECORD",
    "RICHNESS",
    "Records",
    "SpeciesConfig",
    "TrainedSpecies",
    "fit_species",
    "layer_names",
    "suitability",
    "train_species",
]
