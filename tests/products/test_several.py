"""Products of several inputs."""

import pytest

from swath.errors import ProductError
from swath.models.spec import BandInput, InputSpec, ModelSpec, ValueOutput, ValuesOutput
from swath.products import Product

from .facts import HEIGHT, RADAR, TOY

SEVERAL = """
name: several
version: "1"
title: Several
inputs:
  - {bands: [red, nir]}
  - {name: up, bands: [backscatter], where: {sat:orbit_state: ascending}, composite: {method: mean}}
  - {name: down, bands: [VV], where: {sat:orbit_state: descending}, composite: {method: mean}}
  - {name: height, bands: [data], static: timeless, resampling: bilinear}
"""
PRODUCT = Product.parse(SEVERAL, where="several")
FACTS = (TOY, RADAR, RADAR, HEIGHT)
VALUES = "model: {kind: values}\n"


def with_model(*bands: BandInput) -> Product:
    text = SEVERAL.replace("[red, nir]", "[model]").replace("[backscatter]", "[model]")
    text = text.replace("[VV]", "[model]").replace("[data]", "[model]")
    given = InputSpec(bands=bands, unit="reflectance", gsd=10, window=32, stride=32)
    output = ValuesOutput(values=(ValueOutput(name="agb", unit="Mg/ha"),))
    spec = ModelSpec(name="toy", task="regression", input=given, output=output)
    return Product.parse(text + VALUES, where="several").with_model(spec, "d" * 64)


RED = BandInput(name="B04", common_name="red")
UP = BandInput(name="VV", input="up", unit="gamma0", transform="decibel")
DEM = BandInput(name="data", input="height", unit="m")
PLACE = BandInput(name="latitude", input="location", unit="deg")


def test_layers_of_later_inputs_keep_their_names_until_one_is_taken() -> None:
    layers = {layer.name: layer for layer in PRODUCT.layers(*FACTS)}
    assert list(layers) == ["B04", "B08", "count", "VV", "VH", "up_count", "down_VV", "down_count", "data"]
    assert [(layers[name].input, layers[name].made_of) for name in ("B04", "VV", "down_VV", "data")] == [
        (0, None), (1, None), (2, "VV"), (3, None),
    ]  # fmt: skip
    assert layers["down_VV"].title == "VV, mean of clear observations (down)"


def test_rules_reach_layers_of_every_input() -> None:
    layers = PRODUCT.with_overrides(["output.layers={'*VV': {unit: gamma0}}"]).layers(*FACTS)
    assert {layer.name for layer in layers if layer.unit == "gamma0"} == {"VV", "down_VV"}


def test_each_input_has_a_cube_of_its_own_and_the_first_gives_the_grid() -> None:
    assert PRODUCT.cube_spec(RADAR, 1).bands == ("VV", "VH") and PRODUCT.cube_spec(RADAR, 2).bands == ("VV",)
    assert PRODUCT.cube_spec(HEIGHT, 3).resampling == "bilinear"
    assert PRODUCT.resolution(TOY) == 10


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("inputs.1.name=null", "inputs.1.name is None: only the first may go without one."),
        ("inputs.1.name=location", "inputs.1.name is 'location': that name stands for each pixel's place."),
        ("inputs.2.name=up", "two inputs are called 'up'."),
        ("inputs.0.optional=true", "inputs.0.optional is true, and the first input gives grid and steps."),
        ("inputs.1.optional=true", "inputs.1.optional is true, and its collection 'auto'"),
        ("inputs.3.bands=[model]", "inputs.3.bands is ['model']"),
        ("inputs.3.static=often", "inputs.3.static"),
        ("inputs.1.name=Up", "inputs.1.name"),
    ],
)
def test_inputs_that_contradict_each_other_are_refused(change: str, message: str) -> None:
    with pytest.raises(ProductError) as caught:
        PRODUCT.with_overrides([change])
    assert message in str(caught.value)


def test_nine_inputs_are_too_many() -> None:
    inputs = [{"name": f"i{n}", "bands": ["all"]} for n in range(9)]
    with pytest.raises(ProductError, match="at most 8"):
        Product.parse(f"{{name: a, version: '1', title: A, inputs: {inputs}}}", where="a")


