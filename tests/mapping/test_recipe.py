"""One folder of a store, one recipe."""

import pytest

from swath.errors import StoreMismatchError
from swath.grid import Grid, Period
from swath.mapping.recipe import claim, recipe
from swath.store import Store

from .published import COLLECTION, PRODUCT

GRID = Grid.named("utm", resolution=10, tile_size=768)
MONTHS = Period.parse("2023/P1M")
MINE = recipe(PRODUCT, [COLLECTION], GRID, MONTHS)


@pytest.fixture
def store(tmp_path):
    store = Store.open(tmp_path)
    claim(store, "mosaic/1.0", MINE)
    return store


def test_the_same_recipe_is_welcome_again(store):
    claim(store, "mosaic/1.0", recipe(PRODUCT, [COLLECTION], GRID, MONTHS))


def test_texts_and_looks_are_no_part_of_it(store):
    claim(store, "mosaic/1.0", recipe(PRODUCT.with_overrides(["title=Another title"]), [COLLECTION], GRID, MONTHS))


@pytest.mark.parametrize(
    ("changes", "grid", "differs"),
    [
        ([], Grid.named("utm", resolution=10, tile_size=1536), ["tile_size"]),
        ([], Grid.named("utm", resolution=20, tile_size=768), ["resolution"]),
        ([], Grid.named("EPSG:6933", resolution=10, tile_size=768), ["grid"]),
        (["index_of_composite=[]"], GRID, ["layers", "pixels"]),
        (["inputs.0.composite.method=mean"], GRID, ["inputs.0.composite.method"]),
        (["inputs.0.on_missing=skip"], GRID, ["inputs.0.on_missing"]),
    ],
)
def test_another_is_refused_and_what_differs_is_named(store, changes, grid, differs):
    with pytest.raises(StoreMismatchError) as caught:
        claim(store, "mosaic/1.0", recipe(PRODUCT.with_overrides(changes), [COLLECTION], grid, MONTHS))
    assert caught.value.facts["differs"] == differs
    assert differs[0] in caught.value.message
    assert "version" in caught.value.fix


def test_changed_facts_of_the_collection_are_another_recipe(store):
    band = COLLECTION.bands["B04"].model_copy(update={"scale": 0.0002})
    changed = COLLECTION.model_copy(update={"bands": {**COLLECTION.bands, "B04": band}})
    with pytest.raises(StoreMismatchError, match="pixels"):
        claim(store, "mosaic/1.0", recipe(PRODUCT, [changed], GRID, MONTHS))


def test_another_step_is_another_recipe(store):
    claim(store, "mosaic/1.0", MINE)
    with pytest.raises(StoreMismatchError, match="step is 'P1M', asked for is 'P2M'"):
        claim(store, "mosaic/1.0", recipe(PRODUCT, [COLLECTION], GRID, Period.parse("2023/P2M")))
