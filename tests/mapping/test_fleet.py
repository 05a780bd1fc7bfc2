"""How many pods of which group a plan takes."""

import pytest

from swath.cluster.kuberay import Group, KubeRaySpec
from swath.errors import ClusterError, RequestError
from swath.mapping.amounts import Amounts
from swath.mapping.billing import Priced
from swath.mapping.fleet import fleet_for
from swath.planning.rates import Rate
from swath.planning.spread import Spread

# 1000 units of 40 s on one core: 10 s on the four of a worker
AMOUNTS = Amounts(
    tiles=500, units=1000, empty=0, scenes=9000, samples=2e10, pixels=1_000_000_000, layers=2, km2=1e5
)  # fmt: skip
CPU = Group(name="cpu", cpus=16, memory_gib=64, most=20)
GPU = Group(name="gpu", cpus=8, memory_gib=64, gpus=4, most=4)


def priced(**expected):
    values = {
        "bytes_a_sample": 1.0, "cpu_a_sample": 1e-6, "cpu_a_pixel": 2e-5, "gpu_a_pixel": 0.0, "bytes_a_pixel": 2.0,
        "files_a_scene": 4.0, "gets_a_file": 3.0, "busy": 1.0,
    } | expected  # fmt: skip
    rates = {name: Rate.of(Spread.exact(value), "assumed", "a test") for name, value in values.items()}
    return Priced(AMOUNTS, rates, None, None, workers=1, cores=4)


def spec(*groups, **more):
    return KubeRaySpec(image="swath:0.1.0", groups=groups or (CPU,), start_s=100, **more)


def pods(fleet):
    assert all(group.least == group.most for group in fleet.spec.groups)
    return {group.name: group.least for group in fleet.spec.groups}


def test_without_a_deadline_a_fleet_is_as_large_as_the_spec_allows():
    fleet = fleet_for(priced(), spec())
    # four workers a pod, thirteen rounds of ten seconds
    assert (pods(fleet), fleet.workers, fleet.seconds) == ({"cpu": 20}, 80, pytest.approx(230))


def test_a_deadline_takes_no_pod_more_than_it_needs():
    # 100 s of start leave 1000 s: 100 rounds of ten workers, which are three pods
    assert pods(fleet_for(priced(), spec(), deadline_s=1100)) == {"cpu": 3}
    assert fleet_for(priced(), spec(), deadline_s=1100).seconds <= 1100


def test_what_is_made_already_takes_no_pods():
    assert pods(fleet_for(priced(), spec(), share=0.01)) == {"cpu": 3}
    assert pods(fleet_for(priced(), spec(), share=0.1, deadline_s=1100)) == {"cpu": 1}


def test_a_number_of_workers_is_kept_and_groups_are_filled_in_their_order():
    small = Group(name="spot", cpus=4, memory_gib=16, most=3, spot=True)
    assert pods(fleet_for(priced(), spec(small, CPU), workers=9)) == {"spot": 3, "cpu": 2}
    assert pods(fleet_for(priced(), spec(small, CPU), workers=2)) == {"spot": 2}


def test_a_deadline_that_no_size_meets_says_the_best_there_is():
    with pytest.raises(RequestError, match="takes 4 min with 77 workers of 4 cores, 100 s of it the start") as caught:
        fleet_for(priced(), spec(), deadline_s=200)
    assert caught.value.facts["best_s"] == pytest.approx(230)


def test_pods_with_gpus_serve_only_plans_that_use_them():
    assert pods(fleet_for(priced(), spec(GPU, CPU), workers=1)) == {"cpu": 1}
    assert pods(fleet_for(priced(gpu_a_pixel=1e-5), spec(CPU, GPU), workers=1)) == {"gpu": 1}
    with pytest.raises(ClusterError, match="uses no GPU, and every group of the cluster has some: gpu"):
        fleet_for(priced(), spec(GPU))
    with pytest.raises(ClusterError, match="uses GPUs, and every group of the cluster has none: cpu"):
        fleet_for(priced(gpu_a_pixel=1e-5), spec())


@pytest.mark.parametrize(("gpu_a_pixel", "gpus"), [(1e-9, 1), (5e-6, 2), (1e-3, 4)])
def test_a_pod_asks_for_no_more_gpus_than_its_cores_feed(gpu_a_pixel, gpus):
    # eight cores read for 2500 s
    (group,) = fleet_for(priced(gpu_a_pixel=gpu_a_pixel), spec(GPU), workers=1).spec.groups
    assert group.gpus == gpus


def test_a_fleet_says_what_it_is():
    assert str(fleet_for(priced(), spec(), workers=8)) == (
        "cluster: 2 cpu of 16 cores; 8 workers, about 22 min with its start"
    )
    assert "1 gpu of 8 cores and 4 GPUs" in str(fleet_for(priced(gpu_a_pixel=1e-3), spec(GPU), workers=1))


def test_more_workers_than_there_is_room_for_are_refused():
    with pytest.raises(ClusterError, match="--workers 81, and the cluster's groups have room for 80"):
        fleet_for(priced(), spec(), workers=81)
    with pytest.raises(ClusterError, match="either says how many"):
        fleet_for(priced(), spec(), workers=8, deadline_s=1000)
