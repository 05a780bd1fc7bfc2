"""Clear surface reflectance: the ground, its season and the spectra's drift over the region."""

from __future__ import annotations

import math
from datetime import date as Date

import numpy as np

from swath.synthetic._jit import kernel
from swath.synthetic.biomass import structure
from swath.synthetic.climate import climate, growth, snow
from swath.synthetic.land import Ground
from swath.synthetic.legend import BANDS, ROUGH, VIGOUR, Surface
from swath.synthetic.noise import field, key
from swath.synthetic.spectra import Spectra, spectra
from swath.synthetic.window import Window

MESH = 32  #: pixels of 10 m between nodes of season and drift
CLOSING, SHADING = 45.0, 70.0  #: Mg/ha over which a canopy closes, and its shade deepens, by 1 - 1/e
HALO = 6  #: pixels of 10 m that coarser point spreads and shifts reach beyond a window

# From 10 m to 20 and 60 m pixels, along one axis: Gaussians that make the whole about 1.2 pixels wide at half maximum
COARSER = {
    2: np.array([0.125, 0.375, 0.375, 0.125], np.float32),
    6: (lambda g: (g / g.sum()).astype(np.float32))(np.exp(-0.5 * ((np.arange(12) - 5.5) / 2.9) ** 2)),
}


