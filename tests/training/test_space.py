"""A search space is checked field by field, and a trial's values depend on seed and number alone."""

import numpy as np
import pytest
import yaml

from swath.errors import ModelError
from swath.training.recipe import Recipe
from swath.training.space import EXAMPLE, Space, with_values

SPACE = Space.parse(yaml.safe_load(EXAMPLE))


def test_the_example_fits_a_recipe():
    SPACE.check(Recipe.load("landcover"))


def test_the_same_seed_and_number_give_the_same_values_and_others_other_ones():
    one, same, other, seeded = (SPACE.draw(n, seed=seed) for n, seed in [(3, 1), (3, 1), (4, 1), (3, 2)])
    assert one == same and one != other and one != seeded


def test_values_lie_where_they_are_drawn_from():
    drawn = [SPACE.draw(n, seed=0) for n in range(400)]
    rates = np.array([values["train.optimiser.lr"] for values in drawn])
    assert 1e-4 <= rates.min() and rates.max() <= 1e-2
    assert np.median(rates) == pytest.approx(1e-3, rel=0.25)  # of logs: the geometric middle
    batches = {values["train.batch"] for values in drawn}
    assert batches == set(range(4, 33))
    assert {values["train.encoder.settings.width"] for values in drawn} == {32, 64, 128}
    assert np.mean([values["train.augment.brightness"] for values in drawn]) == pytest.approx(0.1, abs=0.01)


def test_values_are_set_in_a_recipe():
    recipe = with_values(Recipe(), {"train.optimiser.lr": 0.02, "train.encoder": {"name": "unet"}})
    assert recipe.train.optimiser.lr == 0.02 and recipe.train.encoder.settings == {}


@pytest.mark.parametrize(
    ("told", "named"),
    [
        ({"train.optimiser.lr": {"kind": "loguniform", "low": 0, "high": 1}}, "greater than 0"),
        ({"train.optimiser.lr": {"kind": "log", "low": 0, "high": 1}}, "'uniform', 'loguniform', 'int', 'choice'"),
        ({"train.batch": {"kind": "int", "low": 5, "high": 3}}, "low is 5 and high 3"),
        ({"train.lr": {"kind": "uniform", "low": 0, "high": 1}}, "train has no field 'lr'"),
        ({"train.batch": {"kind": "int", "low": 0, "high": 3}}, r"train\.batch cannot be 0"),
        ({"train.loss.regression": {"kind": "choice", "values": ["l1", "l3"]}}, "'l3'"),
        ({"chips.size": {"kind": "int", "low": 16, "high": 64}}, "other chips would have to be cut"),
        ({}, "is empty"),
    ],
)
def test_what_is_wrong_is_named_before_anything_is_trained(told, named):
    with pytest.raises(ModelError, match=named):
        Space.parse(told).check(Recipe())


def test_a_file_is_read(tmp_path):
    (tmp_path / "space.yaml").write_text(EXAMPLE)
    assert Space.load(tmp_path / "space.yaml") == SPACE
    with pytest.raises(ModelError, match="cannot be read"):
        Space.load(tmp_path / "none.yaml")
