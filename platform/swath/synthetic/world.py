"""The simulated Earth: one seed, one truth."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from datetime import date as Date
from threading import Lock

import numpy as np
from odc.geo.geobox import GeoBox

from swath.errors import CollectionError, GridError
from swath.synthetic.biomass import Biomass, biomass, structure
from swath.synthetic.l1c import observe_l1c
from swath.synthetic.land import Ground, ground
from swath.synthetic.legend import BANDS, WORLDCOVER
from swath.synthetic.optical import HALO, coarsen, reflectance, white
from swath.synthetic.orbits import OPTICAL, Datatake, Fleet, passes
from swath.synthetic.sensor import Image, observe
from swath.synthetic.speckle import RadarImage, observe_radar
from swath.synthetic.terrain import NODE, Field, fields
from swath.synthetic.thermal import ThermalImage, observe_thermal
from swath.synthetic.window import Window


class World:
    """A simulated Earth with known truth: every value is a function of seed, place and time, nothing else.

    Any area, tile or order gives the same bytes; the same ground seen from two UTM zones agrees.

    Args:
        seed: Names the world.
        keep: Windows of ground kept in memory (about 21 bytes a pixel of 10 m each).
    """

    def __init__(self, seed: int = 0, *, keep: int = 4) -> None:
        self.seed = seed
        self._keep = keep
        self._ground: OrderedDict[tuple[Window, int], Ground] = OrderedDict()
        self._lock = Lock()

    def __repr__(self) -> str:
        return f"World(seed={self.seed})"

    def ground(self, window: Window, year: int) -> Ground:
        """What pixels of 10 m see of the truth at 2.5 m in a year; kept for the next call."""
        name = (window, year)
        with self._lock:
            if name in self._ground:
                self._ground.move_to_end(name)
                return self._ground[name]
        bare = ground(self.seed, window, year)
        made = replace(bare, structure=structure(self.seed, window, bare, year))
        with self._lock:
            self._ground[name] = made
            while len(self._ground) > self._keep:
                self._ground.popitem(last=False)
        return made

    def reflectance(self, geobox: GeoBox, date: Date, bands: tuple[str, ...] = BANDS) -> np.ndarray:
        """Clear surface reflectance of a day: no cloud, haze, shift or noise.

        Args:
            geobox: In a UTM zone, 10, 20 or 60 m, edges at multiples of 10 m.
            date: UTC day.
            bands: Sentinel-2's names.

        Returns:
            Float32 (bands, rows, cols), seen through the point spread of that resolution.

        Raises:
            CollectionError: A band that the simulated Earth lacks.
            GridError: Another CRS or lattice.
        """
        unknown = [band for band in bands if band not in BANDS]
        if unknown:
            raise CollectionError(
                f"The simulated Earth has no band {unknown[0]}.", fix=f"Choose among {', '.join(BANDS)}."
            )
        window, factor = Window.of(geobox)
        if factor not in (1, 2, 6):
            raise GridError(f"No point spread is defined at {10 * factor} m.", fix="Use 10, 20 or 60 m.")
        wide = window.grown(HALO)
        return coarsen(reflectance(self.seed, wide, self.ground(wide, date.year), date, tuple(bands)), factor, HALO)

    def landcover(self, geobox: GeoBox, year: int) -> np.ndarray:
        """WorldCover codes, uint8 (rows, cols): the class of most 2.5 m pixels of a pixel of 10 m.

        Coarser pixels take the class of most of their 10 m pixels, the smaller code on a tie.
        """
        window, factor = Window.of(geobox)
        cover = self.landcover_of(window, year)
        if factor == 1:
            return cover
        blocks = cover.reshape(window.rows // factor, factor, window.cols // factor, factor)
        codes = np.unique(WORLDCOVER)
        counts = np.stack([(blocks == code).sum(axis=(1, 3)) for code in codes])
        return codes[counts.argmax(axis=0)]

    def landcover_of(self, window: Window, year: int) -> np.ndarray:
        """WorldCover codes of a window at 10 m, uint8 (rows, cols)."""
        return self.ground(window.grown(HALO), year).cover[HALO:-HALO, HALO:-HALO].copy()

    def biomass(self, geobox: GeoBox, year: int) -> Biomass:
        """What stands on pixels of 10 m, what sensors see of it, and the mean that these would give, Mg/ha."""
        window, factor = Window.of(geobox)
        if factor != 1:
            raise GridError(f"Biomass of the simulated Earth is told at 10 m, not at {10 * factor} m.")
        return biomass(self.seed, window, self.ground(window, year), year)

    def elevation(self, geobox: GeoBox) -> np.ndarray:
        """Metres, float32, of the nearest terrain node (20 m) up and left of each pixel."""
        window, factor = Window.of(geobox)
        wide = window.aligned(NODE)
        nodes = fields(self.seed, wide)[Field.ELEVATION]
        rows = (wide.top - window.top + factor * np.arange(window.rows // factor)) // NODE
        cols = (window.left - wide.left + factor * np.arange(window.cols // factor)) // NODE
        return np.ascontiguousarray(nodes[rows[:, None], cols[None, :]])

    def passes(
        self, window: Window, date: Date, every_days: int | None = None, fleet: Fleet = OPTICAL
    ) -> list[Datatake]:
        """Datatakes of a day whose swath holds at least one pixel of a window."""
        lon, lat = window.knots
        found = passes(self.seed, lon, lat, date, every_days, fleet)
        fine = window.degrees(1, centre=True) if found else (lon, lat)
        return [take for take in found if _inside(take.across(*fine)).any()]

    def observe(self, take: Datatake, window: Window, *, overcast: bool = False) -> Image:
        """One granule of a datatake as the satellite delivers it, and the truth about its sky."""
        return observe(take, window, self.ground(window.grown(HALO), take.date.year), overcast=overcast)

    def observe_l1c(self, take: Datatake, window: Window, *, overcast: bool = False) -> dict[str, np.ndarray]:
        """The same granule before the correction of the atmosphere: see `l1c.observe_l1c`."""
        return observe_l1c(take, window, self.ground(window.grown(HALO), take.date.year), overcast=overcast)

    def observe_thermal(self, take: Datatake, window: Window) -> ThermalImage:
        """One granule of a pass of a thermal fleet, and the truth about its sky."""
        return observe_thermal(take, window, self.ground(window.grown(HALO), take.date.year))

    def observe_radar(self, take: Datatake, window: Window) -> RadarImage:
        """One granule of a pass of a radar fleet, and what it would be without speckle."""
        return observe_radar(take, window, self.ground(window.grown(HALO), take.date.year))

    def white(self, window: Window, date: Date) -> np.ndarray:
        """Share of each pixel of 10 m under snow or ice as seen from above, float32 (rows, cols)."""
        whole = white(self.seed, window.grown(HALO), self.ground(window.grown(HALO), date.year), date)
        return np.ascontiguousarray(whole[HALO:-HALO, HALO:-HALO])


def _inside(across: np.ndarray) -> np.ndarray:
    return np.asarray((across >= 0.0) & (across <= 1.0))
