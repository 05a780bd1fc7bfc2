"""Plots with values for tests: biomass, weight, error, track and licence of each, as a table may tell them."""

import numpy as np
import pandas as pd
import shapely

from support.drawn_labels import squares
from swath.models.spec import ValueOutput
from swath.training import LabelColumns

AGB = ValueOutput(name="agb", unit="Mg/ha", low=0.0, high=1000.0)
COLUMNS = LabelColumns(weight="w", error="sd", group="track", licence="licence")


def plots(seed=7, tracks=3):
    """A row a plot, with everything that a table may tell."""
    draw = np.random.default_rng(seed)
    frame = squares(spacing=70)
    points = shapely.centroid(frame.geometry.array)
    n = len(frame)
    return pd.DataFrame(
        {
            "lon": shapely.get_x(points), "lat": shapely.get_y(points), "agb": draw.permutation(n) * 1.5,
            "w": draw.uniform(0.5, 2, n).round(2), "sd": draw.uniform(5, 30, n).round(1),
            "track": [f"t{i % tracks}" for i in range(n)], "licence": "CC-BY-4.0",
        }
    )  # fmt: skip


def table(frame, folder, name="plots.csv", sep=","):
    path = folder / name
    frame.to_parquet(path) if path.suffix == ".parquet" else frame.to_csv(path, index=False, sep=sep)
    return path
