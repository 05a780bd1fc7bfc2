"""Label files as tables: polygons or points of any CRS, with the columns of class or value, time, weight and error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import geopandas
import numpy as np
import pandas as pd
import pyogrio
from numpy.typing import NDArray

from swath.errors import LabelError
from swath.training.label_columns import LabelColumns, placed, text_table

_PARQUET = (".parquet", ".geoparquet", ".pq")
_TEXT = (".csv", ".tsv", ".txt")
_READABLE = "GeoPackage, GeoJSON, GeoParquet, FlatGeobuf, a shapefile of polygons or points, or a CSV with lon and lat"
#: A time of the day holds so long before and after: items name the start, the middle or the end of a pass.
_ABOUT = np.timedelta64(30, "m")
_UNITS: dict[int, Literal["Y", "M", "D"]] = {4: "Y", 7: "M", 10: "D"}
#: Names that a column of classes usually has.
USUAL = ("class", "fclass", "label")


@dataclass(frozen=True)
class LabelTable:
    """Rows of a label file as they stand.

    Attributes:
        shapes: Geometries in the file's CRS, None where a row has none, (n,).
        crs: WKT.
        values: Of the column of class or value, None where there is none, (n,).
        column: Its name.
        start: First instant at which a label holds, (n,) datetime64[us]; NaT at any time. None: no column of time.
        end: Exclusive.
        source: Path, for messages.
        weights: (n,) float64; None: no such column, as the others.
        errors: (n,) float64, 0 where a row has none.
        groups: (n,) text, "" where a row has none.
        licences: (n,) text, "" where a row has none.
    """

    shapes: NDArray[np.object_]
    crs: str
    values: NDArray[np.object_]
    column: str
    start: NDArray[np.datetime64] | None
    end: NDArray[np.datetime64] | None
    source: str
    weights: NDArray[np.float64] | None = None
    errors: NDArray[np.float64] | None = None
    groups: NDArray[np.object_] | None = None
    licences: NDArray[np.object_] | None = None


def read_table(
    text: str,
    *,
    column: str | None = None,
    value: str | None = None,
    columns: LabelColumns | None = None,
) -> LabelTable:
    """Read `path` or `path::layer`.

    Args:
        text: File, with a layer where it has several.
        column: Of class or value; found if not given.
        value: Name of the value; None where labels are classes.
        columns: Of time, weight and so on.

    Raises:
        LabelError: Missing, unreadable, without rows, CRS or column, a time that is none, or latitudes beyond 90.
    """
    named = columns or LabelColumns()
    word, _, layer = text.partition("::")
    path = Path(word).expanduser()
    frame = _frame(path, layer or None, named)
    if frame.empty:
        raise LabelError(f"{path} has no rows.", fix="Give a file with labels.", file=str(path))
    if frame.crs is None:
        raise LabelError(
            f"{path} does not name its CRS.", fix="Set one (ogr2ogr -a_srs EPSG:… out in).", file=str(path)
        )
    name = _column(frame, column, path) if value is None else _value_column(frame, column, value, path)
    start, end = _times(frame, named, path)
    values = np.array([None if pd.isna(value) else value for value in frame[name]], dtype=object)
    return LabelTable(
        np.asarray(frame.geometry.array, dtype=object), frame.crs.to_wkt(), values, name, start, end, str(path),
        weights=_numbers(frame, named.weight, path), errors=_numbers(frame, named.error, path),
        groups=_texts(frame, named.group, path), licences=_texts(frame, named.licence, path),
    )  # fmt: skip


def _frame(path: Path, layer: str | None, named: LabelColumns) -> geopandas.GeoDataFrame:
    if not path.exists():
        raise LabelError(f"There is no file {str(path)!r}.", fix=f"Give {_READABLE}.", file=str(path))
    try:
        if path.suffix.lower() in _TEXT:
            return placed(text_table(path), named, path)
        if path.suffix.lower() in _PARQUET:
            try:
                return geopandas.read_parquet(path)
            except ValueError:  # no GeoParquet: perhaps a table with columns of places
                return placed(pd.read_parquet(path), named, path)
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
        _has(frame, asked, path)
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


def _value_column(frame: geopandas.GeoDataFrame, asked: str | None, value: str, path: Path) -> str:
    columns = [str(name) for name in frame.columns if name != frame.geometry.name]
    numeric = [name for name in columns if pd.api.types.is_numeric_dtype(frame[name])]
    if asked is not None:
        _has(frame, asked, path)
        if asked not in numeric:
            raise LabelError(
                f"{path}: column {asked!r} holds {frame[asked].dtype}, no numbers.",
                fix=f"Name one of {', '.join(numeric) or 'none: the file has no numbers'}.",
                choices=numeric,
            )
        return asked
    found = [name for name in (value, "value") if name in numeric][:1] or (numeric if len(numeric) == 1 else [])
    if not found:
        raise LabelError(
            f"{path} has no column of numbers called {value} or value, and {len(numeric)} of numbers.",
            fix=f"Name the column of the value: {', '.join(numeric) or 'the file has none'}.",
            choices=numeric,
        )
    return found[0]


def _has(frame: geopandas.GeoDataFrame, name: str, path: Path) -> None:
    columns = [str(column) for column in frame.columns if column != frame.geometry.name]
    if name not in columns:
        raise LabelError(f"{path} has no column {name!r}.", fix=f"It has {', '.join(columns)}.", choices=columns)


def _numbers(frame: geopandas.GeoDataFrame, name: str | None, path: Path) -> NDArray[np.float64] | None:
    if name is None:
        return None
    _has(frame, name, path)
    return pd.to_numeric(frame[name], errors="coerce").to_numpy(np.float64)


def _texts(frame: geopandas.GeoDataFrame, name: str | None, path: Path) -> NDArray[np.object_] | None:
    if name is None:
        return None
    _has(frame, name, path)
    return np.array(["" if pd.isna(value) else str(value).strip() for value in frame[name]], dtype=object)


def _times(
    frame: geopandas.GeoDataFrame, named: LabelColumns, path: Path
) -> tuple[NDArray[np.datetime64], NDArray[np.datetime64]] | tuple[None, None]:
    if named.time is None:
        return None, None
    _has(frame, named.time, path)
    spans = [_span(value, named.time, path) for value in frame[named.time]]
    first, last = _column_of(spans, 0), _column_of(spans, 1)
    if named.until is not None:
        _has(frame, named.until, path)
        last = _column_of([_span(value, named.until, path) for value in frame[named.until]], 1)
        backwards = np.flatnonzero(last <= first)
        if len(backwards):
            raise LabelError(
                f"{path}: {len(backwards)} labels end before they begin (row {backwards[0] + 1}: "
                f"{str(first[backwards[0]])[:10]} to {str(last[backwards[0]])[:10]}).",
                fix=f"Mend columns {named.time!r} and {named.until!r}.",
                file=str(path),
            )
    return first, last


def _column_of(spans: Sequence[tuple[np.datetime64, np.datetime64]], side: int) -> NDArray[np.datetime64]:
    return np.array([span[side] for span in spans], dtype="datetime64[us]")


def _span(value: Any, column: str, path: Path) -> tuple[np.datetime64, np.datetime64]:
    """First instant and end of a year (`2018`), a month (`2018-05`), a day, or half an hour about a time of a day.

    Two passes of a day see different clouds. A time without a zone is UTC; midnight without a zone is a day.
    """
    if pd.isna(value):
        nat = np.datetime64("NaT", "us")
        return nat, nat
    if isinstance(value, (int, float, np.integer, np.floating)) and float(value).is_integer():
        value = f"{int(value):04d}"
    text = value.isoformat() if hasattr(value, "isoformat") else str(value).strip()
    moment = _moment(text)
    if moment is not None:
        return moment - _ABOUT, moment + _ABOUT
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


def _moment(text: str) -> np.datetime64 | None:
    """The instant that a text names, in UTC; None where it names a day or longer."""
    try:
        found = datetime.fromisoformat(text.replace("/", "-")) if len(text) > 10 else None
    except ValueError:  # the day that it begins with is looked at next
        return None
    if found is None or (found.tzinfo is None and found.time() == found.min.time()):
        return None
    return np.datetime64(found if found.tzinfo is None else found.astimezone(UTC).replace(tzinfo=None), "us")
