"""Surface spectra over all thirteen bands of Sentinel-2: the seven of `legend`, and what follows from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from swath.synthetic.legend import BANDS, DORMANT, GREEN, Surface

ALL = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12")
PIXEL = dict(zip(ALL, (60, 10, 10, 10, 20, 20, 20, 10, 20, 60, 60, 20, 20), strict=True))  #: edge, metres
# where a band stands in the drift of spectra over the region: the seven evenly from -1 to 1, others by wavelength
_TILT = dict(zip(BANDS, (np.arange(7) - 3.0) / 3.0, strict=True)) | {
    "B01": -1.2, "B06": 0.11, "B07": 0.22, "B8A": 0.36, "B09": 0.42, "B10": 0.55,
}  # fmt: skip
# how much darker the shade of a closed and tall canopy makes a band: most where leaves absorb
_SHADE = {
    "B01": 0.20, "B02": 0.22, "B03": 0.24, "B04": 0.26, "B05": 0.26, "B06": 0.22, "B07": 0.19, "B08": 0.18,
    "B8A": 0.18, "B09": 0.20, "B10": 0.30, "B11": 0.36, "B12": 0.44,
}  # fmt: skip
_LEAVES = [
    Surface.BROADLEAF, Surface.CONIFER, Surface.SHRUB, Surface.GRASS, Surface.WINTER_CROP, Surface.SUMMER_CROP,
    Surface.RAPE, Surface.REED, Surface.MOSS,
]  # fmt: skip


def _wider(table: np.ndarray, *, green: bool) -> np.ndarray:
    """The table with all bands: leaves rise steeply from 704 to 783 nm, soils with the wavelength."""
    blue, green_, _, edge, near, short, _ = table.T
    steep = np.isin(np.arange(len(table)), _LEAVES) & green
    snow = np.arange(len(table)) == Surface.SNOW
    b06 = edge + (near - edge) * np.where(steep, 0.72, 0.32)
    b07 = edge + (near - edge) * np.where(steep, 0.92, 0.63)
    b8a = np.where(steep, 1.02 * near, near + 0.04 * (short - near))
    columns = {
        "B01": np.maximum(blue - 0.55 * (green_ - blue), 0.4 * blue), "B06": b06, "B07": b07, "B8A": b8a,
        "B09": np.where(snow, 0.90, 0.98) * b8a, "B10": np.where(snow, 0.35, 0.5) * (b8a + short),
    } | dict(zip(BANDS, table.T, strict=True))  # fmt: skip
    return np.stack([columns[band] for band in ALL], axis=1).astype(np.float32)


@dataclass(frozen=True)
class Spectra:
    """Surface reflectance over some bands, float32 each.

    Attributes:
        dormant: Bare or dormant, (surfaces, bands).
        green: In full leaf, (surfaces, bands).
        tilt: Where a band stands in the drift over the region, (bands,).
        shade: How much darker a closed, tall canopy is, (bands,).
    """

    dormant: np.ndarray
    green: np.ndarray
    tilt: np.ndarray
    shade: np.ndarray


_DORMANT, _GREEN = _wider(DORMANT, green=False), _wider(GREEN, green=True)


def spectra(bands: tuple[str, ...]) -> Spectra:
    """Of the bands named, in that order."""
    columns = [ALL.index(band) for band in bands]
    return Spectra(
        _DORMANT[:, columns], _GREEN[:, columns], np.array([_TILT[band] for band in bands]),
        np.array([_SHADE[band] for band in bands], np.float32),
    )  # fmt: skip
