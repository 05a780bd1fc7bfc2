"""Batches hold what mapping would give the network, labels of their part, and each chip once an epoch."""

import threading
import time

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from swath.models.normalise import Normaliser
from swath.models.spec import PartSpec
from swath.training.augment import Change
from swath.training.batches import Ahead, Preparer, epoch_order, share
from swath.training.config import NO_CHANGE, Augment
from swath.training.design import design
from swath.training.source import IGNORED, Part
from swath.training.statistics import Statistics
from training.toy import Toy, config


def prepared(toy, **changes):
    return Preparer(toy, design(config(**changes), toy.facts, Statistics.of(toy), name="toy"))


TEMPORAL = {"encoder": PartSpec(name="temporal", settings={"width": 8, "levels": 2})}


@pytest.mark.parametrize(("steps", "changes"), [(1, {}), (3, TEMPORAL)])
def test_training_gives_the_network_bit_for_bit_what_mapping_gives_it(steps, changes):
    toy = Toy(steps=steps)
    preparer = prepared(toy, **changes)
    spec = preparer.spec.input
    batch = preparer.batch([4, 1], Part.TRAIN)
    # as the predictor fills a window: from a cube of layers, steps of bands, at a place in it
    mapped = Normaliser.of(spec, toy.facts.layers)
    for row, chip in enumerate([4, 1]):
        edge = 5
        cube = np.pad(toy.numbers[chip], ((0, 0), (0, 0), (edge, edge), (edge, edge)))
        layers = [[np.ascontiguousarray(band) for band in step] for step in cube]
        valid = np.empty((steps, 16, 16), np.uint8)
        x = np.empty((steps, 3, 16, 16), np.float32)
        mapped.valid(layers, edge, edge, valid)
        mapped.fill_input(layers, valid, edge, edge, x)
        assert np.array_equal(batch.inputs[0][row].numpy(), x if steps > 1 else x[0])
        if steps > 1:
            assert np.array_equal(batch.inputs[2][row].numpy(), valid)
    if steps > 1:
        assert np.array_equal(batch.inputs[1].numpy(), toy.day[[4, 1]])


def test_normalised_training_pixels_have_mean_0_and_deviation_1():
    toy = Toy(chips=20)
    batch = prepared(toy).batch(range(20), Part.TRAIN)
    known = (batch.target != IGNORED)[:, None] & (batch.inputs[0] != 0)
    for band in range(3):
        values = batch.inputs[0][:, band : band + 1][known.any(1, keepdim=True)]
        values = values[values != 0]
        assert values.mean().item() == pytest.approx(0, abs=1e-3)
        assert values.std().item() == pytest.approx(1, abs=1e-2)


def test_only_labels_of_the_part_count():
    toy = Toy()
    preparer = prepared(toy)
    assert preparer.batch([0], Part.VALIDATE).labelled == 0
    batch = preparer.batch([0], Part.TRAIN)
    assert batch.labelled == (toy.part[0] == Part.TRAIN).sum()
    assert np.array_equal(batch.target[0].numpy(), toy.y[0])


def test_values_are_scaled_to_the_numbers_of_the_network():
    toy = Toy(values=True)
    preparer = prepared(toy, head=PartSpec(name="regression"))
    value = preparer.spec.output.values[0]
    target = preparer.batch([0, 1, 3], Part.TRAIN).target.numpy()
    assert np.allclose(target * value.scale + value.offset, toy.y[[0, 1, 3]], equal_nan=True, atol=1e-4)
    assert np.nanmean(target) == pytest.approx(0, abs=0.5)


def test_a_changed_chip_is_the_chip_laid_otherwise_with_its_labels():
    toy = Toy()
    preparer = prepared(toy)
    plain = preparer.batch([3], Part.TRAIN)
    augment = Augment(drop_dates=0, brightness=0)
    for epoch in range(8):
        batch = preparer.batch([3], Part.TRAIN, augment=augment, seed=(0, epoch))
        change = Change.draw(augment, steps=1, bands=3, seed=(0, epoch, 3))
        assert np.array_equal(batch.inputs[0][0].numpy(), change.lay(plain.inputs[0][0].numpy()))
        assert np.array_equal(batch.target[0].numpy(), change.lay(plain.target[0].numpy()))


def test_a_chip_is_changed_alike_whichever_batch_it_is_in():
    toy = Toy(steps=3)
    preparer = prepared(toy, **TEMPORAL)
    one = preparer.batch([3], Part.TRAIN, augment=Augment(), seed=(0, 1))
    many = preparer.batch([5, 3, 0], Part.TRAIN, augment=Augment(), seed=(0, 1))
    assert all(torch.equal(a[0], b[1]) for a, b in zip(one.inputs, many.inputs, strict=True))


def test_a_chip_that_comes_again_is_changed_in_another_way():
    preparer = prepared(Toy(steps=3), **TEMPORAL)
    batch = preparer.batch([3, 3, 3], Part.TRAIN, augment=Augment(), seed=(0, 1), times=[0, 0, 1])
    first, same, other = batch.inputs[0]
    assert torch.equal(first, same) and not torch.equal(first, other)


