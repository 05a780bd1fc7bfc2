"""Who sees what when: fleets of two satellites, narrow swaths that overlap, and the processing of each datatake.

A small simulated Earth has small swaths: the optical fleet's are about 27 km wide at the equator's scale, a third of
them shared with the next orbit, so that a granule of 10 km often holds a swath's edge.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from datetime import date as Date

import numpy as np

from swath.synthetic.noise import number

REVISIT = 5  #: days between two passes of the optical fleet over the same orbit
_EPOCH = Date(2015, 1, 1)
BASELINES = ("02.09", "02.14", "05.00", "05.11")  #: the first two without, the others with the offset of 1,000


@dataclass(frozen=True)
class Fleet:
    """Two satellites that share their orbits, on one side of these (ascending or descending).

    Attributes:
        name: Part of every draw of its passes.
        platforms: That pass in turn.
        state: `ascending` or `descending`.
        hour: Local solar hour of its passes.
        orbits: Around the globe.
        overlap: Width of a swath over the distance between orbits.
        tilt: Degrees of longitude an orbit moves west for a degree of latitude south.
        revisit: Days between two passes over the same orbit.
        lag: Days by which its first pass over orbit 0 lies behind the optical one.
    """

    name: str
    platforms: tuple[str, str]
    state: str
    hour: float
    orbits: int = 1000
    overlap: float = 1.35
    tilt: float = 0.19
    revisit: int = REVISIT
    lag: int = 0

    @property
    def spacing(self) -> float:
        """Degrees of longitude between orbits."""
        return 360.0 / self.orbits

    @property
    def width(self) -> float:
        """Degrees of longitude that one swath covers."""
        return self.overlap * self.spacing


OPTICAL = Fleet("optical", ("sim-2b", "sim-2a"), "descending", 10.5)
THERMAL_DAY = Fleet("thermal-day", ("sim-8", "sim-9"), "descending", 10.2, orbits=600, overlap=1.25, revisit=8, lag=3)
THERMAL_NIGHT = Fleet(
    "thermal-night", ("sim-8", "sim-9"), "ascending", 22.2, orbits=600, overlap=1.25, tilt=-0.19, revisit=8, lag=5
)
RADAR_UP = Fleet(
    "radar-up", ("sim-1a", "sim-1b"), "ascending", 18.0, orbits=500, overlap=1.2, tilt=-0.21, revisit=6, lag=1
)
RADAR_DOWN = Fleet(
    "radar-down", ("sim-1a", "sim-1b"), "descending", 6.0, orbits=500, overlap=1.2, tilt=0.21, revisit=6, lag=4
)


@dataclass(frozen=True)
class Datatake:
    """One pass of one satellite over one orbit.

    Attributes:
        orbit: 0 to one less than the fleet has.
        date: UTC day.
        platform: One of the fleet's.
        time: First instant, UTC.
        baseline: Processing baseline of its items.
        seed: Of the world.
        fleet: That the satellite belongs to.
    """

    orbit: int
    date: Date
    platform: str
    time: datetime
    baseline: str
    seed: int
    fleet: Fleet = OPTICAL

    @property
    def id(self) -> str:
        """Sentinel-2's pattern: `GSIM2A_20230105T103031_000123_N05.00`."""
        name = self.platform.replace("-", "").upper()
        return f"G{name}_{self.time:%Y%m%dT%H%M%S}_{self.orbit:06d}_N{self.baseline}"

    @property
    def words(self) -> tuple[int | str, ...]:
        """What names the pass in keys of noise."""
        return self.orbit, self.date.toordinal(), *(() if self.fleet == OPTICAL else (self.fleet.name,))

    def draw(self, *words: int | str) -> float:
        """A uniform number in [0, 1) of this pass."""
        return number(self.seed, "datatake", *self.words, *words)

    @property
    def offset(self) -> int:
        """What stands in the pixels on top of reflectance x 10,000."""
        return 1000 if self.baseline >= "04.00" else 0

    @property
    def shift(self) -> tuple[float, float]:
        """How far the image lies (down, right) of the truth, in pixels of 10 m, each at most 0.3."""
        return 0.6 * (self.draw("down") - 0.5), 0.6 * (self.draw("right") - 0.5)

    def across(self, lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
        """Where points lie across the swath: 0 at its western, 1 at its eastern edge, outside it beyond."""
        away = (lon - self.fleet.tilt * lat - self.orbit * self.fleet.spacing + 180.0) % 360.0 - 180.0
        return np.asarray(away / self.fleet.width)

    def sun(self, lat: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
        """(azimuth, elevation) in degrees at the fleet's local hour, by declination and latitude."""
        day = self.date.timetuple().tm_yday
        declination = math.radians(-23.44 * math.cos(2 * math.pi * (day + 10) / 365.25))
        hour, phi = math.radians(15.0 * (self.fleet.hour - 12.0)), np.radians(lat)
        up = np.sin(phi) * math.sin(declination) + np.cos(phi) * math.cos(declination) * math.cos(hour)
        east = -math.cos(declination) * math.sin(hour)
        north = np.cos(phi) * math.sin(declination) - np.sin(phi) * math.cos(declination) * math.cos(hour)
        return np.degrees(np.arctan2(east, north)) % 360.0, np.degrees(np.arcsin(up))


def passes(
    seed: int, lon: np.ndarray, lat: np.ndarray, date: Date, every_days: int | None = None, fleet: Fleet = OPTICAL
) -> list[Datatake]:
    """The datatakes of a day whose swath holds any of the points, by orbit.

    Args:
        seed: Of the world.
        lon: Degrees.
        lat: Degrees.
        date: UTC day.
        every_days: Between passes over one orbit; by default the fleet's own.
        fleet: Whose.
    """
    turns = every_days or fleet.revisit
    away = (np.asarray(lon) - fleet.tilt * np.asarray(lat)) / fleet.spacing
    candidates = range(math.floor(float(away.min())) - 2, math.floor(float(away.max())) + 1)
    found = []
    day = (date - _EPOCH).days - fleet.lag
    for candidate in candidates:
        orbit = candidate % fleet.orbits
        if (day - 2 * orbit) % turns:
            continue
        turn = (day - 2 * orbit) // turns
        noon = (orbit + fleet.orbits // 2) % fleet.orbits - fleet.orbits // 2  # west negative, whichever way we came
        start = datetime(date.year, date.month, date.day, tzinfo=UTC) + timedelta(hours=fleet.hour)
        start -= timedelta(hours=noon * fleet.spacing / 15)
        # most of an archive is of one make, some of another, whatever the date: reprocessing
        draw = number(seed, "baseline", orbit, date.toordinal(), *(() if fleet == OPTICAL else (fleet.name,)))
        baseline = BASELINES[int(draw * len(BASELINES))]
        take = Datatake(orbit, date, fleet.platforms[turn % 2], start, baseline, seed, fleet)
        across = take.across(np.asarray(lon), np.asarray(lat))
        if across.max() >= 0.0 and across.min() <= 1.0 and float(across.max()) - float(across.min()) < 300.0:
            found.append(take)
    return sorted(found, key=lambda take: (take.time, take.orbit))
