"""What a lidar tells of the biomass under its footprint: noise, sensitivity, clouds and flags, as in GEDI L4A.

Biomass is estimated on the scale of square roots (`agbd_t`), where the noise has one size a beam (`agbd_t_se`): on the
scale of Mg/ha it grows with the biomass, as the 90 % interval tells. `agbd_se` does not tell it: as in L4A it is one
number for a kind of plants. Clouds take shots away or spoil them, a low sensitivity misses what stands under dense
canopies, and without leaves broadleaf forest seems lighter: filters matter.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtri

from swath.synthetic._jit import kernel
from swath.synthetic.climate import Climate, growth
from swath.synthetic.legend import Surface
from swath.synthetic.noise import field, hash3, key
from swath.synthetic.tracks import POWER, Pass
from swath.synthetic.window import STEP

SIGMA_M = 6.0  #: of a footprint's Gaussian, metres
REACH = 4  #: pixels of 10 m that a footprint sees around its own
NOISE = {True: 1.60, False: 2.10}  #: standard deviation of `agbd_t` of power and coverage beams, sqrt(Mg/ha)
INTERVAL = 0.90  #: share of the truths between `agbd_pi_lower` and `agbd_pi_upper`
NO_VALUE = -9999.0
LANES = 6  #: uniform numbers that a shot takes
_WIDE = float(ndtri(0.5 + INTERVAL / 2))
EVERGREEN = 2  #: plant functional type of broadleaf trees where it is always warm and humid
# MODIS plant functional types by surface
_PFT = np.array([0, 4, 1, 5, 6, 7, 7, 8, 7, 9, 9, 11, 10, 0, 6, 11])
_STRATA = {1: "ENT", 2: "EBT", 4: "DBT"}  # the others are GSW: grass, shrubs, woodland


@kernel
def dice(seed, orbit, beams, shots, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Fill (n, lanes) with uniform numbers inside (0, 1) by orbit, beam and shot."""
    for n in range(out.shape[0]):
        for k in range(out.shape[1]):
            h = hash3(seed, orbit * 16 + beams[n], shots[n], k)
            out[n, k] = (np.float64(h >> np.uint64(12)) + 0.5) / 4503599627370496.0