class Told(Toy):
    """Chips with weights, objects and errors of their labels."""

    def read(self, indices):
        rows, shape = list(indices), (len(indices), *self.y.shape[1:])
        more = np.arange(np.prod(shape)).reshape(shape) % 200
        return {**super().read(rows), "weight": (more + 1) / 10, "object": more.astype(np.uint16), "error": more * 2.0}


def test_weight_object_and_error_come_along_where_the_part_has_labels():
    toy = Told(values=True)
    preparer = prepared(toy, head=PartSpec(name="regression"))
    batch = preparer.batch([0, 1], Part.TRAIN)
    has, more = np.isfinite(batch.target.numpy()), np.arange(2 * 256).reshape(2, 16, 16) % 200
    scale = preparer.spec.output.values[0].scale
    assert np.allclose(batch.weight.numpy(), np.where(has, (more + 1) / 10, 0))
    assert (batch.objects.numpy() == np.where(has, more, 0)).all()
    assert np.allclose(batch.error.numpy(), np.where(has, more * 2 / scale, 0))


def test_they_are_laid_as_the_chip_is():
    toy = Told(values=True)
    preparer = prepared(toy, head=PartSpec(name="regression"))
    plain, turned = (preparer.batch([0], Part.TRAIN, augment=a, seed=(0, 5)) for a in (NO_CHANGE, Augment()))
    order = [np.argsort(batch.objects.numpy().ravel(), kind="stable") for batch in (plain, turned)]
    for name in ("weight", "error", "target"):
        one, other = (getattr(b, name).numpy().ravel()[o] for b, o in zip((plain, turned), order, strict=True))
        assert np.array_equal(np.sort(one[np.isfinite(one)]), np.sort(other[np.isfinite(other)]))
    assert not torch.equal(plain.objects, turned.objects)
    on = turned.objects > 0
    assert torch.equal(turned.weight[on], ((turned.objects[on] + 1) / 10).float())


def test_labels_that_all_weigh_1_need_no_weight():
    assert prepared(Toy()).batch([0], Part.TRAIN).weight is None


def test_no_change_leaves_a_batch_as_it_is():
    preparer = prepared(Toy())
    one, other = (preparer.batch([0, 1], Part.TRAIN, augment=augment, seed=(1,)) for augment in (None, NO_CHANGE))
    assert torch.equal(one.inputs[0], other.inputs[0])


def test_a_head_for_whole_windows_gets_the_class_that_most_labels_of_the_chip_have():
    toy = Toy()
    preparer = prepared(toy, head=PartSpec(name="classification"))
    target = preparer.batch([0, 2], Part.TRAIN).target
    assert target.shape == (2, 1, 1)
    assert target[0].item() == np.bincount(toy.y[0][toy.y[0] != IGNORED]).argmax()
    assert target[1].item() == IGNORED


@given(chips=st.integers(1, 60), world=st.integers(1, 6), batch=st.integers(1, 9), epoch=st.integers(0, 3))
@settings(max_examples=200, deadline=None)
def test_workers_see_each_chip_once_an_epoch_in_equally_many_steps_none_empty(chips, world, batch, epoch):
    order = epoch_order(np.arange(chips), seed=1, epoch=epoch)
    if chips < world:
        with pytest.raises(ValueError, match="fewer than"):
            share(order, rank=0, world=world, batch=batch)
        return
    shares = [share(order, rank=rank, world=world, batch=batch) for rank in range(world)]
    assert sorted(np.concatenate([np.concatenate(parts) for parts in shares])) == list(range(chips))
    assert len({len(parts) for parts in shares}) == 1
    sizes = [len(part) for parts in shares for part in parts]
    assert min(sizes) >= 1 and max(sizes) <= max(batch, 2)


def test_the_order_is_another_each_epoch_and_the_same_for_the_same_seed():
    orders = [epoch_order(np.arange(30), seed=seed, epoch=epoch) for seed, epoch in [(0, 1), (0, 1), (0, 2), (1, 1)]]
    assert (orders[0] == orders[1]).all()
    assert (orders[0] != orders[2]).any() and (orders[0] != orders[3]).any()
    assert len(epoch_order(np.arange(30), seed=0, epoch=1, samples=7)) == 7


def test_batches_are_made_while_the_last_one_is_used_and_waiting_is_counted():
    def slow():
        time.sleep(0.05)
        return "batch"

    with Ahead([slow] * 5) as batches:
        for _ in batches:
            time.sleep(0.1)
    assert 0.04 < batches.waited < 0.1  # the first only
    with Ahead([slow] * 5) as batches:
        list(batches)
    assert batches.waited > 0.2


def test_an_error_of_a_maker_is_raised_where_the_batch_is_taken():
    def broken():
        raise OSError("gone")

    taken = []
    with Ahead([lambda: 1, broken, lambda: 3]) as batches, pytest.raises(OSError, match="gone"):
        taken.extend(batches)
    assert taken == [1]


def test_leaving_early_ends_the_thread():
    with Ahead([lambda: 1] * 50) as batches:
        next(iter(batches))
    assert not any(thread.name == "swath-batches" for thread in threading.enumerate())
