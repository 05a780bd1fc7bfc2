"""An independent survey of species: cells drawn with one probability, each visited often; absences are told too."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date as Date
from typing import TYPE_CHECKING, Any

from swath.synthetic.habitat import CELL, habitat_at, throws
from swath.synthetic.noise import key
from swath.synthetic.occurrences import write_rows
from swath.synthetic.species import COUNT, lives, pool, suitability_of
from swath.synthetic.visits import drawn
from swath.synthetic.window import Window

if TYPE_CHECKING:
    from swath.synthetic.world import World

VISITS = 4  #: to each cell: a species is told absent where none of them found it
SITES = 2.0  #: cells a square kilometre
COLUMNS = (
    "occurrenceID", "eventID", "scientificName", "taxonRank", "decimalLatitude", "decimalLongitude", "geodeticDatum",
    "coordinateUncertaintyInMeters", "eventDate", "year", "basisOfRecord", "occurrenceStatus", "sampleSizeValue",
    "datasetName", "license",
)  # fmt: skip
TRUTH_COLUMNS = ("occurrenceID", "suitability", "lives")


@dataclass(frozen=True)
class Survey:
    """A survey of a place: a row for each cell and species.

    Attributes:
        rows: As published, in the names of `COLUMNS`: `occurrenceStatus` is PRESENT or ABSENT.
        truth: True suitability, and whether the species lives there, in those of `TRUTH_COLUMNS`.
    """

    rows: tuple[dict[str, Any], ...]
    truth: tuple[dict[str, Any], ...]


def survey(
    world: World, window: Window, first: Date, last: Date, *, count: int = COUNT, density: float = SITES
) -> Survey:
    """The survey of a window on the days `first` to `last`; a row is the same whatever window.

    Args:
        world: The truth.
        window: May be large; cells of 100 m at its edges count whole.
        first: First day.
        last: Last day; land cover is that of its year.
        count: Species.
        density: Cells a square kilometre.
    """
    window = window.aligned(CELL)
    went = drawn(world.seed, window, first, last, density)
    place = habitat_at(world.seed, window, went.cells, last.year)
    rows: list[dict[str, Any]] = []
    truth: list[dict[str, Any]] = []
    for species in pool(world.seed, count):
        chance = suitability_of(species, place)
        there = lives(world.seed, species, window, went.cells, chance)
        luck = throws(key(world.seed, "survey", species.number, window.epsg), window, went.cells)[:, 0]
        seen = there & (luck < 1.0 - (1.0 - species.detect) ** VISITS)
        for n, visit in enumerate(went.names):
            name = f"sim-survey:{species.number}:{visit}"
            day = Date.fromordinal(int(went.day[n]))
            rows.append({
                "occurrenceID": name,
                "eventID": visit,
                "scientificName": species.name,
                "taxonRank": "SPECIES",
                "decimalLatitude": round(float(went.lat[n]), 6),
                "decimalLongitude": round(float(went.lon[n]), 6),
                "geodeticDatum": "WGS84",
                "coordinateUncertaintyInMeters": 10,
                "eventDate": day.isoformat(),
                "year": day.year,
                "basisOfRecord": "HUMAN_OBSERVATION",
                "occurrenceStatus": "PRESENT" if seen[n] else "ABSENT",
                "sampleSizeValue": VISITS,
                "datasetName": species.group,
                "license": "CC-BY-4.0",
            })  # fmt: skip
            truth.append({"occurrenceID": name, "suitability": round(float(chance[n]), 6), "lives": int(there[n])})
    return merge([Survey(tuple(rows), tuple(truth))])


def merge(parts: Iterable[Survey]) -> Survey:
    """Surveys of several windows as one, by species and place; what windows share counts once."""
    once = {
        told["occurrenceID"]: (told, known)
        for part in parts
        for told, known in zip(part.rows, part.truth, strict=True)
    }  # fmt: skip
    order = sorted(once, key=lambda name: (int(name.split(":")[1]), name))
    return Survey(tuple(once[name][0] for name in order), tuple(once[name][1] for name in order))


def write_survey(found: Survey, public: str | os.PathLike[str], secret: str | os.PathLike[str]) -> None:
    """Write the survey as published, and what is true of it, as two CSV files."""
    write_rows(public, found.rows, COLUMNS)
    write_rows(secret, found.truth, TRUTH_COLUMNS)
