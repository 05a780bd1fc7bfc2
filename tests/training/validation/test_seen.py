"""From chips to where a model is applicable: which pixels are looked at, and where what it never saw is told apart."""

import numpy as np
import pytest
import torch

from swath.errors import LabelError
from swath.models.spec import LOCATION, BandInput
from swath.training import ChipSet, Part
from swath.training.checkpoint import Checkpoint
from swath.training.config import TrainConfig
from swath.training.design import design
from swath.training.fit import Fitted
from swath.training.validation.applicability import ApplicabilitySettings
from swath.training.validation.importance import band_importance
from swath.training.validation.pixels import applicability_of, feature_bands
from swath.training.validation.seen import with_applicability


@pytest.fixture(scope="module")
def spec(held):
    return design(TrainConfig(chip=32), held.facts, held.statistics(), name="small")


@pytest.fixture(scope="module")
def told(spec, held):
    return applicability_of(spec, held, ApplicabilitySettings(pixels=2000, points=64)).told


def test_pixels_that_were_learned_from_are_looked_at_across_the_folds_that_were(told, held):
    assert told.folds == 2
    assert told.pixels <= min(2000, held.counts(Part.TRAIN).sum())
    assert told.pixels > 100
    assert told.points == pytest.approx(64, abs=1)
    assert 0.5 < told.within <= 1
    assert told.agreement > 0.9


def test_the_same_chips_give_the_same(told, spec, held):
    assert applicability_of(spec, held, ApplicabilitySettings(pixels=2000, points=64)).told == told


def test_where_one_fold_is_left_blocks_take_its_place(spec, chips):
    one = ChipSet(chips.store).holding_out(test=0, validate=1)
    labels = one.chips.labels

    def all_of_fold_two(indices):
        found = labels(indices)
        found["fold"] = np.where(found["fold"] == 3, np.uint8(2), found["fold"])
        return found

    one.chips.labels = all_of_fold_two
    assert applicability_of(spec, one, ApplicabilitySettings(pixels=1000, points=64)).told.folds == 5


def test_places_are_no_features(spec):
    bands = (*spec.input.bands, BandInput(name="longitude", input=LOCATION))
    with_place = spec.model_copy(update={"input": spec.input.model_copy(update={"bands": bands})})
    assert feature_bands(with_place) == (0, 1)
    only = spec.model_copy(update={"input": spec.input.model_copy(update={"bands": bands[2:]})})
    with pytest.raises(LabelError, match="takes places only"):
        feature_bands(only)


def test_pixels_unlike_all_that_were_seen_are_told_apart(spec, held):
    found = applicability_of(spec, held, ApplicabilitySettings(pixels=2000, points=64))
    features = np.array([[0.0, 30.0], [0.0, 30.0]], np.float32)  # the mean of the training, and far beyond it
    index = found.of_features(features)
    assert index[0] <= found.told.threshold < index[1]


def test_a_training_gets_the_file_and_the_card_that_belong_together(fitted, held):
    said = []
    made, files = with_applicability(fitted, held, ApplicabilitySettings(pixels=1000), say=said.append)
    assert isinstance(made, Fitted)
    assert made.best.spec.applicability is not None
    assert list(files) == ["applicability.safetensors"]
    assert "applicable up to a dissimilarity of" in said[0]


def test_a_training_without_settings_stays_as_it_is(fitted, held):
    assert with_applicability(fitted, held, None) == (fitted, {})


def test_a_reason_is_told_where_nothing_can_be(fitted, held, monkeypatch):
    def none(*_args, **_more):
        raise LabelError("All 9 pixels of the training are alike.")

    monkeypatch.setattr("swath.training.validation.seen.applicability_of", none)
    said = []
    assert with_applicability(fitted, held, ApplicabilitySettings(), say=said.append) == (fitted, {})
    assert said == ["the package does not know where it is applicable: All 9 pixels of the training are alike."]


def test_a_band_that_a_network_does_not_look_at_has_no_weight(fitted, held):
    blind = {name: tensor.clone() for name, tensor in fitted.best.network().items()}
    (first,) = [name for name, tensor in blind.items() if tensor.ndim == 4 and tensor.shape[1] == 2]
    blind[first][:, 1] = 0

    class Blind(Checkpoint):
        def network(self):
            return blind

    made = Blind(**{name: getattr(fitted.best, name) for name in fitted.best.__dataclass_fields__})
    weights = band_importance(made, held, (0, 1))
    assert weights == pytest.approx((2.0, 0.0))
    assert min(band_importance(fitted.best, held, (0, 1))) > 0
    assert torch.is_grad_enabled()
