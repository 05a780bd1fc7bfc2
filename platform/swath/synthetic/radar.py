"""C-band backscatter: what a terrain-corrected radar would deliver of the same ground, without speckle.

Forest follows the water cloud model (Attema and Ulaby 1978, doi:10.1029/RS013i002p00357): the ground shines through
`exp(-biomass / DEPTH)`, the crowns add the rest, so that nothing is told beyond about 100 Mg/ha.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from swath.synthetic._jit import kernel
from swath.synthetic.biomass import structure
from swath.synthetic.climate import climate, growth, snow, temperature
from swath.synthetic.land import Ground
from swath.synthetic.legend import Surface
from swath.synthetic.nodes import COARSE, spread
from swath.synthetic.noise import field, key
from swath.synthetic.orbits import Datatake
from swath.synthetic.relief import MESH, hidden
from swath.synthetic.window import Window

DEPTH = 34.0  #: Mg/ha of forest that dim the ground by 1/e, both ways
NEAR, FAR = 29.0, 46.0  #: angle of incidence at the near and the far edge of the swath, degrees
LAYOVER = 2.8  #: what brightness doubles back onto a slope in layover, as a factor

# gamma0 in decibels by surface: (VV dormant, VV green, VH dormant, VH green), plausible numbers for C-band set by hand
DECIBELS = np.array([
    [-40, -40, -40, -40],
    [-8.0, -8.4, -13.5, -14.1],
    [-8.6, -8.4, -14.3, -14.0],
    [-11.3, -10.4, -17.9, -16.5],
    [-12.8, -11.8, -20.6, -18.9],
    [-11.6, -13.9, -20.2, -19.2],
    [-11.3, -9.3, -20.4, -15.4],
    [-11.6, -9.5, -19.6, -14.0],
    [-11.3, -11.0, -20.2, -18.8],
    [-3.5, -3.5, -11.5, -11.5],
    [-16.0, -16.0, -24.5, -24.5],
    [-13.2, -12.7, -22.2, -21.4],
    [-10.0, -10.0, -17.0, -17.0],
    [-19.0, -19.0, -27.5, -27.5],
    [-10.2, -8.3, -16.6, -16.0],
    [-12.4, -11.7, -20.6, -19.7],
], np.float32)  # fmt: skip
FLOOR = (-12.6, -20.6)  #: decibels of the ground of a forest, VV and VH
# how much wet soil brightens a bare surface, decibels for one unit of moisture
WET = np.array([0, .5, .4, 1.0, 2.0, 2.4, 2.4, 2.4, 2.6, .4, .3, 2.2, .8, 0, .8, 1.6], np.float32)  # fmt: skip
# how much a parcel's own state (tillage, density) and the grain of a place show, decibels
PARCEL = np.array([0, .4, .4, .8, .8, 1.3, 1.3, 1.1, 1.6, 0, 0, 1.0, .5, 0, .8, .6], np.float32)  # fmt: skip
GRAIN = np.array([0, .7, .7, .7, .3, .3, .3, .3, .4, 3.2, .6, .8, .4, .3, .7, .4], np.float32)  # fmt: skip


@dataclass(frozen=True)
class Backscatter:
    """What a radar would measure of a pass without speckle, noise and swath.

    Attributes:
        gamma0: Terrain-flattened, linear power, float32 (VV and VH, rows, cols).
        mask: 0 seen, 1 shadow, 2 layover, 3 both, uint8 (rows, cols).
        incidence: At the middle of the window, degrees.
    """

    gamma0: np.ndarray
    mask: np.ndarray
    incidence: float


@kernel
def _power(decibels):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    return np.float32(math.exp(0.23025850929940457 * decibels))


@kernel
def _scatter(first, kinds, shares, vigour, grain, stand, grow, drift, state, facing, table, wet, parcel, grains, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Fill (2, rows, cols): the power of each surface in a pixel, by its share.

    `state` is (n, m, 5) on coarse nodes: moisture, share frozen, share under wet snow, wind, incidence less 38 degrees.
    """
    one = np.float32(1.0)
    scale = np.float32(1.0 / 255.0)
    now = np.empty(5, np.float32)
    for i in range(out.shape[1]):
        row = first[0] + i
        a, v = row // 32, np.float32((row % 32 + 0.5) / 32.0)
        for j in range(out.shape[2]):
            col = first[1] + j
            b, u = col // 32, np.float32((col % 32 + 0.5) / 32.0)
            w00, w01, w10, w11 = (one - v) * (one - u), (one - v) * u, v * (one - u), v * u
            for n in range(5):
                now[n] = (
                    w00 * state[a, b, n] + w01 * state[a, b + 1, n] + w10 * state[a + 1, b, n]
                    + w11 * state[a + 1, b + 1, n]
                )  # fmt: skip
            trees = np.float32(0)
            for n in range(4):
                if kinds[i, j, n] == 1 or kinds[i, j, n] == 2:
                    trees += shares[i, j, n] * scale
            through = np.float32(0)
            if trees > 0:
                through = np.float32(math.exp(-stand[i, j] / max(trees, np.float32(0.25)) / DEPTH))
            hurt = np.float32(-3.0) * now[1] - np.float32(3.5) * now[2]
            for p in range(2):
                total = np.float32(0)
                for n in range(4):
                    if shares[i, j, n] == 0:
                        break
                    k = kinds[i, j, n]
                    g = (
                        w00 * grow[a, b, k] + w01 * grow[a, b + 1, k] + w10 * grow[a + 1, b, k]
                        + w11 * grow[a + 1, b + 1, k]
                    )  # fmt: skip
                    own = (
                        w00 * drift[a, b, k] + w01 * drift[a, b + 1, k] + w10 * drift[a + 1, b, k]
                        + w11 * drift[a + 1, b + 1, k]
                    )  # fmt: skip
                    if k > 2:
                        g += np.float32(0.15) * vigour[i, j]
                    g = min(max(g, np.float32(0)), one)
                    level = table[k, 2 * p] + (table[k, 2 * p + 1] - table[k, 2 * p]) * g
                    level += own + grains[k] * grain[i, j]
                    level += wet[k] * now[0] * (one - np.float32(0.65) * g) * (one if p == 0 else np.float32(0.75))
                    level += parcel[k] * vigour[i, j] * (one if p == 0 else np.float32(1.25))
                    level += np.float32(4.0) * facing[i, j]
                    if k == 13:
                        level += (np.float32(3.0) if p == 0 else np.float32(1.5)) * now[3] - np.float32(0.25) * now[4]
                        level -= np.float32(4.0) * facing[i, j]
                        total += shares[i, j, n] * scale * _power(level)
                    elif k <= 2:
                        floor = np.float32(FLOOR[p]) + now[0] + hurt
                        crowns = _power(level - np.float32(1.5) * now[1])
                        total += shares[i, j, n] * scale * (crowns + (_power(floor) - crowns) * through)
                    else:
                        level += (hurt if k != 9 and k != 10 else np.float32(0)) - np.float32(0.06) * now[4]
                        total += shares[i, j, n] * scale * _power(level)
                out[p, i, j] = total


