"""Species records as rows that peers learn from: three real regions, and simulated ones of the same form."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tests.bench.earth_sets import lattice

from swath.synthetic import Window, World
from swath.synthetic.climate_layers import PIXEL as COARSE
from swath.synthetic.climate_layers import layers as climate_layers
from swath.synthetic.habitat import CELL, sites, throws
from swath.synthetic.noise import key
from swath.synthetic.occurrences import finds
from swath.synthetic.survey import survey

Array = NDArray[Any]


@dataclass(frozen=True)
class Records:
    """Presence-only records of species, backgrounds, and a survey.

    Attributes:
        name: Of the set.
        presence: Rows of features by species.
        background: Rows drawn at random.
        group: Rows of all records of the species' group, by species.
        test: (rows, present) by species.
    """

    name: str
    presence: dict[str, Array]
    background: Array
    group: dict[str, Array]
    test: dict[str, tuple[Array, Array]]


def real_species(data: Path, region: str, background: int) -> Records:
    """A region of the NCEAS benchmark; categories as one column each."""
    folder = data / "species-nceas" / region
    known, away, sites_, tests = (
        pd.read_parquet(folder / f"{name}.parquet")
        for name in ("train_presence_only", "train_background", "test_environment", "test_presence_absence")
    )
    names = [name for name in away if name not in ("siteid", "spid", "x", "y", "occ", "group")]
    stacked = pd.concat([known[names], away[names], sites_[names]])
    categories = [name for name in names if name in ("vegsys", "calc")]
    x = pd.get_dummies(stacked, columns=categories).to_numpy(float)
    a, b = len(known), len(known) + len(away)
    test_x = pd.DataFrame({"row": np.arange(len(sites_))}).set_index([sites_["group"], sites_["siteid"]])["row"]
    presence, group, test = {}, {}, {}
    for species, rows in tests.groupby("spid"):
        mine = known["spid"].to_numpy() == species
        kind = rows["group"].iloc[0]
        where = test_x.loc[list(zip(rows["group"], rows["siteid"], strict=True))].to_numpy()
        presence[species] = x[:a][mine]
        group[species] = np.unique(x[:a][(known["group"] == kind).to_numpy()], axis=0)
        test[species] = (x[b:][where], rows["occ"].to_numpy() == 1)
    keep = np.random.default_rng(0).permutation(len(away))[:background]
    return Records(region, presence, x[a:b][keep], group, test)


def _environment(world: World, window: Window, cells: Array) -> Array:
    """What a scientist has of cells: climate normals, terrain, and a summer's reflectance with its spread."""
    lon, lat = (values[cells[:, 0], cells[:, 1]] for values in window.degrees(CELL, centre=True))
    site = sites(world.seed, lon, lat)
    wide = window.aligned(COARSE)
    normals = climate_layers(world.seed, wide)
    row = (wide.top - window.top + cells[:, 0] * CELL + CELL // 2) // COARSE
    col = (window.left - wide.left + cells[:, 1] * CELL + CELL // 2) // COARSE
    optical = np.empty((len(cells), 14))
    for n, (r, c) in enumerate(cells.tolist()):
        square = Window(window.epsg, window.left + c * CELL, window.top - r * CELL, CELL, CELL)
        seen = world.reflectance(lattice(square), date(2022, 7, 10)).reshape(7, -1)
        optical[n] = np.concatenate([seen.mean(1), seen.std(1)])
    return np.column_stack([normals[:, row, col].T, site.height, site.slope, optical])


def simulated_species(seed: int, *, side: int = 6000, density: float = 0.9, background: int = 3000) -> Records:
    """Records of six years, a random background and a survey, in 60 km by 60 km."""
    world = World(seed, keep=1)
    window = Window(32633, 47000, 560000, side, side).aligned(CELL)
    first, last = date(2017, 1, 1), date(2022, 12, 31)
    found = finds(world, window, first, last, density=density)
    cells = {species.name: visits.cells for species, visits in found if len(visits) >= 10}
    groups = {species.name: species.group for species, _ in found}
    every = np.stack(np.meshgrid(*[np.arange(window.rows // CELL)] * 2, indexing="ij"), -1).reshape(-1, 2)
    luck = throws(key(seed, "guard", window.epsg), window, every)[:, 0]
    away = every[np.argsort(luck)[:background]]
    told = survey(world, window, first, last, density=0.25)
    table = pd.DataFrame(told.rows)
    at = {event: np.array(event.split("-")[1:3], int) for event in table["eventID"].unique()}
    where = {event: (window.top // CELL - place[1], place[0] - window.left // CELL) for event, place in at.items()}
    # each cell's features once
    wanted = np.unique(np.concatenate([away, np.array(list(where.values())), *cells.values()]), axis=0)
    features = dict(zip(map(tuple, wanted.tolist()), _environment(world, window, wanted), strict=True))

    def rows(places: Any) -> Array:
        return np.array([features[int(r), int(c)] for r, c in places])

    presence, group, test = {}, {}, {}
    for name in cells:
        mine = table[table["scientificName"] == name]
        present = (mine["occurrenceStatus"] == "PRESENT").to_numpy()
        if 5 <= present.sum() <= len(mine) - 5:
            presence[name] = rows(cells[name])
            all_of = np.unique(np.concatenate([cells[one] for one in cells if groups[one] == groups[name]]), axis=0)
            group[name] = rows(all_of)
            test[name] = (rows(where[event] for event in mine["eventID"]), present)
    return Records(f"seed {seed}", presence, rows(away), group, test)
