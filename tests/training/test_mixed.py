"""Labelled pixels of many chips are mixed: each comes once, with what it had, and a network learns from them."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from swath.errors import ModelError
from swath.models.network import Network
from swath.models.spec import PartSpec
from swath.training import checkpoint
from swath.training.batches import Preparer
from swath.training.config import NO_CHANGE
from swath.training.design import design
from swath.training.fit import fit
from swath.training.mixed import Mixer, OnPixels
from swath.training.objective import Objective
from swath.training.source import Part
from swath.training.statistics import Statistics
from training.toy import Toy, config

PIXELS = {"encoder": PartSpec(name="statistics", settings={"width": 16, "boxes": "3"}), "augment": NO_CHANGE}
CHIPS = ([0, 1], [3, 4], [6])


def made_of(toy, **changes):
    """Config, network and batches of three groups of training chips."""
    asked = config(**{**PIXELS, "mix": 2, **changes})
    spec = design(asked, toy.facts, Statistics.of(toy, seed=0), name="toy")
    network = Network.build(spec).train()
    preparer = Preparer(toy, spec)
    return asked, network, [preparer.batch(chips, Part.TRAIN) for chips in CHIPS]


def mixed(asked, network, batches, seed=5):
    return list(Mixer(asked, network, torch.device("cpu"))(batches, seed=seed))


def sorted_rows(batches):
    rows = torch.cat([torch.cat([b.inputs[0][0, :, 0].T, b.target[0, 0, :, None].float()], 1) for b in batches])
    return rows[np.lexsort(rows.numpy().T)]


@pytest.mark.parametrize("steps", [1, 3])
def test_every_labelled_pixel_comes_once_with_its_statistics_and_class(steps):
    asked, network, batches = made_of(Toy(steps=steps))
    found = mixed(asked, network, batches)
    rows = []
    for batch in batches:
        x = batch.inputs[0].unsqueeze(1) if steps == 1 else batch.inputs[0]
        made = network.encoder.fixed(x, batch.inputs[-1] if network.spec.valid else None)
        for n, r, c in zip(*np.nonzero(batch.target.numpy() != 255), strict=True):
            rows.append(torch.cat([made[n, :, r, c], batch.target[n, r, c].float()[None]]))
    expected = torch.stack(rows)
    assert torch.equal(sorted_rows(found), expected[np.lexsort(expected.numpy().T)])


def test_as_many_batches_come_out_as_went_in_each_with_pixels_of_all_that_were_held_together():
    asked, network, batches = made_of(Toy())
    found = mixed(asked, network, batches)
    assert [batch.indices for batch in found] == [(0, 1, 3, 4), (0, 1, 3, 4), (6,)]
    sizes = [batch.labelled for batch in found]
    assert abs(sizes[0] - sizes[1]) <= 1
    assert sum(sizes) == sum(batch.labelled for batch in batches)
    lone = [mixed(asked, network, [batch]) for batch in batches[:2]]
    first = {tuple(row.tolist()) for row in sorted_rows(lone[0])}
    share = np.mean([tuple(row.tolist()) in first for row in sorted_rows(found[:1])])
    assert 0.3 < share < 0.7


def test_the_order_is_that_of_the_seed():
    asked, network, batches = made_of(Toy())
    one, same, other = (mixed(asked, network, batches, seed=seed)[0].inputs[0] for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_the_scores_of_mixed_pixels_are_those_that_the_network_gives_in_their_windows():
    asked, network, batches = made_of(Toy())
    network.eval()
    (found,) = mixed(asked, network, batches[:1])
    with torch.no_grad():
        rows = OnPixels(network).eval()(*found.inputs)[0, :, 0].T
        windows = network(*batches[0].inputs).permute(0, 2, 3, 1)[batches[0].target != 255]
    rows, windows = (scores[np.lexsort(scores.numpy().round(4).T)] for scores in (rows, windows))
    torch.testing.assert_close(rows, windows, atol=1e-4, rtol=1e-4)


def test_weights_stay_with_their_pixels():
    toy = Toy()
    read = toy.read
    toy.read = lambda indices: {**read(indices), "weight": (1.0 + toy.y[list(indices)]).astype(np.float32)}
    for batch in mixed(*made_of(toy)):
        assert batch.weight is not None
        assert torch.equal(batch.weight, 1.0 + batch.target)


def test_a_network_learns_from_mixed_pixels(tmp_path):
    fitted = fit(config(**PIXELS, epochs=8, mix=4), Toy(), tmp_path)
    assert fitted.best.best["score"] > 0.75
    assert fitted.history[-1]["loss"] < 0.8 * fitted.history[0]["loss"]


def test_a_training_on_mixed_pixels_that_was_stopped_goes_on_to_the_same_network(tmp_path):
    asked = config(**PIXELS, epochs=3, mix=4, average=0.9)
    whole = fit(asked, Toy(), tmp_path / "whole")

    class Stop(Exception):
        pass

    def stop(reading):
        if reading["epoch"] == 2:
            raise Stop

    with pytest.raises(Stop):
        fit(asked, Toy(), tmp_path / "parts", on_epoch=stop)
    parts = fit(asked, Toy(), tmp_path / "parts")
    one, other = (checkpoint.last(fitted.out).network() for fitted in (whole, parts))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_what_learns_across_pixels_is_refused(tmp_path):
    unet = PartSpec(name="unet", settings={"width": 8, "levels": 2})
    with pytest.raises(ModelError, match="mix is 2, and the network unet"):
        fit(config(**{**PIXELS, "mix": 2, "encoder": unet}), Toy(), tmp_path)


class Footprints(Toy):
    """Values whose labels are squares of 4 x 4 pixels, those with data; each chip numbers its own from 1."""

    squares = 1 + np.kron(np.arange(16).reshape(4, 4), np.ones((4, 4), int))

    def __init__(self, **more):
        super().__init__(values=True, **more)
        for number in range(1, 17):
            mine = self.y[:, self.squares == number]
            self.y[:, self.squares == number] = np.where(np.isnan(mine), np.nan, np.nanmean(mine, axis=1)[:, None])

    def read(self, indices):
        made = super().read(indices)
        return {**made, "object": np.where(np.isfinite(made["y"]), self.squares, 0).astype(np.uint16)}


OF_VALUES = {"head": PartSpec(name="regression", settings={"form": "gaussian", "gives": "mean,sd", "depth": 1})}


def test_labels_whose_pixels_are_taken_together_stay_whole():
    asked, network, batches = made_of(Footprints(), **OF_VALUES, loss={"by_object": True}, mix=3)
    found = mixed(asked, network, batches)
    pairs = [(b.objects[0, 0].numpy(), b.target[0, 0].numpy()) for b in found]
    labels = [len(np.unique(objects)) for objects, _ in pairs]
    assert len(found) == 3 and max(labels) - min(labels) <= 1
    whole = [len(np.unique(chip[chip > 0])) for batch in batches for chip in batch.objects]
    assert len(set().union(*(objects.tolist() for objects, _ in pairs))) == sum(labels) == sum(whole)
    for objects, target in pairs:
        assert all(len(np.unique(target[objects == number])) == 1 for number in np.unique(objects))


def test_the_loss_of_mixed_labels_is_that_of_their_windows():
    toy = Footprints()
    asked, network, batches = made_of(toy, **OF_VALUES, loss={"by_object": True}, mix=1)
    spec = design(asked, toy.facts, Statistics.of(toy, seed=0), name="toy")
    network.eval()
    (found,) = mixed(asked, network, batches[:1])
    objective = Objective(asked, spec, network, None, torch.device("cpu"))
    with torch.no_grad():
        rows, windows = objective(OnPixels(network).eval()(*found.inputs), found), network(*batches[0].inputs)
        torch.testing.assert_close(rows, objective(windows, batches[0]), rtol=1e-4, atol=1e-5)


def test_too_few_whole_labels_are_said():
    asked, network, batches = made_of(Footprints(), **OF_VALUES, loss={"by_object": True})
    one = replace(batches[2], objects=batches[2].objects.clamp(max=1))
    with pytest.raises(ModelError, match="1 labels are too few for 1 batches"):
        mixed(asked, network, [one])


def test_too_few_pixels_for_the_batches_are_said():
    asked, network, batches = made_of(Toy(labelled=0.002))
    for batch in batches:
        batch.target[:] = 255
    with pytest.raises(ModelError, match="0 labelled pixels are too few for 2 batches"):
        mixed(asked, network, batches)


@pytest.mark.ray
@pytest.mark.slow
def test_two_workers_mix_their_own_labels_and_keep_one_network(ray_cluster, tmp_path):
    asked = config(**{**PIXELS, **OF_VALUES, "loss": {"by_object": True}, "mix": 2, "epochs": 3, "workers": 2})
    fitted = fit(asked, Footprints(chips=14), tmp_path, cluster="auto")
    losses = [reading["loss"] for reading in fitted.history]
    assert fitted.history[0]["chips"] == 8 and losses[-1] < losses[0]
    # a worker has four chips: two batches, mixed together
    state = checkpoint.last(fitted.out).optimiser()
    assert {float(part["step"]) for part in state.values()} == {3 * 2.0}


class Counting(Toy):
    """Knows how many chips were read."""

    number = 0

    def read(self, indices):
        self.number += len(indices)
        return super().read(indices)


@pytest.mark.parametrize(
    ("augment", "once"),
    [({"flips": True, "turns": True}, True), ({"brightness": 0.05}, False), ({"drop_bands": 0.1}, False)],
)
def test_chips_are_read_once_where_no_change_reaches_what_is_looked_up(tmp_path, augment, once):
    toy = Counting()
    asked = config(**{**PIXELS, "augment": NO_CHANGE.model_copy(update=augment)}, epochs=3, mix=4, patience=None)
    with_statistics = Statistics.of(toy, seed=0)
    toy.number = 0
    fit(asked, toy, tmp_path, statistics=with_statistics)
    validated = int((toy.counts(Part.VALIDATE).sum(1) > 0).sum()) * asked.epochs
    learned = int((toy.counts(Part.TRAIN).sum(1) > 0).sum())
    assert toy.number - validated == learned * (1 if once else asked.epochs)


def test_kept_chips_give_the_pixels_that_they_gave_when_read():
    asked, network, batches = made_of(Toy())
    mixer = Mixer(asked, network, torch.device("cpu"))
    read = list(mixer(batches, seed=1))
    again = [make() for make in mixer.makers(CHIPS, [None] * len(CHIPS))]
    kept = list(mixer(again, seed=1))
    assert all(torch.equal(one.inputs[0], other.inputs[0]) for one, other in zip(read, kept, strict=True))
    assert all(torch.equal(one.target, other.target) for one, other in zip(read, kept, strict=True))


def test_what_has_no_room_is_read_again(monkeypatch):
    from swath.training import mixed as module

    asked, network, batches = made_of(Toy())
    monkeypatch.setattr(module, "ROOM", 0)
    mixer = Mixer(asked, network, torch.device("cpu"))
    list(mixer(batches, seed=1))
    readers = [object() for _ in CHIPS]
    assert mixer.makers(CHIPS, readers) == readers


@pytest.mark.parametrize("mix", [1, 4])
def test_members_learn_each_by_itself_and_differ(tmp_path, mix):
    fitted = fit(config(**PIXELS, epochs=4, mix=mix, members=3, average=0.9), Toy(), tmp_path)
    weights = fitted.best.network()
    heads = [weights[f"{name}head.score.weight"] for name in ("", "others.0.", "others.1.")]
    assert not any(torch.equal(heads[0], other) for other in heads[1:])
    assert fitted.history[-1]["loss"] < 0.9 * fitted.history[0]["loss"]
    assert fitted.best.best["score"] > 0.6


def test_the_loss_of_members_is_the_mean_of_what_each_loses():
    asked, network, batches = made_of(Toy(), members=2)
    network.eval().training = True  # of itself alone: without dropout
    spec = design(asked, Toy().facts, Statistics.of(Toy(), seed=0), name="toy")
    objective = Objective(asked, spec, network, None, torch.device("cpu"))
    (found,) = mixed(asked, network, batches[:1])
    scores = OnPixels(network)(*found.inputs).detach()
    assert scores.shape[0] == 2
    one, other = (float(objective(part, found)) for part in scores.split(1))
    assert one != other
    assert float(objective(scores, found)) == pytest.approx((one + other) / 2)


def test_members_are_refused_where_all_would_start_alike():
    with pytest.raises(ValueError, match="members is 3, and all would start from the same weights"):
        config(members=3, pretrained={"source": "weights.safetensors"})