def test_decibels_are_not_averaged() -> None:
    with pytest.raises(
        ProductError, match=r"inputs\.1\.composite\.method: mean of VV_dB of 'toy-radar', which are dec"
    ):
        PRODUCT.with_overrides(["inputs.1.bands=[VV_dB]"]).layers(*FACTS)


def test_a_model_reads_the_inputs_that_it_takes_bands_of() -> None:
    product = with_model(RED, DEM, PLACE)
    assert product.channels == ((0,), (), (), (1,))
    assert product.reads == (True, False, False, True)
    assert PRODUCT.reads == (True,) * 4
    assert [layer.name for layer in product.layers(TOY, None, None, HEIGHT)] == ["agb", "count"]
    assert product.cube_spec(HEIGHT, 3).bands == ("data",)


def test_a_model_of_an_input_that_the_product_lacks_is_refused() -> None:
    snow = BandInput(name="depth", input="snow", unit="m")
    with pytest.raises(ProductError, match=r"several: Model toy takes depth of an input 'snow'.*up, down, height"):
        _ = with_model(RED, snow).channels


def test_a_model_that_takes_nothing_of_the_first_input_is_refused() -> None:
    with pytest.raises(ProductError, match="nothing of the product's first input"):
        _ = with_model(UP).reads


def test_facts_of_every_input_stand_in_the_digest_and_its_address_does_not() -> None:
    digest = PRODUCT.pixel_digest(*FACTS)
    changed = HEIGHT.model_copy(update={"bands": {"data": HEIGHT.bands["data"].model_copy(update={"nodata": -1})}})
    assert PRODUCT.pixel_digest(TOY, RADAR, RADAR, changed) != digest
    assert PRODUCT.with_overrides(["inputs.3.source=https://stac.example.org"]).pixel_digest(*FACTS) == digest
    for change in ("inputs.1.where={}", "inputs.3.static=true", "inputs.3.resampling=cubic", "inputs.1.bands=[VV]"):
        assert PRODUCT.with_overrides([change]).pixel_digest(*FACTS) != digest


GOLDEN = {
    "swath-simulated-optical": "e9c98730d8228c3ba8ab86f6db3f64f41dd0f3f9b69bdc47c927c4ef184195dc",
    "planetary-computer-sentinel-2-l2a": "6356a5d7a6d363f65bb6b08bf0f3ff08d2b21deaefbb0889ca622a95ea4fa180",
    None: "6566c90a6ae2fb45af88ddc45da815fc3ee65fe3aeab6395801e829d49d0a0b9",
}


@pytest.mark.parametrize(("key", "digest"), GOLDEN.items())
def test_products_of_one_input_keep_the_digest_that_they_had_before_there_were_several(key, digest) -> None:
    from swath.sources import collection

    assert Product.load("mosaic").pixel_digest(*([collection(key)] if key else [])) == digest


def test_biomass_reads_optical_radar_by_both_ways_heights_and_the_place() -> None:
    product = Product.load("biomass")
    assert [given.name for given in product.inputs] == [
        "optical", "radar_ascending", "radar_descending", "elevation",
    ]  # fmt: skip
    assert [given.composite.method.value for given in product.inputs[1:3]] == ["mean", "mean"]
    assert product.inputs[1].where == {"sat:orbit_state": "ascending"} and product.inputs[3].static == "timeless"
    bands = (RED, BandInput(name="VV", input="radar_descending", unit="gamma0", transform="decibel"), PLACE)
    given = InputSpec(bands=bands, unit="reflectance", gsd=10, window=32, stride=32)
    values = ValuesOutput(
        values=tuple(ValueOutput(name=name, unit="Mg/ha") for name in ("agb", "agb_sd", "q05", "q95"))
    )
    product = product.with_model(ModelSpec(name="toy", task="regression", input=given, output=values), "d" * 64)
    layers = product.layers(TOY, None, RADAR, None)
    assert [(layer.name, layer.unit) for layer in layers[:-1]] == [
        (name, "Mg/ha") for name in ("agb", "agb_sd", "q05", "q95")
    ]
    assert product.reads == (True, False, True, False)
