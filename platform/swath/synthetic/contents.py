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
    CLOUDS = "clouds"  #: squares of single scenes with a class of sky, a few wrong; a layer a sensor
    FOOTPRINTS = "footprints"  #: lidar footprints with biomass, as GEDI L4A
    PLOTS = "plots"  #: field plots with biomass
    OCCURRENCES = "occurrences"  #: presence-only records of species, Darwin Core
    SURVEY = "survey"  #: an independent survey of the same species, with absences

    @property
    def file(self) -> str:
        """Its name; the truth of it has the same name beside the truth's catalog."""
        return _FILES[self.value]


_FILES = {
    "landcover": "labels.gpkg", "clouds": "clouds.gpkg", "footprints": "footprints.parquet", "plots": "plots.csv",
    "occurrences": "occurrences.csv", "survey": "survey.csv",
}  # fmt: skip
#: Collections of the truth.
SKY, COVER, CLEAR = "truth-sky", "truth-land-cover", "truth-reflectance"
BIOMASS, SPECIES = "truth-biomass", "truth-species"

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
    SPECIES: "Truth about species. Chance that each lives in a cell of 100 m.",
}
