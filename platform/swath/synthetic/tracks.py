"""Where a lidar on a station in orbit shoots: eight beams beside each other, a footprint every 60 m."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from datetime import date as Date

import numpy as np

from swath.synthetic.noise import number
from swath.synthetic.window import RADIUS, STEP, Window, sphere

INCLINATION = 51.6  #: degrees: no track lies further north or south
ROUND = 667_170  #: footprints of a beam around the globe: one every 60 m
STEP_M = 2 * math.pi * RADIUS / ROUND  #: between footprints of a beam, metres
APART_M = 600.0  #: between beams, metres
BEAMS = {  #: number of a beam in `shot_number` by its name, from left to right across the track
    "BEAM0000": 0, "BEAM0001": 1, "BEAM0010": 2, "BEAM0011": 3, "BEAM0101": 5, "BEAM0110": 6, "BEAM1000": 8,
    "BEAM1011": 11,
}  # fmt: skip
POWER = frozenset({5, 6, 8, 11})  #: beams of full power; the others are coverage beams
LOCATION_M = 7.0  #: standard deviation of a pass's location error, east and north each: 10 m together
DEGRADED = 0.06  #: share of the passes whose pointing is bad
_FIRST = datetime(2019, 4, 18, tzinfo=UTC)  # of orbit 2000
REVOLUTION = timedelta(minutes=92.88)  #: around the globe once
_GOLDEN = 0.6180339887498949  # nodes of successive orbits by it fill the equator evenly in any span of time


@dataclass(frozen=True)
class Pass:
    """One revolution: a great circle over a sphere.

    Attributes:
        orbit: Its number.
        seed: Of the world.
    """

    orbit: int
    seed: int

    def draw(self, *words: int | str) -> float:
        """A uniform number in [0, 1) of this pass."""
        return number(self.seed, "lidar", self.orbit, *words)

    @property
    def start(self) -> datetime:
        """When it crosses the equator northward, UTC."""
        return _FIRST + (self.orbit - 2000) * REVOLUTION

    @property
    def degrade(self) -> int:
        """0, or a code of bad pointing."""
        return 70 if self.draw("degrade") < DEGRADED else 0

    @property
    def error(self) -> tuple[float, float]:
        """Metres (east, north) by which every footprint of the pass is told wrong; six times that when degraded."""
        radius = LOCATION_M * math.sqrt(-2.0 * math.log(1.0 - self.draw("far")))
        angle = 2.0 * math.pi * self.draw("where")
        times = 6.0 if self.degrade else 1.0
        return times * radius * math.cos(angle), times * radius * math.sin(angle)

    def axes(self) -> np.ndarray:
        """Unit vectors (3, 3): to the ascending node, to the northernmost point, and to the pole of the circle."""
        return _axes(np.array([_node(self.seed, self.orbit)]))[..., 0]

    def shots(self, centre: np.ndarray, reach: float) -> np.ndarray:
        """Numbers along the track, 0 to ROUND - 1, of the footprints within `reach` metres of a unit vector."""
        a, b, _ = self.axes()
        middle = math.atan2(float(centre @ b), float(centre @ a)) * RADIUS / STEP_M
        return np.arange(math.floor(middle - reach / STEP_M), math.ceil(middle + reach / STEP_M) + 1) % ROUND

    def places(self, shots: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Longitude and latitude, degrees, (beams, shots), of where the laser truly hits."""
        a, b, pole = self.axes()
        angle = shots * (2 * math.pi / ROUND)
        line = np.cos(angle)[:, None] * a + np.sin(angle)[:, None] * b
        off = (np.arange(len(BEAMS)) - (len(BEAMS) - 1) / 2) * (APART_M / RADIUS)
        xyz = np.cos(off)[:, None, None] * line + np.sin(off)[:, None, None] * pole
        return np.degrees(np.arctan2(xyz[..., 1], xyz[..., 0])), np.degrees(np.arcsin(xyz[..., 2]))

    def time(self, shot: int) -> datetime:
        """When a footprint is shot, UTC."""
        return self.start + shot / ROUND * REVOLUTION


def _node(seed: int, orbit: int | np.ndarray) -> np.ndarray:
    """Longitude of the ascending node, radians."""
    return np.asarray(2 * np.pi * ((orbit * _GOLDEN + number(seed, "lidar")) % 1.0))


def _axes(node: np.ndarray) -> np.ndarray:
    """(3, 3, n): node, northernmost point and pole of circles by their node's longitude."""
    tilt, zero = math.radians(INCLINATION), np.zeros_like(node)
    s, c = np.sin(node), np.cos(node)
    up, flat = math.sin(tilt), math.cos(tilt)
    return np.stack([
        np.stack([c, s, zero]),
        np.stack([-s * flat, c * flat, zero + up]),
        np.stack([s * up, -c * up, zero + flat]),
    ])  # fmt: skip


def passes_over(seed: int, window: Window, first: Date, last: Date) -> tuple[list[Pass], np.ndarray, float]:
    """Passes that may hit a window on the days `first` to `last`; the window's middle (unit vector); metres around it.

    A pass at the rim of the window or of the days may turn out to have no footprint in them.
    """
    ring = sphere(*window.knots) / RADIUS
    centre = ring.mean(axis=(0, 1))
    centre /= np.linalg.norm(centre)
    # knots lie up to their spacing outside the window
    reach = 0.5 * math.hypot(window.rows, window.cols) * STEP + 2_000.0 + APART_M * len(BEAMS)
    low = datetime(first.year, first.month, first.day, tzinfo=UTC)
    high = datetime(last.year, last.month, last.day, tzinfo=UTC) + timedelta(days=1)
    begin = max(2000, 1999 + math.floor((low - _FIRST) / REVOLUTION))
    orbits = np.arange(begin, 2001 + math.ceil((high - _FIRST) / REVOLUTION))
    if not len(orbits):
        return [], centre, reach
    away = np.abs(np.arcsin(np.einsum("kn,k->n", _axes(_node(seed, orbits))[2], centre))) * RADIUS
    return [Pass(int(orbit), seed) for orbit in orbits[away < reach]], centre, reach
