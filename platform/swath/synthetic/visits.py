"""Who looks for life where and when: people go where roads lead, near towns, and to what they like to see."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date as Date

import numpy as np
from pyproj import Transformer

from swath.synthetic.habitat import CELL, Habitat, access, throws
from swath.synthetic.noise import key
from swath.synthetic.window import STEP, Window

DENSITY = 10.0  #: visits a square kilometre over all days, of a group, where `effort` is 1
_MOST = 6  # visits of a cell


def effort(group: str, place: Habitat) -> np.ndarray:
    """How much a group's observers look at cells, 0 to about 5, of the habitat's shape.

    Near roads and towns more, high up less, in woods and wetlands more: where records lie tells of people as well as
    of species.
    """
    reach, love = (350.0, (0.15, 0.30)) if group == "plants" else (800.0, (0.25, 0.10))
    here = 0.03 + np.exp(-place.road / reach) + 1.2 * np.exp(-place.town / 900.0)
    taste = np.exp(love[0] * np.clip(place.bog, -2, 2) + love[1] * np.clip(place.woods, -2, 2))
    return np.asarray(here * taste * np.exp(-np.maximum(place.height - 500.0, 0.0) / 900.0))


@dataclass(frozen=True)
class Visits:
    """Visits to cells of a window, by cell, (n,).

    Attributes:
        cells: Rows and columns of cells in the window, (n, 2).
        turn: Number of the visit to its cell, from 0 on.
        names: Of the visit: the cell's column and row in its zone, and the turn.
        day: Ordinal of the date.
        x: Easting of the place, metres.
        y: Northing of the place, metres.
        lon: Of the place, degrees.
        lat: Of the place, degrees.
    """

    cells: np.ndarray
    turn: np.ndarray
    names: tuple[str, ...]
    day: np.ndarray
    x: np.ndarray
    y: np.ndarray
    lon: np.ndarray
    lat: np.ndarray

    def __len__(self) -> int:
        return len(self.cells)

    def where(self, keep: np.ndarray) -> Visits:
        """Those of a mask or of row numbers."""
        rows = np.flatnonzero(keep) if keep.dtype == bool else keep
        names = tuple(self.names[int(row)] for row in rows)
        rest = {name: value[rows] for name, value in vars(self).items() if name != "names"}
        return Visits(names=names, **rest)


def _count(chance: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Poisson numbers of a mean for uniform numbers, at most `_MOST`."""
    term = np.exp(-mean)
    below, found = term.copy(), np.zeros(mean.shape, np.int64)
    for number in range(1, _MOST + 1):
        found += chance >= below
        term = term * mean / number
        below += term
    return found


def _at(seed: int, word: str, window: Window, cells: np.ndarray, turn: np.ndarray, first: Date, last: Date) -> Visits:
    """Visits to cells, each on a day of the season (April to September twice as often) at a place in the cell."""
    luck = np.empty((len(cells), 3))
    for number in range(int(turn.max(initial=-1)) + 1):
        mine = turn == number
        luck[mine] = throws(key(seed, "visit", word, number, window.epsg), window, cells[mine], 3)
    days = np.arange(first.toordinal(), last.toordinal() + 1)
    months = np.array([Date.fromordinal(int(day)).month for day in days])
    rising = np.cumsum(np.where((months >= 4) & (months <= 9), 2.0, 1.0))
    day = days[np.searchsorted(rising, luck[:, 0] * rising[-1], side="right").clip(0, len(days) - 1)]
    x = (window.left + (cells[:, 1] + luck[:, 1]) * CELL) * float(STEP)
    y = (window.top - (cells[:, 0] + luck[:, 2]) * CELL) * float(STEP)
    lon, lat = Transformer.from_crs(window.epsg, 4326, always_xy=True).transform(x, y)
    corner = window.left // CELL, window.top // CELL
    names = tuple(
        f"{window.epsg}-{corner[0] + col}-{corner[1] - row}-{n}"
        for (row, col), n in zip(cells.tolist(), turn, strict=True)
    )
    return Visits(cells, turn, names, day, x, y, np.asarray(lon), np.asarray(lat))


def visits(seed: int, group: str, window: Window, first: Date, last: Date, density: float = DENSITY) -> Visits:
    """Visits of a group's observers to a window, on the days `first` to `last`.

    Args:
        seed: Of the world.
        group: One of `species.GROUPS`.
        window: Edges at multiples of 100 m; may be large.
        first: First day.
        last: Last day.
        density: Visits a square kilometre where effort is 1, over all the days.
    """
    mean = effort(group, access(seed, window)) * (density / 100.0)
    every = np.stack(np.meshgrid(*(np.arange(size) for size in mean.shape), indexing="ij"), -1).reshape(-1, 2)
    count = _count(throws(key(seed, "visits", group, window.epsg), window, every)[:, 0], mean.ravel())
    cells = np.repeat(every, count, axis=0)
    turn = np.arange(len(cells)) - np.repeat(np.cumsum(count) - count, count)
    return _at(seed, group, window, cells, turn, first, last)


def drawn(seed: int, window: Window, first: Date, last: Date, density: float) -> Visits:
    """Visits of a survey: cells drawn with one probability, whatever is there and whoever can get there.

    Args:
        seed: Of the world.
        window: Edges at multiples of 100 m; may be large.
        first: First day.
        last: Last day.
        density: Cells a square kilometre.
    """
    shape = window.rows // CELL, window.cols // CELL
    every = np.stack(np.meshgrid(*(np.arange(size) for size in shape), indexing="ij"), -1).reshape(-1, 2)
    cells = every[throws(key(seed, "survey", window.epsg), window, every)[:, 0] < density / 100.0]
    return _at(seed, "survey", window, cells, np.zeros(len(cells), np.int64), first, last)
