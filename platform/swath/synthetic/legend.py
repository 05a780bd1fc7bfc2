"""What the ground is made of: surfaces, their land-cover class and their spectra."""

from __future__ import annotations

from enum import IntEnum

import numpy as np

BANDS = ("B02", "B03", "B04", "B05", "B08", "B11", "B12")  #: Sentinel-2's names, in the order of all arrays
GSD = {"B02": 10, "B03": 10, "B04": 10, "B05": 20, "B08": 10, "B11": 20, "B12": 20}  #: pixel edge, metres


class Surface(IntEnum):
    """A kind of ground of 2.5 m; several make one land-cover class."""

    NONE = 0
    BROADLEAF = 1
    CONIFER = 2
    SHRUB = 3
    GRASS = 4
    WINTER_CROP = 5
    SUMMER_CROP = 6
    RAPE = 7
    FALLOW = 8
    ROOF = 9
    ROAD = 10
    BARE = 11
    SNOW = 12
    WATER = 13
    REED = 14
    MOSS = 15


# ESA WorldCover codes by surface; 0 is no-data
WORLDCOVER = np.array([0, 10, 10, 20, 30, 40, 40, 40, 40, 50, 50, 60, 70, 80, 90, 100], np.uint8)
CLASS_NAMES = {
    10: "tree cover", 20: "shrubland", 30: "grassland", 40: "cropland", 50: "built-up", 60: "bare or sparse",
    70: "snow and ice", 80: "water", 90: "wetland", 100: "moss and lichen",
}  # fmt: skip
CLASS_COLOURS = {
    10: "#006400", 20: "#ffbb22", 30: "#ffff4c", 40: "#f096ff", 50: "#fa0000", 60: "#b4b4b4",
    70: "#f0f0f0", 80: "#0064c8", 90: "#0096a0", 100: "#fae6a0",
}  # fmt: skip

# Surface reflectance over BANDS, bare or dormant: plausible numbers in the range of public libraries
# (ECOSTRESS, USGS splib07), set by hand. They are a truth by definition, not a measurement.
DORMANT = np.array([
    [0, 0, 0, 0, 0, 0, 0],
    [.040, .052, .060, .095, .180, .200, .125],
    [.020, .033, .024, .056, .190, .100, .048],
    [.048, .065, .073, .120, .200, .240, .160],
    [.055, .082, .088, .145, .250, .290, .190],
    [.068, .094, .126, .160, .220, .310, .245],
    [.056, .076, .100, .130, .175, .270, .220],
    [.070, .096, .126, .160, .220, .315, .250],
    [.078, .108, .142, .175, .235, .340, .285],
    [.130, .145, .160, .178, .225, .255, .225],
    [.086, .095, .102, .115, .150, .180, .160],
    [.125, .170, .215, .245, .300, .390, .350],
    [.830, .830, .810, .790, .710, .120, .090],
    [.044, .044, .022, .017, .010, .004, .002],
    [.046, .062, .068, .104, .170, .160, .100],
    [.054, .074, .074, .118, .200, .240, .165],
], np.float32)  # fmt: skip

# the same in full leaf
GREEN = np.array([
    [0, 0, 0, 0, 0, 0, 0],
    [.020, .043, .023, .085, .370, .165, .072],
    [.017, .032, .020, .056, .240, .095, .042],
    [.032, .058, .042, .105, .290, .200, .110],
    [.032, .072, .038, .120, .390, .225, .110],
    [.026, .064, .028, .105, .450, .185, .082],
    [.028, .064, .032, .110, .430, .205, .098],
    [.048, .112, .078, .165, .430, .215, .100],
    [.058, .090, .096, .150, .270, .300, .215],
    [.130, .145, .160, .178, .225, .255, .225],
    [.086, .095, .102, .115, .150, .180, .160],
    [.118, .162, .200, .235, .300, .375, .330],
    [.830, .830, .810, .790, .710, .120, .090],
    [.040, .050, .025, .022, .014, .005, .003],
    [.028, .054, .038, .090, .250, .140, .068],
    [.046, .078, .062, .125, .250, .230, .145],
], np.float32)  # fmt: skip

# how much a parcel's own vigour, and rough structure inside a pixel, show on each surface
VIGOUR = np.array([0, 0.10, 0.06, 0.16, 0.20, 0.20, 0.20, 0.18, 0.22, 0, 0, 0.10, 0, 0.10, 0.16, 0.12], np.float32)
ROUGH = np.array(
    [0, 0.12, 0.14, 0.10, 0.045, 0.03, 0.03, 0.03, 0.04, 0.18, 0.06, 0.09, 0.03, 0.05, 0.07, 0.05], np.float32
)
