import pytest

from swath.products import Legend, LegendClass

TREE = LegendClass(code=10, name="tree cover", color="#006400")


def test_a_colour_table_has_each_code() -> None:
    assert Legend(classes=(TREE,)).colormap() == {10: (0, 100, 0, 255)}


def test_a_legend_is_told_as_stac_classes() -> None:
    assert Legend(classes=(TREE,)).to_stac() == [
        {"value": 10, "name": "tree_cover", "description": "tree cover", "color_hint": "006400"}
    ]


def test_a_code_stands_once() -> None:
    with pytest.raises(ValueError, match="code 10 stands twice"):
        Legend(classes=(TREE, TREE))


@pytest.mark.parametrize("color", ["red", "#12345", "006400"])
def test_a_colour_is_written_in_hexadecimals(color: str) -> None:
    with pytest.raises(ValueError, match="color"):
        LegendClass(code=1, name="x", color=color)
