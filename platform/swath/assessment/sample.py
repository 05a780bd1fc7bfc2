"""A sample of a map: what interpreters get, what they must not see, and what they found."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from swath.assessment.drawing import Drawn
from swath.assessment.frame import WHOLE, Frame
from swath.errors import SampleError
from swath.grid import parse_tile
from swath.grid.lonlat import from_lonlat
from swath.store import MissingKeyError, Store

FOLDER = "samples"  #: in the root of a product's version
DESIGN, SECRET, PLOTS, TABLE = "design.json", "drawn.parquet", "plots.gpkg", "plots.csv"


@dataclass(frozen=True)
class Sample:
    """A sample as it stands in a store.

    Attributes:
        store: Where.
        folder: In the store.
        design: Of `design.json`: map, design, seed, strata with areas, pixels and units, unmapped area.
        drawn: A row a unit: plot, tile, row, column, stratum, map class, inclusion probability.
    """

    store: Store
    folder: str
    design: dict[str, Any]
    drawn: pd.DataFrame

    @classmethod
    def open(cls, store: Store, folder: str) -> Sample:
        """Open one that was drawn before.

        Raises:
            SampleError: There is none.
        """
        try:
            design = json.loads(store.read_bytes(f"{folder}/{DESIGN}"))
            with store.open_read(f"{folder}/{SECRET}") as file:
                drawn = pd.read_parquet(file)
        except MissingKeyError as error:
            raise SampleError(f"{store.url(folder)} holds no sample.", fix="Draw one with swath sample.") from error
        return cls(store, folder, design, drawn)

    @property
    def strata(self) -> tuple[str, ...]:
        """Names."""
        return tuple(one["name"] for one in self.design["strata"])

    def places(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Longitude and latitude of the middle of each unit, in the order of `drawn`."""
        lon, lat = np.empty(len(self.drawn)), np.empty(len(self.drawn))
        for tile_id, rows in self.drawn.groupby("tile").indices.items():
            tile = parse_tile(str(tile_id))
            left, _, _, top = tile.bounds
            part = self.drawn.iloc[rows]
            x = left + (part["column"].to_numpy() + 0.5) * tile.resolution
            y = top - (part["row"].to_numpy() + 0.5) * tile.resolution
            lon[rows], lat[rows] = from_lonlat(tile.crs).transform(x, y, direction="INVERSE")
        return lon, lat


def sample_folders(store: Store, root: str) -> list[str]:
    """Folders of the samples of a map, sorted."""
    return sorted(key.rpartition("/")[0] for key, _ in store.list(f"{root}/{FOLDER}") if key.endswith(f"/{DESIGN}"))


