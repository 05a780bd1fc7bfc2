"""A window of a UTM zone's 10 m lattice, and where on the globe its points lie."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from odc.geo.geobox import GeoBox
from pyproj import Transformer

from swath.errors import GridError
from swath.synthetic._jit import kernel

RADIUS = 6_371_000.0  #: of the sphere that noise lives on, metres
STEP = 10  #: edge of a window's pixel, metres
KNOT = 64  #: exact projection every so many pixels; between them bilinear, wrong by at most 1 cm


@lru_cache(maxsize=16)
def _to_degrees(epsg: int) -> Transformer:
    return Transformer.from_crs(epsg, 4326, always_xy=True)


@kernel
def _between(knots, corner, step, knot, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Bilinear between knots; the weights come from whole numbers, so that every window gets the same ones."""
    for i in range(out.shape[0]):
        y = (corner[0] + step * i) / knot
        a = min(int(y), knots.shape[0] - 2)
        v = y - a
        for j in range(out.shape[1]):
            x = (corner[1] + step * j) / knot
            b = min(int(x), knots.shape[1] - 2)
            u = x - b
            low = knots[a, b] * (1.0 - u) + knots[a, b + 1] * u
            high = knots[a + 1, b] * (1.0 - u) + knots[a + 1, b + 1] * u
            out[i, j] = low * (1.0 - v) + high * v


@dataclass(frozen=True)
class Window:
    """Rows and columns of the lattice anchored at (0, 0) of a UTM zone.

    Attributes:
        epsg: 32601 to 32660 or 32701 to 32760.
        left: Easting of the left edge, in pixels of 10 m.
        top: Northing of the top edge, in pixels of 10 m.
        rows: Height in pixels of 10 m.
        cols: Width in pixels of 10 m.
    """

    epsg: int
    left: int
    top: int
    rows: int
    cols: int

    @classmethod
    def of(cls, geobox: GeoBox) -> tuple[Window, int]:
        """The window that a geobox covers, and its pixel's edge in pixels of 10 m.

        Raises:
            GridError: Unless it lies north up in a UTM zone, on multiples of 10 m.
        """
        epsg = geobox.crs.epsg if geobox.crs is not None else None
        a, affine = geobox.affine.a, geobox.affine
        if epsg is None or not (32600 < epsg <= 32660 or 32700 < epsg <= 32760):
            raise GridError(f"The simulated Earth has no pixels in EPSG:{epsg}.", fix="Use a tile of a UTM zone.")
        fits = affine.b == affine.d == 0 and affine.e == -a and a > 0
        if not fits or any(value % STEP for value in (a, affine.c, affine.f)):
            raise GridError(
                f"The simulated Earth has no pixels at {tuple(affine)[:6]}.",
                fix="Use a north-up lattice whose edges and resolution are multiples of 10 m.",
            )
        factor = int(a) // STEP
        rows, cols = geobox.shape
        return cls(epsg, int(affine.c) // STEP, int(affine.f) // STEP, rows * factor, cols * factor), factor

    def grown(self, pixels: int) -> Window:
        """The window with so many more pixels of 10 m on each side."""
        return Window(self.epsg, self.left - pixels, self.top + pixels, self.rows + 2 * pixels, self.cols + 2 * pixels)

    def aligned(self, pixels: int) -> Window:
        """The smallest window around this one whose edges are multiples of so many pixels."""
        left, top = self.left // pixels * pixels, -(-self.top // pixels) * pixels
        right = -(-(self.left + self.cols) // pixels) * pixels
        bottom = (self.top - self.rows) // pixels * pixels
        return Window(self.epsg, left, top, top - bottom, right - left)

    @cached_property
    def middle(self) -> float:
        """Longitude of the zone's central meridian, degrees."""
        return (self.epsg % 100) * 6.0 - 183.0

    @cached_property
    def knots(self) -> np.ndarray:
        """Longitude and latitude in degrees at the knots around the window, (2, n, m), north to south.

        Longitude runs on over 180 degrees, so that it is smooth inside a zone.
        """
        around = self.aligned(KNOT)
        east = (around.left + KNOT * np.arange(around.cols // KNOT + 1)) * float(STEP)
        north = (around.top - KNOT * np.arange(around.rows // KNOT + 1)) * float(STEP)
        lon, lat = _to_degrees(self.epsg).transform(*np.meshgrid(east, north))
        lon = (np.asarray(lon) - self.middle + 180.0) % 360.0 - 180.0 + self.middle
        return np.stack([lon, lat])

    def degrees(self, step: int, *, centre: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Longitude and latitude at every `step`th corner of the window, both edges included, float64.

        Args:
            step: In pixels of 10 m; the window must be aligned to it.
            centre: At the centres of cells of that size instead (one fewer each way).
        """
        around = self.aligned(KNOT)
        first = 0.5 * step if centre else 0.0
        count = 0 if centre else 1
        shape = (self.rows // step + count, self.cols // step + count)
        lon, lat = np.empty(shape), np.empty(shape)
        corner = (around.top - self.top + first, self.left - around.left + first)
        for knots, out in zip(self.knots, (lon, lat), strict=True):
            _between(knots, corner, float(step), float(KNOT), out)
        return lon, lat


def sphere(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    """Points of the sphere in metres, (..., 3), for degrees."""
    a, b = np.radians(lon), np.radians(lat)
    return RADIUS * np.stack([np.cos(b) * np.cos(a), np.cos(b) * np.sin(a), np.sin(b)], axis=-1)
