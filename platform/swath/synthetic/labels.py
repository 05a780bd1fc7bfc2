"""Training polygons as people draw them: small, mostly pure, and some with the wrong name."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas
import numpy as np
from pyproj import Transformer
from shapely import Polygon

from swath.synthetic.granules import Granule
from swath.synthetic.noise import number
from swath.synthetic.window import RADIUS

if TYPE_CHECKING:
    from swath.synthetic.world import World

SPACING = 300.0  #: metres between the places where a polygon is drawn
NOISE = 0.20  #: share of polygons with a wrong class
_METRES = RADIUS * math.pi / 180.0
# what a class is taken for when it is taken wrongly
_MISTAKEN = {
    10: (20, 90), 20: (10, 30), 30: (40, 20), 40: (30, 60), 50: (60, 40), 60: (50, 40), 70: (60, 60), 80: (90, 10),
    90: (30, 80), 100: (30, 20),
}  # fmt: skip


def labels(world: World, granule: Granule, year: int) -> list[dict[str, Any]]:
    """Polygons in degrees with `class`, `true` and `id`, at jittered points of a global lattice inside a granule.

    A polygon is kept if at least 70 % of the 25 pixels looked at are of one class, and the granule holds it whole.
    """
    w = granule.window
    cover = world.landcover_of(w, year)
    lon, lat = w.knots
    to_metres = Transformer.from_crs(4326, w.epsg, always_xy=True)
    step = SPACING / _METRES
    found: list[dict[str, Any]] = []
    for row in range(math.floor(lat.min() / step), math.ceil(lat.max() / step)):
        cols = math.floor(360.0 * math.cos(math.radians((row + 0.5) * step)) / step)
        for col in range(math.floor((lon.min() + 180) / 360 * cols), math.ceil((lon.max() + 180) / 360 * cols)):
            dice = [number(world.seed, "label", row, col % cols, n) for n in range(4)]
            x, y = (col + dice[0]) / cols * 360.0 - 180.0, (row + dice[1]) * step
            half = np.array([14.0 + 40.0 * dice[2], 12.0 + 26.0 * dice[3]])
            angle = math.pi * number(world.seed, "angle", row, col % cols)
            turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
            scale = np.array([_METRES * math.cos(math.radians(y)), _METRES])
            grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, 5)] * 2), -1).reshape(-1, 2)
            places = (grid * half) @ turn.T / scale + (x, y)
            east, north = to_metres.transform(*places.T)
            i, j = np.floor(w.top - north / 10).astype(int), np.floor(east / 10 - w.left).astype(int)
            if min(i.min(), j.min()) < 0 or i.max() >= w.rows or j.max() >= w.cols:
                continue
            codes, counts = np.unique(cover[i, j], return_counts=True)
            if counts.max() < 0.7 * len(i):
                continue
            true = int(codes[counts.argmax()])
            luck = number(world.seed, "mistake", row, col % cols, year)
            said = _MISTAKEN[true][0 if luck < 0.6 * NOISE else 1] if luck < NOISE else true
            ring = (np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half) @ turn.T / scale + (x, y)
            found.append({"id": f"{row}_{col % cols}", "class": said, "true": true, "geometry": Polygon(ring)})
    return found


def write_labels(polygons: list[dict[str, Any]], public: Path, secret: Path) -> None:
    """Write polygons, each once: `public` with the class as told, `secret` with the true one too."""
    rows = {entry["id"]: entry for entry in polygons}
    columns = ["id", "class", "true", "geometry"]
    table = geopandas.GeoDataFrame([rows[name] for name in sorted(rows)], columns=columns, crs=4326)
    table.to_file(secret, driver="GPKG", layer="labels")
    table.drop(columns="true").to_file(public, driver="GPKG", layer="labels")
