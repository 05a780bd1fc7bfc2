"""The same request is the same run."""

from dataclasses import replace

import pytest

from swath.grid import Area, Period
from swath.planning import MapRequest
from swath.products import Product

REQUEST = MapRequest(
    Product.load("mosaic"), Area.parse("10,50,11,51"), Period.parse("2023/P1Y"), "https://stac.example.org"
)


def test_two_names_of_one_area_are_one_run():
    square = {"type": "Polygon", "coordinates": [[[10, 50], [11, 50], [11, 51], [10, 51], [10, 50]]]}
    assert replace(REQUEST, area=Area.parse(square)).run == REQUEST.run


@pytest.mark.parametrize(
    "change",
    [
        {"area": Area.parse("10,50,11,51.1")},
        {"period": Period.parse("2022/P1Y")},
        {"source": "https://other.example.org"},
        {"product": REQUEST.product.with_overrides(["output.grid.tile_size=768"])},
        {"product": REQUEST.product.with_overrides(["inputs.0.composite.method=mean"])},
        {"product": REQUEST.product.with_overrides(["version='2'"])},
    ],
)
def test_what_is_asked_for_names_the_run(change):
    assert replace(REQUEST, **change).run != REQUEST.run


def test_a_new_title_is_no_other_run():
    assert replace(REQUEST, product=REQUEST.product.with_overrides(["title=Another"])).run == REQUEST.run
