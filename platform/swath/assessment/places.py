"""Plots that lie somewhere, drawn or gathered by others: where on the map each is."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import pyogrio
import pyproj
import shapely
from numpy.typing import NDArray

from swath.assessment.published import PublishedMap
from swath.assessment.sample import resolved
from swath.errors import SampleError
from swath.grid.lonlat import from_lonlat

Array = NDArray[np.float64]
FOLDER = "assessments"  #: in the root of a product's version
_LON = ("lon", "LON", "longitude", "lon_lowestmode", "x")
_LAT = ("lat", "LAT", "latitude", "lat_lowestmode", "y")


@dataclass(frozen=True)
class Places:
    """Places on a map.

    Attributes:
        table: A row a place that lies on a tile which owns it: the columns of the file, and `tile`, `row`, `column`,
            and `east`, `north` in metres of a plane about all places.
        outside: Places on no tile of the map.
        file: Where they come from.
    """

    table: pd.DataFrame
    outside: int
    file: Path

    @classmethod
    def read(cls, path: str | os.PathLike[str], map_: PublishedMap, *, crs: str | None = None) -> Places:
        """Read places, and find each on the map.

        Args:
            path: CSV or Parquet with columns of longitude and latitude, or of x and y in `crs`; or a vector file of
                points, in any CRS, or of small polygons, whose centres count.
            map_: That they should lie on.
            crs: Of the coordinates, where the file does not tell it and they are no degrees.

        Raises:
            SampleError: It cannot be read, has no places, or names no CRS where that matters.
        """
        file = resolved(path)
        table, lon, lat = _read(file, crs)
        if not len(table):
            raise SampleError(f"{file} has no rows.", fix="Give a row a plot.")
        bad = ~(np.isfinite(lon) & np.isfinite(lat) & (np.abs(lon) <= 180) & (np.abs(lat) <= 90))
        if bad.any():
            raise SampleError(
                f"{int(bad.sum())} of {len(table)} places of {file} are no degrees, as {lon[bad][0]:g}, "
                f"{lat[bad][0]:g}.",
                fix="Say their CRS, as --crs EPSG:32633.", count=int(bad.sum()),
            )  # fmt: skip
        here = _located(map_, lon, lat)
        found = table.reset_index(drop=True).drop(columns=here.columns, errors="ignore").join(here)
        there = found["tile"].notna().to_numpy()
        if not there.any():
            turned = int(_located(map_, lat, lon)["tile"].notna().sum()) if (np.abs(lon) <= 90).all() else 0
            raise SampleError(
                f"None of {len(table)} places of {file} is on the map.",
                fix=f"With longitude and latitude exchanged {turned} are: mend the columns." if turned
                else "Give places of this map; if they are in another CRS, say it with --crs.", count=len(table),
            )  # fmt: skip
        found = found[there].reset_index(drop=True)
        found["row"], found["column"] = found["row"].astype(int), found["column"].astype(int)
        return cls(found, int((~there).sum()), file)


def _read(file: Path, crs: str | None) -> tuple[pd.DataFrame, Array, Array]:
    """The table, longitudes and latitudes."""
    suffix = file.suffix.lower()
    if suffix in (".csv", ".txt", ".parquet", ".pq"):
        try:
            table = pd.read_parquet(file) if suffix in (".parquet", ".pq") else pd.read_csv(file)
        except (OSError, ValueError) as error:
            raise SampleError(f"{file} cannot be read: {error}", fix="Give a CSV or a Parquet table.") from error
        first, second = (next((name for name in names if name in table.columns), None) for names in (_LON, _LAT))
        if first is None or second is None:
            raise SampleError(
                f"{file} has no columns of places.",
                fix=f"Name them lon and lat, or x and y with --crs. It has {', '.join(map(str, table.columns))}.",
            )
        x, y = (pd.to_numeric(table[name], errors="coerce").to_numpy(np.float64) for name in (first, second))
        if crs is None and first == "x":
            raise SampleError(f"{file} does not say the CRS of x and y.", fix="Say it, as --crs EPSG:32633.")
        return (table, x, y) if crs is None else (table, *_degrees(x, y, crs, file))
    try:
        frame = geopandas.read_file(file)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, ValueError, OSError) as error:
        raise SampleError(f"{file} cannot be read: {error}", fix="Give a CSV, GeoPackage or GeoJSON.") from error
    if frame.crs is None and crs is None:
        raise SampleError(f"{file} says no CRS.", fix="Say it, as --crs EPSG:32633.")
    if frame.crs is None:
        frame = frame.set_crs(crs)
    blank = int((frame.geometry.isna() | frame.geometry.is_empty).sum())
    if blank:
        raise SampleError(f"{blank} of {len(frame)} rows of {file} have no place.", fix="Leave them out.", count=blank)
    points = shapely.centroid(frame.geometry.array)
    lon, lat = _degrees(shapely.get_x(points), shapely.get_y(points), frame.crs, file)
    return pd.DataFrame(frame.drop(columns=frame.geometry.name)), lon, lat


def _degrees(x: Array, y: Array, crs: Any, file: Path) -> tuple[Array, Array]:
    try:
        turn = pyproj.Transformer.from_crs(crs, 4326, always_xy=True)
    except pyproj.exceptions.CRSError as error:
        raise SampleError(f"CRS {crs!r} of {file} is not known.", fix="Give it as EPSG:32633.") from error
    return turn.transform(x, y)


def _located(map_: PublishedMap, lon: Array, lat: Array) -> pd.DataFrame:
    """Tile, row and column of each place, missing where no tile of the map owns it; east and north in metres."""
    tiles = np.full(len(lon), None, object)
    rows, columns = np.full(len(lon), -1), np.full(len(lon), -1)
    placed: dict[str, tuple[Array, Array, NDArray[np.bool_]]] = {}
    for unit in map_.units:
        tile = unit.tile
        if tile.crs not in placed:
            x, y = from_lonlat(tile.crs).transform(lon, lat)
            owned = np.zeros(len(lon), bool)
            finite = np.isfinite(x) & np.isfinite(y)
            owned[finite] = tile.lattice.owns(x[finite], y[finite])
            placed[tile.crs] = x, y, owned
        x, y, owned = placed[tile.crs]
        left, bottom, right, top = tile.bounds
        here = np.flatnonzero(owned & (x >= left) & (x < right) & (y > bottom) & (y <= top))
        tiles[here] = tile.id
        rows[here] = np.floor((top - y[here]) / tile.resolution).astype(int)
        columns[here] = np.floor((x[here] - left) / tile.resolution).astype(int)
    east, north = plane(lon, lat)
    return pd.DataFrame({"tile": tiles, "row": rows, "column": columns, "east": east, "north": north})


def plane(lon: Array, lat: Array) -> tuple[Array, Array]:
    """Metres east and north of the middle of places, true about it (azimuthal equidistant)."""
    # the mean of unit vectors has no seam at 180 degrees
    angle = np.deg2rad(lon)
    middle = np.rad2deg(np.arctan2(np.sin(angle).mean(), np.cos(angle).mean()))
    flat = pyproj.CRS.from_dict({"proj": "aeqd", "lat_0": float(lat.mean()), "lon_0": float(middle)})
    return pyproj.Transformer.from_crs(4326, flat, always_xy=True).transform(lon, lat)


def kept_places(
    placed: Places, told: Array, blank: NDArray[np.bool_], *, drop: bool
) -> tuple[NDArray[np.bool_], dict[str, int]]:
    """Which plots count, and the others by reason.

    Raises:
        SampleError: Plots outside the map or on no data, unless they are to be dropped.
    """
    lacking = ~np.isfinite(told)
    counts = {"outside the map": placed.outside, "on no data": int(lacking.sum())}
    total = len(placed.table) + placed.outside
    for where, number in counts.items():
        if number and not drop:
            raise SampleError(
                f"{number} of {total} plots of {placed.file} lie {where}.",
                fix="With --drop-unmapped they are left out and counted; estimates are of the mapped area. If they are "
                "in another CRS, say it with --crs.", count=number,
            )  # fmt: skip
    keep = ~lacking & ~blank
    counts["without a value"] = int((blank & ~lacking).sum())
    if keep.sum() < 2:
        raise SampleError(f"{int(keep.sum())} plots of {placed.file} count.", fix="Give two or more.")
    return keep, {where: number for where, number in counts.items() if number}


def assessment_folder(map_: PublishedMap, reference: str | os.PathLike[str]) -> str:
    """Where results of a reference that no sample of the map's store is behind stand: by time step and its name."""
    return f"{map_.root}/{FOLDER}/{map_.step}/{Path(reference).stem}"
