"""Polygons that make strata of their own, such as a buffer around change."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import pyogrio
from numpy.typing import NDArray
from rasterio.features import rasterize

from swath.errors import SampleError
from swath.grid import Tile

_MOST = 100
MOST_REGIONS = 10_000  #: of a file of regions: one number a pixel, whose sums stay small


@dataclass(frozen=True)
class Zones:
    """Named polygons; where two overlap, the first has the pixel.

    Attributes:
        names: Z names, each once.
        frame: A row a polygon with its number from 1 in `zone`, EPSG:4326.
    """

    names: tuple[str, ...]
    frame: geopandas.GeoDataFrame

    @classmethod
    def read(cls, path: str | os.PathLike[str], *, column: str = "stratum", most: int = _MOST) -> Zones:
        """Read a vector file with a column of names.

        Args:
            path: GeoPackage, GeoJSON or the like, in any CRS.
            column: Of the names; polygons of one name are one zone.
            most: Names that it may have.

        Raises:
            SampleError: It cannot be read, has no such column, or more names than a design can have.
        """
        try:
            frame = geopandas.read_file(path)
        except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, ValueError, OSError) as error:
            raise SampleError(
                f"{path} cannot be read: {error}", fix="Give a GeoPackage or GeoJSON of polygons."
            ) from error
        if column not in frame.columns:
            raise SampleError(
                f"{path} has no column {column!r}.",
                fix=f"It has {', '.join(map(str, frame.columns))}; name one of them.",
            )
        if frame.crs is None:
            raise SampleError(f"{path} says no CRS.", fix="Save it with one.")
        names = tuple(dict.fromkeys(frame[column].astype(str)))
        if not 0 < len(names) <= most:
            raise SampleError(f"{path} names {len(names)} in its column {column!r}.", fix=f"Give 1 to {most}.")
        numbers = frame[column].astype(str).map({name: number + 1 for number, name in enumerate(names)})
        placed = geopandas.GeoDataFrame({"zone": pd.Series(numbers, dtype=int)}, geometry=frame.geometry, crs=frame.crs)
        return cls(names, placed.to_crs(4326))

    def burnt(self, tile: Tile) -> NDArray[np.unsignedinteger[Any]]:
        """(rows, columns) number of the zone that has the pixel's centre; 0 for none."""
        dtype = "uint8" if len(self.names) <= _MOST else "uint16"
        here = self.frame[self.frame.intersects(tile.footprint)].to_crs(tile.crs)
        if not len(here):
            return np.zeros(tile.shape, dtype)
        # the first polygon has the pixel: it is burnt last
        shapes = list(zip(here.geometry, here["zone"].astype(int), strict=True))[::-1]
        return np.asarray(rasterize(shapes, out_shape=tile.shape, transform=tile.affine, dtype=dtype))
