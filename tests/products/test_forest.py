"""Forest definitions in products."""

import pytest

from swath.errors import ProductError
from swath.models.spec import BandInput, InputSpec, ModelSpec, ValueOutput, ValuesOutput
from swath.products import Product, check

from .facts import HEIGHT, RADAR, TOY

TEXT = """
name: forest
version: "1"
title: Biomass of forest
inputs:
  - {bands: [model]}
  - {name: canopy, bands: [data], static: timeless}
  - {name: radar, bands: [backscatter], optional: false}
model: {kind: values}
forest: {height: {input: canopy, least: 5}, cover: {input: radar, band: VH, least: 0.1}, area_ha: 0.5}
"""
PRODUCT = Product.parse(TEXT, where="forest")


def with_model(product: Product) -> Product:
    given = InputSpec(
        bands=(BandInput(name="B04", common_name="red"),), unit="reflectance", gsd=10, window=32, stride=32
    )
    output = ValuesOutput(values=(ValueOutput(name="agb", unit="Mg/ha"),))
    return product.with_model(ModelSpec(name="toy", task="regression", input=given, output=output), "d" * 64)


def test_its_inputs_are_read_though_the_model_takes_nothing_of_them():
    product = with_model(PRODUCT)
    assert product.channels == ((0,), (), ()) and product.reads == (True, True, True)
    assert product.cube_spec(HEIGHT, 1).bands == ("data",)


def test_the_layer_of_forest_tells_the_definition():
    layers = {layer.name: layer for layer in with_model(PRODUCT).layers(TOY, HEIGHT, RADAR)}
    assert list(layers) == ["agb", "forest", "count"]
    legend = layers["forest"].legend
    assert legend is not None and [c.code for c in legend.classes] == [1, 2]
    assert legend.classes[0].description == (
        "Has height of at least 5 m (Toy heights) and cover of at least 0.1 (Toy radar), in groups of 0.5 ha or more."
    )


def test_the_smallest_group_is_rounded_up_to_whole_pixels():
    forest = PRODUCT.forest
    assert forest is not None
    assert [forest.least_pixels(edge) for edge in (10, 20, 30, 100)] == [50, 13, 6, 1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("forest.height.input=crowns", "forest.height.input is 'crowns', and no input is called so."),
        ("inputs.2.optional=true", "optional"),
        ("inputs.1.bands=[model]", "forest.height.input is 'canopy', of which the model says what is read."),
        ("model=null", "a forest definition cuts values that a model gives, and there is no model."),
        ("forest={area_ha: 1}", "needs height, cover or both"),
        ("forest.area_ha=11", "forest.area_ha"),
    ],
)
def test_a_definition_that_cannot_be_followed_is_refused(change, message):
    with pytest.raises(ProductError) as caught:
        PRODUCT.with_overrides([change])
    assert message in str(caught.value)


def test_of_an_input_of_several_bands_one_must_be_named():
    product = with_model(PRODUCT.with_overrides(["forest.cover.band=null"]))
    with pytest.raises(ProductError, match=r"forest.cover.band is None, and input radar reads VV, VH"):
        product.layers(TOY, HEIGHT, RADAR)


def test_an_input_that_names_bands_is_refused_without_a_definition_that_reads_it():
    with pytest.raises(ProductError, match=r"inputs.1.bands is \['data'\]"):
        PRODUCT.with_overrides(["forest=null"])


def test_the_definition_touches_pixels():
    digest = PRODUCT.pixel_digest(None, None, None)
    for change in ("forest.area_ha=1", "forest.outside=nodata", "forest.height.least=3", "forest.neighbours=4"):
        assert PRODUCT.with_overrides([change]).pixel_digest(None, None, None) != digest


def test_a_product_file_with_a_definition_passes_the_check(tmp_path):
    path = tmp_path / "forest.yaml"
    path.write_text(TEXT)
    assert check(path).forest == PRODUCT.forest
