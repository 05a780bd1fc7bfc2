"""Clear surface reflectance: the ground, its season and the spectra's drift over the region."""

from __future__ import annotations

from datetime import date as Date

import numpy as np

from swath.synthetic._jit import kernel
from swath.synthetic.climate import climate, growth, snow
from swath.synthetic.land import Ground
from swath.synthetic.legend import BANDS, DORMANT, GREEN, ROUGH, VIGOUR, Surface
from swath.synthetic.noise import field, key
from swath.synthetic.window import Window

MESH = 32  #: pixels of 10 m between nodes of season and drift
HALO = 6  #: pixels of 10 m that coarser point spreads and shifts reach beyond a window

# From 10 m to 20 and 60 m pixels, along one axis: Gaussians that make the whole about 1.2 pixels wide at half maximum
COARSER = {
    2: np.array([0.125, 0.375, 0.375, 0.125], np.float32),
    6: (lambda g: (g / g.sum()).astype(np.float32))(np.exp(-0.5 * ((np.arange(12) - 5.5) / 2.9) ** 2)),
}


@kernel
def _paint(first, kinds, shares, vigour, grain, low, high, grow, lag, white, vigours, rough, bright, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Fill (bands, rows, cols): a mix of surfaces, each between dormant and green, between mesh nodes."""
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
                    value[m] += part * (ground + (bright[m] - ground) * s)
            for m in range(bands):
                out[m, i, j] = value[m]


def _mesh(seed: int, window: Window, date: Date, columns: list[int]) -> tuple[np.ndarray, ...]:
    """Dormant and green spectra, growth, growth lost by lagging 12 days, and snow at mesh nodes, float32."""
    lon, lat = window.degrees(MESH)
    place = climate(seed, lon, lat)
    count = len(Surface)
    light, tilt = np.empty((count, *lon.shape)), np.empty((count, *lon.shape))
    for kind in range(count):
        light[kind] = field(key(seed, "light", kind), place.xyz, 28_000.0, 3, 0.7)
        tilt[kind] = field(key(seed, "tilt", kind), place.xyz, 28_000.0, 3, 0.7)
    slope = (np.array(columns) - 3.0) / 3.0
    drift = np.exp(0.21 * light[..., None] + 0.17 * tilt[..., None] * slope)  # (kind, y, x, band)
    drift = np.moveaxis(drift, 0, 2)
    low = (DORMANT[:, columns] * drift).astype(np.float32)
    high = (GREEN[:, columns] * drift).astype(np.float32)
    now, later = growth(seed, place, date), growth(seed, place, date, late=12.0)
    grow = np.moveaxis(now, 0, -1).astype(np.float32)
    lag = np.moveaxis(later - now, 0, -1).astype(np.float32)
    white = snow(seed, place, date).astype(np.float32)
    return low, high, np.ascontiguousarray(grow), np.ascontiguousarray(lag), white


def reflectance(seed: int, window: Window, ground: Ground, date: Date, bands: tuple[str, ...] = BANDS) -> np.ndarray:
    """Clear reflectance at 10 m on a day, through the point spread of 10 m: float32 (bands, rows, cols)."""
    columns = [BANDS.index(band) for band in bands]
    wide = window.aligned(MESH)
    out = np.empty((len(bands), window.rows, window.cols), np.float32)
    _paint(
        (wide.top - window.top, window.left - wide.left),
        ground.kinds, ground.shares, ground.vigour, ground.grain, *_mesh(seed, wide, date, columns),
        VIGOUR, ROUGH, GREEN[Surface.SNOW, columns], out,
    )  # fmt: skip
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
    out = np.empty((fine.shape[0], rows, cols), np.float32)
    _coarsen(np.ascontiguousarray(fine), COARSER[factor], factor, out)
    return out
