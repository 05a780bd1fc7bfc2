"""Which of two maps is worse, and where: both held against the same reference.

With a probability sample of one of the maps, the difference of their accuracies is estimated on the same units, so
that what both get right or wrong cancels: d is 1 where the first is right and the second wrong, -1 the other way round,
else 0. Over the domain that both map (z = 1), its estimate is the ratio R = sum_h W_h mean(d z) / sum_h W_h mean(z),
with the variance of a stratified ratio (Stehman 2014, doi:10.1080/01431161.2014.930207, equation 28). On one stratum it
is McNemar's comparison of paired proportions (Foody 2004, doi:10.14358/PERS.70.5.627).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Any

import geopandas
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from swath.assessment.compare.common import plain
from swath.assessment.published import NOT_OWNED, UNMAPPED, PublishedMap
from swath.assessment.reference import Reference
from swath.assessment.sample import Sample, named, resolved, sample_folders
from swath.errors import SampleError
from swath.grid.lonlat import from_lonlat

DESIGN, NO_DESIGN = "design-based", "no probability sample"
LISTED = 100  #: units that one map gets right and the other wrong, in the result
_LABELS = ("class", "reference", "primary", "label", "land_cover")
_PLOTS = ("plot", "PLOTID", "plotid", "plot_id", "pl_plotid")
_LON, _LAT = ("lon", "LON", "longitude", "x"), ("lat", "LAT", "latitude", "y")


@dataclass(frozen=True)
class Judged:
    """Two maps against one reference.

    Attributes:
        title: `design-based`, or `no probability sample`: then only counts are told.
        sample: Id of the map whose sample it is, and its name; empty without one.
        units: A row a unit: plot, reference, first, second (class, or empty where it is not mapped).
        outside: Points that lie in no tile that both maps have.
        estimate: accuracy_first, accuracy_second, difference (first less second) and its se, low, high, p; None without
            a design.
    """

    title: str
    sample: str
    units: pd.DataFrame
    outside: int
    estimate: dict[str, float | None] | None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        units = self.units
        both = units[(units["first"] != "") & (units["second"] != "")]
        by_class = {
            str(name): _counts(both[both["reference"] == name]) for name in sorted(set(both["reference"]))
        }  # fmt: skip
        apart = both[(both["first"] == both["reference"]) != (both["second"] == both["reference"])]
        return {
            "title": self.title, "sample": self.sample, "units": len(units), "outside": self.outside,
            "not mapped by both": len(units) - len(both), **_counts(both), "by_reference_class": by_class,
            "estimate": self.estimate, "apart": apart.head(LISTED).to_dict("records"), "apart_total": len(apart),
        }  # fmt: skip


def _counts(units: pd.DataFrame) -> dict[str, int]:
    one, two = units["first"] == units["reference"], units["second"] == units["reference"]
    return {
        "both right": int((one & two).sum()), "only first right": int((one & ~two).sum()),
        "only second right": int((~one & two).sum()), "both wrong": int((~one & ~two).sum()),
    }  # fmt: skip


def judge(
    first: PublishedMap,
    second: PublishedMap,
    reference: str | os.PathLike[str],
    *,
    sample: str | None = None,
    column: str | None = None,
    level: float = 0.95,
) -> Judged:
    """Hold two maps against a reference.

    Args:
        first: A map of classes.
        second: Another of the same legend and grid.
        reference: What interpreters found of a sample of either map (columns plot, map and class), or any points with
            longitude, latitude and class.
        sample: Name of the sample, where several fit.
        column: Of the class.
        level: Of the interval.

    Raises:
        SampleError: It is of a sample of neither map, or has classes that the maps lack.
    """
    file = resolved(reference)
    table = pd.read_csv(file) if file.suffix.lower() == ".csv" else geopandas.read_file(file)
    if not any(name in table.columns for name in _PLOTS):
        return _of_points(first, second, table, file, column=column)
    own, drawn, found = _sample_of(first, second, file, sample, column)
    rows = found.joined(drawn)
    found.tally(drawn)  # refuses strata whose variance is undefined
    units = pd.DataFrame({"plot": rows["plot"], "reference": rows["reference"]})
    for name, one in (("first", first), ("second", second)):
        units[name] = rows["map_class"] if one is own else _read_at(one, rows["tile"], rows["row"], rows["column"])
    estimate = _estimate(units, rows["stratum"], drawn, level)
    return Judged(DESIGN, f"{drawn.design['map']}: {drawn.design['name']}", units, 0, estimate)


def _sample_of(
    first: PublishedMap, second: PublishedMap, file: Path, sample: str | None, column: str | None
) -> tuple[PublishedMap, Sample, Reference]:
    """The one sample of either map that a reference is of."""
    tried: list[str] = []
    fit: list[tuple[PublishedMap, Sample, Reference]] = []
    for one in (first, second):
        for folder in sample_folders(one.store, one.root):
            drawn = Sample.open(one.store, folder)
            if drawn.design["map"] != one.id or sample not in (None, drawn.design["name"]):
                continue
            if any(other.store == one.store and other.folder == folder for _, other, _ in fit):
                continue  # both maps are one
            tried.append(f"{one.id}: {drawn.design['name']}")
            try:
                fit.append((one, drawn, Reference.read(file, drawn, column=column)))
            except SampleError as error:
                refusal = error
    if len(fit) == 1:
        return fit[0]
    if fit:
        raise SampleError(f"{file} fits {len(fit)} samples.", fix="Name one with --sample.", samples=tried)
    if len(tried) == 1:
        raise refusal
    raise SampleError(
        f"{file} has plots, and is of no sample of {first.id} or {second.id}.",
        fix=f"Their samples are {', '.join(tried)}."
        if tried
        else "Neither has one; give points with lon, lat and class.",
    )


def _estimate(units: pd.DataFrame, strata: pd.Series[str], drawn: Sample, level: float) -> dict[str, float | None]:
    """Accuracies of both maps, and their difference with its interval, over what both map."""
    z = ((units["first"] != "") & (units["second"] != "")).to_numpy(float)
    one = (units["first"] == units["reference"]).to_numpy(float) * z
    two = (units["second"] == units["reference"]).to_numpy(float) * z
    figures = {"accuracy_first": one, "accuracy_second": two, "difference": one - two}
    told: dict[str, float | None] = {}
    for name, above in figures.items():
        value, error = _ratio(above, z, strata.to_numpy(), drawn)
        told |= {name: plain(value), f"{name}_se": plain(error)}
    half = NormalDist().inv_cdf((1 + level) / 2) * error
    told |= {"level": level, "difference_low": plain(value - half), "difference_high": plain(value + half)}
    told["p"] = plain(2 * (1 - NormalDist().cdf(abs(value) / error))) if error > 0 else None
    return told


def _ratio(above: NDArray[Any], below: NDArray[Any], strata: NDArray[Any], drawn: Sample) -> tuple[float, float]:
    """A stratified ratio of means, and its standard error."""
    parts = [(one, strata == one["name"]) for one in drawn.design["strata"] if (strata == one["name"]).any()]
    total = sum(one["area_ha"] for one, _ in parts)
    weight = {one["name"]: one["area_ha"] / total for one, _ in parts}
    up = sum(weight[one["name"]] * above[mine].mean() for one, mine in parts)
    down = sum(weight[one["name"]] * below[mine].mean() for one, mine in parts)
    if not down > 0:
        raise SampleError("No unit of the sample is mapped by both maps.", fix="Compare maps of one area.")
    ratio = float(up / down)
    variance = 0.0
    for one, mine in parts:
        number = int(mine.sum())
        left = 1 - number / max(number, one["pixels"])
        rest = above[mine] - ratio * below[mine]
        variance += weight[one["name"]] ** 2 * left * float(rest.var(ddof=1)) / number
    return ratio, float(np.sqrt(variance) / down)


def _of_points(
    first: PublishedMap, second: PublishedMap, table: pd.DataFrame, file: Path, *, column: str | None
) -> Judged:
    """Counts over points of any origin: no estimate is made of them."""
    label = column or next((name for name in _LABELS if name in table.columns), None)
    lon, lat = _positions(table, file)
    if label is None or label not in table.columns:
        raise SampleError(f"{file} has no column of classes.", fix=f"It has {', '.join(map(str, table.columns))}.")
    labels = table[label].astype("string").str.strip()
    foreign = sorted(set(labels.dropna()) - set(first.legend.values()))
    if foreign:
        count = int(labels.isin(foreign).sum())
        raise SampleError(
            f"{count} points of {file} have classes that the maps lack: {named(foreign[:5])}.",
            fix=f"The maps' classes are {', '.join(first.legend.values())}.", classes=foreign,
        )  # fmt: skip
    tiles, rows, columns = _located(first, lon, lat)
    inside = (tiles != "") & labels.notna().to_numpy()
    where = pd.Series(tiles[inside]), pd.Series(rows[inside]), pd.Series(columns[inside])
    units = pd.DataFrame(
        {
            "plot": np.flatnonzero(inside) + 1, "reference": labels[inside].to_numpy(str),
            "first": _read_at(first, *where).to_numpy(), "second": _read_at(second, *where).to_numpy(),
        }
    )  # fmt: skip
    return Judged(NO_DESIGN, "", units, int((~inside).sum()), None)


def _positions(table: pd.DataFrame, file: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Longitude and latitude of each row."""
    if isinstance(table, geopandas.GeoDataFrame) and table.geometry is not None:
        if table.crs is None:
            raise SampleError(f"{file} says no CRS.", fix="Save it with one.")
        points = table.geometry.representative_point().to_crs(4326)
        return points.x.to_numpy(), points.y.to_numpy()
    names = [next((name for name in some if name in table.columns), None) for some in (_LON, _LAT)]
    if None in names:
        raise SampleError(
            f"{file} has neither plots of a sample nor longitude and latitude.",
            fix="Keep the columns plot and map of the sample, or give lon, lat and class.",
        )
    return table[names[0]].to_numpy(np.float64), table[names[1]].to_numpy(np.float64)


