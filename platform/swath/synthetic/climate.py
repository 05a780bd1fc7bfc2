"""Seasons by local climate: warmth, growth and snow on a day, in both hemispheres, with shifts between years."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date as Date

import numpy as np

from swath.synthetic._jit import kernel
from swath.synthetic.legend import Surface
from swath.synthetic.noise import field, key, number
from swath.synthetic.terrain import dryness, lie, warmth
from swath.synthetic.window import sphere


@kernel
def _local(land, air, xyz, lat, height, dry, mean):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    for n in range(xyz.shape[0]):
        height[n] = lie(land, xyz[n, 0], xyz[n, 1], xyz[n, 2])
        dry[n] = dryness(air, xyz[n, 0], xyz[n, 1], xyz[n, 2])
        mean[n] = warmth(lat[n], height[n])


@dataclass(frozen=True)
class Climate:
    """The climate at points, arrays of one shape.

    Attributes:
        xyz: The points, metres on the sphere, (..., 3).
        lat: Degrees.
        mean: Yearly mean temperature, degrees Celsius.
        swing: Half the difference of summer and winter, kelvin.
        dry: 0 humid to 1 desert.
    """

    xyz: np.ndarray
    lat: np.ndarray
    mean: np.ndarray
    swing: np.ndarray
    dry: np.ndarray


def climate(seed: int, lon: np.ndarray, lat: np.ndarray) -> Climate:
    """The climate at places given in degrees."""
    xyz = sphere(lon, lat)
    height, dry, mean = np.empty(lat.shape), np.empty(lat.shape), np.empty(lat.shape)
    land = key(seed, "terrain")
    with np.errstate(over="ignore"):
        air = land + np.uint64(112)
    _local(land, air, xyz.reshape(-1, 3), np.ascontiguousarray(lat).reshape(-1),
           height.reshape(-1), dry.reshape(-1), mean.reshape(-1))  # fmt: skip
    return Climate(xyz, lat, mean, 0.17 * np.abs(lat), dry)


def _rise(days: np.ndarray, width: float) -> np.ndarray:
    return np.asarray(1.0 / (1.0 + np.exp(np.clip(-days / width, -40, 40))))


def local_day(lat: np.ndarray, day: float) -> np.ndarray:
    """Day of the local year from midwinter's January on: half a year later in the south."""
    return np.where(lat < 0, (day + 182.6) % 365.25, day)


def temperature(seed: int, place: Climate, date: Date) -> np.ndarray:
    """Degrees Celsius of a day: season, and weather that stays about a week and reaches 150 km."""
    day = local_day(place.lat, date.timetuple().tm_yday)
    season = -place.swing * np.cos(2 * np.pi * (day - 20.0) / 365.25)
    number_ = date.toordinal()
    week, part = divmod(number_, 8)
    weather = [field(key(seed, "weather", week + n), place.xyz, 150_000.0) for n in (0, 1)]
    return np.asarray(place.mean + season + 2.5 * (weather[0] * (1 - part / 8) + weather[1] * (part / 8)))


def snow(seed: int, place: Climate, date: Date) -> np.ndarray:
    """Share of open ground under seasonal snow, 0 to 1."""
    return np.clip((-2.0 - temperature(seed, place, date)) / 3.0, 0.0, 1.0)


def growth(seed: int, place: Climate, date: Date, late: float = 0.0) -> np.ndarray:
    """Share of full leaf of each surface, (16, ...) in 0 to 1.

    The season runs while the mean temperature lies above 6 degrees; it starts up to about two weeks
    earlier or later from year to year, differently in places 300 km apart.

    Args:
        seed: Of the world.
        place: Where.
        date: When.
        late: Days by which the parcels run behind.
    """
    day = local_day(place.lat, date.timetuple().tm_yday) - late
    shift = 7.0 * field(key(seed, "year", date.year), place.xyz, 300_000.0) + 10.0 * (
        number(seed, "yr", date.year) - 0.5
    )
    half = np.arccos(np.clip((place.mean - 6.0) / np.maximum(place.swing, 0.5), -1, 1)) * 365.25 / (2 * np.pi)
    start, end = 20.0 + half + shift, 385.0 - half + 0.5 * shift
    # without frost leaves stay on
    mild = 200.0 * np.clip((place.mean - place.swing - 4.0) / 4.0, 0, 1)
    # near the equator rain makes the season, six months apart in the two hemispheres but ever weaker
    thirst = 0.75 * place.dry * (0.5 - 0.5 * np.cos(2 * np.pi * (day - 20.0) / 365.25)) + 0.25 * place.dry
    leaf = _rise(day - start - 24 + mild, 6) * _rise(end - 8 - day + mild, 8)
    meadow = 0.12 + 0.88 * _rise(day - start - 4 + mild, 9) * _rise(end + 8 - day + mild, 12)
    winter_crop = np.maximum(
        _rise(day - start - 2, 10) * _rise(start + 104 - day, 4.5), 0.32 * _rise(day - end + 25, 8)
    )
    winter_crop = np.maximum(winter_crop, 0.32 * _rise(start - day, 8))
    summer_crop = _rise(day - start - 68, 8) * _rise(end - 25 - day, 7)
    rape = np.maximum(_rise(day - start + 8, 9) * _rise(start + 92 - day, 5), 0.4 * _rise(day - end + 35, 8))
    weeds = 0.25 + 0.6 * _rise(day - start - 30, 12) * _rise(end - day, 12)
    out = np.zeros((len(Surface), *place.lat.shape))
    out[Surface.BROADLEAF] = leaf * (1 - 0.5 * thirst)
    out[Surface.CONIFER] = 0.35 + 0.65 * _rise(day - start - 15 + mild, 15) * _rise(end - day + mild, 15)
    out[Surface.SHRUB] = (0.15 + 0.85 * leaf) * (1 - 0.6 * thirst)
    out[Surface.GRASS] = meadow * (1 - 0.85 * thirst)
    out[Surface.WINTER_CROP] = winter_crop * (1 - 0.5 * thirst)
    out[Surface.SUMMER_CROP] = summer_crop * (1 - 0.3 * thirst)
    out[Surface.RAPE] = np.clip(rape, 0, 1) * (1 - 0.5 * thirst)
    out[Surface.FALLOW] = weeds * (1 - 0.7 * thirst)
    out[Surface.BARE] = 0.5 * leaf
    out[Surface.WATER] = 0.5 + 0.5 * np.sin(2 * np.pi * (day - 100) / 365.25)
    out[Surface.REED] = _rise(day - start - 28, 9) * _rise(end - 15 - day, 10)
    out[Surface.MOSS] = 0.3 + 0.7 * leaf
    return out
