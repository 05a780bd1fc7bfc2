"""Sensors of one collection that see other wavelengths: made comparable by named coefficients, never mixed without."""

from __future__ import annotations

from collections.abc import Iterable

from swath.cube.spec import CubeSpec
from swath.errors import ProductError
from swath.sources.facts import Band, BandKind, Collection

#: Slope and intercept by common name, TM and ETM+ reflectance to that of OLI.
#: Roy et al. 2016, doi:10.1016/j.rse.2015.12.024, table 2 (surface reflectance, ordinary least squares, ETM+ to OLI);
#: measured on ETM+, taken for TM too, whose bands are nearly the same.
_ROY_2016 = {
    "blue": (0.8474, 0.0003),
    "green": (0.8483, 0.0088),
    "red": (0.9047, 0.0061),
    "nir": (0.8462, 0.0412),
    "nir08": (0.8462, 0.0412),
    "swir16": (0.8937, 0.0254),
    "swir22": (0.9071, 0.0172),
}
_LINES = {"roy-2016": _ROY_2016}
_FAMILY = {"4": "TM/ETM+", "5": "TM/ETM+", "7": "TM/ETM+", "8": "OLI", "9": "OLI"}


def family(platform: str) -> str | None:
    """Which of the two Landsat instruments a platform carries; None for any other satellite."""
    return _FAMILY.get(platform.removeprefix("landsat-")) if platform.startswith("landsat-") else None


def check_adjust(spec: CubeSpec, collection: Collection) -> None:
    """Refuse coefficients that do not fit the collection.

    Raises:
        ProductError: Not Landsat, or a reflectance band without coefficients.
    """
    if spec.adjust == "none":
        return
    if collection.sensor != "landsat":
        raise ProductError(
            f"adjust {spec.adjust!r} is for Landsat, and {collection.key} is not.",
            fix="Use adjust: none.",
            field="adjust",
        )
    lacking = [
        name
        for name in spec.bands
        if collection.bands[name].kind is BandKind.REFLECTANCE
        and collection.bands[name].common_name not in _LINES[spec.adjust]
    ]
    if lacking:
        raise ProductError(
            f"adjust {spec.adjust!r} has no coefficients for {', '.join(lacking)}.",
            fix="Leave the band out, or use adjust: none.",
            field="adjust",
        )


def check_mix(platforms: Iterable[str], spec: CubeSpec, collection: Collection) -> None:
    """Refuse to reduce reflectance of TM or ETM+ together with that of OLI without named coefficients.

    Args:
        platforms: Of the scenes that are reduced together.
        spec: Its `adjust` names the coefficients.
        collection: Facts.

    Raises:
        ProductError: Both are there and `adjust` is `none`.
    """
    if spec.adjust != "none" or not any(collection.bands[name].kind is BandKind.REFLECTANCE for name in spec.bands):
        return
    by_family = {name: platform for platform in sorted(set(platforms)) if (name := family(platform)) is not None}
    if len(by_family) > 1:
        raise ProductError(
            f"Scenes of {' and '.join(sorted(by_family.values()))} see other wavelengths under one name of a band.",
            fix=f"Name coefficients: --set inputs.0.adjust={next(iter(_LINES))}; or choose a period with one of them.",
            field="adjust",
            platforms=sorted(by_family.values()),
        )


def line_of(platform: str, band: Band, spec: CubeSpec) -> tuple[float, float] | None:
    """Gain and bias that bring the numbers of a band to those of OLI; None where they stand as they are.

    From slope a and intercept b of reflectance r = number * scale + offset:
    number' = a * number + (a * offset + b - offset) / scale.
    """
    if spec.adjust == "none" or band.kind is not BandKind.REFLECTANCE or family(platform) != "TM/ETM+":
        return None
    slope, intercept = _LINES[spec.adjust][band.common_name or ""]
    return slope, (slope * band.offset + intercept - band.offset) / band.scale
