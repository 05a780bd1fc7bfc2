import pytest

from swath.errors import LabelError
from swath.training.recipe import Recipe
from swath.training.species.config import SpeciesConfig


def test_a_product_without_a_recipe_gets_the_defaults():
    assert Recipe.load("a-product-of-my-own") == Recipe()


@pytest.mark.parametrize("kind", [Recipe, SpeciesConfig])
def test_a_file_that_holds_nothing_is_refused_and_never_taken_for_the_defaults(kind, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("# nothing yet\n")
    with pytest.raises(LabelError, match="holds nothing"):
        kind.load(path)


@pytest.mark.parametrize("kind", [Recipe, SpeciesConfig])
def test_a_file_that_cannot_be_read_is_named(kind, tmp_path):
    with pytest.raises(LabelError, match=r"Recipe .*gone\.yaml cannot be read"):
        kind.load(tmp_path / "gone.yaml")


def test_a_recipe_of_species_that_does_not_ship_is_refused():
    with pytest.raises(LabelError, match="No recipe 'mine' ships"):
        SpeciesConfig.load("mine")
