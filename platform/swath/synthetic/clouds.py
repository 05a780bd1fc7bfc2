"""The truth about a pass in five classes: what a cloud mask should say of each pixel."""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from swath.synthetic.sky import Sky


class Cloud(IntEnum):
    """Codes of the truth, those of the product `clouds`; thin holds thin low cloud and cirrus."""

    NODATA = 0
    CLEAR = 1
    THIN = 2
    THICK = 3
    SHADOW = 4
    SNOW = 5


COLOURS = {
    Cloud.CLEAR: "#8fbc8f", Cloud.THIN: "#c6dbef", Cloud.THICK: "#f0f0f0", Cloud.SHADOW: "#404040",
    Cloud.SNOW: "#6a51a3",
}  # fmt: skip
_OF_SKY = np.full(256, Cloud.NODATA, np.uint8)
_OF_SKY[[Sky.CLEAR, Sky.SHADOW, Sky.THIN, Sky.OPAQUE, Sky.CIRRUS]] = [
    Cloud.CLEAR, Cloud.SHADOW, Cloud.THIN, Cloud.THICK, Cloud.THIN,
]  # fmt: skip


def classes(sky: np.ndarray, white: np.ndarray) -> np.ndarray:
    """Codes of `Cloud`: the sky's where something stands in it, else snow where it covers half of the pixel.

    Args:
        sky: Codes of `Sky`, uint8 (rows, cols).
        white: Share of the pixel under snow or ice, float32 (rows, cols).
    """
    out = _OF_SKY[sky]
    out[(out == Cloud.CLEAR) & (white >= 0.5)] = Cloud.SNOW
    return out
