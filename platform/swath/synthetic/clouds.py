"""The truth about a pass in five classes: what a cloud mask should say of each pixel."""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from swath.synthetic.sky import Sky


class Cloud(IntEnum):
    """Codes of the truth; thin holds thin low cloud and cirrus."""

    CLEAR = 0
    THIN = 1
    THICK = 2
    SHADOW = 3
    SNOW = 4
    NODATA = 255


COLOURS = {
    Cloud.CLEAR: "#7fbf7b", Cloud.THIN: "#c6dbef", Cloud.THICK: "#ffffff", Cloud.SHADOW: "#404040",
    Cloud.SNOW: "#41b6c4",
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
