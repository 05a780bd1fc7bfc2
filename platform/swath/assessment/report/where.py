"""Where a map is wrong: units of its samples, by cells of the picture so that no plot's place is given away."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from swath.assessment.interpreted import FILE
from swath.assessment.published import PublishedMap
from swath.assessment.report.colours import written
from swath.assessment.report.overview import Canvas
from swath.assessment.report.pictures import Picture

_CELLS = 14  #: along the longer edge


@dataclass(frozen=True)
class Cell:
    """Units of one cell of the picture: place, size and colour of its dot, and the same in words."""

    x: float
    y: float
    r: float
    colour: str
    text: str


@dataclass(frozen=True)
class Where:
    """Errors of a map on its picture.

    Attributes:
        data: URL of the map's picture.
        width: Of it, pixels.
        height: Of it.
        cells: With at least one unit.
        colours: Of the bar, from low to high.
        low: What the bar's left end means.
        high: What its right end means.
        caption: Below the picture.
        alt: The same in words.
    """

    data: str
    width: int
    height: int
    cells: tuple[Cell, ...]
    colours: tuple[str, ...]
    low: str
    high: str
    caption: str
    alt: str


def where_wrong(map_: PublishedMap, folders: list[str], canvas: Canvas, picture: Picture) -> Where | None:
    """Errors of the units of samples that were interpreted; None where there are none.

    Args:
        map_: Of the samples.
        folders: Of samples of this very map.
        canvas: Of the picture.
        picture: Of the map.
    """
    parts = [
        pd.read_parquet(io.BytesIO(map_.store.read_bytes(key)))
        for key in (f"{folder}/{FILE}" for folder in folders)
        if map_.store.exists(key)
    ]
    if not parts:
        return None
    units = pd.concat(parts, ignore_index=True)
    x, y = canvas.places(units["lon"].to_numpy(np.float64), units["lat"].to_numpy(np.float64))
    edge = max(canvas.shape) / _CELLS
    is_class = units["map"].dtype == object or isinstance(units["map"].dtype, pd.StringDtype)
    wrong = (
        (units["map"] != units["reference"]).to_numpy(np.float64) if is_class
        else (units["map"] - units["reference"]).to_numpy(np.float64)
    )  # fmt: skip
    span = 1.0 if is_class else max(1e-9, float(np.nanpercentile(np.abs(wrong), 95)))
    grouped = pd.DataFrame({"i": (x // edge).astype(int), "j": (y // edge).astype(int), "wrong": wrong})
    sums = grouped.groupby(["i", "j"])["wrong"].agg(["mean", "size"]).reset_index()
    cells = tuple(_cell(row, edge, span, is_class, int(sums["size"].max())) for row in sums.to_dict("records"))
    what = (
        f"Share of the {len(wrong):,} units that are wrong, by cell; rare classes are drawn more often than they occur."
        if is_class
        else f"Map minus reference, by cell: {wrong.mean():+,.1f} on average over {len(wrong):,} units."
    )
    caption = f"{what} Larger dots stand for more units; each lies in the middle of its cell, not on a plot."
    colours = tuple(_colour(at, is_class) for at in np.linspace(0, 1, 9))
    low, high = ("all right", "all wrong") if is_class else (f"{-span:,.0f}", f"{span:+,.0f}")
    return Where(picture.data, picture.width, picture.height, cells, colours, low, high, caption, what)


def _cell(row: dict[Any, Any], edge: float, span: float, is_class: bool, most: int) -> Cell:
    share = float(row["mean"]) / span if is_class else float(np.clip(row["mean"] / span, -1, 1)) / 2 + 0.5
    count = int(row["size"])
    text = f"{row['mean']:.0%} of {count} units wrong" if is_class else f"{row['mean']:+,.1f} over {count} units"
    radius = edge * (0.16 + 0.3 * (count / most) ** 0.5)
    return Cell(
        round((row["i"] + 0.5) * edge, 1), round((row["j"] + 0.5) * edge, 1), round(radius, 1),
        _colour(share, is_class), text,
    )  # fmt: skip


def _colour(at: float, is_class: bool) -> str:
    """Light to dark for shares; blue over white to orange for differences, which all eyes tell apart."""
    from matplotlib import colormaps

    scheme = colormaps["cividis_r" if is_class else "PuOr_r"]
    return written(np.array(scheme(at)))
