"""A network is trained in this process: it learns, goes on where it stopped, and says what is wrong."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from swath.errors import LabelError, ModelError, StoreFullError
from swath.models.network import Network
from swath.models.spec import PartSpec
from swath.training import checkpoint
from swath.training.average import Average
from swath.training.batches import Preparer
from swath.training.config import NO_CHANGE, Augment, Optimiser
from swath.training.design import design
from swath.training.fit import fit, prepare
from swath.training.objective import Objective
from swath.training.source import Part
from swath.training.statistics import Statistics
from training.toy import Toy, config, wild

REGRESSION = {"head": PartSpec(name="regression", settings={"depth": 1})}
TEMPORAL = {"encoder": PartSpec(name="temporal", settings={"width": 8, "levels": 2, "depth": 1})}


def curve(fitted):
    return [(reading["loss"], reading["validation_loss"], reading["score"]) for reading in fitted.history]


def test_a_small_network_learns(tmp_path):
    fitted = fit(config(epochs=6), Toy(), tmp_path, name="toy")
    assert fitted.best.best["score"] > 0.75 > fitted.history[0]["score"]
    assert fitted.history[-1]["loss"] < 0.7 * fitted.history[0]["loss"]
    network = Network.build(fitted.spec)
    network.load(fitted.best.network())


@pytest.mark.parametrize(
    ("toy", "changes"),
    [
        (Toy(values=True), REGRESSION),
        (Toy(steps=3), TEMPORAL),
        (Toy(), {"head": PartSpec(name="classification")}),
    ],
)
def test_values_series_and_whole_windows_are_trained_too(tmp_path, toy, changes):
    fitted = fit(config(epochs=3, **changes), toy, tmp_path)
    assert fitted.history[-1]["loss"] < fitted.history[0]["loss"]
    assert np.isfinite(fitted.best.best["score"])


def test_the_loss_of_the_head_itself_can_be_asked_for(tmp_path):
    both = [fit(config(epochs=1, loss={"own": own}), Toy(), tmp_path / str(own)) for own in (True, False)]
    assert both[0].history[0]["loss"] < both[1].history[0]["loss"]  # cross-entropy alone, against with Dice


def test_the_same_seed_gives_the_same_curve_and_another_seed_another(tmp_path):
    curves = [curve(fit(config(seed=seed), Toy(), tmp_path / str(n))) for n, seed in enumerate([3, 3, 4])]
    assert curves[0] == curves[1] != curves[2]


@pytest.mark.parametrize("average", [0.0, 0.9])
def test_a_training_that_was_stopped_goes_on_to_the_same_network(tmp_path, average):
    asked = config(epochs=4, average=average)
    whole = fit(asked, Toy(), tmp_path / "whole")

    class Stop(Exception):
        pass

    def stop(reading):
        if reading["epoch"] == 3:  # weights are averaged from the third epoch on
            raise Stop

    with pytest.raises(Stop):
        fit(asked, Toy(), tmp_path / "parts", on_epoch=stop)
    parts = fit(asked, Toy(), tmp_path / "parts")
    assert parts.started_at == 3
    assert curve(parts) == curve(whole)
    one, other = (checkpoint.last(f.out).network() for f in (whole, parts))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_an_average_of_weights_is_kept_beside_those_that_walk_on(tmp_path):
    held = checkpoint.last(fit(config(epochs=4, average=0.9), Toy(), tmp_path).out)
    kept, walking = held.network(), held.walking()
    assert any(not torch.equal(kept[name], walking[name]) for name in kept)
    plain = checkpoint.last(fit(config(epochs=2), Toy(), tmp_path / "plain").out)
    assert all(torch.equal(plain.network()[name], plain.walking()[name]) for name in plain.network())


def test_an_average_is_that_of_the_formula():
    spec = design(config(), Toy().facts, Statistics.of(Toy(), seed=0), name="toy")
    network, decay, values = Network.build(spec), 0.8, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    average, expected = Average(network, decay=decay, steps=6), None
    weight = next(network.parameters())
    for step, value in enumerate(values, start=1):
        with torch.no_grad():
            weight.fill_(value)
        average.update(step)
        if step > 3:
            expected = value if expected is None else decay * expected + (1 - decay) * value
            assert torch.allclose(next(average.kept.parameters()), torch.tensor(expected))
        else:
            assert average.kept is network


def test_inputs_cannot_be_dropped_where_there_is_one(tmp_path):
    with pytest.raises(ModelError, match="chips are of one input") as raised:
        fit(config(augment=Augment(drop_inputs=0.3)), Toy(), tmp_path)
    assert "drop_bands" in str(raised.value.fix)


def test_gradients_of_several_batches_make_one_step(tmp_path):
    fitted = fit(config(epochs=2, accumulate=3), Toy(), tmp_path)  # 7 chips: 4 batches, 2 steps
    state = checkpoint.last(fitted.out).optimiser()
    assert {float(part["step"]) for part in state.values()} == {2 * 2.0}
    assert fitted.history[1]["loss"] < fitted.history[0]["loss"]


def test_batches_that_are_joined_move_weights_by_their_mean_gradient(tmp_path):
    # without running statistics two batches of one chip are one of two, where each chip has as many labels
    changes = {"encoder": PartSpec(name="unet", settings={"width": 8, "levels": 2, "depth": 1}), "augment": NO_CHANGE}
    loss = {"cross_entropy": 1.0, "dice": 0.0}
    toy = Toy(chips=6, labelled=1.0)
    job = prepare(config(**changes, loss=loss, class_weights="none"), toy, tmp_path, name="toy")
    gradients = []
    for batches in ([[0, 1]], [[0], [1]]):
        torch.manual_seed(0)
        network = Network.build(job.spec).eval()
        objective = Objective(job.config, job.spec, network, None, torch.device("cpu"))
        for chips in batches:
            batch = Preparer(toy, job.spec).batch(chips, Part.TRAIN)
            (objective(network(*batch.inputs), batch) / len(batches)).backward()
        gradients.append(torch.cat([p.grad.ravel() for p in network.parameters()]))
    assert torch.allclose(*gradients, atol=1e-6)


def test_chips_of_rare_classes_may_come_more_often_in_as_many_chips(tmp_path):
    fitted = fit(config(sampling={"by": "class", "power": 1}), Toy(), tmp_path)
    assert [reading["chips"] for reading in fitted.history] == [7] * 3
    assert fitted.history[-1]["loss"] < fitted.history[0]["loss"]


def test_a_training_lives_in_an_s3_store_and_goes_on_there(s3):
    out = f"{s3}/fit"
    fit(config(epochs=1), Toy(), out)
    fitted = fit(config(epochs=2), Toy(), out)
    assert (fitted.started_at, len(fitted.history)) == (1, 2)
    kept = {key.split("/")[0] for key, _ in fitted.out.list()}
    assert kept == {"checkpoints", "curves.png", "history.json", "tensorboard"}


def test_an_epoch_whose_log_was_lost_is_logged_again(tmp_path):
    whole = fit(config(), Toy(), tmp_path)
    (tmp_path / "history.json").unlink()
    assert fit(config(), Toy(), tmp_path).history == whole.history
    assert json.loads((tmp_path / "history.json").read_text()) == list(whole.history)


def test_with_nothing_held_out_for_validation_the_last_epoch_is_kept(tmp_path):
    toy = Toy()
    toy.part[toy.part == Part.VALIDATE] = Part.TRAIN
    fitted = fit(config(epochs=3, patience=None), toy, tmp_path)
    assert fitted.best.epoch == 3
    assert {reading["validation_loss"] for reading in fitted.history} == {None}
    assert (tmp_path / "curves.png").stat().st_size > 5000


def test_a_finished_training_is_not_done_again(tmp_path):
    first, told = fit(config(), Toy(), tmp_path), []
    again = fit(config(), Toy(), tmp_path, on_epoch=told.append)
    assert told == [] and again.history == first.history


def test_it_stops_when_validation_does_not_get_better(tmp_path):
    fitted = fit(config(epochs=30, patience=2, optimiser=Optimiser(lr=1e-7)), Toy(), tmp_path)
    assert len(fitted.history) < 30
    assert len(fitted.history) - fitted.best.epoch == 2


def test_validation_counts_each_validation_pixel_once(tmp_path):
    toy = Toy(chips=14)
    fitted = fit(config(epochs=1, batch=3), toy, tmp_path)
    figures = fitted.history[0]["figures"]
    assert figures["pixels"] == toy.counts(Part.VALIDATE).sum() == np.sum(figures["confusion"])
    assert np.sum(figures["confusion"], axis=1).tolist() == toy.counts(Part.VALIDATE).sum(0).tolist()


def test_an_epoch_sees_each_training_chip_once_or_as_many_as_are_asked_for(tmp_path):
    toy, seen = Toy(chips=14), []
    read = toy.read
    toy.read = lambda indices: (seen.extend(indices), read(indices))[1]
    chips = np.flatnonzero(toy.counts(Part.TRAIN).sum(1))
    for samples, expected in ((None, len(chips)), (4, 4)):
        job = prepare(config(epochs=1, samples=samples), toy, tmp_path / str(samples), name="toy")
        seen.clear()
        fitted = fit(job.config, toy, job.out)
        trained = [chip for chip in seen[len(chips) :] if chip in chips]  # the statistics read all of them before
        assert len(trained) == len(set(trained)) == expected == fitted.history[0]["chips"]


def test_labels_of_the_test_part_change_nothing(tmp_path):
    one, other = Toy(), Toy()
    other.y[other.part == Part.TEST] = 0
    other.numbers[-2:] = 9999
    assert curve(fit(config(), one, tmp_path / "1")) == curve(fit(config(), other, tmp_path / "2"))


def test_a_loss_that_is_not_a_number_stops_naming_the_chips(tmp_path):
    with pytest.raises(ModelError, match=r"The loss is (nan|inf) on chips .*chip-003") as caught:
        fit(config(), wild(), tmp_path)
    assert 3 in caught.value.facts["chips"]


def test_with_a_full_disk_it_stops_and_goes_on_from_the_last_good_checkpoint(tmp_path, monkeypatch):
    whole, calls = Path.write_bytes, []

    def full(path, data):
        if path.name.startswith(".optimiser"):
            calls.append(path)
            if len(calls) == 2:
                raise OSError(28, "No space left on device")
        whole(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(StoreFullError, match="goes on from epoch 1"):
        fit(config(), Toy(), tmp_path)
    assert checkpoint.last(tmp_path).epoch == 1
    fitted = fit(config(), Toy(), tmp_path)
    assert (fitted.started_at, len(fitted.history)) == (1, 3)


def test_a_checkpoint_of_another_network_is_refused_before_training(tmp_path):
    fit(config(epochs=1), Toy(), tmp_path)
    with pytest.raises(ModelError, match="of another network"):
        encoder = PartSpec(name="unet", settings={"width": 4, "levels": 2})
        fit(config(epochs=1, encoder=encoder), Toy(), tmp_path)


def test_a_class_without_training_labels_is_named(tmp_path):
    toy = Toy()
    toy.part[(toy.y == 1) & (toy.part == Part.TRAIN)] = Part.VALIDATE
    with pytest.raises(LabelError, match="Class tree has no label for training"):
        fit(config(), toy, tmp_path)


@pytest.mark.parametrize("part", [Part.TRAIN, Part.VALIDATE])
def test_a_part_without_labels_is_named(tmp_path, part):
    toy = Toy()
    toy.part[toy.part == part] = 255
    with pytest.raises(LabelError, match=f"part {part.name.lower()}"):
        fit(config(), toy, tmp_path)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"head": PartSpec(name="regression")}, "Head regression gives values, the labels are classes"),
        ({"chip": 32}, "chips of 32 px, these have 16 px"),
        ({"encoder": PartSpec(name="unet", settings={"width": 4, "levels": 6})}, "needs multiples of 32"),
        ({"encoder": PartSpec(name="unet", settings={"breadth": 4})}, "no setting 'breadth'"),
        ({"encoder": PartSpec(name="vnet")}, "no encoder 'vnet'"),
        ({"window": 12}, "Windows do not fit"),
        ({"window": 65, "stride": 51}, "multiples of 2"),
        ({"workers": 2}, "need a cluster"),
        ({"workers": 99}, "more than the 7 chips"),
        ({"device": "cuda"}, "no GPU"),
        ({"backend": "nccl"}, "nccl needs GPUs"),
    ],
)
def test_what_does_not_fit_is_refused_before_training(tmp_path, changes, named):
    if changes.get("device") == "cuda" and torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(ModelError, match=named):
        fit(config(**changes), Toy(), tmp_path)
    assert not (tmp_path / "checkpoints").exists()


def test_windows_follow_from_the_reach_of_the_network(tmp_path):
    spec = prepare(config(window=None), Toy(), tmp_path, name="toy").spec
    network = Network.build(spec)
    assert spec.input.margin >= network.reach > spec.input.margin - network.multiple
    assert spec.input.window >= 256 and spec.input.stride == spec.input.window - 2 * spec.input.margin


def test_threads_of_this_process_are_given_back(tmp_path):
    before = torch.get_num_threads()
    fit(config(epochs=1, threads=before + 1), Toy(), tmp_path)
    assert torch.get_num_threads() == before


def test_the_history_is_kept_as_json(tmp_path):
    fitted = fit(config(), Toy(), tmp_path)
    told = json.loads((tmp_path / "history.json").read_text())
    assert told == list(fitted.history)
    assert {"steps", "wait", "cpu", "validation"} == set(told[0]["seconds"])
