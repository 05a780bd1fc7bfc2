"""Ray Train runs the same loop in several workers."""

import os
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch

from swath.errors import ClusterError, ModelError
from swath.models.network import Network
from swath.training import checkpoint
from swath.training.fit import fit
from swath.training.on_ray import raised_by_worker
from swath.training.source import Part
from training.toy import Toy, config, wild

pytestmark = pytest.mark.ray


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    # how often Ray Train's controller looks after its workers
    monkeypatch.setenv("RAY_TRAIN_HEALTH_CHECK_INTERVAL_S", "0.2")


def test_two_workers_train_one_network_and_score_each_pixel_once(ray_cluster, tmp_path):
    toy, told = Toy(chips=14), []
    fitted = fit(config(epochs=2, workers=2, threads=None), toy, tmp_path, cluster="auto", on_epoch=told.append)
    assert told == list(fitted.history) and len(told) == 2
    assert told[0]["figures"]["pixels"] == toy.counts(Part.VALIDATE).sum()
    assert told[0]["chips"] == (toy.counts(Part.TRAIN).sum(1) > 0).sum()
    assert told[1]["loss"] < told[0]["loss"]
    network = Network.build(fitted.spec)
    network.load(fitted.best.network())
    assert not (tmp_path / ".ray-train").exists()
    # a worker a step of two chips: as many steps as one worker with half the chips
    state = checkpoint.last(tmp_path).optimiser()
    assert {float(part["step"]) for part in state.values()} == {2 * 2.0}
    assert torch.isfinite(torch.cat([tensor.float().ravel() for tensor in fitted.best.network().values()])).all()


@pytest.mark.slow
def test_the_same_seed_on_as_many_workers_gives_the_same_curve_bit_for_bit(ray_cluster, tmp_path):
    asked = config(epochs=3, workers=2, average=0.9, sampling={"by": "class"}, augment={"drop_bands": 0.2})
    one, other = (fit(asked, Toy(chips=14), tmp_path / name, cluster="auto") for name in ("one", "other"))
    curves = [[(r["loss"], r["validation_loss"], r["score"]) for r in fitted.history] for fitted in (one, other)]
    assert curves[0] == curves[1]
    first, second = (checkpoint.last(fitted.out).network() for fitted in (one, other))
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.slow
def test_what_a_worker_raises_comes_back_as_it_is(ray_cluster, tmp_path):
    with pytest.raises(ModelError, match=r"The loss is nan on chips .*chip-003"):
        fit(config(epochs=1, workers=2), wild(), tmp_path, cluster="auto")


def failed(*failures):
    from ray.train.v2._internal.exceptions import UserExceptionWithTraceback
    from ray.train.v2.api.exceptions import WorkerGroupError

    held = [UserExceptionWithTraceback(f, "traceback") if not isinstance(f, OSError) else f for f in failures]
    return WorkerGroupError("workers failed", dict(enumerate(held)))


def test_of_the_failures_of_a_group_the_one_that_the_training_raised_is_told():
    lost, ours, fault = RuntimeError("Connection closed by peer"), ModelError("The loss is nan."), KeyError("numbers")
    assert raised_by_worker(failed(lost, ours)) is ours
    assert raised_by_worker(failed(lost, fault)) is fault


def test_a_group_whose_worker_died_may_be_started_anew():
    lost, died = RuntimeError("Connection closed by peer"), OSError("the worker died")
    assert raised_by_worker(failed(lost)) is None
    assert raised_by_worker(failed(lost, died)) is None


def test_workers_that_do_not_fit_are_told_before_anything_starts(ray_cluster, tmp_path):
    with pytest.raises(ClusterError, match=r"2 workers of 64 CPU do not fit: the cluster has room for 0"):
        fit(config(workers=2, threads=64), Toy(), tmp_path, cluster="auto")


@pytest.mark.slow
def test_a_killed_worker_is_replaced_and_training_goes_on_from_the_last_checkpoint(ray_cluster, tmp_path):
    killed, told = [], []

    def strike(reading):
        told.append(reading["epoch"])
        if not killed:
            workers = [
                process
                for process in psutil.Process(os.getpid()).children(recursive=True)
                if "RayTrainWorker" in " ".join(process.cmdline())
            ]
            workers[-1].kill()
            killed.append(workers[-1].pid)

    # chips enough that the group is not done before the blow falls
    asked = config(epochs=40, workers=2, patience=None)
    fitted = fit(asked, Toy(chips=60), tmp_path, cluster="auto", on_epoch=strike)
    assert (len(killed), fitted.restarts) == (1, 1)
    assert told == [reading["epoch"] for reading in fitted.history] == list(range(1, 41))


class Watched(Toy):
    """Chips that write down which were read for training, and on which nodes."""

    def __init__(self, folder, **more):
        super().__init__(**more)
        self.folder = str(folder)

    def read(self, indices):
        import ray

        node = ray.get_runtime_context().get_node_id()
        with Path(self.folder, f"{os.getpid()}.txt").open("a") as file:
            file.writelines(f"{node} {index}\n" for index in indices)
        return super().read(indices)

    def lines(self):
        """Node and chip of each read of a worker."""
        files = [path for path in Path(self.folder).iterdir() if path.stem != str(os.getpid())]
        return [line.split() for file in files for line in file.read_text().splitlines()]


@pytest.mark.slow
def test_a_killed_node_costs_at_most_an_epoch(ray_cluster, tmp_path):
    (tmp_path / "reads").mkdir()
    toy, told, killed = Watched(tmp_path / "reads", chips=60), [], []

    def strike(reading):
        told.append(reading["epoch"])
        if not killed:
            here = {node for node, _ in toy.lines()} & set(ray_cluster.worker_node_ids())
            killed.append(here.pop())
            ray_cluster.kill_node(killed[0])

    try:
        # three workers: the head has room for two, so that one lies on a node that can be killed
        asked = config(epochs=40, workers=3, threads=1, patience=None)
        fitted = fit(asked, toy, tmp_path / "fit", cluster="auto", on_epoch=strike)
    finally:
        ray_cluster.fill_up()
    assert (len(killed), fitted.restarts) == (1, 1)
    assert told == [reading["epoch"] for reading in fitted.history] == list(range(1, 41))
    chips = np.flatnonzero(toy.counts(Part.TRAIN).sum(1))
    read = sum(int(chip) in chips for _, chip in toy.lines())
    ahead = 3 * 3 * asked.batch  # workers, batches that wait or are made, chips of each
    assert 40 * len(chips) <= read <= 41 * len(chips) + ahead
