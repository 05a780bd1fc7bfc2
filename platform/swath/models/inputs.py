"""Which bands of a collection a model reads."""

from __future__ import annotations

from difflib import get_close_matches

from swath.errors import ModelError
from swath.models.spec import BandInput, InputSpec, band_names
from swath.sources import Band, BandKind, Collection

#: Micrometres by which the centres of two bands may differ and still be one band to a model.
NEAR = 0.02

#: Kinds of bands whose values have a unit that a model may be trained on, and how that unit may be written.
_UNITS = {
    BandKind.REFLECTANCE: {"reflectance"},
    BandKind.TEMPERATURE: {"k", "kelvin"},
    BandKind.BACKSCATTER: {"db", "gamma0", "sigma0", "backscatter"},
}


def match_bands(spec: InputSpec, collection: Collection) -> tuple[str, ...]:
    """Names of a collection's bands in the order of a model's channels.

    A band fits by name (the wavelengths, where both are known, must agree), else by common name, else by the nearest
    wavelength within 0.02 micrometres.

    Raises:
        ModelError: A band that the collection lacks or that fits two channels, another unit, or reflectance of another
            level.
    """
    _check_level(spec, collection)
    found = {band.name: _match(band, collection) for band in spec.bands}
    missing = [band for band in spec.bands if found[band.name] is None]
    if missing:
        close = [hit for band in missing for hit in get_close_matches(band.name, collection.bands, n=2, cutoff=0.6)]
        raise ModelError(
            f"Collection {collection.key} lacks bands that the model takes: {band_names(missing)}. It has "
            f"{_bands_of(collection)}.",
            fix=("Did you mean " + " or ".join(dict.fromkeys(close)) + "? " if close else "")
            + "Choose a collection that has them, or name the bands in the card as the collection does.",
            collection=collection.key,
            missing=[band.name for band in missing],
        )
    names = [name for name in found.values() if name is not None]
    for name in names:
        if names.count(name) > 1:
            both = [channel for channel, fits in found.items() if fits == name]
            raise ModelError(
                f"Band {name} of {collection.key} would stand for {' and '.join(both)} of the model.",
                fix="State names, or wavelengths, in the card that tell them apart.",
                collection=collection.key,
            )
    _check_units(spec, collection, names)
    return tuple(names)


def _match(wanted: BandInput, collection: Collection) -> str | None:
    bands = collection.bands
    same = bands.get(wanted.name)
    if same is not None and _agrees(wanted, same):
        return wanted.name
    if wanted.common_name:
        alike = [name for name, band in bands.items() if band.common_name == wanted.common_name]
        if alike:
            return min(alike, key=lambda name: _distance(wanted, bands[name]))
    if wanted.wavelength is None:
        return None
    near = [name for name, band in bands.items() if _distance(wanted, band) <= NEAR]
    return min(near, key=lambda name: _distance(wanted, bands[name]), default=None)


def _agrees(wanted: BandInput, band: Band) -> bool:
    """Whether a band of the same name may be the one meant: B05 is red edge on one sensor and near infrared on another.

    Its centre may lie within its own width, or the allowed distance where that is more.
    """
    if wanted.wavelength is not None and band.wavelength is not None:
        return abs(wanted.wavelength - band.wavelength) <= max(NEAR, (band.width or 0.0) / 2)
    if wanted.common_name is not None and band.common_name is not None:
        return wanted.common_name == band.common_name
    return True


def _distance(wanted: BandInput, band: Band) -> float:
    if wanted.wavelength is None or band.wavelength is None:
        return float("inf")
    return abs(wanted.wavelength - band.wavelength)


def _bands_of(collection: Collection) -> str:
    return ", ".join(
        f"{name} ({band.common_name})" if band.common_name else name for name, band in collection.bands.items()
    )


def _check_units(spec: InputSpec, collection: Collection, names: list[str]) -> None:
    """Refuse numbers of another unit, as far as the facts know it."""
    wanted = spec.unit.strip().lower()
    for name in names:
        band = collection.band(name)
        if band.kind in (BandKind.CLASSES, BandKind.BITS):
            raise ModelError(
                f"Band {name} of {collection.key} holds {band.kind}, which is no value to normalise.",
                fix="Take it out of the model's bands.",
                collection=collection.key,
            )
        units = _UNITS.get(band.kind, {band.unit.lower()})
        if wanted not in units | {band.unit.lower()} or (band.kind is not BandKind.REFLECTANCE and wanted == "1"):
            raise ModelError(
                f"The model takes {spec.unit}, and band {name} of {collection.key} is {band.kind} in {band.unit!r}.",
                fix=f"Choose a collection of {spec.unit}, or correct the unit in the card.",
                collection=collection.key,
            )


def _check_level(spec: InputSpec, collection: Collection) -> None:
    """Refuse surface reflectance for a model of top-of-atmosphere reflectance, and the other way round."""
    level = level_of(collection)
    if "any" not in (spec.level, level) and spec.level != level:
        raise ModelError(
            f"The model was trained on {spec.level} reflectance, and {collection.key} is {level}.",
            fix="Choose a collection of that level, or a model trained on this one.",
            collection=collection.key,
        )


def level_of(collection: Collection) -> str:
    """`surface`, `top-of-atmosphere`, or `any` where the facts do not tell.

    Of the collections known, Sentinel-2 L1C is the one at the top of the atmosphere: its offset rule tells it.
    """
    if collection.offset_rule == "sentinel-2-l1c":
        return "top-of-atmosphere"
    return "surface" if collection.sensor in ("sentinel-2", "landsat", "hls") else "any"
