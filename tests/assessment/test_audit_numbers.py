"""The audit finds numbers that cannot be, and layers that do not fit one another."""

import numpy as np
import pytest
import rasterio

from .broken_map import CORNER, MIDDLE, found
from .good_map import STEP


def somewhere(value):
    def change(numbers):
        numbers[100:102, 40] = value
        return numbers

    return change


@pytest.mark.parametrize(
    ("layer", "value", "reason"),
    [
        ("class", 41, "2 pixels: codes 41 are not in the legend"),
        ("confidence", 251, "2 pixels: above 1 1"),
        ("probability_tree", 250, "2 pixels: probabilities add up to more than 1"),
        ("entropy", 252, "2 pixels: above 1 1"),
        ("margin", 253, "2 pixels: above 1 1"),
        ("set", 9, "2 pixels: bits above the 3 that there are"),
        ("agb", -3, "2 pixels: below 0 Mg/ha"),
        ("agb", np.inf, "infinite"),
    ],
)
def test_values_out_of_range_are_found(broken, layer, value, reason):
    broken.redraw(MIDDLE, layer, somewhere(value))
    finding = found(broken, "ranges")
    assert finding.verdict == "failed"
    assert any(reason in one.reason for one in finding.offending), finding.offending


@pytest.mark.parametrize(
    ("layer", "value", "reason"),
    [
        ("entropy", 255, "2 pixels: data and no class, or class and no data"),
        ("set", 0, "2 pixels: data and no class, or class and no data"),
        ("q95", np.nan, "2 pixels: data and no agb, or agb and no data"),
        ("margin", 250, "2 pixels: above the confidence"),
        ("probability_tree", 249, "2 pixels: above the confidence"),
        ("class", 40, "the set lacks the class of the map"),
    ],
)
def test_what_tells_how_sure_a_class_or_value_is_must_fit_it(broken, layer, value, reason):
    broken.redraw(MIDDLE, layer, somewhere(value))
    finding = found(broken, "uncertainty")
    assert finding.verdict == "failed"
    assert [one.unit for one in finding.offending] == [f"{MIDDLE.id}_{STEP}"]
    assert reason in finding.offending[0].reason


@pytest.mark.parametrize(
    ("layer", "value", "reason"),
    [
        ("applicable", 2, "2 pixels: neither 0 nor 1"),
        ("applicable", 255, "2 pixels: data in only one of it and dissimilarity"),
        ("dissimilarity", 255, "2 pixels: data in only one of it and dissimilarity"),
        ("dissimilarity", 200, "numbers of dissimilarity up to 200 are inside, and from 81 on outside"),
    ],
)
def test_layers_of_applicability_must_say_the_same(broken, layer, value, reason):
    broken.redraw(MIDDLE, layer, somewhere(value))
    finding = found(broken, "applicability")
    assert finding.verdict == "failed"
    assert {one.unit for one in finding.offending} == {f"{MIDDLE.id}_{STEP}"}
    assert any(reason in one.reason for one in finding.offending), finding.offending


def test_a_tile_of_another_threshold_is_found_though_it_agrees_with_itself(broken):
    with rasterio.open(broken.path(MIDDLE, "dissimilarity")) as file:
        index = file.read(1)
    broken.redraw(MIDDLE, "applicable", lambda numbers: np.where(numbers == 255, 255, index <= 60))
    finding = found(broken, "applicability")
    assert (finding.verdict, finding.counts) == ("failed", {"units of another threshold": 1})
    assert [one.unit for one in finding.offending] == [f"{MIDDLE.id}_{STEP}"]


def test_a_model_that_is_applicable_everywhere_is_no_constant_layer(broken):
    for tile in (MIDDLE, CORNER):
        broken.redraw(tile, "applicable", lambda numbers: np.where(numbers == 255, 255, 1))
    assert found(broken, "constants").verdict == "passed"
    for tile in (MIDDLE, CORNER):
        broken.redraw(tile, "applicable", lambda numbers: np.where(numbers == 255, 255, 0))
    assert found(broken, "constants").counts["constant layers"] == 1


def test_few_quantiles_that_cross_are_odd_and_many_are_wrong(broken):
    broken.redraw(MIDDLE, "q05", somewhere(400))
    assert found(broken, "ranges").verdict == "warned"
    broken.redraw(MIDDLE, "q05", lambda numbers: numbers + 100)
    finding = found(broken, "ranges")
    assert finding.verdict == "failed"
    assert finding.counts["pixels with quantiles that cross"] > 30_000


def test_a_constant_layer_is_found_though_a_tile_may_be_constant(broken):
    broken.redraw(MIDDLE, "agb", lambda numbers: np.full_like(numbers, 80))
    assert found(broken, "constants").verdict == "passed"
    for tile in (MIDDLE, CORNER):
        broken.redraw(tile, "agb", lambda numbers: np.full_like(numbers, 80))
    finding = found(broken, "constants")
    assert (finding.verdict, finding.offending[0].reason) == ("failed", "it is 80 everywhere")


def test_a_layer_without_data_is_found(broken):
    for tile in (MIDDLE, CORNER):
        broken.redraw(tile, "q95", lambda numbers: np.full_like(numbers, np.nan))
    finding = found(broken, "constants")
    assert (finding.verdict, finding.offending[0].layer) == ("failed", "q95")


def test_one_class_everywhere_is_odd_only(broken):
    for tile in (MIDDLE, CORNER):
        broken.redraw(tile, "class", lambda numbers: np.where(numbers > 0, 10, 0))
    assert found(broken, "constants").verdict == "warned"