@kernel
def _paint(first, kinds, shares, vigour, grain, stand, low, high, grow, lag, white, vigours, rough, bright, dark, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Fill (bands, rows, cols): a mix of surfaces, each between dormant and green, between mesh nodes.

    Young forest shows the shrubs under it; old forest its own shade.
    """
    bands = out.shape[0]
    value = np.empty(bands, np.float32)
    one = np.float32(1.0)
    scale = np.float32(1.0 / 255.0)
    for i in range(out.shape[1]):
        row = first[0] + i
        a = row // 32
        v = np.float32((row % 32 + 0.5) / 32.0)
        for j in range(out.shape[2]):
            col = first[1] + j
            b = col // 32
            u = np.float32((col % 32 + 0.5) / 32.0)
            w00, w01, w10, w11 = (one - v) * (one - u), (one - v) * u, v * (one - u), v * u
            cover = w00 * white[a, b] + w01 * white[a, b + 1] + w10 * white[a + 1, b] + w11 * white[a + 1, b + 1]
            value[:] = 0
            trees = np.float32(0)
            for n in range(4):
                if kinds[i, j, n] == 1 or kinds[i, j, n] == 2:
                    trees += shares[i, j, n] * scale
            closed, tall, shrub = one, np.float32(0), np.float32(0)
            if trees > 0:
                # a stand closes its canopy first, then grows its shade; both end near 150 Mg/ha
                density = stand[i, j] / max(trees, np.float32(0.25))
                closed = one - np.float32(math.exp(-density / CLOSING))
                tall = np.float32(0.5 - math.exp(-density / SHADING))
                shrub = w00 * grow[a, b, 3] + w01 * grow[a, b + 1, 3]
                shrub += w10 * grow[a + 1, b, 3] + w11 * grow[a + 1, b + 1, 3]
            for n in range(4):
                if shares[i, j, n] == 0:
                    break
                k = kinds[i, j, n]
                g = (
                    w00 * grow[a, b, k]
                    + w01 * grow[a, b + 1, k]
                    + w10 * grow[a + 1, b, k]
                    + w11 * grow[a + 1, b + 1, k]
                )
                d = w00 * lag[a, b, k] + w01 * lag[a, b + 1, k] + w10 * lag[a + 1, b, k] + w11 * lag[a + 1, b + 1, k]
                force = vigour[i, j]
                g = g + d * force + vigours[k] * force
                g = min(max(g, np.float32(0)), np.float32(1.15))
                shade = one + rough[k] * grain[i, j] + np.float32(0.35) * vigours[k] * force
                s = cover if k != 13 else np.float32(0)
                s = s * (np.float32(0.35) if k <= 2 else one)
                part = shares[i, j, n] * scale
                for m in range(bands):
                    lo = (
                        w00 * low[a, b, k, m]
                        + w01 * low[a, b + 1, k, m]
                        + w10 * low[a + 1, b, k, m]
                        + w11 * low[a + 1, b + 1, k, m]
                    )
                    hi = (
                        w00 * high[a, b, k, m]
                        + w01 * high[a, b + 1, k, m]
                        + w10 * high[a + 1, b, k, m]
                        + w11 * high[a + 1, b + 1, k, m]
                    )
                    ground = (lo + (hi - lo) * g) * shade
                    if k <= 2:
                        lo = (
                            w00 * low[a, b, 3, m]
                            + w01 * low[a, b + 1, 3, m]
                            + w10 * low[a + 1, b, 3, m]
                            + w11 * low[a + 1, b + 1, 3, m]
                        )
                        hi = (
                            w00 * high[a, b, 3, m]
                            + w01 * high[a, b + 1, 3, m]
                            + w10 * high[a + 1, b, 3, m]
                            + w11 * high[a + 1, b + 1, 3, m]
                        )
                        under = lo + (hi - lo) * shrub
                        ground = (under + (ground - under) * closed) * (one - dark[m] * tall)
                    value[m] += part * (ground + (bright[m] - ground) * s)
            for m in range(bands):
                out[m, i, j] = value[m]


def _mesh(seed: int, window: Window, date: Date, table: Spectra) -> tuple[np.ndarray, ...]:
    """Dormant and green spectra, growth, growth lost by lagging 12 days, and snow at mesh nodes, float32."""
    lon, lat = window.degrees(MESH)
    place = climate(seed, lon, lat)
    count = len(Surface)
    light, tilt = np.empty((count, *lon.shape)), np.empty((count, *lon.shape))
    for kind in range(count):
        light[kind] = field(key(seed, "light", kind), place.xyz, 28_000.0, 3, 0.7)
        tilt[kind] = field(key(seed, "tilt", kind), place.xyz, 28_000.0, 3, 0.7)
    drift = np.exp(0.21 * light[..., None] + 0.17 * tilt[..., None] * table.tilt)  # (kind, y, x, band)
    drift = np.moveaxis(drift, 0, 2)
    low = (table.dormant * drift).astype(np.float32)
    high = (table.green * drift).astype(np.float32)
    now, later = growth(seed, place, date), growth(seed, place, date, late=12.0)
    grow = np.moveaxis(now, 0, -1).astype(np.float32)
    lag = np.moveaxis(later - now, 0, -1).astype(np.float32)
    white = snow(seed, place, date).astype(np.float32)
    return low, high, np.ascontiguousarray(grow), np.ascontiguousarray(lag), white


def reflectance(seed: int, window: Window, ground: Ground, date: Date, bands: tuple[str, ...] = BANDS) -> np.ndarray:
    """Clear reflectance at 10 m on a day, through the point spread of 10 m: float32 (bands, rows, cols).

    Forest darkens with its biomass until near 150 Mg/ha, and then tells no more.

    Args:
        seed: Of the world.
        window: At 10 m.
        ground: Of that window in the year of the date.
        date: UTC day.
        bands: Sentinel-2's names, any of the thirteen.
    """
    table = spectra(bands)
    wide = window.aligned(MESH)
    stand = ground.structure if ground.structure is not None else structure(seed, window, ground, date.year)
    out = np.empty((len(bands), window.rows, window.cols), np.float32)
    _paint(
        (wide.top - window.top, window.left - wide.left),
        ground.kinds, ground.shares, ground.vigour, ground.grain, stand, *_mesh(seed, wide, date, table),
        VIGOUR, ROUGH, table.green[Surface.SNOW], table.shade, out,
    )  # fmt: skip
    return out


@kernel
def _whiten(first, kinds, shares, white, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Fill (rows, cols) with the share of a pixel that snow covers as seen from above."""
    for i in range(out.shape[0]):
        a, v = (first[0] + i) // 32, np.float32(((first[0] + i) % 32 + 0.5) / 32.0)
        for j in range(out.shape[1]):
            b, u = (first[1] + j) // 32, np.float32(((first[1] + j) % 32 + 0.5) / 32.0)
            top = white[a, b] + (white[a, b + 1] - white[a, b]) * u
            low = white[a + 1, b] + (white[a + 1, b + 1] - white[a + 1, b]) * u
            cover = top + (low - top) * v
            total = np.float32(0)
            for n in range(4):
                k = kinds[i, j, n]
                part = shares[i, j, n] * np.float32(1.0 / 255.0)
                if k == 12:
                    total += part
                elif k != 13:
                    total += part * cover * (np.float32(0.35) if k <= 2 else np.float32(1.0))
            out[i, j] = total


def white(seed: int, window: Window, ground: Ground, date: Date) -> np.ndarray:
    """Share of each pixel of 10 m that snow or ice covers as seen from above, float32 (rows, cols)."""
    wide = window.aligned(MESH)
    lon, lat = wide.degrees(MESH)
    cover = snow(seed, climate(seed, lon, lat), date).astype(np.float32)
    out = np.empty((window.rows, window.cols), np.float32)
    _whiten((wide.top - window.top, window.left - wide.left), ground.kinds, ground.shares, cover, out)
    return out


@kernel
def _coarsen(fine, kernel_, factor, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    taps = kernel_.shape[0]
    row = np.empty(fine.shape[2], np.float32)
    for m in range(out.shape[0]):
        for i in range(out.shape[1]):
            row[:] = 0
            for p in range(taps):
                for j in range(fine.shape[2]):
                    row[j] += kernel_[p] * fine[m, i * factor + p, j]
            for j in range(out.shape[2]):
                total = np.float32(0)
                for q in range(taps):
                    total += kernel_[q] * row[j * factor + q]
                out[m, i, j] = total


def coarsen(fine: np.ndarray, factor: int, halo: int) -> np.ndarray:
    """Pixels of 20 or 60 m from pixels of 10 m through the wider point spread.

    Args:
        fine: Float32 (bands, rows, cols), with a halo.
        factor: 1, 2 or 6.
        halo: Pixels of 10 m around the wanted window.
    """
    reach = 0 if factor == 1 else factor // 2
    cut = halo - reach
    fine = fine[:, cut : fine.shape[1] - cut, cut : fine.shape[2] - cut]
    if factor == 1:
        return np.ascontiguousarray(fine)
    rows, cols = (fine.shape[1] - 2 * reach) // factor, (fine.shape[2] - 2 * reach) // factor
    return blur(fine, COARSER[factor], factor, (rows, cols))


def blur(fine: np.ndarray, weights: np.ndarray, factor: int, shape: tuple[int, int]) -> np.ndarray:
    """Every `factor`th mean under a point spread, from the first whole one on.

    Args:
        fine: Float32 (bands, rows, cols).
        weights: Along one axis, float32 (taps,).
        factor: Step.
        shape: Wanted (rows, cols).
    """
    out = np.empty((fine.shape[0], *shape), np.float32)
    _coarsen(np.ascontiguousarray(fine), weights, factor, out)
    return out
