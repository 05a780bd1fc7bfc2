"""Label files as tables: polygons or points of any CRS, with the columns of class and time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import geopandas
import numpy as np
import pandas as pd
import pyogrio
from numpy.typing import NDArray

from swath.errors import LabelError

_PARQUET = (".parquet", ".geoparquet", ".pq")
_READABLE = "GeoPackage, GeoJSON, GeoParquet, FlatGeobuf or a shapefile of polygons or points"
_UNITS: dict[int, Literal["Y", "M", "D"]] = {4: "Y", 7: "M", 10: "D"}
#: Names that a column of classes usually has.
USUAL = ("class", "fclass", "label")


@dataclass(frozen=True)
class LabelTable:
    """Rows of a label file as they stand.

    Attributes:
        shapes: Geometries in the file's CRS, None where a row has none, (n,).
        crs: WKT.
        values: Of the class column, None where there is none, (n,).
        column: Its name.
        start: First instant at which a label holds, (n,) datetime64[us]; NaT at any time. None: no column of time.
        end: Exclusive.
        source: Path, for messages.
    """

    shapes: NDArray[np.object_]
    crs: str
    values: NDArray[np.object_]
    column: str
    start: NDArray[np.datetime64] | None
    end: NDArray[np.datetime64] | None
    source: str


def read_table(text: str, *, column: str | None = None, time: str | None = None) -> LabelTable:
    """Read `path` or `path::layer`.

    Args:
        text: File, with a layer where it has several.
        column: Of the class; found if not given.
        time: Column of years or dates.

    Raises:
        LabelError: Missing, unreadable, without rows, CRS or column, or a time that is none.
    """
    word, _, layer = text.partition("::")
    path = Path(word).expanduser()
    frame = _frame(path, layer or None)
    if frame.empty:
        raise LabelError(f"{path} has no rows.", fix="Give a file with labels.", file=str(path))
    if frame.crs is None:
        raise LabelError(
            f"{path} does not name its CRS.", fix="Set one (ogr2ogr -a_srs EPSG:… out in).", file=str(path)
        )
    name = _column(frame, column, path)
    start, end = (None, None) if time is None else _times(frame, time, path)
    values = np.array([None if pd.isna(value) else value for value in frame[name]], dtype=object)
    return LabelTable(
        np.asarray(frame.geometry.array, dtype=object), frame.crs.to_wkt(), values, name, start, end, str(path)
    )


def _frame(path: Path, layer: str | None) -> geopandas.GeoDataFrame:
    if not path.exists():
        raise LabelError(f"There is no file {str(path)!r}.", fix=f"Give {_READABLE}.", file=str(path))
    try:
        if path.suffix.lower() in _PARQUET:
            return geopandas.read_parquet(path)
        layers = [str(name) for name in pyogrio.list_layers(path)[:, 0]]
        if layer is None and len(layers) > 1:
            raise LabelError(
                f"{path} has {len(layers)} layers.",
                fix=f"Write {path}::LAYER with {', '.join(layers)}.",
                choices=layers,
            )
        if layer is not None and layer not in layers:
            raise LabelError(f"{path} has no layer {layer!r}.", fix=f"It has {', '.join(layers)}.", choices=layers)
        frame = pyogrio.read_dataframe(path, layer=layer)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, ValueError, OSError) as error:
        raise LabelError(f"{path} cannot be read: {error}.", fix=f"Give {_READABLE}.", file=str(path)) from error
    if not isinstance(frame, geopandas.GeoDataFrame):
        raise LabelError(f"{path} has no geometries.", fix=f"Give {_READABLE}.", file=str(path))
    return frame


def _column(frame: geopandas.GeoDataFrame, asked: str | None, path: Path) -> str:
    columns = [str(name) for name in frame.columns if name != frame.geometry.name]
    if asked is not None:
        if asked not in columns:
            raise LabelError(
                f"{path} has no column {asked!r}.", fix=f"It has {', '.join(columns) or 'none'}.", choices=columns
            )
        return asked
    texts = [name for name in columns if pd.api.types.is_string_dtype(frame[name])]
    found = [name for name in USUAL if name in columns][:1] or (texts if len(texts) == 1 else [])
    if not found:
        raise LabelError(
            f"{path} has no column called {', '.join(USUAL)}, and {len(texts)} of text.",
            fix=f"Name the column of the class: {', '.join(columns) or 'the file has none'}.",
            choices=columns,
        )
    return found[0]


def _times(
    frame: geopandas.GeoDataFrame, name: str, path: Path
) -> tuple[NDArray[np.datetime64], NDArray[np.datetime64]]:
    columns = [str(column) for column in frame.columns if column != frame.geometry.name]
    if name not in columns:
        raise LabelError(f"{path} has no column {name!r}.", fix=f"It has {', '.join(columns)}.", choices=columns)
    spans = [_span(value, name, path) for value in frame[name]]
    return _column_of(spans, 0), _column_of(spans, 1)


def _column_of(spans: Sequence[tuple[np.datetime64, np.datetime64]], side: int) -> NDArray[np.datetime64]:
    return np.array([span[side] for span in spans], dtype="datetime64[us]")


def _span(value: Any, column: str, path: Path) -> tuple[np.datetime64, np.datetime64]:
    """First instant and end of a year (`2018`), a month (`2018-05`), a day, or the day of a time."""
    if pd.isna(value):
        nat = np.datetime64("NaT", "us")
        return nat, nat
    if isinstance(value, (int, float, np.integer, np.floating)) and float(value).is_integer():
        value = f"{int(value):04d}"
    text = value.isoformat() if hasattr(value, "isoformat") else str(value).strip()
    # numpy knows no zones; labels are of days, so that the day is what counts
    word = text.replace("/", "-")[:10]
    try:
        if len(word) not in _UNITS:
            raise ValueError("not YYYY, YYYY-MM or YYYY-MM-DD")
        unit = _UNITS[len(word)]
        first = np.datetime64(word, unit)
    except ValueError as error:
        raise LabelError(
            f"{path}: {value!r} of column {column!r} is no year or date: {error}.",
            fix="Write YYYY, YYYY-MM or YYYY-MM-DD.",
            file=str(path),
        ) from error
    return first.astype("datetime64[us]"), (first + np.timedelta64(1, unit)).astype("datetime64[us]")
