"""A radar scene as an archive holds it: backscatter with speckle, noise, the swath's rim, and the provider's mask."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from swath.synthetic._jit import kernel
from swath.synthetic.land import Ground
from swath.synthetic.noise import hash3, key, unit
from swath.synthetic.optical import HALO
from swath.synthetic.orbits import Datatake
from swath.synthetic.radar import Backscatter, backscatter
from swath.synthetic.window import RADIUS, STEP, Window

NODATA = -32768.0
LOOKS = 4  #: equivalent number of looks; of Sentinel-1 GRD in interferometric wide swath it is about 4.4
NOISE = 0.0013  #: power of the receiver's noise whose mean is taken off, -29 dB
RIM = 3  #: pixels inside the swath's edge whose numbers are of no use
POLARISATIONS = ("vv", "vh")
_NONE = 255


@kernel
def _speckle(seed, first, lane, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Fill (rows, cols) with the mean of 2 x 2 exponential numbers of mean 1.

    Fully developed speckle of one look is exponential (Goodman 1976, doi:10.1364/JOSA.66.001145); the mean of four is a
    gamma distribution of four looks, and neighbours that share two of them correlate by a half.
    """
    rows, cols = out.shape
    before = np.empty(cols, np.float32)
    for i in range(rows + 1):
        left = np.float32(0)
        for j in range(cols + 1):
            h = hash3(seed, first[0] + i, first[1] + j, 5)
            here = np.float32(-math.log(unit(h, lane) + 0.5 / 65536.0))
            if j > 0:
                pair = left + here
                if i > 0:
                    out[i - 1, j - 1] = np.float32(0.25) * (before[j - 1] + pair)
                before[j - 1] = pair
            left = here


@kernel
def _receive(clear, seen, looks, noise, across, metres, power, mask, nodata):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Fill power and mask of one polarisation: speckle, noise, rim, fill outside the swath."""
    for i in range(power.shape[0]):
        for j in range(power.shape[1]):
            x = across[i, j]
            if x < 0.0 or x > 1.0:
                power[i, j], mask[i, j] = nodata, 255
                continue
            value = clear[i, j] * looks[i, j] + np.float32(NOISE) * (noise[i, j] - np.float32(1.0))
            mask[i, j] = seen[i, j]
            if min(x, 1.0 - x) * metres[i] < STEP * RIM:
                # the ramp of the antenna and of the noise correction: numbers near nothing, some below
                value = np.float32(0.004) * (looks[i, j] - np.float32(0.8))
                mask[i, j] = 4
            power[i, j] = value


@dataclass(frozen=True)
class RadarImage:
    """One granule of a radar pass.

    Attributes:
        power: gamma0 in linear power by polarisation, float32 (rows, cols) at 10 m; `NODATA` outside the swath.
        mask: 0 valid, 1 shadow, 2 layover, 3 both, 4 the swath's rim, 255 outside; uint8 (rows, cols).
        truth: Without speckle and noise.
        seen: Share of the pixels inside the swath.
    """

    power: dict[str, np.ndarray]
    mask: np.ndarray
    truth: Backscatter
    seen: float


def observe_radar(take: Datatake, window: Window, ground: Ground) -> RadarImage:
    """One granule as the archive holds it.

    Args:
        take: A pass of a radar fleet.
        window: The granule.
        ground: Of the window grown by `HALO`, in the year of the pass.
    """
    inner = slice(HALO, -HALO)
    whole = backscatter(take, window.grown(HALO), ground)
    clear = Backscatter(
        np.ascontiguousarray(whole.gamma0[:, inner, inner]), np.ascontiguousarray(whole.mask[inner, inner]),
        whole.incidence,
    )  # fmt: skip
    _, lat = window.degrees(1, centre=True)
    metres = take.fleet.width * np.cos(np.radians(lat.mean(axis=1))) * RADIUS * math.pi / 180.0
    across = take.across(*window.degrees(1, centre=True))
    shape = (window.rows, window.cols)
    name = key(take.seed, "speckle", *take.words)
    power, mask = {}, np.empty(shape, np.uint8)
    looks, noise = np.empty(shape, np.float32), np.empty(shape, np.float32)
    for number, polarisation in enumerate(POLARISATIONS):
        _speckle(name, (-window.top, window.left), number, looks)
        _speckle(name, (-window.top, window.left), number + 2, noise)
        out = np.empty(shape, np.float32)
        _receive(clear.gamma0[number], clear.mask, looks, noise, across, metres, out, mask, np.float32(NODATA))
        power[polarisation] = out
    return RadarImage(power, mask, clear, float((mask != _NONE).mean()))
