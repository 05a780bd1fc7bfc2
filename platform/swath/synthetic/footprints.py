"""Lidar footprints along tracks, with L4A's columns, and apart from them the truth under each."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from datetime import date as Date
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyproj import Transformer

from swath.synthetic.biomass import biomass
from swath.synthetic.climate import climate
from swath.synthetic.land import Ground
from swath.synthetic.legend import Surface
from swath.synthetic.lidar import LANES, REACH, dice, measure, sun_elevation, under
from swath.synthetic.noise import key
from swath.synthetic.terrain import NODE, Field, fields
from swath.synthetic.tracks import BEAMS, REVOLUTION, ROUND, Pass, passes_over
from swath.synthetic.window import RADIUS, STEP, Window

if TYPE_CHECKING:
    from swath.synthetic.world import World

_EPOCH = datetime(2018, 1, 1, tzinfo=UTC)  # that `delta_time` counts from
_METRES = RADIUS * np.pi / 180.0  # of a degree of latitude
_WHOLE = {
    "shot_number", "l2_quality_flag", "l4_quality_flag", "algorithm_run_flag", "degrade_flag", "pft_class",
    "leaf_off_flag",
}  # fmt: skip
_NAMES = (
    "beam", "shot_number", "delta_time", "lat_lowestmode", "lon_lowestmode", "elev_lowestmode", "agbd", "agbd_se",
    "agbd_t", "agbd_t_se", "agbd_pi_lower", "agbd_pi_upper", "l2_quality_flag", "l4_quality_flag", "algorithm_run_flag",
    "degrade_flag", "sensitivity", "solar_elevation", "pft_class", "leaf_off_flag", "predict_stratum", "tree_cover",
)  # fmt: skip
_TRUTH = ("shot_number", "lon", "lat", "agb", "expected")


@dataclass(frozen=True)
class Footprints:
    """Footprints of a place, by shot number.

    Attributes:
        table: As published, with L4A's names; places are told with the pass's location error.
        truth: `shot_number`; `lon`, `lat` where the laser hit, degrees; `agb` and the oracle's `expected` under it,
            Mg/ha.
    """

    table: pa.Table
    truth: pa.Table


def footprints(world: World, window: Window, first: Date, last: Date) -> Footprints:
    """The footprints that hit a window on the days `first` to `last`, both included.

    A footprint is the same whatever window and days it is asked with.
    """
    passes, centre, reach = passes_over(world.seed, window, first, last)
    to_metres = Transformer.from_crs(4326, window.epsg, always_xy=True)
    low, high = (
        (datetime(day.year, day.month, day.day, tzinfo=UTC) - _EPOCH).total_seconds()
        for day in (first, last + timedelta(days=1))
    )
    found: list[dict[str, np.ndarray]] = []
    layers: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    numbers = np.array(list(BEAMS.values()))
    for one in passes:
        shots = one.shots(centre, reach)
        seconds = (one.start - _EPOCH).total_seconds() + shots / ROUND * REVOLUTION.total_seconds()
        lon, lat = one.places(shots)
        x, y = (np.asarray(values) / STEP for values in to_metres.transform(lon, lat))
        rows, cols = window.top - y, x - window.left
        inside = (rows >= 0) & (rows < window.rows) & (cols >= 0) & (cols < window.cols)
        inside &= (seconds >= low) & (seconds < high)
        if not inside.any():
            continue
        beam, along = np.nonzero(inside)
        if one.start.year not in layers:
            layers[one.start.year] = _layers(world, window, one.start.year)
        shown, kinds = layers[one.start.year]
        at = rows[inside] + REACH, cols[inside] + REACH
        found.append(
            _columns(
                one, numbers[beam], shots[along], seconds[along], lon[inside], lat[inside],
                under(shown, *at), kinds[np.floor(at[0]).astype(int), np.floor(at[1]).astype(int)],
            )
        )  # fmt: skip
    return merge([_tables(columns) for columns in found] or [_tables(None)])


def merge(parts: Iterable[Footprints]) -> Footprints:
    """Footprints of several windows as one, each once, by shot number: what overlapping windows share is the same."""
    parts = list(parts)
    table, truth = (pa.concat_tables([getattr(part, name) for part in parts]) for name in ("table", "truth"))
    _, once = np.unique(table["shot_number"].to_numpy(), return_index=True)
    return Footprints(table.take(pa.array(once)), truth.take(pa.array(once)))


def write_footprints(found: Footprints, public: str | os.PathLike[str], secret: str | os.PathLike[str]) -> None:
    """Write the footprints as published, and the truth under them, as two Parquet files."""
    pq.write_table(found.table, public, compression="zstd")
    pq.write_table(found.truth, secret, compression="zstd")


def _share(ground: Ground, *surfaces: int) -> np.ndarray:
    return np.where(np.isin(ground.kinds, surfaces), ground.shares, 0).sum(-1).astype(np.float32) / np.float32(255)


def _layers(world: World, window: Window, year: int) -> tuple[np.ndarray, np.ndarray]:
    """Of the window grown by `REACH`: agb, expected, trees, broadleaf, elevation (5, rows, cols); surface."""
    wide = window.grown(REACH)
    ground = world.ground(wide, year)
    mass = biomass(world.seed, wide, ground, year)
    trees = _share(ground, Surface.BROADLEAF, Surface.CONIFER)
    around = wide.aligned(NODE)
    nodes = fields(world.seed, around)[Field.ELEVATION]
    rows = (around.top - wide.top + np.arange(wide.rows)) // NODE
    cols = (wide.left - around.left + np.arange(wide.cols)) // NODE
    height = nodes[rows[:, None], cols[None, :]]
    return np.stack([mass.agb, mass.expected, trees, _share(ground, Surface.BROADLEAF), height]), ground.kinds[..., 0]


def _columns(
    one: Pass, beam: np.ndarray, shot: np.ndarray, seconds: np.ndarray, lon: np.ndarray, lat: np.ndarray,
    shown: np.ndarray, kind: np.ndarray,
) -> dict[str, np.ndarray]:  # fmt: skip
    """Columns of a pass's footprints, of what is told and of the truth."""
    agb, expected, trees, broadleaf, height = shown
    luck = np.empty((len(beam), LANES))
    dice(key(one.seed, "footprint"), one.orbit, beam, shot, luck)
    east, north = one.error
    sun = sun_elevation(seconds % 86400.0, lon, lat, one.start.timetuple().tm_yday)
    told_lon = lon + east / (_METRES * np.cos(np.radians(lat)))
    told = measure(
        one, beam, luck, climate(one.seed, lon, lat), sun, agb=agb, trees=trees, broadleaf=broadleaf, kind=kind
    )
    names = {number: name for name, number in BEAMS.items()}
    return told | {
        "beam": np.array([names[int(number)] for number in beam]),
        # orbit, beam, frame, number along the track: L4A's pattern
        "shot_number": ((one.orbit * 100 + beam) * 1000 + shot % 242) * 100_000_000 + shot,
        "delta_time": seconds,
        "lat_lowestmode": lat + north / _METRES,
        "lon_lowestmode": (told_lon + 180.0) % 360.0 - 180.0,
        "elev_lowestmode": height + luck[:, 3] - 0.5,
        "solar_elevation": sun,
        "lon": lon,
        "lat": lat,
        "agb": agb,
        "expected": expected,
    }