def _located(
    map_: PublishedMap, lon: NDArray[Any], lat: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Tile (empty if none owns it), row and column of each place."""
    tiles = np.full(len(lon), "", object)
    rows, columns = np.zeros(len(lon), np.int64), np.zeros(len(lon), np.int64)
    for crs in sorted({unit.tile.crs for unit in map_.units}):
        x, y = from_lonlat(crs).transform(lon, lat)
        for unit in map_.units:
            if unit.tile.crs != crs:
                continue
            left, bottom, right, top = unit.tile.bounds
            mine = np.flatnonzero((x >= left) & (x < right) & (y > bottom) & (y <= top) & (tiles == ""))
            if not len(mine):
                continue
            edge, owned = unit.tile.resolution, unit.tile.owned()
            row, col = ((top - y[mine]) / edge).astype(np.int64), ((x[mine] - left) / edge).astype(np.int64)
            good = np.ones(len(mine), bool) if owned is None else owned[row, col]
            tiles[mine[good]] = unit.tile.id
            rows[mine[good]], columns[mine[good]] = row[good], col[good]
    return tiles, rows, columns


def _read_at(
    map_: PublishedMap, tiles: pd.Series[str], rows: pd.Series[int], columns: pd.Series[int]
) -> pd.Series[str]:
    """Class of a map at pixels of tiles; empty where it does not map them."""
    units = {unit.tile.id: unit for unit in map_.units}
    names: Sequence[str] = [map_.legend.get(code, "") for code in range(256)]
    found = pd.Series("", index=tiles.index, dtype=object)
    for tile, mine in tiles.groupby(tiles):
        if tile in units:
            codes = map_.codes(units[str(tile)])[rows[mine.index], columns[mine.index]]
            found[mine.index] = [names[code] if code not in (UNMAPPED, NOT_OWNED) else "" for code in codes.tolist()]
    return found
