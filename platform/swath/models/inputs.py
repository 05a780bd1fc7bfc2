"""Which bands of a collection a model reads."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from swath.errors import ModelError
from swath.models.spec import LOCATION, BandInput, InputSpec, band_names
from swath.sources import Band, BandKind, Collection

#: Micrometres by which the centres of two bands may differ and still be one band to a model.
NEAR = 0.02

#: Kinds of bands whose values have a unit that a model may be trained on, and how that unit may be written.
_UNITS = {
    BandKind.REFLECTANCE: {"reflectance"},
    BandKind.TEMPERATURE: {"k", "kelvin"},
    BandKind.BACKSCATTER: {"gamma0", "sigma0", "backscatter"},
}


def match_bands(
    spec: InputSpec, collection: Collection, bands: Sequence[BandInput] | None = None
) -> tuple[str | None, ...]:
    """Names of a collection's bands in the order of a model's channels.

    A band fits by name (the wavelengths, where both are known, must agree), else by common name, else by the nearest
    wavelength within 0.02 micrometres. Location fits none.

    Args:
        spec: What the model takes.
        collection: Facts.
        bands: Those of the model that the collection is to give; all by default.

    Returns:
        A name a channel; None where an optional one has no band in the collection.

    Raises:
        ModelError: A band that the collection lacks or that fits two channels, another unit, or reflectance of another
            level.
    """
    bands = spec.bands if bands is None else bands
    _check_level(spec, collection)
    found = [_match(band, collection) for band in bands]
    missing = [band for band, name in zip(bands, found, strict=True) if name is None and not band.optional]
    if missing or not any(found):
        wanted = missing or bands
        close = [hit for band in wanted for hit in get_close_matches(band.name, collection.bands, n=2, cutoff=0.6)]
        raise ModelError(
            f"Collection {collection.key} lacks bands that the model takes: {band_names(wanted)}. It has "
            f"{_bands_of(collection)}.",
            fix=("Did you mean " + " or ".join(dict.fromkeys(close)) + "? " if close else "")
            + "Choose a collection that has them, or name the bands in the card as the collection does.",
            collection=collection.key,
            missing=[band.name for band in wanted],
        )
    for name in found:
        if name is not None and found.count(name) > 1:
            both = [band.name for band, fits in zip(bands, found, strict=True) if fits == name]
            raise ModelError(
                f"Band {name} of {collection.key} would stand for {' and '.join(both)} of the model.",
                fix="State names, or wavelengths, in the card that tell them apart.",
                collection=collection.key,
            )
    for band, name in zip(bands, found, strict=True):
        if name is not None:
            _check_unit(spec.unit_of(band), band, name, collection)
    return tuple(found)


def channels_of(spec: InputSpec, inputs: Sequence[str | None], *, model: str) -> tuple[tuple[int, ...], ...]:
    """Which of a model's channels each input of a product gives, by their places in `InputSpec.bands`.

    Args:
        spec: What the model takes.
        inputs: Names of the product's inputs in order; the first also gives the bands that name none.
        model: Its name, for the message.

    Returns:
        A tuple an input, empty where the model takes nothing of it; the channels of `location` are in none.

    Raises:
        ModelError: A band of an input that the product does not have, or none of the first, which gives the grid.
    """
    places: list[list[int]] = [[] for _ in inputs]
    for place, band in enumerate(spec.bands):
        if band.input == LOCATION:
            continue
        if band.input is not None and band.input not in inputs:
            named = [name for name in inputs if name is not None]
            raise ModelError(
                f"Model {model} takes {band.name} of an input {band.input!r}, which the product does not have.",
                fix=(f"Its inputs are {', '.join(named)}. " if named else "Its inputs have no names. ")
                + f"Add one with name: {band.input}, or choose another model.",
                missing=[band.channel],
            )
        places[0 if band.input is None else list(inputs).index(band.input)].append(place)
    if not places[0]:
        raise ModelError(
            f"Model {model} takes {band_names(spec.bands)}: nothing of the product's first input, which gives grid and "
            "steps.",
            fix="Put an input that the model takes first.",
        )
    return tuple(map(tuple, places))


def unit_of(band: Band) -> str:
    """The unit that a model of a band names: that of its values, or what they are where that has no unit."""
    return (
        str(band.kind) if band.kind in (BandKind.REFLECTANCE, BandKind.BACKSCATTER) and band.unit == "1" else band.unit
    )


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


def _check_unit(unit: str, wanted: BandInput, name: str, collection: Collection) -> None:
    """Refuse numbers of another unit, as far as the facts know it."""
    band = collection.band(name)
    if band.kind in (BandKind.CLASSES, BandKind.BITS):
        raise ModelError(
            f"Band {name} of {collection.key} holds {band.kind}, which is no value to normalise.",
            fix="Take it out of the model's bands.",
            collection=collection.key,
        )
    asked, own = unit.strip().lower(), band.unit.lower()
    units = _UNITS.get(band.kind, set()) | {own}
    if band.kind is BandKind.TEMPERATURE:
        units -= {"1"}
    # decibels are made of linear power, or stand in the file: never both, never neither
    decibels = wanted.transform == "decibel"
    if band.kind is BandKind.BACKSCATTER:
        units = ({"db"} if own == "db" else units | {"db"} if decibels else units) - {"1"}
    if asked not in units or (decibels and own == "db"):
        raise ModelError(
            f"The model takes {unit}, and band {name} of {collection.key} is {band.kind} in {band.unit!r}"
            + (", to be turned into decibels." if decibels else "."),
            fix=f"Choose a collection of {unit}, or correct unit and transform in the card.",
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
