"""Columns of label tables: which is which, and rows with coordinates as points."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import geopandas
import numpy as np
import pandas as pd

from swath.errors import LabelError

#: Names that columns of longitude and latitude usually have, in pairs.
PLACES = (
    ("lon", "lat"), ("longitude", "latitude"), ("decimalLongitude", "decimalLatitude"),
    ("lon_lowestmode", "lat_lowestmode"), ("long", "lat"), ("lng", "lat"),
)  # fmt: skip


@dataclass(frozen=True)
class LabelColumns:
    """Names of columns beside that of class or value; None: the file has none, or it is found by its usual name.

    Attributes:
        time: Years or dates from which a label holds (or at which, without `until`).
        until: Years or dates, included, to which it holds.
        weight: How much each counts.
        error: Standard error of each value, in its unit.
        licence: Of each.
        group: Track, plot or region of each.
        x: Longitude or easting, of a table without geometries.
        y: Latitude or northing.
        crs: Of x and y; None: longitude and latitude.
    """

    time: str | None = None
    until: str | None = None
    weight: str | None = None
    error: str | None = None
    licence: str | None = None
    group: str | None = None
    x: str | None = None
    y: str | None = None
    crs: str | None = None


def text_table(path: Path) -> pd.DataFrame:
    """A table of text with commas, semicolons or tabs."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        first = file.readline()
    try:
        separator = csv.Sniffer().sniff(first, delimiters=",;\t").delimiter
    except csv.Error:
        separator = ","
    return pd.read_csv(path, sep=separator, encoding="utf-8-sig", low_memory=False)


def placed(frame: pd.DataFrame, named: LabelColumns, path: Path) -> geopandas.GeoDataFrame:
    """Rows as points.

    Raises:
        LabelError: No columns of places, or latitudes beyond 90.
    """
    x, y = place_columns([str(name) for name in frame.columns], named, path)
    east, north = (pd.to_numeric(frame[name], errors="coerce").to_numpy(np.float64) for name in (x, y))
    if named.crs is None:
        beyond = np.abs(north) > 90
        if beyond.any():
            swapped = bool((np.abs(east[beyond]) <= 90).all() and (np.abs(north[beyond]) <= 180).all())
            raise LabelError(
                f"{path}: {int(beyond.sum())} latitudes of column {y!r} lie beyond 90 degrees (the largest: "
                f"{np.abs(north[beyond]).max():g})"
                + (f"; {x!r} and {y!r} look swapped: the axis order is wrong." if swapped else "."),
                fix="Write longitude into the one and latitude into the other."
                if swapped
                else "Name the CRS of the columns (labels.crs), or mend the rows.",
                file=str(path),
                axes="swapped" if swapped else "beyond",
            )
    points = geopandas.points_from_xy(east, north)
    points[~(np.isfinite(east) & np.isfinite(north))] = None
    return geopandas.GeoDataFrame(frame.drop(columns=[x, y]), geometry=points, crs=named.crs or "OGC:CRS84")


def place_columns(columns: list[str], named: LabelColumns, path: Path) -> tuple[str, str]:
    """Names of the columns of longitude (or easting) and latitude: those that are named, else those of usual names.

    Raises:
        LabelError: There are none.
    """
    if named.x is not None or named.y is not None:
        for name in (named.x, named.y):
            if name not in columns:
                raise LabelError(
                    f"{path} has no column {name!r}.", fix=f"It has {', '.join(columns)}.", choices=columns
                )
        return str(named.x), str(named.y)
    lower = {name.lower(): name for name in columns}
    for x, y in PLACES:
        if x.lower() in lower and y.lower() in lower:
            return lower[x.lower()], lower[y.lower()]
    raise LabelError(
        f"{path} has neither geometries nor columns of longitude and latitude.",
        fix=f"Name them (labels.x, labels.y, labels.crs); it has {', '.join(columns)}.",
        choices=columns,
    )
