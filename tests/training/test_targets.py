"""Labels that cannot teach are refused, and classes are weighed with mean 1 over labelled pixels."""

import numpy as np
import pytest

from swath.errors import LabelError
from swath.training.source import IGNORED, Part
from swath.training.targets import check_labels, class_weights
from training.toy import Toy


def test_labels_of_each_class_for_training_and_some_for_validation_pass():
    check_labels(Toy(), patience=3)
    check_labels(Toy(values=True), patience=3)


@pytest.mark.parametrize("values", [False, True])
def test_labels_of_which_none_is_for_training_are_refused(values):
    toy = Toy(values=values)
    toy.part[toy.part == Part.TRAIN] = IGNORED
    with pytest.raises(LabelError, match="None of 12 chips has a label for part train"):
        check_labels(toy, patience=None)


def test_without_validation_labels_only_a_training_without_patience_goes_on():
    toy = Toy()
    toy.part[toy.part == Part.VALIDATE] = IGNORED
    check_labels(toy, patience=None)
    with pytest.raises(LabelError, match="part validate") as told:
        check_labels(toy, patience=3)
    assert "patience to null" in told.value.fix


def test_a_class_without_training_labels_is_named():
    toy = Toy()
    toy.part[(toy.y == 1) & (toy.part == Part.TRAIN)] = IGNORED
    with pytest.raises(LabelError, match="Class tree has no label for training"):
        check_labels(toy, patience=3)


@pytest.mark.parametrize(("how", "power"), [("balanced", 1.0), ("root", 0.5)])
def test_weights_fall_with_a_class_s_pixels_and_have_mean_1_over_all_of_them(how, power):
    pixels = np.array([900, 90, 10])
    weights = np.array(class_weights(pixels, how))
    assert (weights * pixels).sum() / pixels.sum() == pytest.approx(1)
    assert weights[2] / weights[0] == pytest.approx(90**power)


def test_without_weights_there_are_none():
    assert class_weights(np.array([1, 2]), "none") is None
