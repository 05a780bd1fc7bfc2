"""kill -9 of driver or worker at any moment, then the same command again: the bytes of an undisturbed run."""

import json
import random
import subprocess
import sys
import time

import psutil
import pytest

from support.small_world import fingerprints

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

MOMENTS = 20  # half of them for the driver, half for a worker


def command(world, store, *more):
    return [
        sys.executable, "-m", "swath", "map", "mosaic", "--area", world.area, "--period", world.period,
        "--source", str(world.catalog), "--store", str(store), "--tile-size", "192", "--json", *more,
    ]  # fmt: skip


def started(world, store, cluster):
    """A driver, once its plan stands: the moments shall fall into its work and not into Python's start."""
    process = subprocess.Popen(
        command(world, store, "--cluster", cluster),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    wait(process, lambda: list(store.glob("*/*/runs/*/run.json")))
    return process


def wait(process, true):
    """Until something is so, or the process has ended."""
    deadline = time.monotonic() + 120
    while process.poll() is None and not true() and time.monotonic() < deadline:
        time.sleep(0.02)


@pytest.fixture(scope="module")
def undisturbed(small_world, tmp_path_factory):
    """What an undisturbed run publishes, and how long it works after its plan stands."""
    store = tmp_path_factory.mktemp("undisturbed")
    process = started(small_world, store, "inline")
    begun = time.monotonic()
    assert process.wait(120) == 0
    return fingerprints(store), time.monotonic() - begun


def goes_on_to_the_same_bytes(world, store, expected):
    # the dead driver's lease is no hindrance: on its own machine its death is seen at once
    end = subprocess.run(command(world, store, "--cluster", "inline"), capture_output=True, text=True)
    assert end.returncode == 0, end.stderr
    assert json.loads(end.stdout)["units"]["failed"] == 0
    subprocess.run([sys.executable, "-m", "swath", "clean", str(store), "--json"], check=True, capture_output=True)
    assert fingerprints(store) == expected


@pytest.mark.parametrize("moment", range(MOMENTS // 2))
def test_after_a_killed_driver_the_run_goes_on_to_the_same_bytes(small_world, undisturbed, tmp_path, moment):
    expected, seconds = undisturbed
    process = started(small_world, tmp_path / "store", "inline")
    time.sleep(random.Random(moment).uniform(0, seconds))
    process.kill()
    process.wait()
    goes_on_to_the_same_bytes(small_world, tmp_path / "store", expected)


@pytest.mark.parametrize("moment", range(MOMENTS // 2))
def test_after_a_killed_worker_the_run_itself_goes_on_to_the_same_bytes(small_world, undisturbed, tmp_path, moment):
    expected, _ = undisturbed
    process = started(small_world, tmp_path / "store", "local")
    wait(process, lambda: workers_of(process))
    time.sleep(random.Random(moment).uniform(0, 5))
    for worker in workers_of(process)[:1]:
        worker.kill()
    assert process.wait(300) == 0
    goes_on_to_the_same_bytes(small_world, tmp_path / "store", expected)


def workers_of(process: subprocess.Popen) -> list[psutil.Process]:
    """Ray's processes that carry units of this driver."""
    try:
        children = psutil.Process(process.pid).children(recursive=True)
        return [child for child in children if "ray::_Actor" in " ".join(child.cmdline())]
    except psutil.NoSuchProcess:
        return []