def _type(name: str) -> pa.DataType:
    if name in ("beam", "predict_stratum"):
        return pa.string()
    if name in _WHOLE:
        return pa.int64() if name == "shot_number" else pa.int32()
    return pa.float64()


def _tables(columns: dict[str, np.ndarray] | None) -> Footprints:
    """Two tables of columns; empty ones for None."""
    made = [
        pa.table({name: pa.array([] if columns is None else columns[name], _type(name)) for name in names})
        for names in (_NAMES, _TRUTH)
    ]
    return Footprints(*made)


def good(table: pa.Table, *, sensitivity: float = 0.95) -> np.ndarray:
    """Which footprints SCIENCE's rule keeps, bool (n,): quality, pointing, sensitivity by plants, leaves on."""
    columns = {name: table[name].to_numpy() for name in ("l4_quality_flag", "degrade_flag", "sensitivity", "pft_class")}
    leaf_on = pc.equal(table["leaf_off_flag"], 0).to_numpy(zero_copy_only=False)
    need = np.where(columns["pft_class"] == 2, np.maximum(sensitivity, 0.98), sensitivity)
    keep = (columns["l4_quality_flag"] == 1) & (columns["degrade_flag"] == 0) & (columns["sensitivity"] > need)
    return np.asarray(keep & leaf_on)
