"""kill -9 of driver or worker at any moment, then the same command again: the bytes of an undisturbed run."""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

MOMENTS = 20


def command(world, store, *more):
    return [
        sys.executable, "-m", "swath", "map", "mosaic", "--area", world.area, "--period", world.period,
        "--source", str(world.catalog), "--store", str(store), "--tile-size", "192", "--json", *more,
    ]  # fmt: skip


def fingerprints(store: Path) -> dict[str, str]:
    """sha256 of everything that was published; what only tells of a run (progress, statistics, lease) is left out."""
    return {
        str(path.relative_to(store)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(store.rglob("*"))
        if path.is_file() and "/runs/" not in path.as_posix() and path.name != "lease.json"
    }


@pytest.fixture(scope="module")
def undisturbed(small_world, tmp_path_factory):
    store = tmp_path_factory.mktemp("undisturbed")
    started = time.monotonic()
    subprocess.run(command(small_world, store, "--cluster", "inline"), check=True, capture_output=True)
    return fingerprints(store), time.monotonic() - started


@pytest.mark.parametrize("victim", ["driver", "worker"])
def test_a_killed_run_goes_on_to_the_same_bytes(small_world, undisturbed, tmp_path, victim):
    expected, _ = undisturbed
    chance = random.Random(20261124)
    cluster = ["--cluster", "inline" if victim == "driver" else "local"]
    environment = os.environ | {"SWATH_LEASE_S": "2"}
    for moment in range(MOMENTS // 2):
        store = tmp_path / f"{victim}-{moment}"
        process = subprocess.Popen(
            command(small_world, store, *cluster),
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        # from the first sign of the run on, so that the moments fall into its work and not into Python's start
        deadline = time.monotonic() + 120
        while process.poll() is None and not list(store.glob("*/*/runs/*/run.json")) and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(chance.uniform(0, 4 if victim == "driver" else 12))
        if victim == "driver":
            process.send_signal(signal.SIGKILL)
            process.wait()
        else:
            for worker in workers_of(process):
                worker.kill()
                break
            process.wait(300)
        time.sleep(2.5 if victim == "driver" else 0)
        end = subprocess.run(
            command(small_world, store, "--cluster", "inline"), env=environment, capture_output=True, text=True
        )
        assert end.returncode == 0, end.stderr
        assert json.loads(end.stdout)["units"]["failed"] == 0
        subprocess.run([sys.executable, "-m", "swath", "clean", str(store), "--json"], check=True, capture_output=True)
        assert fingerprints(store) == expected, f"killed the {victim} at moment {moment}"


def workers_of(process: subprocess.Popen) -> list[psutil.Process]:
    """Ray's processes that carry units of this driver."""
    try:
        children = psutil.Process(process.pid).children(recursive=True)
        return [child for child in children if "ray::" in " ".join(child.cmdline())]
    except psutil.NoSuchProcess:
        return []
