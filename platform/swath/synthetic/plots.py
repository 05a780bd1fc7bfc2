"""Field plots: a probability sample of the ground, where people measured the trees."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
from pyproj import Transformer
from scipy.special import ndtri

from swath.synthetic.biomass import biomass
from swath.synthetic.noise import number
from swath.synthetic.window import RADIUS, STEP, Window

if TYPE_CHECKING:
    from swath.synthetic.world import World

SIDE = 2  #: pixels of 10 m along a plot: 0.04 ha
ERROR, LEAST = 0.10, 1.5  #: of measuring the trees: share of the biomass, and Mg/ha at least
_METRES = RADIUS * math.pi / 180.0


@dataclass(frozen=True)
class Plot:
    """One plot of the sample.

    Attributes:
        plot: Its name: row and column of the lattice that it was drawn in.
        lon: Of its middle, degrees.
        lat: Of its middle, degrees.
        year: When it was measured.
        agb: As measured, Mg/ha.
        agb_se: Standard error of the measurement, Mg/ha; the same for plots of the same measured biomass.
        weight: Hectares of land that the plot stands for.
        true: What stands there, Mg/ha: of the truth.
        expected: What the oracle says, Mg/ha: of the truth.
    """

    plot: str
    lon: float
    lat: float
    year: int
    agb: float
    agb_se: float
    weight: float
    true: float
    expected: float


def plots(world: World, window: Window, year: int, *, spacing_m: int = 500) -> list[Plot]:
    """Plots of a window: one at a uniformly drawn place of each cell of a global lattice, on any land cover.

    The cells have one area, so that each place is drawn with the same probability. A plot that the window does not
    hold whole is left to the window's neighbour.

    Args:
        world: The truth.
        window: At 10 m.
        year: Of the measurement.
        spacing_m: Edge of a cell, metres.
    """
    lon, lat = window.knots
    to_metres = Transformer.from_crs(4326, window.epsg, always_xy=True)
    step = spacing_m / _METRES
    mass = biomass(world.seed, window, world.ground(window, year), year)
    found = []
    for row in range(math.floor(lat.min() / step), math.ceil(lat.max() / step)):
        cols = math.floor(360.0 * math.cos(math.radians((row + 0.5) * step)) / step)
        for col in range(math.floor((lon.min() + 180) / 360 * cols), math.ceil((lon.max() + 180) / 360 * cols)):
            dice = [number(world.seed, "plot", spacing_m, row, col % cols, n) for n in range(3)]
            x, y = (col + dice[0]) / cols * 360.0 - 180.0, (row + dice[1]) * step
            east, north = to_metres.transform(x, y)
            i, j = math.floor(window.top - north / STEP), math.floor(east / STEP - window.left)
            if min(i, j) < 0 or i + SIDE > window.rows or j + SIDE > window.cols:
                continue
            true, says = (float(layer[i : i + SIDE, j : j + SIDE].mean()) for layer in (mass.agb, mass.expected))
            measured = true
            if true > 0.0:
                measured = max(true + float(ndtri(dice[2] * 0.998 + 0.001)) * math.hypot(ERROR * true, LEAST), 0.1)
            middle = Transformer.from_crs(window.epsg, 4326, always_xy=True).transform(
                (window.left + j + SIDE / 2) * STEP, (window.top - i - SIDE / 2) * STEP
            )
            error = math.hypot(ERROR * measured, LEAST) if measured > 0.0 else 0.0
            found.append(
                Plot(
                    f"{row}_{col % cols}", round(middle[0], 7), round(middle[1], 7), year, round(measured, 3),
                    round(error, 3), round(spacing_m**2 / 1e4, 3), true, says,
                )
            )  # fmt: skip
    return found


def write_plots(found: Sequence[Plot], public: str | os.PathLike[str], secret: str | os.PathLike[str]) -> None:
    """Write plots, each once by name: `public` without the truth, `secret` the truth by plot; CSV."""
    once = {plot.plot: asdict(plot) for plot in found}
    rows = [once[name] for name in sorted(once)]
    names = list(Plot.__dataclass_fields__)
    for path, keep in ((public, names[:-2]), (secret, ["plot", "true", "expected"])):
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, keep, extrasaction="ignore", lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


def total(found: Sequence[Plot]) -> float:
    """Biomass of the land that a sample stands for, Mg: the expansion (Horvitz-Thompson) estimate."""
    return float(np.sum([plot.agb * plot.weight for plot in found]))
