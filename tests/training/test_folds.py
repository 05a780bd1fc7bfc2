"""Every fold is held out once; figures are by fold, as a mean and pooled, and a peer is compared on the same blocks."""

import numpy as np
import pytest

from swath.errors import LabelError, ModelError
from swath.models.spec import PartSpec
from swath.store import Store
from swath.training.folds import compare_validations, cross_validate
from swath.training.metrics import confusion
from swath.training.source import Part
from training.toy import Toy, config

FOLDS = 3


def hold_out(values=False, seed=0):
    """Chips by fold in turn, as `ChipSet.holding_out` gives them."""

    def held(test, validate):
        toy = Toy(12, values=values, seed=seed)
        known, fold = toy.part != 255, np.arange(12) % FOLDS
        part = np.where(fold == test, Part.TEST, np.where(fold == validate, Part.VALIDATE, Part.TRAIN))
        toy.part = np.where(known, part[:, None, None], 255).astype(np.uint8)
        return toy

    return held


def validated(folder, *, values=False, name="ours", validate=False, **changes):
    told = {"epochs": 3, "patience": None, **changes}
    if values:
        told["head"] = PartSpec(name="regression", settings={"depth": 1})
    return cross_validate(
        config(**told), hold_out(values), Store.open(folder), folds=FOLDS, name=name, validate=validate
    )


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    return validated(tmp_path_factory.mktemp("ours"))


@pytest.fixture(scope="module")
def peer(tmp_path_factory):
    return validated(tmp_path_factory.mktemp("peer"), name="peer", optimiser={"lr": 1e-6})


def test_each_label_is_predicted_once_by_the_network_that_did_not_see_it(ours):
    toy = Toy(12)
    assert ours.pooled["pixels"] == (toy.part != 255).sum()
    assert np.array(ours.pooled["confusion"]).sum(1).tolist() == [(toy.y == k).sum() for k in range(3)]
    assert [figures["pixels"] for figures in ours.by_fold.values()] == [
        (toy.part[fold::FOLDS] != 255).sum() for fold in range(FOLDS)
    ]


def test_pooled_figures_are_of_the_sum_and_means_of_the_folds(ours):
    folds = list(ours.by_fold.values())
    assert np.array_equal(np.sum([one["confusion"] for one in folds], axis=0), ours.pooled["confusion"])
    scores = [one["macro_f1"] for one in folds]
    assert ours.mean["macro_f1"] == pytest.approx(np.mean(scores))
    assert ours.spread["macro_f1"] == pytest.approx(np.std(scores, ddof=1))
    assert ours.to_dict()["title"] == "transfer" and set(ours.to_dict()["folds"]) == {"fold 0", "fold 1", "fold 2"}


def test_the_same_call_trains_nothing_twice(ours):
    told = []
    again = cross_validate(
        config(epochs=3, patience=None), hold_out(), Store.open(ours.fitted[0].out.url("x")[:-9]), folds=FOLDS,
        name="ours", on_epoch=lambda *epoch: told.append(epoch),
    )  # fmt: skip
    assert told == [] and again.to_dict() == ours.to_dict()


def test_a_peer_is_compared_on_the_same_blocks(ours, peer):
    found = {one.measure: one for one in compare_validations(ours, peer)}
    one = found["macro_f1"]
    assert one.verdict == "above" and one.low > 0 and one.units == 12
    assert one.first == pytest.approx(ours.pooled["macro_f1"])
    assert one.second == pytest.approx(peer.pooled["macro_f1"])
    assert {d.verdict for d in compare_validations(ours, ours)} == {"equal"}


def test_values_are_compared_by_their_errors(tmp_path):
    ours, peer = (
        validated(tmp_path / name, values=True, name=name, optimiser={"lr": lr})
        for name, lr in (("a", 0.01), ("b", 1e-7))
    )
    found = {one.measure: one for one in compare_validations(ours, peer)}
    assert found["rmse"].verdict == "above" and found["rmse"].high < 0  # less is better


def test_with_a_fold_for_validation_the_next_one_serves(tmp_path):
    found = validated(tmp_path, validate=True, epochs=1)
    assert all(one.history[0]["validation_loss"] is not None for one in found.fitted)


def test_a_fold_that_cannot_be_trained_ends_the_whole_naming_it(tmp_path):
    def without(test, validate):
        toy = hold_out()(test, validate)
        if test == 1:
            toy.part[(toy.y == 0) & (toy.part == Part.TRAIN)] = 255
        return toy

    with pytest.raises(LabelError, match="fold 1: Class water has no label for training"):
        cross_validate(config(epochs=1, patience=None), without, Store.open(tmp_path), folds=FOLDS)


def test_validations_on_other_blocks_are_not_compared(ours, tmp_path):
    with pytest.raises(ModelError, match="not scored on the same blocks"):
        compare_validations(ours, validated_on_others(tmp_path))


def validated_on_others(folder):
    def other(test, validate):
        toy = hold_out()(test, validate)
        toy.part[0] = 255
        return toy

    return cross_validate(config(epochs=1, patience=None), other, Store.open(folder), folds=FOLDS)


def test_matrices_by_block_are_those_of_the_chips(ours):
    for (fold, chip), score in ours.scores.items():
        assert chip % FOLDS == fold
        assert score.matrix.sum() == (Toy(12).part[chip] != 255).sum()
        assert score.matrix.shape == confusion(np.array([0]), np.array([0]), 3).shape
