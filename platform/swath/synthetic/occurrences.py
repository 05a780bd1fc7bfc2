"""Occurrence records in Darwin Core, found where people went, with the faults that archives have.

Presence-only: a visit that finds nothing leaves no record. What is wrong with a record stands in another file.
"""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date as Date
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtri

from swath.synthetic.habitat import CELL, habitat_at, throws
from swath.synthetic.noise import key, number
from swath.synthetic.species import COUNT, GROUPS, Species, lives, pool, suitability_of
from swath.synthetic.visits import DENSITY, Visits, visits
from swath.synthetic.window import RADIUS, Window

if TYPE_CHECKING:
    from swath.synthetic.world import World

COLUMNS = (
    "occurrenceID", "scientificName", "taxonRank", "decimalLatitude", "decimalLongitude", "geodeticDatum",
    "coordinateUncertaintyInMeters", "eventDate", "year", "basisOfRecord", "occurrenceStatus", "recordedBy",
    "datasetName", "license",
)  # fmt: skip
TRUTH_COLUMNS = ("occurrenceID", "fault", "decimalLatitude", "decimalLongitude")
LICENCES = ("CC0-1.0", "CC-BY-4.0", "CC-BY-NC-4.0")  #: as the archives write them
# share of the records by what is wrong with them
FAULTS = {
    "duplicate": 0.04,  #: the same find sent in twice
    "zero": 0.008,  #: at 0, 0
    "equal": 0.004,  #: the longitude stands in both columns
    "swapped": 0.005,  #: latitude and longitude are swapped
    "centroid": 0.02,  #: at the middle of its degree, as districts are geocoded
    "vague": 0.06,  #: known to kilometres, and told so
    "fossil": 0.006,  #: no living thing
    "undated": 0.015,
    "old": 0.04,  #: from a museum's drawer, decades ago
}
UNKNOWN = 0.10  #: share of the records without a coordinate uncertainty, and without a licence half of that
_METRES = RADIUS * math.pi / 180.0


@dataclass(frozen=True)
class Occurrences:
    """Records of a place.

    Attributes:
        rows: As published, in the names of `COLUMNS`.
        truth: What is wrong with each, and where it was found, in those of `TRUTH_COLUMNS`; the fault may be empty.
    """

    rows: tuple[dict[str, Any], ...]
    truth: tuple[dict[str, Any], ...]


def finds(
    world: World, window: Window, first: Date, last: Date, *, count: int = COUNT, density: float = DENSITY
) -> list[tuple[Species, Visits]]:
    """For each species, the visits that found it and told so. Land cover is that of the last day's year.

    Args:
        world: The truth.
        window: May be large, since only visited ground is drawn; cells of 100 m at its edges count whole.
        first: First day.
        last: Last day.
        count: Species.
        density: See `visits`.
    """
    species, window = pool(world.seed, count), window.aligned(CELL)
    found = []
    for group in GROUPS:
        went = visits(world.seed, group, window, first, last, density)
        place = habitat_at(world.seed, window, went.cells, last.year)
        for one in (one for one in species if one.group == group):
            there = lives(world.seed, one, window, went.cells, suitability_of(one, place))
            luck = np.ones((len(went), 2))
            for turn in range(int(went.turn.max(initial=-1)) + 1):
                mine = went.turn == turn
                luck[mine] = throws(key(world.seed, "find", one.number, turn, window.epsg), window, went.cells[mine], 2)
            found.append((one, went.where(there & (luck[:, 0] < one.detect) & (luck[:, 1] < one.known))))
    return sorted(found, key=lambda pair: pair[0].number)


def occurrences(
    world: World, window: Window, first: Date, last: Date, *, count: int = COUNT, density: float = DENSITY
) -> Occurrences:
    """Presence-only records of a window; a record is the same whatever window, see `finds` for the arguments."""
    rows: list[dict[str, Any]] = []
    truth: list[dict[str, Any]] = []
    for species, went in finds(world, window, first, last, count=count, density=density):
        for n, visit in enumerate(went.names):
            name = f"sim:{species.number}:{visit}"
            told, known = _record(world.seed, name, species, float(went.lon[n]), float(went.lat[n]), int(went.day[n]))
            rows.append(told)
            truth.append(known)
            if known["fault"] == "duplicate":
                again = name if number(world.seed, "again", name) < 0.5 else f"{name}:copy"
                rows.append(told | {"occurrenceID": again})
                truth.append(known | {"occurrenceID": again})
    return merge([Occurrences(tuple(rows), tuple(truth))])


