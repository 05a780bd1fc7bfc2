"""A buffer is held against how far the network sees, before anything is learned."""

from dataclasses import replace

import pytest

from swath.models.spec import PartSpec
from swath.training.chipset import HeldOut
from swath.training.recipe import Recipe
from swath.training.sight import Sight, sight
from swath.training.splits import SplitSpec
from training.toy import Toy, config


class Held:
    """What `sight` asks of chips: their facts and their split."""

    def __init__(self, size=32, **split):
        self.facts = replace(Toy(4).facts, size=size)
        self.chips = type("Chips", (), {"split": SplitSpec(**split)})()


def statistics(**settings):
    told = {"width": 8, "boxes": "3,7", **settings}
    return config(chip=32, encoder=PartSpec(name="statistics", settings=told), head=PartSpec(name="segmentation"))


def held(**told) -> HeldOut:
    return Held(**told)  # type: ignore[return-value]


def test_boxes_of_seven_pixels_see_three_to_each_side():
    found = sight(statistics(), held(buffer_m=30.0))
    assert found.sees_m == pytest.approx(30.0)
    assert found.is_apart
    assert "the buffer round what is held out is 30 m" in str(found)


def test_a_buffer_that_is_narrower_is_told_with_one_that_is_not():
    found = sight(statistics(boxes="3,15"), held(buffer_m=60.0))
    assert not found.is_apart
    assert "Set chips.split.buffer_m to 70" in str(found)
    assert found.metrics() == {"sees_m": 70.0, "buffer_m": 60.0}


def test_no_network_sees_beyond_its_chip():
    deep = config(chip=32, window=None, encoder=PartSpec(name="unet", settings={"width": 8, "levels": 4}))
    assert sight(deep, held(buffer_m=0.0)).sees_m <= 320


def test_years_of_the_same_places_need_no_buffer():
    found = Sight(300.0, sight(statistics(), held(by="year", years=[[2008], [2009]])).buffer_m)
    assert found.is_apart and "other years" in str(found)


@pytest.mark.parametrize("name", ["landcover", "landcover-demo"])
def test_recipes_that_ship_hold_out_farther_than_their_networks_see(name):
    recipe = Recipe.load(name)
    source = held(size=recipe.train.chip, **recipe.chips.split.model_dump(exclude={"held"}))
    assert sight(recipe.train, source).is_apart
