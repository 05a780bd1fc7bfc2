"""Species of the simulated Earth: what each one needs, where it lives, and how easily it is found.

A species answers to climate, relief, soil and cover, and to a driver that no sensor and no layer shows (`Habitat.near`
and `far`: history, competition, what the soil holds). Whether it lives in a cell of 100 m is one throw of a coin with
the chance `suitability`; whether a visitor finds it there is another with `detect`, and whether it is written down
depends on how well known it is. What maps are judged by is `suitability`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from swath.synthetic.habitat import COVERS, Habitat, habitat, throws
from swath.synthetic.land import Ground
from swath.synthetic.noise import key, number
from swath.synthetic.window import Window

COUNT = 30  #: species of a world, unless another number is asked for
GROUPS = ("plants", "birds")  #: people look for one group at a time
_GENERA = {
    "woods": "Silvia", "pines": "Pinicola", "open": "Pratella", "fields": "Segetia", "wet": "Paludina",
    "towns": "Urbana", "hills": "Oreas", "any": "Vulgata",
}  # fmt: skip
_EPITHETS = (
    "alba", "borealis", "campestris", "dubia", "elegans", "fusca", "gracilis", "hirta", "inodora", "latifolia",
    "media", "nigra", "obscura", "parva", "rara", "serotina", "tenuis", "umbrosa", "vera", "zonata",
)  # fmt: skip
# what a guild lives on: gain in logits for a cell that is all of a cover, in the order of COVERS
_NEEDS = {
    "woods": (4.5, 2.0, 0.8, -0.8, -1.5, -2.5, 0.0),
    "pines": (1.0, 5.0, 1.2, -0.8, -1.5, -2.5, 0.0),
    "open": (-1.0, -1.5, 2.5, 4.0, 0.5, -1.5, 0.5),
    "fields": (-1.5, -2.0, 0.5, 1.2, 4.0, -0.5, -1.0),
    "wet": (1.0, 0.0, 0.8, 1.0, -1.0, -1.5, 6.0),
    "towns": (0.8, -0.5, 0.0, 1.0, -0.2, 5.5, -0.5),
    "hills": (1.0, 1.5, 1.0, 1.0, -1.0, -1.5, 0.0),
    "any": (1.0, 0.5, 1.0, 1.0, 0.5, -0.5, 0.0),
}  # fmt: skip


@dataclass(frozen=True)
class Species:
    """One species.

    Attributes:
        number: From 0 on.
        name: Scientific, of genus and epithet; the genus is the guild.
        guild: What it lives on.
        group: In which group people look for it.
        base: Logit of its suitability where everything is at its best but no cover counts.
        needs: Logits for a cell full of each of `COVERS`.
        warm: (best, tolerance) yearly mean temperature, degrees Celsius.
        dry: (best, tolerance) dryness.
        slope: Logits for a slope of 1.
        soil: Logits for a deviation of poor soil.
        hidden: Logits for a deviation of the drivers `near` and `far`.
        detect: Chance that a visitor finds it where it lives.
        known: Chance that a find is written down.
    """

    number: int
    name: str
    guild: str
    group: str
    base: float
    needs: tuple[float, ...]
    warm: tuple[float, float]
    dry: tuple[float, float]
    slope: float
    soil: float
    hidden: tuple[float, float]
    detect: float
    known: float


def pool(seed: int, count: int = COUNT) -> tuple[Species, ...]:
    """The species of a world; a species does not depend on how many are asked for."""
    return tuple(_species(seed, n) for n in range(count))


def _species(seed: int, n: int) -> Species:
    def draw(word: str, low: float = 0.0, high: float = 1.0) -> float:
        return low + (high - low) * number(seed, "species", n, word)

    guilds = list(_NEEDS)
    guild = guilds[(n + int(number(seed, "species") * len(guilds))) % len(guilds)]
    turn = (n + int(draw("epithet") * 3)) % len(_EPITHETS)
    epithet = _EPITHETS[turn] if n < 40 else f"{_EPITHETS[turn]}-{n}"
    upland = guild == "hills"
    return Species(
        number=n,
        name=f"{_GENERA[guild]} {epithet}",
        guild=guild,
        group=GROUPS[n // len(guilds) % len(GROUPS)],
        base=draw("base", -4.0, -1.6) - (1.0 if guild == "any" else 0.0),
        needs=tuple(
            value * draw(f"need {cover}", 0.7, 1.2) for value, cover in zip(_NEEDS[guild], COVERS, strict=True)
        ),
        warm=(draw("warm", -2.0, 8.0) if upland else draw("warm", 2.0, 20.0), draw("warm width", 2.5, 6.5)),
        dry=(draw("dry", 0.0, 0.5), draw("dry width", 0.2, 0.5)),
        slope=draw("slope", 2.0, 7.0) if upland else draw("slope", -4.0, 2.0),
        soil=draw("soil", -0.8, 0.8),
        hidden=(draw("near", -0.9, 0.9), draw("far", -0.7, 0.7)),
        detect=draw("detect", 0.25, 0.9),
        known=10 ** draw("known", -0.9, 0.0),
    )  # fmt: skip


def suitability_of(species: Species, place: Habitat) -> np.ndarray:
    """Chance that a species lives in a cell, float64 of the habitat's shape."""
    assert place.shares is not None, "the covers of the cells are needed"
    logit = species.base + np.tensordot(np.array(species.needs), place.shares, 1)
    for (best, width), value in ((species.warm, place.warm), (species.dry, place.dry)):
        logit = logit - 0.5 * ((value - best) / width) ** 2
    logit = logit + species.slope * np.minimum(place.slope, 0.6) + species.soil * place.soil
    logit = logit + species.hidden[0] * place.near + species.hidden[1] * place.far
    return np.asarray(1.0 / (1.0 + np.exp(-logit)))


def suitability(seed: int, window: Window, land: Ground, species: tuple[Species, ...]) -> np.ndarray:
    """True suitability of a window, float32 (species, rows/10, cols/10), cells of 100 m.

    Args:
        seed: Of the world.
        window: Edges at multiples of 100 m.
        land: Its ground in a year.
        species: See `pool`.
    """
    place = habitat(seed, window, land)
    return np.stack([suitability_of(one, place) for one in species]).astype(np.float32)


def lives(seed: int, species: Species, window: Window, cells: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """In which cells a species lives, bool (n,): one throw a species and cell of the zone.

    Args:
        seed: Of the world.
        species: Which.
        window: That `cells`, (n, 2) rows and columns, count in.
        cells: See there.
        chance: Its suitability there.
    """
    return np.asarray(throws(key(seed, "lives", species.number, window.epsg), window, cells)[:, 0] < chance)
