"""Above-ground biomass of the simulated Earth: stands that grow, are felled and broken, and what sensors tell of them.

Three arrays, all Mg/ha of dry matter on a pixel's ground:

- `structure`: what the canopy's height and cover tell. **Sensors see this one** (and see it less and less beyond
  their saturation), never `agb`: what they cannot see is in `agb` alone.
- `agb`: the truth. The structure times `1 + RELATIVE * b(u)`, where `u` is unseen (wood density, shape of stems): noise
  of about 1 km and about 50 km, one number a stand, and a little texture of crowns; `b` is odd and bounded, so that the
  mean over `u` is the structure exactly, nothing is below zero, and the spread grows with the biomass.
- `expected`: the generator's conditional mean of `agb` for one who knows the surfaces and their shares, the site's
  potential, and of each stand's structure all that lies below `SATURATION`. It is the structure where no stand of the
  pixel is above it; a stand above counts as the mean of all such stands of that potential.

A stand is a parcel of `land`. It is felled at the end of its rotation and starts again, without a change of land cover:
young forest stays forest. A storm may break a part of it, once a rotation. Where the land cover changes the trees are
gone in that year.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from swath.synthetic._jit import kernel
from swath.synthetic.cells import around, nearest, parcel
from swath.synthetic.land import DISTRICT, GROUP, Ground
from swath.synthetic.noise import hash3, key, noise, unit
from swath.synthetic.terrain import NODE, fields
from swath.synthetic.window import Window, sphere

SATURATION = 150.0  #: Mg/ha above which no sensor of the simulated Earth tells stands apart
RELATIVE = 0.55  #: of the unseen part, before it is bounded; after it, about 0.43 of the structure is one deviation
NEAR, FAR = 1_600.0, 70_000.0  #: wavelengths of the unseen part, metres; they are correlated over about 1 and 50 km
# variance of the unseen part by source: about 1 km, about 50 km, the stand's own, crowns
SHARES = (0.42, 0.30, 0.16, 0.12)
MOST = np.array([0.0, 350.0, 300.0, 46.0])  #: potential by surface (none, broadleaf, conifer, shrub) on a good site
SHORTEST, LONGEST = 70, 130  #: rotations, years
_SPEED = 0.028  # of growth, 1/year
_BOUND = 1.7  # of `u`: keeps 1 + RELATIVE * b(u) above 0.06
_STEPS = 1024  # of the table of stands above a share of their potential


@kernel
def _grown(age, rotation, when, force):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Share of its potential that a stand holds: Chapman-Richards growth (Richards 1959), less what a storm broke.

    The storm comes at a random age of a life longer than any rotation, so that most stands are spared.
    """
    base = 1.0 - math.exp(-_SPEED * (age + 1.0))
    share = base * base
    storm = 10.0 + 1.5 * rotation * when
    if age >= storm:
        share *= 1.0 - (0.2 + 0.5 * force) * math.exp(-(age - storm) / 25.0)
    return share


@kernel
def _potential(height, slope, poor, dry, warm):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """A site's potential over that of a good one: heat, water, soil, slope; 0.12 to about 1.3."""
    heat = 1.0 / (1.0 + math.exp(-(warm + 1.0) / 3.0)) + 0.012 * max(warm - 10.0, 0.0)
    water = 1.0 - 0.75 * dry
    soil = math.exp(-0.06 * min(max(poor, -2.5), 2.5))
    steep = 1.0 / (1.0 + (slope / 0.8) * (slope / 0.8))
    high = 1.0 - 0.00008 * min(max(height - 400.0, 0.0), 2500.0)
    return max(0.12, heat * water * soil * steep * high)


