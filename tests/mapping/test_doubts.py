"""Entropy, margin and sets of a map's classes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mapping.test_classes import LEGEND, spec
from swath.errors import ProductError
from swath.mapping.classes import Shares, share_classes
from swath.mapping.item import asset_facts, extensions
from swath.models.calibration import ClassCalibration, PredictionSets
from swath.products import Legend, LegendClass, ModelUse

ALL = ("class", "entropy", "margin", "set")
CLASSES = ("tree cover", "grassland", "water")


def use(*classes, threshold=0.25, **fields):
    made = ClassCalibration(
        scale=(1.0,) * len(classes), bias=(0.0,) * len(classes), sets=PredictionSets(level=0.9, threshold=threshold)
    )
    told = spec(*classes).model_copy(update={"calibration": made})
    return ModelUse(**{"legend": LEGEND, "layers": ALL, **fields}).bind(told, "d" * 64, where="toy")


def shared(strip, bound):
    layers = {layer.name: np.full(strip.shape[1:], 77, layer.dtype) for layer in bound.made_layers(where="toy")}
    share_classes(np.asarray(strip, np.float32), Shares.of(bound, where="toy"), layers, 0)
    return layers


@settings(max_examples=20, deadline=None)
@given(arrays(np.float32, (3, 2, 5), elements=st.floats(0.015625, 1, width=32)))
def test_they_are_those_of_plain_formulas(strip):
    strip = strip / strip.sum(0)
    made = shared(strip, use(*CLASSES))
    entropy = -(strip * np.log(strip)).sum(0) / np.log(3)
    ranked = np.sort(strip, axis=0)
    assert np.abs(made["entropy"] - 250 * entropy).max() <= 0.51
    assert np.abs(made["margin"] - 250 * (ranked[-1] - ranked[-2])).max() <= 0.51
    held = strip >= np.float32(0.25)
    np.put_along_axis(held, strip.argmax(0)[None], True, axis=0)
    assert (made["set"] == (held * np.array([1, 2, 4]).reshape(3, 1, 1)).sum(0)).all()


def test_a_set_holds_the_likeliest_class_where_none_reaches_the_threshold():
    made = shared(np.array([[[0.3]], [[0.4]], [[0.3]]]), use(*CLASSES, threshold=0.9))
    assert made["set"].tolist() == [[2]]


def test_bits_are_classes_of_the_legend_and_not_of_the_model():
    made = shared(np.array([[[0.9]], [[0.1]]]), use("water", "tree cover", threshold=0.5))
    assert made["set"].tolist() == [[4]]


def test_classes_that_become_one_are_one_in_a_set_and_leave_no_entropy():
    bound = use("forest", "scrub", "water", names={"forest": "tree cover", "scrub": "tree cover"})
    made = shared(np.array([[[0.5]], [[0.5]], [[0.0]]]), bound)
    assert (made["set"], made["entropy"], made["margin"]) == (1, 0, 250)


def test_no_data_has_no_set_no_entropy_and_no_margin():
    made = shared(np.full((3, 1, 1), np.nan), use(*CLASSES))
    assert (made["set"], made["entropy"], made["margin"]) == (0, 255, 255)


def test_entropy_and_margin_need_no_calibration():
    bound = ModelUse(legend=LEGEND, layers=("entropy", "margin")).bind(spec(*CLASSES), "d" * 64, where="toy")
    made = shared(np.full((3, 1, 1), 1 / 3), bound)
    assert (made["entropy"], made["margin"]) == (250, 0) and "set" not in made


def test_a_set_of_a_model_that_was_not_calibrated_is_refused():
    with pytest.raises(ProductError, match="no prediction sets: it was not calibrated"):
        ModelUse(legend=LEGEND, layers=("set",)).bind(spec(*CLASSES), "d" * 64, where="toy")


def test_a_legend_of_more_classes_than_a_mask_has_bits_is_refused():
    many = Legend(classes=tuple(LegendClass(code=n + 1, name=f"c{n}", color="#000000") for n in range(17)))
    with pytest.raises(ProductError, match="17 classes, and `set` has bits for 16"):
        use("c0", "c1", legend=many)


def test_the_items_asset_says_what_each_bit_means():
    (layer,) = (one for one in use(*CLASSES).made_layers(where="toy") if one.name == "set")
    fields = asset_facts(layer)["classification:bitfields"]
    assert [(one["name"], one["offset"], one["length"]) for one in fields] == [
        ("tree_cover", 0, 1), ("grassland", 1, 1), ("water", 2, 1),
    ]  # fmt: skip
    assert any("classification" in uri for uri in extensions([layer]))
