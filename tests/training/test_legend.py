"""Values of a label column to classes."""

import pytest

from swath.errors import LabelError
from swath.training.legend import LabelLegend

WORLDCOVER = {10: "tree cover", 30: "grassland", 40: "cropland", 80: "water"}


def test_many_values_may_mean_one_class_and_null_drops():
    legend = LabelLegend.of({"forest": "tree cover", "wood": "tree cover", "scrub": None})
    assert legend.names(["wood", "forest", "scrub"]) == ["tree cover", "tree cover", None]


def test_without_a_legend_names_stand_as_they_are():
    assert LabelLegend.of(None).names(["b", "a "]) == ["b", "a"]


@pytest.mark.parametrize("value", [10, 10.0, "10", "tree cover"])
def test_a_code_or_a_name_of_the_product_is_its_class(value):
    assert LabelLegend.of(None, WORLDCOVER).names([value]) == ["tree cover"]


def test_unknown_values_are_all_named_with_the_choices():
    with pytest.raises(LabelError, match=r"2 values of the labels have no class: 'peat', 'wod'.*Choices: forest, wood"):
        LabelLegend.of({"forest": "tree", "wood": "tree"}).names(["wood", "wod", "peat"])


def test_a_class_that_the_product_lacks_is_refused_with_its_classes():
    with pytest.raises(LabelError, match=r"'forest' is mapped to 'tree', .*Choices: tree cover, grassland"):
        LabelLegend.of({"forest": "tree"}, WORLDCOVER)


def test_classes_come_in_the_products_order():
    legend = LabelLegend.of({"lake": "water", "forest": "tree cover"}, WORLDCOVER)
    assert legend.order(["water", "tree cover"]) == ("tree cover", "water")


def test_a_file_is_read_and_a_key_that_stands_twice_is_refused(tmp_path):
    path = tmp_path / "legend.yaml"
    path.write_text("10: tree\nscrub: null\n")
    assert LabelLegend.of(path).names([10, "scrub"]) == ["tree", None]
    path.write_text("10: tree\n10: water\n")
    with pytest.raises(LabelError, match=r"line 2.*stands twice"):
        LabelLegend.of(path)


@pytest.mark.parametrize(
    ("legend", "words"),
    [({}, "mapping of values"), ({"a": 3}, "is 3, which is no text"), ({"a": None}, "drops every value")],
)
def test_a_legend_of_no_use_is_refused(legend, words):
    with pytest.raises(LabelError, match=words):
        LabelLegend.of(legend)
