"""A search tries settings, stops poor ones, goes on after a stop and writes the best as a recipe."""

import json

import matplotlib.image
import numpy as np
import pytest
import yaml

from swath.errors import ModelError, RunStoppedError, StoreMismatchError
from swath.store import Store
from swath.training.fit import fit
from swath.training.recipe import Recipe
from swath.training.source import Part
from swath.training.space import Space
from swath.training.tune import tune
from training.toy import Toy

RECIPE = Recipe.parse(
    {
        "chips": {"size": 16},
        "train": {
            "encoder": {"name": "unet", "settings": {"width": 8, "levels": 2, "depth": 1}},
            "head": {"name": "segmentation", "settings": {"depth": 1}},
            "chip": 16, "epochs": 3, "batch": 4, "threads": 1, "window": 64, "device": "cpu",
        },
    }
)  # fmt: skip
SPACE = Space.parse(
    {
        "train.optimiser.lr": {"kind": "loguniform", "low": 1e-6, "high": 3e-2},
        "train.encoder.settings.width": {"kind": "choice", "values": [4, 8]},
    }
)


def searched(folder, *, trials=4, told=None, source=None, **more):
    heard = [] if told is None else told
    return tune(
        RECIPE, SPACE, source or Toy(), Store.open(folder), trials=trials, reduction=2,
        on_epoch=lambda name, reading: heard.append((name, reading["epoch"])), **more,
    )  # fmt: skip


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    return searched(tmp_path_factory.mktemp("search"))


def test_the_best_trial_comes_first_and_is_the_best(tuned):
    scores = [one.score for one in tuned.trials]
    assert scores == sorted(scores, reverse=True)
    assert {one.ended.state for one in tuned.trials} <= {"done", "stopped"}
    assert len({one.number for one in tuned.trials}) == 4


def test_the_best_config_is_a_recipe_that_trains_to_the_same_score(tuned, tmp_path):
    written = Recipe.parse(yaml.safe_load(tuned.out.read_bytes("best.yaml")))
    assert written == tuned.recipe
    assert written.train.optimiser.lr == tuned.best.values["train.optimiser.lr"]
    assert written.train.encoder.settings["width"] == tuned.best.values["train.encoder.settings.width"]
    fitted = fit(written.train, Toy(), tmp_path)
    assert fitted.best.best["score"] == tuned.best.score


def test_a_table_and_a_picture_tell_all_trials(tuned):
    table = json.loads(tuned.out.read_bytes("trials.json"))
    assert [row["trial"] for row in table] == [one.number for one in tuned.trials]
    assert table[0]["figures"]["macro_f1"] == pytest.approx(table[0]["score"])
    image = matplotlib.image.imread(tuned.out.url("trials.png"))
    assert image.shape[0] > 300 and image[..., :3].std() > 0.01


def test_a_search_goes_on_where_it_was_stopped(tuned, tmp_path):
    told = []
    with pytest.raises(RunStoppedError, match="goes on"):
        searched(tmp_path, told=told, should_stop=lambda: len(told) >= 3)
    again = searched(tmp_path, told=told)
    assert len(told) == len(set(told))
    assert [(one.number, one.score) for one in again.trials] == [(one.number, one.score) for one in tuned.trials]


def test_more_trials_add_to_those_that_are_there(tmp_path):
    first = searched(tmp_path, trials=1)
    told = []
    more = searched(tmp_path, trials=2, told=told)
    assert {name for name, _ in told} == {"trial 1"}
    assert {one.number: one.values for one in more.trials}[0] == first.best.values


def test_another_search_in_the_same_store_is_refused(tmp_path):
    searched(tmp_path, trials=1)
    with pytest.raises(StoreMismatchError, match="another seed"):
        searched(tmp_path, trials=1, seed=3)


def test_labels_of_the_test_part_change_nothing(tmp_path):
    other = Toy()
    other.y[other.part == Part.TEST] = 0
    one, two = searched(tmp_path / "1", trials=2), searched(tmp_path / "2", trials=2, source=other)
    assert [t.score for t in one.trials] == [t.score for t in two.trials]


def test_without_a_fold_for_validation_nothing_is_tried(tmp_path):
    toy = Toy()
    toy.part[toy.part == Part.VALIDATE] = Part.TRAIN
    with pytest.raises(ModelError, match="judged by"):
        searched(tmp_path, source=toy)


def test_values_that_no_network_can_have_are_told_before_anything_is_trained(tmp_path):
    space = Space.parse({"train.encoder.settings.levels": {"kind": "choice", "values": [7]}})
    with pytest.raises(ModelError, match=r"Trial 0 cannot be built with train\.encoder\.settings\.levels=7"):
        tune(RECIPE, space, Toy(), Store.open(tmp_path), trials=1)
    assert list(Store.open(tmp_path).list()) == []


def test_scores_are_finite(tuned):
    assert np.isfinite([one.score for one in tuned.trials]).all()