def write_sample(frame: Frame, drawn: Drawn, *, name: str, design: str, seed: int, more: dict[str, Any]) -> Sample:
    """Write a sample into its map's store: what interpreters get, and apart from it what the map says.

    Args:
        frame: That it was drawn from.
        drawn: Its units, in the order in which they are to be looked at.
        name: Of the sample; a folder.
        design: `stratified`, `simple` or `systematic`.
        seed: Of the draws.
        more: To be told in the design.
    """
    map_ = frame.map
    folder = f"{map_.root}/{FOLDER}/{name}"
    if map_.store.exists(f"{folder}/{DESIGN}"):
        raise SampleError(f"{map_.store.url(folder)} holds a sample already.", fix="Take another --name or --seed.")
    has_strata, plots = design == "stratified", np.arange(1, len(drawn) + 1)
    shapes, lon, lat = _pixels(frame, drawn)
    (start, end), legend = _period(map_.collection), map_.legend
    public = geopandas.GeoDataFrame(
        {"plot": plots, "map": map_.id, "lon": lon, "lat": lat, "start": start, "end": end},
        geometry=shapes, crs="EPSG:4326",
    )  # fmt: skip
    secret = pd.DataFrame(
        {
            "plot": plots,
            "tile": [map_.units[unit].tile.id for unit in drawn.units.tolist()],
            "row": drawn.rows, "column": drawn.columns,
            "stratum": [frame.strata[s] if has_strata else WHOLE for s in drawn.strata.tolist()],
            "map_class": [legend[code] for code in drawn.codes.tolist()],
            "inclusion_probability": drawn.probability,
        }
    )  # fmt: skip
    sizes = np.bincount(drawn.strata, minlength=len(frame.strata))
    parts = list(zip(frame.strata, frame.total_ha.tolist(), frame.total_pixels.tolist(), sizes.tolist(), strict=True))
    if not has_strata:
        parts = [(WHOLE, float(frame.total_ha.sum()), int(frame.total_pixels.sum()), len(drawn))]
    told = {
        "map": map_.id, "name": name, "design": design, "seed": seed, "period": [start, end],
        "classes": list(legend.values()),
        "strata": [
            {"name": part, "area_ha": area, "pixels": pixels, "units": units} for part, area, pixels, units in parts
        ],
        "unmapped_ha": frame.unmapped_ha,
        **more,
    }  # fmt: skip
    store = map_.store
    store.put_bytes(f"{folder}/{PLOTS}", _geopackage(public))
    store.put_bytes(f"{folder}/{TABLE}", collect_earth(public).encode())
    data = io.BytesIO()
    secret.to_parquet(data, index=False)
    store.put_bytes(f"{folder}/{SECRET}", data.getvalue())
    store.put_bytes(f"{folder}/{DESIGN}", json.dumps(told, indent=1).encode())
    return Sample(store, folder, told, secret)


def collect_earth(public: geopandas.GeoDataFrame) -> str:
    """Plots as Collect Earth Online takes them: LON, LAT, PLOTID first, the rest behind."""
    table = pd.DataFrame({"LON": public["lon"].round(7), "LAT": public["lat"].round(7), "PLOTID": public["plot"]})
    return str(table.assign(MAP=public["map"], START=public["start"], END=public["end"]).to_csv(index=False))


def _geopackage(public: geopandas.GeoDataFrame) -> bytes:
    import tempfile

    with tempfile.TemporaryDirectory(prefix="swath-sample-") as folder:
        path = Path(folder, PLOTS)
        public.to_file(path, layer="plots")
        return path.read_bytes()


def _pixels(frame: Frame, drawn: Drawn) -> tuple[list[Any], np.ndarray, np.ndarray]:
    """Outline of each pixel in degrees, and its centre."""
    shapes: list[Any] = []
    centres = np.empty((len(drawn), 2))
    for place, (at, row, col) in enumerate(
        zip(drawn.units.tolist(), drawn.rows.tolist(), drawn.columns.tolist(), strict=True)
    ):
        tile = frame.map.units[at].tile
        edge, (left, _, _, top) = tile.resolution, tile.bounds
        x, y = left + col * edge, top - row * edge
        turn = from_lonlat(tile.crs)
        corners = np.array([(x, y), (x, y - edge), (x + edge, y - edge), (x + edge, y)])
        shapes.append(
            shapely.Polygon(np.column_stack(turn.transform(corners[:, 0], corners[:, 1], direction="INVERSE")))
        )
        centres[place] = turn.transform(x + edge / 2, y - edge / 2, direction="INVERSE")
    return shapes, centres[:, 0], centres[:, 1]


def _period(collection: dict[str, Any]) -> tuple[str, str]:
    start, end = collection["extent"]["temporal"]["interval"][0]
    return str(start)[:10], str(end)[:10]


def named(codes: Sequence[str]) -> str:
    """Names in a sentence."""
    return ", ".join(repr(code) for code in codes)


def resolved(path: str | os.PathLike[str]) -> Path:
    """A path that is there.

    Raises:
        SampleError: It is not.
    """
    found = Path(path)
    if not found.is_file():
        raise SampleError(f"There is no file {path}.", fix="Give the table that interpreters filled in.")
    return found
