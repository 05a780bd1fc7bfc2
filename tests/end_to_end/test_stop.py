"""Ctrl-C of a real command: a clean end, how to go on, and going on."""

import os
import signal
import subprocess
import sys
import time

import pytest

from support.command import swath
from support.small_world import layer_bytes


@pytest.fixture
def slow_archive(small_world, file_server, tmp_path):
    """The small world behind a server that takes its time, so that a run lasts."""
    (tmp_path / "earth").symlink_to(small_world.archive)
    file_server.fault = lambda path, asked: 0.2 if path.endswith(".tif") else None
    return file_server, f"{file_server.url}/earth/catalog.json"


def started(small_world, store, catalog, *more):
    """`swath map` as a process of its own, once it has begun its units."""
    request = map(str, small_world.request(store, *more, source=catalog))
    process = subprocess.Popen(
        [sys.executable, "-m", "swath", "map", *request],
        env=os.environ | {"SWATH_PROGRESS_S": "0.2"}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not any('"running": 0' not in path.read_text() for path in store.rglob("progress.json")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return process


def test_ctrl_c_ends_the_run_cleanly_and_the_same_command_goes_on(small_world, mapped, slow_archive, tmp_path):
    server, catalog = slow_archive
    store = tmp_path / "store"
    process = started(small_world, store, catalog, "--cluster", "inline")
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    server.fault = None
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "units in flight finish first" in err
    assert f"swath retry {store}" in out
    assert "Traceback" not in out + err
    assert not list(store.rglob(".*.part"))
    code, told = swath("status", store)
    assert (code, told["runs"][0]["state"]) == (0, "stopped")
    assert told["runs"][0]["done"] <= 3
    code, result = small_world.map(store, source=catalog)
    assert code == 0, result
    assert layer_bytes(store) == layer_bytes(mapped)


def test_a_second_signal_ends_at_once(small_world, slow_archive, tmp_path):
    server, catalog = slow_archive
    store = tmp_path / "store"
    process = started(small_world, store, catalog, "--cluster", "inline")
    server.fault = lambda path, asked: 5.0 if path.endswith(".tif") else None
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=15)
    assert process.returncode == 130, (out, err)
    assert "Traceback" not in out + err
