from __future__ import annotations

import pytest

from swath.errors import ModelError
from swath.models.inputs import level_of, match_bands
from swath.models.spec import BandInput, InputSpec
from swath.sources import Band, BandKind, Collection, collection


def spec(*bands: BandInput, **more) -> InputSpec:
    return InputSpec(bands=bands, gsd=10, window=32, stride=32, **{"unit": "reflectance", **more})


def made(**bands) -> Collection:
    known = {"kind": BandKind.REFLECTANCE, "dtype": "uint16", "nodata": 0, "gsd": 10}
    return Collection(
        key="made", title="made", source="made in a test", verified=True, sensor="other", ids=("made",),
        bands={name: Band(**{"asset": name, **known, **facts}) for name, facts in bands.items()},
    )  # fmt: skip


SENTINEL = collection("planetary-computer-sentinel-2-l2a")
LANDSAT = collection("planetary-computer-landsat-c2-l2")


def test_bands_fit_by_name_in_the_order_of_the_model():
    assert match_bands(spec(BandInput(name="B08"), BandInput(name="B02")), SENTINEL) == ("B08", "B02")


def test_bands_of_another_name_fit_by_common_name():
    wanted = spec(BandInput(name="red", common_name="red"), BandInput(name="ir", common_name="nir"))
    assert match_bands(wanted, SENTINEL) == ("B04", "B08")


def test_of_several_of_a_common_name_the_nearest_in_wavelength_is_taken():
    several = made(a={"common_name": "rededge", "wavelength": 0.70}, b={"common_name": "rededge", "wavelength": 0.74})
    wanted = spec(BandInput(name="x", common_name="rededge", wavelength=0.745))
    assert match_bands(wanted, several) == ("b",)


def test_bands_fit_by_the_nearest_wavelength_within_twenty_nanometres():
    near = made(a={"wavelength": 0.65}, b={"wavelength": 0.668}, c={"wavelength": 0.69})
    assert match_bands(spec(BandInput(name="x", wavelength=0.66)), near) == ("b",)
    with pytest.raises(ModelError, match=r"lacks bands that the model takes: x\. It has a, b, c"):
        match_bands(spec(BandInput(name="x", wavelength=0.72)), near)


def test_the_same_name_of_another_sensor_does_not_fit():
    other = made(B05={"common_name": "nir08", "wavelength": 0.865}, edge={"common_name": "e", "wavelength": 0.705})
    assert match_bands(spec(BandInput(name="B05", wavelength=0.704)), other) == ("edge",)
    with pytest.raises(ModelError, match=r"B05 \(rededge071\)"):
        match_bands(spec(BandInput(name="B05", common_name="rededge071")), other)


def test_missing_bands_are_named_with_what_there_is_and_a_close_name():
    wanted = spec(BandInput(name="B02"), BandInput(name="B8"), BandInput(name="thermal", common_name="lwir11"))
    with pytest.raises(ModelError) as caught:
        match_bands(wanted, SENTINEL)
    assert "B8, thermal (lwir11)" in caught.value.message and "B04 (red)" in caught.value.message
    assert caught.value.fix.startswith("Did you mean B8A or B08")
    assert caught.value.facts["missing"] == ["B8", "thermal"]


def test_one_band_cannot_stand_for_two_channels():
    with pytest.raises(ModelError, match="would stand for B08 and near of the model"):
        match_bands(spec(BandInput(name="B08"), BandInput(name="near", common_name="nir")), SENTINEL)


def test_a_mask_band_is_no_input():
    with pytest.raises(ModelError, match=r"Band SCL of .* holds classes"):
        match_bands(spec(BandInput(name="SCL")), SENTINEL)


@pytest.mark.parametrize(
    ("unit", "facts", "fits"),
    [
        ("reflectance", {"kind": "reflectance"}, True),
        ("Reflectance", {"kind": "reflectance"}, True),
        ("1", {"kind": "reflectance"}, True),
        ("K", {"kind": "reflectance"}, False),
        ("K", {"kind": "temperature", "unit": "K"}, True),
        ("reflectance", {"kind": "temperature", "unit": "K"}, False),
        ("dB", {"kind": "backscatter"}, True),
        ("reflectance", {"kind": "backscatter"}, False),
        ("m", {"kind": "quantity", "unit": "m"}, True),
        ("cm", {"kind": "quantity", "unit": "m"}, False),
    ],
)
def test_the_unit_must_be_that_of_the_band(unit, facts, fits):
    if fits:
        assert match_bands(spec(BandInput(name="a"), unit=unit), made(a=facts)) == ("a",)
    else:
        with pytest.raises(ModelError, match="The model takes"):
            match_bands(spec(BandInput(name="a"), unit=unit), made(a=facts))


def test_the_level_must_be_that_of_the_collection_where_facts_tell_it():
    top = collection("sentinel-2-l1c")
    band = BandInput(name="B04")
    assert level_of(top) == "top-of-atmosphere" and level_of(SENTINEL) == level_of(LANDSAT) == "surface"
    assert match_bands(spec(band, level="top-of-atmosphere"), top) == ("B04",)
    with pytest.raises(ModelError, match="trained on surface reflectance, and sentinel-2-l1c is top-of-atmosphere"):
        match_bands(spec(band, level="surface"), top)
    with pytest.raises(ModelError, match="trained on top-of-atmosphere"):
        match_bands(spec(band, level="top-of-atmosphere"), SENTINEL)
    assert match_bands(spec(BandInput(name="a"), level="surface"), made(a={})) == ("a",)
