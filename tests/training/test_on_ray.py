"""Ray Train runs the same loop in several workers."""

import pytest
import torch

from swath.errors import ClusterError, ModelError
from swath.models.network import Network
from swath.training import checkpoint
from swath.training.fit import fit
from swath.training.on_ray import raised_by_swath
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
def test_what_a_worker_raises_comes_back_as_it_is(ray_cluster, tmp_path):
    with pytest.raises(ModelError, match=r"The loss is nan on chips .*chip-003"):
        fit(config(epochs=1, workers=2), wild(), tmp_path, cluster="auto")


def test_among_the_failures_of_a_group_the_one_that_swath_raised_is_told():
    from ray.train.v2._internal.exceptions import UserExceptionWithTraceback
    from ray.train.v2.api.exceptions import WorkerGroupError

    lost = UserExceptionWithTraceback(RuntimeError("Connection closed by peer"), "traceback")
    ours = UserExceptionWithTraceback(ModelError("The loss is nan."), "traceback")
    assert raised_by_swath(WorkerGroupError("two workers", {0: lost, 1: ours})) is ours._base_exc
    assert raised_by_swath(WorkerGroupError("one worker", {0: lost})) is None


def test_workers_that_do_not_fit_are_told_before_anything_starts(ray_cluster, tmp_path):
    with pytest.raises(ClusterError, match=r"2 workers of 64 CPU do not fit: the cluster has room for 0"):
        fit(config(workers=2, threads=64), Toy(), tmp_path, cluster="auto")
