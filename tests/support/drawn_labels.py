"""Labels drawn for tests: turned squares on a raster of places, with classes in turn."""

from pathlib import Path

import geopandas
import numpy as np
import shapely
from shapely import affinity

from swath.grid import Area, Period
from swath.training import Labels, read_labels

METRES = 1 / 111_320.0  # degrees of latitude
AREA = Area.parse("12.50,47.70,12.515,47.71")
PERIOD = Period.parse("2023-06/2023-07/P1M")
CLASSES = ("crop", "tree", "water")


def squares(area: Area = AREA, *, spacing: float = 110.0, edge: float = 60.0, seed: int = 5) -> geopandas.GeoDataFrame:
    """Turned squares in degrees, columns `class` and `geometry`."""
    draw = np.random.default_rng(seed)
    west, south, east, north = area.geometry.bounds
    along = METRES / np.cos(np.radians(south))
    rows = []
    for y in np.arange(south + spacing * METRES, north - spacing * METRES, spacing * METRES):
        for x in np.arange(west + spacing * along, east - spacing * along, spacing * along):
            box = shapely.box(-edge / 2, -edge / 2, edge / 2, edge / 2)
            box = affinity.rotate(box, float(draw.uniform(0, 90)))
            rows.append({"class": CLASSES[len(rows) % 3], "geometry": affinity.translate(
                affinity.scale(box, along, METRES, origin=(0, 0)), x, y)})  # fmt: skip
    return geopandas.GeoDataFrame(rows, crs=4326)


def saved(frame: geopandas.GeoDataFrame, folder: Path, name: str = "labels.gpkg") -> Path:
    """A frame in a file of the format that its name says."""
    path = folder / name
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    else:
        frame.to_file(path)
    return path


def drawn_labels(folder: Path, **how: object) -> Labels:
    """Labels of `squares`, read from a file."""
    return read_labels(saved(squares(**how), folder), area=AREA, period=PERIOD)
