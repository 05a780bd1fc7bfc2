"""The recipe of biomass that ships learns what the product maps."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np

from swath.models.spec import ValueOutput
from swath.products import Product
from swath.training.recipe import Recipe
from swath.training.said import outputs_of
from swath.training.sight import sight
from swath.training.splits import SplitSpec
from training.toy import Toy

RECIPE = Recipe.load("biomass")


def test_its_inputs_are_among_those_of_the_product():
    named = {given.name for given in Product.load("biomass").inputs}
    assert set(RECIPE.chips.inputs) <= named


def test_it_gives_a_map_the_interval_that_the_product_announces():
    agb = ValueOutput(name="agb", unit="Mg/ha", low=0)
    made = outputs_of(RECIPE.train.head, agb, mean=100.0, std=80.0)
    assert [value.name for value in made.values] == ["agb", "agb_sd", "q05", "q95"]


def test_footprints_of_gedi_are_its_labels_and_held_whole():
    assert RECIPE.labels.gedi is not None
    assert RECIPE.train.loss.by_object


def test_it_holds_out_farther_than_its_network_sees():
    split = SplitSpec(**RECIPE.chips.split.model_dump(exclude={"held"}))
    source = SimpleNamespace(
        facts=replace(Toy(4, values=True).facts, size=RECIPE.train.chip), chips=SimpleNamespace(split=split)
    )
    assert sight(RECIPE.train, source).is_apart


def test_it_learns_from_more_than_half_of_the_labels_where_each_orbit_crosses_every_block():
    split = SplitSpec(**RECIPE.chips.split.model_dump(exclude={"held"}))
    lon, lat = (part.ravel() for part in np.meshgrid(13 + np.arange(40) * 0.03, 51 + np.arange(40) * 0.02))
    places = np.repeat(np.stack([lon, lat], axis=1), 40, axis=0)
    orbits = np.tile([f"orbit {number:05d}" for number in range(40)], 1600).astype(object)
    held = sum(1 << fold for fold in RECIPE.held)
    folds = split.folds_of_labels(places, orbits, None)
    learned = ~np.isin(folds, RECIPE.held) & (split.barred(places, orbits) & np.uint16(held) == 0)
    assert learned.mean() > 0.5
