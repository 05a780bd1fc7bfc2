"""A coarse climatology, as one is interpolated from stations: normals of 1981 to 2010 on pixels of 960 m."""

from __future__ import annotations

import math

import numpy as np

from swath.synthetic.climate import climate
from swath.synthetic.noise import field, key
from swath.synthetic.window import Window

PIXEL = 96  #: edge, pixels of 10 m
PART = 32  #: a pixel is the mean of its nine parts of this edge
NODATA = -32768.0
# the names and definitions of WorldClim's bioclimatic variables (Fick and Hijmans 2017, doi:10.1002/joc.5086), and
# the index of the UN's aridity classes (yearly precipitation over potential evaporation)
LAYERS = {
    "bio1": "yearly mean temperature, degrees Celsius",
    "bio4": "temperature seasonality, standard deviation of the months times 100, kelvin",
    "bio5": "warmest month, degrees Celsius",
    "bio6": "coldest month, degrees Celsius",
    "bio12": "yearly precipitation, millimetres",
    "bio15": "precipitation seasonality, coefficient of variation of the months, percent",
    "aridity": "yearly precipitation over potential evaporation",
}


def layers(seed: int, window: Window) -> np.ndarray:
    """The layers over a window aligned to `PIXEL`, float32 (7, rows / 96, cols / 96), in the order of `LAYERS`.

    They carry what interpolation gets wrong: about 0.5 K and a tenth of the rain, over 30 to 60 km.
    """
    lon, lat = window.degrees(PART, centre=True)
    place = climate(seed, lon, lat)
    wrong = [field(key(seed, "station", n), place.xyz, 60_000.0, 2) for n in range(3)]
    mean = place.mean + 0.5 * wrong[0]
    swing = np.maximum(place.swing * (1.0 + 0.05 * wrong[1]), 0.1)
    # warm air holds more water (7 % a kelvin), mountains and the belts' wander take their part
    heat = np.exp(0.035 * np.clip(mean - 10.0, -20.0, 16.0))
    lift = field(key(seed, "rainfall"), place.xyz, 150_000.0, 3)
    rain = 1150.0 * heat * (1.02 - place.dry) ** 1.6 * np.exp(0.18 * lift + 0.1 * wrong[2])
    uneven = 18.0 + 75.0 * place.dry + 6.0 * field(key(seed, "monsoon"), place.xyz, 300_000.0, 2)
    evaporation = 320.0 * np.exp(0.052 * np.clip(mean, -10.0, 30.0))
    found = np.stack([
        mean, 100.0 * swing / math.sqrt(2.0), mean + swing, mean - swing, rain, np.maximum(uneven, 5.0),
        rain / evaporation,
    ])  # fmt: skip
    per = PIXEL // PART
    blocks = found.reshape(len(LAYERS), window.rows // PIXEL, per, window.cols // PIXEL, per)
    return blocks.mean(axis=(2, 4)).astype(np.float32)