def _states(seed: int, take: Datatake, wide: Window) -> tuple[np.ndarray, ...]:
    """Growth (n, m, surfaces), drift of levels (n, m, surfaces) and `state` at coarse nodes, float32."""
    lon, lat = wide.degrees(COARSE)
    place = climate(seed, lon, lat)
    warm = temperature(seed, place, take.date)
    # rain of the last days: changes by four days, over about 60 km
    turn, part = divmod(take.date.toordinal(), 4)
    rain = [field(key(seed, "rain", turn + n), place.xyz, 60_000.0, 2) for n in (0, 1)]
    moisture = rain[0] * (1 - part / 4) + rain[1] * (part / 4) - 1.2 * (place.dry - 0.2)
    white = snow(seed, place, take.date)
    frozen = np.clip((-1.0 - warm) / 3.0, 0, 1)
    melting = white * np.clip((warm + 4.0) / 3.0, 0, 1)
    wind = 1.5 * (take.draw("wind") - 0.5) + 0.5 * field(key(seed, "wind", *take.words), place.xyz, 15_000.0, 3)
    angle = incidence(take, lon, lat) - 38.0
    state = np.stack([np.clip(moisture, -1.5, 1.8) * (1 - frozen), frozen, melting, wind, angle], axis=-1)
    drift = [0.7 * field(key(seed, "scatter", kind), place.xyz, 28_000.0, 3, 0.7) for kind in range(len(Surface))]
    grown = np.moveaxis(growth(seed, place, take.date), 0, -1)
    return tuple(
        np.ascontiguousarray(layer, np.float32) for layer in (grown, np.stack(drift, axis=-1), state)
    )  # fmt: skip


def look(take: Datatake) -> float:
    """Where the radar of a pass looks, degrees clockwise from north: to the right of its flight."""
    return 78.0 if take.fleet.state == "ascending" else 282.0


def incidence(take: Datatake, lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    """Angle of the ray from the vertical of a level plain, degrees; the near edge is where the radar comes from."""
    across = take.across(lon, lat)
    near = across if take.fleet.state == "ascending" else 1.0 - across
    return NEAR + (FAR - NEAR) * np.clip(near, 0.0, 1.0)


def backscatter(take: Datatake, window: Window, ground: Ground) -> Backscatter:
    """What a pass would measure of a window without speckle, noise and swath.

    Args:
        take: A pass of a radar fleet.
        window: At 10 m.
        ground: Of that window in the year of the pass.
    """
    seed = take.seed
    wide = window.aligned(COARSE)
    stand = ground.structure if ground.structure is not None else structure(seed, window, ground, take.date.year)
    nodes = window.aligned(MESH)
    angle = incidence(take, *nodes.degrees(MESH))
    way = math.radians(look(take))
    shape, unseen = hidden(seed, window, look(take), angle)
    # how steeply the ground rises along the look: towards the sensor it is brighter, for all the flattening
    facing = shape.east * np.float32(math.sin(way)) + shape.north * np.float32(math.cos(way))
    out = np.empty((2, window.rows, window.cols), np.float32)
    _scatter(
        (wide.top - window.top, window.left - wide.left),
        ground.kinds, ground.shares, ground.vigour, ground.grain, stand, *_states(seed, take, wide),
        np.clip(spread(facing, nodes, MESH, window), -0.6, 0.6), DECIBELS, WET, PARCEL, GRAIN, out,
    )  # fmt: skip
    shadow, over = (spread(layer, nodes, MESH, window) > 0.5 for layer in unseen)
    out[:, over] *= np.float32(LAYOVER)
    out[:, shadow] *= np.float32(0.02)
    mask = shadow.astype(np.uint8) + 2 * over.astype(np.uint8)
    return Backscatter(out, mask, float(angle.mean()))
