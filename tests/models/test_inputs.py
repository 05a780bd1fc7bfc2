from __future__ import annotations

import pytest

from swath.errors import ModelError
from swath.models.inputs import channels_of, level_of, match_bands, unit_of
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
        ("gamma0", {"kind": "backscatter"}, True),
        ("dB", {"kind": "backscatter", "unit": "dB"}, True),
        ("dB", {"kind": "backscatter"}, False),
        ("reflectance", {"kind": "backscatter"}, False),
        ("1", {"kind": "backscatter"}, False),
        ("m", {"kind": "quantity", "unit": "m"}, True),
        ("cm", {"kind": "quantity", "unit": "m"}, False),
        ("1", {"kind": "quantity"}, True),
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


def test_decibels_are_made_of_linear_power_or_stand_in_the_file():
    turned = BandInput(name="a", unit="gamma0", transform="decibel")
    linear, decibels = made(a={"kind": "backscatter"}), made(a={"kind": "backscatter", "unit": "dB"})
    assert match_bands(spec(turned), linear) == ("a",)
    with pytest.raises(ModelError, match="to be turned into decibels"):
        match_bands(spec(turned.model_copy(update={"unit": "dB"})), decibels)


def test_a_band_may_have_a_unit_of_its_own():
    facts = made(a={}, b={"kind": "quantity", "unit": "m"})
    assert match_bands(spec(BandInput(name="a"), BandInput(name="b", unit="m")), facts) == ("a", "b")
    with pytest.raises(ModelError, match="takes reflectance, and band b of made is quantity in 'm'"):
        match_bands(spec(BandInput(name="a"), BandInput(name="b")), facts)


def test_an_optional_band_may_lack_but_not_all():
    wanted = spec(BandInput(name="B04", optional=True), BandInput(name="thermal", optional=True))
    assert match_bands(wanted, SENTINEL) == ("B04", None)
    with pytest.raises(ModelError, match="lacks bands that the model takes: thermal"):
        match_bands(wanted, SENTINEL, wanted.bands[1:])


RADAR = (BandInput(name="VV", input="up", unit="gamma0"), BandInput(name="VV", input="down", unit="gamma0"))
PLACE = BandInput(name="latitude", input="location", unit="deg")


def test_channels_go_to_the_inputs_that_they_name_and_the_place_to_none():
    given = spec(BandInput(name="B04"), *RADAR, PLACE, BandInput(name="B08", input="optical"))
    assert channels_of(given, ["optical", "down", "up", "dem"], model="m") == ((0, 4), (2,), (1,), ())
    assert [band.channel for band in given.bands] == ["B04", "up_VV", "down_VV", "location_latitude", "optical_B08"]


def test_an_input_that_the_product_lacks_is_named_with_those_that_it_has():
    with pytest.raises(ModelError, match=r"takes VV of an input 'up', .* Its inputs are down"):
        channels_of(spec(BandInput(name="B04"), *RADAR), [None, "down"], model="m")


def test_the_first_input_gives_a_band():
    with pytest.raises(ModelError, match="nothing of the product's first input"):
        channels_of(spec(*RADAR), [None, "up", "down"], model="m")


def test_location_gives_longitude_and_latitude_only():
    with pytest.raises(ValueError, match="location gives longitude and latitude, and no 'height'"):
        BandInput(name="height", input="location")


def test_units_of_models_are_those_of_values_or_what_they_are():
    facts = made(a={}, b={"kind": "backscatter"}, c={"kind": "quantity", "unit": "m"}, d={"kind": "quantity"})
    assert [unit_of(facts.bands[name]) for name in "abcd"] == ["reflectance", "backscatter", "m", "1"]
