"""`swath chips`: a store of chips from one command, and what it says of the split."""

import json

import pytest

from support.command import swath
from support.drawn_labels import saved, squares
from support.small_world import small_world  # noqa: F401
from swath.store import Store
from swath.training import ChipSet

RECIPE = """
bands: [B04, B08]
labels: {legend: {crop: cropland, tree: tree cover, water: water}}
chips: {size: 32, margin: 4, split: {folds: 3, block_m: 200, buffer_m: 20, seed: 4}}
train: {chip: 40}
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chips-command")
    (folder / "recipe.yaml").write_text(RECIPE)
    return saved(squares(), folder), folder / "recipe.yaml"


def chips(world, files, out, *more):
    labels, recipe = files
    return swath(
        "chips", "landcover", "--labels", labels, "--recipe", recipe, "--area", world.area, "--period", "2023-06",
        "--source", world.catalog, "--out", out, "--tile-size", 192, "--cluster", "inline", *more,
    )  # fmt: skip


@pytest.fixture(scope="module")
def cut(small_world, files, tmp_path_factory):  # noqa: F811
    out = tmp_path_factory.mktemp("out") / "chips"
    return chips(small_world, files, out), ChipSet.open(out)


def test_it_writes_a_store_and_says_what_is_in_it(cut):
    (code, told), store = cut
    assert code == 0
    assert told["chips"] == len(store) > 10
    assert store.facts.size == 40
    assert told["classes"] == {name: told["classes"][name] for name in ("tree cover", "cropland", "water")}
    assert sum(told["classes"].values()) == store.labelled.sum()


def test_the_report_says_distance_parts_and_by_how_much_a_random_split_would_flatter(cut):
    (_, told), store = cut
    split = told["split"]
    held = store.holding_out(test=0, validate=1)
    assert split["smallest_distance_m"] == pytest.approx(held.smallest_distance())
    assert split["smallest_distance_m"] >= 20
    assert split["unused"] == held.within_buffer
    assert split["flattery"]["by"] == pytest.approx(split["flattery"]["random"] - split["flattery"]["apart"])
    assert json.loads(store.store.read_bytes("split.json")) == split


def test_the_same_command_goes_on_and_makes_nothing_again(cut, small_world, files):  # noqa: F811
    (_, told), store = cut
    code, again = chips(small_world, files, store.store.root, "--no-flattery")
    assert (code, again["done"], again["found"]) == (0, 0, told["done"])
    assert again["split"]["flattery"] is None


def test_streaming_writes_no_image(small_world, files, tmp_path):  # noqa: F811
    code, told = chips(small_world, files, tmp_path / "out", "--stream")
    assert code == 0 and told["streamed"]
    assert not list(Store.open(tmp_path / "out").list("shards"))
    assert len(ChipSet.open(tmp_path / "out")) == told["chips"] > 10


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("chips.split={by: random}", "a random split puts neighbours into training and test and flatters"),
        ("chips.margin=5", "chips.size is 32 with a margin of 5 and train.chip 40; set train.chip to 42"),
        ("labels.value={name: agb, unit: Mg/ha}", "values have no legend"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused_before_any_work(field, text, small_world, files, tmp_path):  # noqa: F811
    code, told = chips(small_world, files, tmp_path / "out", "--set", field)
    assert code == 2
    assert text in told["error"]["message"]
    assert not (tmp_path / "out").exists()


def test_labels_of_another_place_are_refused_with_both_bounds(small_world, files, tmp_path):  # noqa: F811
    labels = saved(squares().set_geometry(squares().geometry.translate(3, 0)), tmp_path)
    code, told = chips(small_world, (labels, files[1]), tmp_path / "out")
    assert code == 2
    assert "labels lies in" in told["error"]["message"]
