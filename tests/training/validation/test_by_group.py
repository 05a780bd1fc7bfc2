"""Figures of held-out labels with intervals over blocks, over all and by group."""

import json

import numpy as np
import pytest

from swath.models.spec import ClassesOutput, InputSpec, ModelSpec, NetworkSpec, PartSpec, ValueOutput, ValuesOutput
from swath.training.metrics import MEASURES, interval_of
from swath.training.scores import score_of
from swath.training.validation.bootstrap import drawn, intervals
from swath.training.validation.by_group import Grouping, _parts, bounds_of, breakdown, scored_blocks
from training.toy import Toy

torch = pytest.importorskip("torch")


def spec(output) -> ModelSpec:
    head = "segmentation" if output.kind == "classes" else "regression"
    task = "semantic-segmentation" if output.kind == "classes" else "regression"
    given = InputSpec(bands=Toy().facts.bands, unit="reflectance", gsd=10, window=16, stride=16)
    parts = NetworkSpec(encoder=PartSpec(name="unet"), head=PartSpec(name=head))
    return ModelSpec(name="toy", task=task, input=given, output=output, network=parts)


CLASSES = spec(ClassesOutput(classes=("a", "b", "c")))
VALUES = spec(ValuesOutput(values=(ValueOutput(name="agb", unit="Mg/ha", low=0),)))


def of_classes(truth, said):
    score = score_of(CLASSES)
    logits = 9 * torch.nn.functional.one_hot(torch.tensor(said), 3).float().T[None, :, None]
    score.add(logits, torch.tensor(truth)[None, None], loss=0.0, labelled=len(truth))
    return score


def blocks(number=12, *, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, (number, 40))
    # whole blocks are easy or hard: what pixels alone would not tell
    wrong = rng.random((number, 40)) < rng.uniform(0.05, 0.6, (number, 1))
    return [of_classes(t.tolist(), np.where(w, (t + 1) % 3, t).tolist()) for t, w in zip(truth, wrong, strict=True)]


def test_the_interval_is_that_of_a_bootstrap_of_whole_blocks():
    scores = blocks()
    told = intervals(scores)["mean_iou"]
    matrices = np.stack([score.matrix for score in scores]).astype(float)
    assert told["value"] == pytest.approx(MEASURES["mean_iou"](matrices.sum(0)))
    assert (told["low"], told["high"]) == pytest.approx(interval_of(matrices, MEASURES["mean_iou"]))
    assert told["low"] < told["value"] < told["high"]


def test_blocks_that_differ_give_a_wider_interval_than_their_pixels_would():
    told = intervals(blocks())["overall_accuracy"]
    n, p = 12 * 40, told["value"]
    assert told["high"] - told["low"] > 1.5 * 2 * 1.96 * np.sqrt(p * (1 - p) / n)


def test_the_calibration_error_has_an_interval_and_the_value_of_the_figures():
    scores = blocks()
    whole = of_classes([0], [0])
    whole.sums = np.sum([score.sums for score in scores], axis=0)
    assert intervals(scores)["ece"]["value"] == pytest.approx(whole.figures["ece"])


def test_one_block_has_no_interval():
    told = intervals(blocks(1))["mean_iou"]
    assert told["value"] is not None
    assert told["low"] is told["high"] is None


def test_values_have_intervals_of_error_and_of_what_is_explained():
    rng = np.random.default_rng(0)
    scores = []
    for _ in range(8):
        truth = torch.tensor(rng.uniform(0, 200, (1, 1, 30)), dtype=torch.float32)
        score = score_of(VALUES)
        noise = torch.tensor(rng.normal(0, 20, truth.shape), dtype=torch.float32)
        score.add((truth + noise)[:, None], truth, loss=0.0, labelled=30)
        scores.append(score)
    told = intervals(scores)
    assert told["rmse"]["low"] < 20 < told["rmse"]["high"]
    assert 0.8 < told["r2"]["low"] < told["r2"]["high"] < 1


def test_few_blocks_are_said_to_be_few():
    assert "fewer than 30" in drawn(12)
    assert "fewer" not in drawn(30)


def test_bins_of_the_value_part_a_chip_and_lose_no_label():
    grouping = Grouping("value", "label", ("low", "middle", "high"), edges=np.array([50.0, 100.0]))
    target = torch.tensor([[[10.0, 50.0, 99.0, 100.0, float("nan")]]])
    parts = dict(_parts(grouping, 0, target, VALUES, None))
    kept = {label: part[torch.isfinite(part)].tolist() for label, part in parts.items()}
    assert kept == {"low": [10.0], "middle": [50.0, 99.0], "high": [100.0]}


def test_steps_with_data_part_a_chip_of_several_steps():
    grouping = Grouping("observations", "steps", ("0", "1", "2"), edges=np.array([0.5, 1.5]))
    target, steps = torch.tensor([[[0, 1, 2, 255]]]), torch.tensor([[2.0, 1.0, 2.0, 0.0]])
    parts = dict(_parts(grouping, 0, target, CLASSES, steps))
    assert {label: part.tolist() for label, part in parts.items()} == {
        "1": [[[255, 1, 255, 255]]], "2": [[[0, 255, 2, 255]]],
    }  # fmt: skip


@pytest.fixture(scope="module")
def told(fitted, held):
    scores = scored_blocks(fitted.best, held)
    lon = held.chips.index["lon"].to_numpy()
    middle = np.median(lon)
    regions = (f"{lon.min() - 1},-80,{middle},80", f"{middle},-80,{lon.max() + 1},80")
    return breakdown(scores, [(fitted.best, held)], regions=regions), scores


def test_groups_hold_all_labels_once(told):
    made, scores = told
    pixels = sum(score.figures["pixels"] for score in scores.values())
    assert made["title"] == "transfer"
    for grouping in made["by"].values():
        assert sum(group["pixels"] for group in grouping["groups"]) == pixels
    assert len(made["by"]["region"]["groups"]) == 2


def test_it_can_be_written_and_a_card_gets_the_ends_of_the_intervals(told):
    made, scores = told
    assert json.loads(json.dumps(made)) == made
    ends = bounds_of(made)
    assert made["blocks"] == len(scores)
    assert ends["transfer_overall_accuracy_low"] <= ends["transfer_overall_accuracy_high"]
