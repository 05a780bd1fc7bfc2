"""Who sees what when: two satellites, narrow swaths that overlap, and the processing of each datatake.

A small simulated Earth has small swaths: about 27 km wide at the equator's scale, a third of it shared
with the next orbit, so that a granule of 10 km often holds a swath's edge.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from datetime import date as Date

import numpy as np

from swath.synthetic.noise import number

ORBITS = 1000  #: around the globe
SPACING = 360.0 / ORBITS  #: degrees of longitude between orbits
WIDTH = 1.35 * SPACING  #: degrees of longitude that one swath covers
TILT = 0.19  #: degrees of longitude an orbit moves west for a degree of latitude south
REVISIT = 5  #: days between two passes over the same orbit
_EPOCH = Date(2015, 1, 1)
BASELINES = ("02.09", "02.14", "05.00", "05.11")  #: the first two without, the others with the offset of 1,000


@dataclass(frozen=True)
class Datatake:
    """One pass of one satellite over one orbit.

    Attributes:
        orbit: 0 to 999.
        date: UTC day.
        platform: `sim-2a` or `sim-2b`.
        time: First instant, UTC.
        baseline: Processing baseline of its items.
        seed: Of the world.
    """

    orbit: int
    date: Date
    platform: str
    time: datetime
    baseline: str
    seed: int

    @property
    def id(self) -> str:
        """Sentinel-2's pattern: `GSIM2A_20230105T103031_000123_N05.00`."""
        name = self.platform.replace("-", "").upper()
        return f"G{name}_{self.time:%Y%m%dT%H%M%S}_{self.orbit:06d}_N{self.baseline}"

    def draw(self, *words: int | str) -> float:
        """A uniform number in [0, 1) of this pass."""
        return number(self.seed, "datatake", self.orbit, self.date.toordinal(), *words)

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
        away = (lon - TILT * lat - self.orbit * SPACING + 180.0) % 360.0 - 180.0
        return np.asarray(away / WIDTH)

    def sun(self, lat: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
        """(azimuth, elevation) in degrees at half past ten local time, by declination and latitude."""
        day = self.date.timetuple().tm_yday
        declination = math.radians(-23.44 * math.cos(2 * math.pi * (day + 10) / 365.25))
        hour, phi = math.radians(-22.5), np.radians(lat)
        up = np.sin(phi) * math.sin(declination) + np.cos(phi) * math.cos(declination) * math.cos(hour)
        east = -math.cos(declination) * math.sin(hour)
        north = np.cos(phi) * math.sin(declination) - np.sin(phi) * math.cos(declination) * math.cos(hour)
        return np.degrees(np.arctan2(east, north)) % 360.0, np.degrees(np.arcsin(up))


def passes(seed: int, lon: np.ndarray, lat: np.ndarray, date: Date, every_days: int = REVISIT) -> list[Datatake]:
    """The datatakes of a day whose swath holds any of the points, by orbit."""
    away = (np.asarray(lon) - TILT * np.asarray(lat)) / SPACING
    candidates = range(math.floor(float(away.min())) - 2, math.floor(float(away.max())) + 1)
    found = []
    day = (date - _EPOCH).days
    for candidate in candidates:
        orbit = candidate % ORBITS
        if (day - 2 * orbit) % every_days:
            continue
        turn = (day - 2 * orbit) // every_days
        noon = (orbit + ORBITS // 2) % ORBITS - ORBITS // 2  # west negative, whatever way round we came
        start = datetime(date.year, date.month, date.day, 10, 30, tzinfo=UTC) - timedelta(hours=noon * SPACING / 15)
        # most of an archive is of one make, some of another, whatever the date: reprocessing
        draw = number(seed, "baseline", orbit, date.toordinal())
        baseline = BASELINES[int(draw * len(BASELINES))]
        take = Datatake(orbit, date, "sim-2a" if turn % 2 else "sim-2b", start, baseline, seed)
        across = take.across(np.asarray(lon), np.asarray(lat))
        if across.max() >= 0.0 and across.min() <= 1.0 and float(across.max()) - float(across.min()) < 300.0:
            found.append(take)
    return sorted(found, key=lambda take: (take.time, take.orbit))
