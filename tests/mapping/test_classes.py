"""Scores of a model's classes become codes, confidence and probabilities of a product's legend."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from swath.errors import ProductError
from swath.mapping.classes import Shares, share_classes
from swath.models.spec import BandInput, ClassesOutput, InputSpec, ModelSpec, ValueOutput, ValuesOutput
from swath.products import Legend, LegendClass, ModelUse

LEGEND = Legend(
    classes=(
        LegendClass(code=10, name="tree cover", color="#006400"),
        LegendClass(code=30, name="grassland", color="#ffff4c"),
        LegendClass(code=80, name="water", color="#0064c8"),
    )
)


def spec(*classes: str, output=None) -> ModelSpec:
    given = InputSpec(bands=(BandInput(name="B04"),), unit="reflectance", gsd=10, window=8, stride=8)
    return ModelSpec(name="toy", input=given, output=output or ClassesOutput(classes=classes))


def use(*classes: str, **fields) -> ModelUse:
    return ModelUse(legend=LEGEND, **fields).bind(spec(*classes), "d" * 64, where="toy")


def shared(strip, bound):
    layers = {layer.name: np.full(strip.shape[1:], 77, np.uint8) for layer in bound.made_layers(where="toy")}
    share_classes(np.asarray(strip, np.float32), Shares.of(bound, where="toy"), layers, 0)
    return layers


def test_the_likeliest_class_and_its_probability_are_written():
    made = shared(np.array([[[0.2, 0.7]], [[0.5, 0.1]], [[0.3, 0.2]]]), use("water", "tree cover", "grassland"))
    assert made["class"].tolist() == [[10, 80]]
    assert made["confidence"].tolist() == [[125, 175]]


def test_classes_that_become_one_add_up():
    bound = use(
        "forest", "scrub", "water", names={"forest": "tree cover", "scrub": "tree cover"}, probabilities=["all"]
    )
    made = shared(np.array([[[0.3]], [[0.3]], [[0.4]]]), bound)
    assert made["class"].tolist() == [[10]]
    assert made["probability_tree_cover"].tolist() == [[150]]
    assert made["probability_water"].tolist() == [[100]]
    assert "probability_grassland" not in made


def test_a_class_that_is_left_out_never_wins():
    made = shared(np.array([[[0.9]], [[0.1]]]), use("other", "water", names={"other": None}))
    assert made["class"].tolist() == [[80]]


def test_no_data_has_no_class_no_confidence_and_no_probability():
    nothing = np.full((2, 1, 1), np.nan)
    made = shared(nothing, use("water", "tree cover", probabilities=["water"]))
    assert (made["class"], made["confidence"], made["probability_water"]) == (0, 255, 255)


def test_of_two_alike_the_first_of_the_legend_wins():
    made = shared(np.array([[[0.5]], [[0.5]]]), use("water", "tree cover"))
    assert made["class"].tolist() == [[10]]


@given(arrays(np.float32, (3, 4, 5), elements=st.floats(0, 1, width=32)))
def test_codes_are_those_of_a_plain_argmax(strip):
    made = shared(strip, use("tree cover", "grassland", "water"))
    assert (made["class"] == np.array([10, 30, 80])[strip.argmax(0)]).all()
    np.testing.assert_array_equal(made["confidence"], np.rint(strip.max(0) * np.float32(250)).astype(np.uint8))


def test_a_class_that_the_legend_lacks_is_named_with_the_fix():
    with pytest.raises(ProductError, match=r"'lava', which the legend does not have.*model.names=\{lava: …\}"):
        use("water", "lava")


def test_a_probability_of_a_class_that_the_model_does_not_know_is_refused():
    with pytest.raises(ProductError, match="no probability of 'grassland'"):
        use("water", "tree cover", probabilities=["grassland"])


def test_a_model_of_another_kind_is_refused():
    values = ValuesOutput(values=(ValueOutput(name="agb", unit="Mg/ha"),))
    with pytest.raises(ProductError, match="gives values, the product maps classes"):
        ModelUse(legend=LEGEND).bind(spec(output=values), "d" * 64, where="toy")


def test_code_0_is_kept_for_no_data():
    broken = Legend(classes=(LegendClass(code=0, name="water", color="#0064c8"),))
    with pytest.raises(ValueError, match="0 is no data"):
        ModelUse(legend=broken)