@kernel
def _under(layers, rows, cols, sigma, reach, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Fill (layers, n): means of pixels under Gaussians centred at fractional rows and columns of the layers."""
    side = 2 * reach + 1
    down, right = np.empty(side), np.empty(side)
    scale = 1.0 / (sigma * math.sqrt(2.0))
    for n in range(rows.shape[0]):
        i, j = math.floor(rows[n]) - reach, math.floor(cols[n]) - reach
        for p in range(side):
            y, x = i + p - rows[n], j + p - cols[n]
            down[p] = 0.5 * (math.erf((y + 1.0) * scale) - math.erf(y * scale))
            right[p] = 0.5 * (math.erf((x + 1.0) * scale) - math.erf(x * scale))
        whole = down.sum() * right.sum()
        for m in range(layers.shape[0]):
            total = 0.0
            for p in range(side):
                for q in range(side):
                    total += down[p] * right[q] * layers[m, i + p, j + q]
            out[m, n] = total / whole


def under(layers: np.ndarray, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
    """Means under footprints, float64 (layers, n).

    Args:
        layers: Float32 (layers, rows, cols) at 10 m.
        rows: Where footprints are centred, in pixels from the upper edge, at least `REACH` inside.
        cols: The same from the left edge.
    """
    out = np.empty((len(layers), len(rows)))
    _under(np.ascontiguousarray(layers), rows, cols, SIGMA_M / STEP, REACH, out)
    return out


def sun_elevation(seconds: np.ndarray, lon: np.ndarray, lat: np.ndarray, day: int) -> np.ndarray:
    """Degrees above the horizon, by seconds of a UTC day, place and day of the year."""
    declination = math.radians(-23.44 * math.cos(2 * math.pi * (day + 10) / 365.25))
    hour, phi = np.radians(seconds / 240.0 - 180.0 + lon), np.radians(lat)
    up = np.sin(phi) * math.sin(declination) + np.cos(phi) * math.cos(declination) * np.cos(hour)
    return np.asarray(np.degrees(np.arcsin(up)))


def cloudy(one: Pass, xyz: np.ndarray) -> np.ndarray:
    """Which places of a pass, (n, 3) metres, lie under clouds that no laser gets through."""
    draw = one.draw("sky")
    return np.asarray(field(key(one.seed, "lidar-sky", one.orbit), xyz, 30_000.0, 3) > 1.9 - 2.6 * draw)


def measure(
    one: Pass, beam: np.ndarray, luck: np.ndarray, place: Climate, sun: np.ndarray, *,
    agb: np.ndarray, trees: np.ndarray, broadleaf: np.ndarray, kind: np.ndarray,
) -> dict[str, np.ndarray]:  # fmt: skip
    """L4A's columns of a pass's footprints, (n,) each.

    Args:
        one: The pass.
        beam: Numbers of the beams.
        luck: Uniform numbers, (n, LANES).
        place: The climate there.
        sun: Its elevation, degrees.
        agb: True biomass under the footprints, Mg/ha.
        trees: Share of the footprint under trees.
        broadleaf: Share of the footprint under broadleaf trees.
        kind: Surface at its middle.
    """
    power = np.isin(beam, list(POWER))
    sigma = np.where(power, NOISE[True], NOISE[False])
    humid = (kind == Surface.BROADLEAF) & (place.mean > 21.0) & (place.dry < 0.4)
    pft = np.where(humid, EVERGREEN, _PFT[kind])
    leaf_off = (growth(one.seed, place, one.start.date())[Surface.BROADLEAF] < 0.4) & (pft == 4)
    missed = np.where(power, 0.038, 0.055) * np.where(sun > 0.0, 1.15, 0.9) * np.exp(0.75 * ndtri(luck[:, 1]))
    clouds = cloudy(one, place.xyz)
    lost = clouds & (luck[:, 2] < 0.6)  # the others return from inside the cloud, as if it were a tall forest
    spoilt = clouds & ~lost
    missed = np.where(spoilt, missed + 0.4 * luck[:, 3], missed)
    sensitivity = 1.0 - missed
    # what a canopy hides: the more, the denser; the densest need 0.98
    hidden = 2.5 * np.maximum(missed - np.where(pft == EVERGREEN, 0.02, 0.05), 0.0) * trees
    seen = np.sqrt(agb) * np.maximum(1.0 - hidden, 0.3) * np.where(leaf_off, 1.0 - 0.12 * broadleaf, 1.0)
    root = np.abs(seen + sigma * ndtri(luck[:, 0]))
    root = np.where(spoilt, 30.0 * luck[:, 4] ** 2, root)
    run = ~lost
    good = run & ~spoilt & (luck[:, 5] < 0.96)

    def told(values: np.ndarray) -> np.ndarray:
        return np.where(run, values, NO_VALUE)

    strata = np.array([_STRATA.get(int(code), "GSW") + "_Sim" for code in pft])
    return {
        "agbd": told(np.maximum(root**2 - sigma**2, 0.2)),  # without the bias that squaring the noise brings
        "agbd_se": told(np.where(np.isin(pft, (6, 11)), 2.99, 7.67) + 0.02 * luck[:, 3]),
        "agbd_t": told(root),
        "agbd_t_se": told(sigma),
        "agbd_pi_lower": told(np.maximum(root - _WIDE * sigma, 0.0) ** 2),
        "agbd_pi_upper": told((root + _WIDE * sigma) ** 2),
        "l2_quality_flag": good.astype(np.int32),
        "l4_quality_flag": (good & (sensitivity > 0.95)).astype(np.int32),
        "algorithm_run_flag": run.astype(np.int32),
        "degrade_flag": np.full(len(beam), one.degrade, np.int32),
        "sensitivity": sensitivity,
        "pft_class": pft.astype(np.int32),
        "leaf_off_flag": leaf_off.astype(np.int32),
        "predict_stratum": strata,
        "tree_cover": np.round(100.0 * trees),
    }