@kernel
def _fill(land, salt, nodes, lon, lat, xyz, year, first, kinds, shares, means, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Fill (3, rows, cols) with structure, agb, expected; `first` is the window's corner in the aligned one."""
    places = np.empty((9, 3))
    names = np.empty(9, np.uint64)
    here_i, here_j = -1, -1
    f = np.empty(nodes.shape[2])
    best = 0
    for i in range(out.shape[1]):
        r = first[0] + i
        a, v = r // NODE, (r % NODE + 0.5) / NODE
        for j in range(out.shape[2]):
            woody = False
            for n in range(4):
                woody = woody or (shares[i, j, n] > 0 and 1 <= kinds[i, j, n] <= 3)
            if not woody:
                continue
            c = first[1] + j
            b, u = c // NODE, (c % NODE + 0.5) / NODE
            w00, w01, w10, w11 = (1.0 - v) * (1.0 - u), (1.0 - v) * u, v * (1.0 - u), v * u
            for n in range(nodes.shape[2]):
                f[n] = w00 * nodes[a, b, n] + w01 * nodes[a, b + 1, n] + w10 * nodes[a + 1, b, n]
                f[n] += w11 * nodes[a + 1, b + 1, n]
            # the search for districts is shared by a group of pixels, as in `land`: the parcels are the same
            if r // GROUP != here_i or c // GROUP != here_j:
                here_i, here_j = r // GROUP, c // GROUP
                ci, cj = here_i * GROUP // NODE + GROUP // NODE // 2, here_j * GROUP // NODE + GROUP // NODE // 2
                around(land + np.uint64(1), DISTRICT, lon[ci, cj], lat[ci, cj], places, names)
            x = w00 * lon[a, b] + w01 * lon[a, b + 1] + w10 * lon[a + 1, b] + w11 * lon[a + 1, b + 1]
            y = w00 * lat[a, b] + w01 * lat[a, b + 1] + w10 * lat[a + 1, b] + w11 * lat[a + 1, b + 1]
            best, dx, dy, _ = nearest(x, y, f[7], f[8], places)
            name, _ = parcel(names[best], dx, dy)
            east = nodes[a, b + 1, 0] - nodes[a, b, 0] + nodes[a + 1, b + 1, 0] - nodes[a + 1, b, 0]
            south = nodes[a + 1, b, 0] - nodes[a, b, 0] + nodes[a + 1, b + 1, 0] - nodes[a, b + 1, 0]
            site = _potential(f[0], math.hypot(east, south) / (20.0 * NODE), f[5], f[9], f[10])
            h = hash3(salt, name, 0, 1)
            rotation = SHORTEST + math.floor((LONGEST - SHORTEST + 1) * unit(h, 0))
            age = (year - 2000 + math.floor(unit(h, 1) * rotation)) % rotation
            grown = _grown(age, rotation, unit(h, 2), unit(h, 3))
            px, py, pz = xyz[i, j, 0], xyz[i, j, 1], xyz[i, j, 2]
            own = hash3(salt, name, 0, 2)
            dice = (unit(own, 0) + unit(own, 1) + unit(own, 2) + unit(own, 3) - 2.0) * 1.7320508
            unseen = (
                math.sqrt(SHARES[0]) * noise(salt + np.uint64(3), px, py, pz, NEAR)
                + math.sqrt(SHARES[1]) * noise(salt + np.uint64(4), px, py, pz, FAR)
                + math.sqrt(SHARES[2]) * dice
                + math.sqrt(SHARES[3]) * noise(salt + np.uint64(5), px, py, pz, 26.0)
            )
            factor = 1.0 + RELATIVE * _BOUND * math.tanh(unseen / _BOUND)
            for n in range(4):
                k = kinds[i, j, n]
                if shares[i, j, n] == 0 or k < 1 or k > 3:
                    continue
                part = shares[i, j, n] / 255.0
                most = MOST[k] * site
                stand = most * (grown if k < 3 else 0.4 + 0.6 * grown)
                out[0, i, j] += part * stand
                out[1, i, j] += part * stand * factor
                if k == 3 or stand < SATURATION:
                    out[2, i, j] += part * stand
                else:
                    place = SATURATION / most * (means.shape[0] - 1)
                    low = int(place)
                    out[2, i, j] += part * most * (means[low] + (place - low) * (means[low + 1] - means[low]))


@lru_cache(maxsize=1)
def _above() -> np.ndarray:
    """Mean share of the potential of stands that hold at least a share of it, at 1025 shares from 0 to 1.

    Over the generator's own distribution: rotations, ages within one, times and forces of storms all uniform.
    """
    middle = (np.arange(12) + 0.5) / 12
    when, force = (values.ravel() for values in np.meshgrid(middle, middle))
    found, weight = [], []
    for rotation in range(SHORTEST, LONGEST + 1):
        age = np.arange(rotation)[:, None]
        storm = 10.0 + 1.5 * rotation * when
        lost = np.where(age >= storm, (0.2 + 0.5 * force) * np.exp(-np.maximum(age - storm, 0) / 25.0), 0.0)
        share = (1.0 - np.exp(-_SPEED * (age + 1.0))) ** 2 * (1.0 - lost)
        found.append(share.ravel())
        weight.append(np.full(share.size, 1.0 / share.size))
    share, weights = np.concatenate(found), np.concatenate(weight)
    order = np.argsort(share)[::-1]
    share, weights = share[order], weights[order]
    edges = np.arange(_STEPS + 2) / _STEPS
    count = np.searchsorted(-share, -edges, side="right")
    total, mass = np.cumsum(share * weights), np.cumsum(weights)
    mean = np.where(count > 0, total[count - 1] / mass[count - 1], edges)
    return np.asarray(mean)


@dataclass(frozen=True)
class Biomass:
    """Biomass of a window in a year, float32 (rows, cols) at 10 m, Mg/ha each; see the module.

    Attributes:
        structure: What the canopy tells: for sensors.
        agb: The truth.
        expected: The conditional mean of the truth for one who knows all that sensors can show: for the oracle.
    """

    structure: np.ndarray
    agb: np.ndarray
    expected: np.ndarray


def biomass(seed: int, window: Window, ground: Ground, year: int) -> Biomass:
    """Structure, truth and conditional mean; 0 where the pixel sees neither trees nor shrubs.

    Args:
        seed: Of the world.
        window: At 10 m.
        ground: Of that window in that year.
        year: Calendar year: growth and felling are done at New Year.
    """
    wide = window.aligned(GROUP)
    lon, lat = wide.degrees(NODE)
    nodes = np.ascontiguousarray(np.moveaxis(fields(seed, wide), 0, -1))
    out = np.zeros((3, window.rows, window.cols), np.float32)
    _fill(
        key(seed, "land"), key(seed, "biomass"), nodes, lon, lat, sphere(*window.degrees(1, centre=True)), year,
        (wide.top - window.top, window.left - wide.left), ground.kinds, ground.shares, _above(), out,
    )  # fmt: skip
    return Biomass(*out)


def structure(seed: int, window: Window, ground: Ground, year: int) -> np.ndarray:
    """What the canopy tells of the biomass, float32 Mg/ha (rows, cols): this is what sensors see."""
    return biomass(seed, window, ground, year).structure


def agb(seed: int, window: Window, ground: Ground, year: int) -> np.ndarray:
    """True above-ground biomass, float32 Mg/ha (rows, cols) at 10 m. Sensors see `structure`, not this."""
    return biomass(seed, window, ground, year).agb


def expected(seed: int, window: Window, ground: Ground, year: int) -> np.ndarray:
    """The generator's mean of `agb` given all that sensors can show, float32 Mg/ha (rows, cols)."""
    return biomass(seed, window, ground, year).expected