def _record(
    seed: int, name: str, species: Species, lon: float, lat: float, day: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """One record as published and what is true of it."""

    def draw(word: str) -> float:
        return number(seed, "record", name, word)

    fault, luck = "", draw("fault")
    for one, share in FAULTS.items():
        if luck < share:
            fault = one
            break
        luck -= share
    # phones know their place to some metres, maps to a hundred
    far = 10 ** (0.7 + 0.8 * draw("how far")) if draw("phone") < 0.7 else 10 ** (1.7 + 0.8 * draw("how far"))
    if fault == "vague":
        far = 2_000.0 + 28_000.0 * draw("how far") ** 2
    # the uncertainty is a radius that holds the place in 95 of 100 records
    off = far / 2.448 * np.array([ndtri(0.999 * draw(axis) + 0.0005) for axis in ("east", "north")])
    x = (lon + off[0] / (_METRES * math.cos(math.radians(lat))) + 180.0) % 360.0 - 180.0
    y = lat + off[1] / _METRES
    if fault == "centroid":
        x, y = math.floor(lon) + 0.5, math.floor(lat) + 0.5
    elif fault == "zero":
        x, y = 0.0, 0.0
    elif fault == "swapped":
        x, y = y, x
    elif fault == "equal":
        y = x
    date = Date.fromordinal(day - int(365.25 * (40 + 60 * draw("age"))) if fault == "old" else day)
    basis = "HUMAN_OBSERVATION" if draw("basis") < 0.9 else "OBSERVATION"
    if fault in ("old", "fossil"):
        basis = "PRESERVED_SPECIMEN" if fault == "old" else "FOSSIL_SPECIMEN"
    licence = draw("licence")
    told = {
        "occurrenceID": name,
        "scientificName": species.name,
        "taxonRank": "SPECIES",
        "decimalLatitude": round(y, 6),
        "decimalLongitude": round(x, 6),
        "geodeticDatum": "WGS84",
        "coordinateUncertaintyInMeters": "" if draw("unknown") < UNKNOWN else round(far),
        "eventDate": "" if fault == "undated" else date.isoformat(),
        "year": "" if fault == "undated" else date.year,
        "basisOfRecord": basis,
        "occurrenceStatus": "PRESENT",
        "recordedBy": f"observer {int(60 * draw('who') ** 2)}",
        "datasetName": species.group,
        "license": "" if licence < UNKNOWN / 2 else LICENCES[min(int(licence * 3), 2)],
    }
    return told, {
        "occurrenceID": name, "fault": fault, "decimalLatitude": round(lat, 6), "decimalLongitude": round(lon, 6),
    }  # fmt: skip


def merge(parts: Iterable[Occurrences]) -> Occurrences:
    """Records of several windows as one, by number of the species and place; what windows share counts once."""
    once: dict[str, list[tuple[dict[str, Any], dict[str, Any]]]] = {}
    for part in parts:
        mine: dict[str, list[tuple[dict[str, Any], dict[str, Any]]]] = {}
        for told, known in zip(part.rows, part.truth, strict=True):
            mine.setdefault(str(told["occurrenceID"]).removesuffix(":copy"), []).append((told, known))
        for name, pairs in mine.items():
            once.setdefault(name, pairs)
    order = sorted(once, key=lambda name: (int(name.split(":")[1]), name))
    pairs = [pair for name in order for pair in once[name]]
    return Occurrences(tuple(told for told, _ in pairs), tuple(known for _, known in pairs))


def write_rows(path: str | os.PathLike[str], rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> None:
    """Write rows as a CSV; empty where a value is missing."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n", extrasaction="raise")
        writer.writeheader()
        writer.writerows(rows)


def write_occurrences(found: Occurrences, public: str | os.PathLike[str], secret: str | os.PathLike[str]) -> None:
    """Write the records as published, and what is wrong with them, as two CSV files."""
    write_rows(public, found.rows, COLUMNS)
    write_rows(secret, found.truth, TRUTH_COLUMNS)
