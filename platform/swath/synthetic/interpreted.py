"""Cloud labels as people make them: small squares of single scenes, looked at and named, a few of them wrongly.

Accuracy comes from such labels; a provider's mask gives agreement only. They hold at the time of their scene alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
from pyproj import Transformer
from shapely import Polygon

from swath.synthetic.clouds import Cloud
from swath.synthetic.noise import number
from swath.synthetic.orbits import Datatake

SPACING = 600  #: metres between the places where a square may be drawn
SIDE = 60  #: metres
CLEAR_KEPT = 0.4  #: share of the clear squares that are kept: there are enough
MISTAKEN = 0.04  #: share of the squares with a wrong class
# what a class is taken for when it is taken wrongly
_FOR = {
    Cloud.CLEAR: Cloud.THIN, Cloud.THIN: Cloud.CLEAR, Cloud.THICK: Cloud.THIN, Cloud.SHADOW: Cloud.CLEAR,
    Cloud.SNOW: Cloud.CLEAR,
}  # fmt: skip


def interpreted(
    take: Datatake, item: str, clouds: np.ndarray, *, epsg: int, left: float, top: float, edge: int
) -> list[dict[str, Any]]:
    """Squares of one scene, at jittered points of a lattice of its zone: the same from whichever granule.

    Only squares of a single class are drawn, as people avoid what they cannot name.

    Args:
        take: The pass.
        item: Id of the scene.
        clouds: The truth, `Cloud` codes, uint8 (rows, cols).
        epsg: Of the zone.
        left: Of the scene, metres.
        top: Of the scene, metres.
        edge: Of a pixel, metres; divides `SIDE`.

    Returns:
        Rows of `id`, `item`, `date`, `time`, `class`, `true` and `geometry` (degrees).
    """
    size = SIDE // edge
    rows, cols = clouds.shape
    bottom, right = top - rows * edge, left + cols * edge
    words = (take.seed, "look", *take.words, epsg)
    found = []
    for row in range(int(bottom // SPACING), int(top // SPACING) + 1):
        for col in range(int(left // SPACING), int(right // SPACING) + 1):
            # the corner of the square on the scene's pixels
            x = (col + 0.8 * number(*words, row, col, "x")) * SPACING
            y = (row + 0.2 + 0.8 * number(*words, row, col, "y")) * SPACING
            i, j = int((top - y) // edge), int((x - left) // edge)
            if min(i, j) < 0 or i + size > rows or j + size > cols:
                continue
            seen = clouds[i : i + size, j : j + size]
            true = Cloud(int(seen[0, 0]))
            if true is Cloud.NODATA or (seen != true).any():
                continue
            if true is Cloud.CLEAR and number(*words, row, col, "kept") > CLEAR_KEPT:
                continue
            said = _FOR[true] if number(*words, row, col, "wrong") < MISTAKEN else true
            corner = (left + j * edge, top - i * edge)
            found.append((f"{take.platform}_{take.time:%Y%m%dT%H%M%S}_{epsg}_{row}_{col}", said, true, corner))
    if not found:
        return []
    corners = np.array([entry[3] for entry in found])[:, None, :]
    ring = corners + SIDE * np.array([[0, 0], [1, 0], [1, -1], [0, -1]])
    lon, lat = Transformer.from_crs(epsg, 4326, always_xy=True).transform(ring[..., 0], ring[..., 1])
    when = take.time.astimezone(UTC)
    return [
        {
            "id": name, "item": item, "date": f"{when:%Y-%m-%d}", "time": f"{when:%Y-%m-%dT%H:%M:%SZ}",
            "class": said.name.lower(), "true": true.name.lower(),
            "geometry": Polygon(np.stack([lon[n], lat[n]], axis=-1)),
        }
        for n, (name, said, true, _) in enumerate(found)
    ]  # fmt: skip


def write_interpreted(squares: Sequence[dict[str, Any]], layer: str, public: Path, secret: Path) -> None:
    """Write squares, each once, as a layer of two GeoPackages: `secret` with the true class too."""
    once: dict[str, dict[str, Any]] = {}
    for entry in sorted(squares, key=lambda entry: (entry["id"], entry["item"])):
        once.setdefault(entry["id"], entry)
    columns = ["id", "item", "date", "time", "class", "true", "geometry"]
    table = geopandas.GeoDataFrame(
        [once[name] for name in sorted(once)], columns=columns, geometry="geometry", crs=4326
    )
    table.to_file(secret, driver="GPKG", layer=layer)
    table.drop(columns="true").to_file(public, driver="GPKG", layer=layer)
