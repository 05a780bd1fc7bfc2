"""STAC items of the simulated scenes and static layers beyond the optical ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from affine import Affine

from swath.synthetic.atmosphere import WAVELENGTH
from swath.synthetic.climate_layers import LAYERS
from swath.synthetic.climate_layers import PIXEL as CLIMATE_PIXEL
from swath.synthetic.clouds import COLOURS
from swath.synthetic.contents import Simulated
from swath.synthetic.elevation import PIXEL as ELEVATION_PIXEL
from swath.synthetic.elevation import YEAR
from swath.synthetic.granules import Granule
from swath.synthetic.orbits import Datatake
from swath.synthetic.sensor import SATURATED, Image
from swath.synthetic.speckle import NODATA, POLARISATIONS, RadarImage
from swath.synthetic.spectra import PIXEL
from swath.synthetic.stac import extensions, item, raster
from swath.synthetic.thermal import REFLECTIVE, SCALES, ThermalImage

_COMMON = {
    "B01": "coastal", "B02": "blue", "B03": "green", "B04": "red", "B05": "rededge071", "B06": "rededge075",
    "B07": "rededge078", "B08": "nir", "B8A": "nir08", "B09": "nir09", "B10": "cirrus", "B11": "swir16",
    "B12": "swir22",
}  # fmt: skip
_KELVIN = {"lwir11": 10.895, "lwir12": 12.005}
_MASK = ("valid", "shadow", "layover", "layover_and_shadow", "border")


def _when(take: Datatake) -> str:
    return f"{take.time:%Y-%m-%dT%H:%M:%SZ}"


def _sun(sun: tuple[float, float]) -> dict[str, float]:
    return {"view:sun_azimuth": round(sun[0], 4), "view:sun_elevation": round(sun[1], 4), "view:off_nadir": 0}


def cloud_legend() -> list[dict[str, Any]]:
    """The five classes of `Cloud` as the classification extension writes them."""
    return [
        {"value": int(code), "name": word, "description": word, "color_hint": colour[1:].upper()}
        for code, word, colour in ((code, code.name.lower(), colour) for code, colour in COLOURS.items())
    ]


def l1c(
    name: str, granule: Granule, take: Datatake, image: Image, checksums: Mapping[str, str], *, lying: bool
) -> dict[str, Any]:
    """The item of one granule of a datatake at the top of the atmosphere; arguments as of `stac.scene`."""
    told = (take.offset > 0) != lying
    assets = {
        band: raster(
            f"{band}.tif", checksums[band], granule, PIXEL[band] // 10, data_type="uint16", nodata=0,
            **{
                "bands": [{"name": band, "eo:common_name": common, "eo:center_wavelength": WAVELENGTH[band]}],
                "raster:scale": 0.0001, "raster:offset": -0.1 if told else 0.0,
            },
        )
        for band, common in _COMMON.items()
    }  # fmt: skip
    properties = {
        "platform": take.platform, "constellation": "swath-simulated", "instruments": ["sim"], "gsd": 10,
        "eo:cloud_cover": image.cloud_cover, **_sun(image.sun), "s2:processing_baseline": take.baseline,
        "s2:datatake_id": take.id, "s2:nodata_pixel_percentage": round(100 * (1 - image.seen), 4),
        "s2:product_type": "S2MSI1C", "s2:mgrs_tile": granule.id, "s2:saturated": SATURATED,
    }  # fmt: skip
    schemas = extensions("eo/v2.0.0", "projection/v2.0.0", "view/v1.1.0", "raster/v2.0.0", "file/v2.1.0")
    return item(name, Simulated.L1C.collection, granule, _when(take), properties, assets, schemas)


def thermal(
    name: str, granule: Granule, take: Datatake, image: ThermalImage, checksums: Mapping[str, str],
    shape: tuple[int, int], place: tuple[int, Affine],
) -> dict[str, Any]:  # fmt: skip
    """The item of one granule of a thermal pass; by night it has the thermal bands alone."""
    on = {"proj:shape": list(shape), "proj:transform": list(place[1])[:6]}
    assets = {}
    for band in image.bands:
        kind = "reflectance" if band in REFLECTIVE else "temperature"
        centre = WAVELENGTH[REFLECTIVE[band]] if band in REFLECTIVE else _KELVIN[band]
        scale, offset = SCALES[kind]
        assets[band] = raster(
            f"{band}.tif", checksums[band], granule, 3, data_type="uint16", nodata=0,
            unit="1" if kind == "reflectance" else "kelvin",
            **{
                **on, "bands": [{"name": band, "eo:common_name": band, "eo:center_wavelength": centre}],
                "raster:scale": scale, "raster:offset": offset,
            },
        )  # fmt: skip
    assets["qa_pixel"] = raster("qa_pixel.tif", checksums["qa_pixel"], granule, 3, data_type="uint16", nodata=1, **on)
    properties = {
        "platform": take.platform, "constellation": "swath-simulated", "gsd": 30, "proj:code": f"EPSG:{place[0]}",
        "instruments": ["sim-tirs"] if image.night else ["sim-oli", "sim-tirs"],
        "eo:cloud_cover": image.cloud_cover, **_sun(image.sun), "sat:orbit_state": take.fleet.state,
        "sat:relative_orbit": take.orbit + 1, "landsat:collection_category": "T1", "swath:night": image.night,
    }  # fmt: skip
    schemas = extensions(
        "eo/v2.0.0", "projection/v2.0.0", "view/v1.1.0", "raster/v2.0.0", "file/v2.1.0", "sat/v1.0.0"
    )  # fmt: skip
    return item(name, Simulated.THERMAL.collection, granule, _when(take), properties, assets, schemas)


def radar(
    name: str, granule: Granule, take: Datatake, image: RadarImage, checksums: Mapping[str, str]
) -> dict[str, Any]:
    """The item of one granule of a radar pass."""
    assets = {
        band: raster(
            f"{band}.tif", checksums[band], granule, 1, data_type="float32", nodata=NODATA,
            **{"bands": [{"name": band}], "sar:polarizations": [band.upper()]},
        )
        for band in POLARISATIONS
    }  # fmt: skip
    classes = [{"value": n, "name": word, "description": word.replace("_", " ")} for n, word in enumerate(_MASK)]
    assets["mask"] = raster(
        "mask.tif", checksums["mask"], granule, 1, data_type="uint8", nodata=255, **{"classification:classes": classes}
    )
    properties = {
        "platform": take.platform, "constellation": "swath-simulated", "instruments": ["sim-sar"], "gsd": 10,
        "sar:instrument_mode": "IW", "sar:frequency_band": "C", "sar:product_type": "RTC",
        "sar:polarizations": [band.upper() for band in POLARISATIONS], "sat:orbit_state": take.fleet.state,
        "sat:relative_orbit": take.orbit + 1, "view:incidence_angle": round(image.truth.incidence, 4),
    }  # fmt: skip
    schemas = extensions(
        "projection/v2.0.0", "view/v1.1.0", "file/v2.1.0", "classification/v1.1.0", "sar/v1.0.0", "sat/v1.0.0"
    )
    return item(name, Simulated.RADAR.collection, granule, _when(take), properties, assets, schemas)


def elevation(name: str, granule: Granule, checksum: str) -> dict[str, Any]:
    """The item of the surface model over one granule."""
    asset = raster(
        "elevation.tif", checksum, granule, ELEVATION_PIXEL, data_type="float32", nodata=NODATA, unit="metre",
        **{"bands": [{"name": "elevation"}]},
    )  # fmt: skip
    properties = {
        "platform": "sim-dem", "constellation": "swath-simulated", "gsd": 30,
        "start_datetime": f"{YEAR}-01-01T00:00:00Z", "end_datetime": f"{YEAR}-12-31T23:59:59Z",
    }  # fmt: skip
    schemas = extensions("projection/v2.0.0", "file/v2.1.0")
    when = f"{YEAR}-07-01T00:00:00Z"
    return item(name, Simulated.ELEVATION.collection, granule, when, properties, {"elevation": asset}, schemas)


def climate(name: str, granule: Granule, checksum: str) -> dict[str, Any]:
    """The item of the climate normals over one zone's part."""
    asset = raster(
        "climate.tif", checksum, granule, CLIMATE_PIXEL, data_type="float32", nodata=NODATA,
        **{"bands": [{"name": band, "description": says} for band, says in LAYERS.items()]},
    )  # fmt: skip
    properties = {
        "platform": "sim-stations", "constellation": "swath-simulated", "gsd": 960,
        "start_datetime": "1981-01-01T00:00:00Z", "end_datetime": "2010-12-31T23:59:59Z",
    }  # fmt: skip
    schemas = extensions("projection/v2.0.0", "file/v2.1.0")
    when = "2010-12-31T23:59:59Z"
    return item(name, Simulated.CLIMATE.collection, granule, when, properties, {"climate": asset}, schemas)
