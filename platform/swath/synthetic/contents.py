"""The collections of the simulated archive and of its truth: ids, and what each says of itself."""

from __future__ import annotations

from enum import StrEnum

from swath.synthetic.clouds import Cloud
from swath.synthetic.sky import Sky


class Simulated(StrEnum):
    """A collection of the archive that can be asked for."""

    OPTICAL = "optical"  #: surface reflectance, as Sentinel-2 L2A
    L1C = "l1c"  #: the same scenes at the top of the atmosphere, thirteen bands
    THERMAL = "thermal"  #: as Landsat, with two thermal bands, by day and night
    RADAR = "radar"  #: gamma0 VV and VH, as Sentinel-1 with terrain correction
    ELEVATION = "elevation"  #: a surface model, static
    CLIMATE = "climate"  #: normals at 960 m, static

    @property
    def collection(self) -> str:
        """Id of its STAC collection."""
        return f"swath-simulated-{self.value}"


class Labels(StrEnum):
    """A file of labels that can be asked for."""

    LANDCOVER = "landcover"  #: polygons with a class, some wrong
    FOOTPRINTS = "footprints"  #: lidar footprints with biomass, as GEDI L4A
    PLOTS = "plots"  #: field plots with biomass


SKY, COVER, CLEAR, BIOMASS = "truth-sky", "truth-land-cover", "truth-reflectance", "truth-biomass"  #: of the truth

SAYS = {
    Simulated.OPTICAL.collection: "Simulated optical scenes. Surface reflectance of a world that does not exist, as "
    "Sentinel-2 would deliver it.",
    Simulated.L1C.collection: "Simulated optical scenes at the top of the atmosphere. The thirteen bands of the same "
    "passes before the correction of the atmosphere.",
    Simulated.THERMAL.collection: "Simulated thermal scenes. Top-of-atmosphere reflectance and brightness temperature "
    "as Landsat would deliver them; by night the temperature alone.",
    Simulated.RADAR.collection: "Simulated radar scenes. Terrain-corrected gamma0 in linear power, ascending and "
    "descending.",
    Simulated.ELEVATION.collection: "Simulated surface model. Height of ground, crowns and roofs of 2013, metres.",
    Simulated.CLIMATE.collection: "Simulated climate normals. Temperature and precipitation of 1981 to 2010.",
    SKY: "Truth about the sky. Codes of `sky`: "
    + ", ".join(f"{code.value} {code.name.lower()}" for code in Sky)
    + "; of `clouds`: "
    + ", ".join(f"{code.value} {code.name.lower()}" for code in Cloud)
    + ".",
    COVER: "Truth about land cover. The class of most of a pixel's ground at 2.5 m.",
    CLEAR: "Truth about reflectance. Mean of the days seen, without clouds.",
    BIOMASS: "Truth about biomass. Above ground, Mg/ha, and what who knows all that sensors can show would expect.",
}
