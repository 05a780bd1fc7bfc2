"""Stores that are full, read-only, or somebody else's."""

import errno
import os
import shutil
import stat
import threading

import pytest

from support.command import swath
from support.small_world import fingerprints, layer_bytes
from swath.errors import StoreBusyError
from swath.grid import Area, Period
from swath.mapping import carry_out, make_plan
from swath.planning import MapRequest
from swath.products import Product
from swath.store import Lease, Store

LEASE = "mosaic/1.0/lease.json"


class Disk:
    """What `os.fsync` says of a disk: all is well until so many bytes of COGs have been written."""

    def __init__(self, number, room):
        self.number, self.room, self._real = number, room, os.fsync

    def __call__(self, handle):
        facts = os.fstat(handle)
        if stat.S_ISREG(facts.st_mode):
            self.room -= facts.st_size
            if self.room < 0:
                raise OSError(self.number, os.strerror(self.number))
        self._real(handle)


@pytest.mark.parametrize("room", [1000, 80_000, 200_000])
def test_a_full_disk_stops_the_run_and_with_room_it_goes_on_to_the_same_bytes(
    small_world, mapped, tmp_path, monkeypatch, room
):
    store = tmp_path / "store"
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", Disk(errno.ENOSPC, room))
        code, result = small_world.map(store)
    assert code == 1
    assert result["error"]["type"] == "StoreFullError"
    assert str(store) in result["error"]["message"]
    assert "same command goes on" in result["error"]["fix"]
    assert not list(store.rglob(".*.part"))
    assert len(list(store.rglob("*.tif"))) < 12
    code, result = small_world.map(store)
    assert code == 0, result
    assert fingerprints(store) == fingerprints(mapped)


def test_a_full_disk_is_no_failure_of_a_unit(small_world, tmp_path, monkeypatch):
    store = tmp_path / "store"
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", Disk(errno.ENOSPC, 150_000))
        small_world.map(store)
    _, status = swath("status", store)
    assert status["runs"][0]["failed"] == 0
    assert not list(store.rglob("failed/*.json"))


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES])
def test_a_store_that_cannot_be_written_is_refused_before_any_work(small_world, tmp_path, monkeypatch, number):
    monkeypatch.setattr(os, "fsync", Disk(number, -1))
    code, result = small_world.map(tmp_path / "store")
    assert code == 2
    assert result["error"]["type"] == "StoreError"
    assert str(tmp_path / "store") in result["error"]["message"]
    assert "--store" in result["error"]["fix"]


@pytest.mark.parametrize("command", ["map", "retry", "clean"])
def test_a_map_that_has_become_read_only_is_refused(small_world, mapped, tmp_path, monkeypatch, command):
    store = tmp_path / "store"
    shutil.copytree(mapped, store)
    next(store.glob("mosaic/1.0/2023-07/*/*.json")).unlink()
    monkeypatch.setattr(os, "fsync", Disk(errno.EROFS, -1))
    arguments = ("--cluster", "inline") if command == "retry" else ()
    code, result = small_world.map(store) if command == "map" else swath(command, store, *arguments)
    assert code == 2
    assert result["error"]["type"] == "StoreError"
    assert "read-only" in result["error"]["fix"]


def test_a_file_where_the_store_should_be_is_refused(small_world, tmp_path):
    (tmp_path / "store").write_text("no folder")
    code, result = small_world.map(tmp_path / "store")
    assert code == 2
    assert str(tmp_path / "store") in result["error"]["message"]


def test_a_store_that_becomes_read_only_ends_the_run_and_it_goes_on_later(small_world, mapped, tmp_path, monkeypatch):
    store = tmp_path / "store"
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", Disk(errno.EROFS, 150_000))
        code, result = small_world.map(store)
    assert code == 1
    assert "read-only" in str(result).lower()
    code, result = small_world.map(store)
    assert code == 0, result
    assert layer_bytes(store) == layer_bytes(mapped)


def test_a_second_driver_is_refused_and_told_of_the_first(small_world, tmp_path):
    store = tmp_path / "store"
    with Lease(Store.open(store), LEASE):
        code, result = small_world.map(store)
    assert code == 2
    assert result["error"]["type"] == "StoreBusyError"
    assert str(os.getpid()) in result["error"]["message"]
    assert result["error"]["host"]
    assert not list(store.rglob("*.tif"))
    assert small_world.map(store)[0] == 0


def test_two_drivers_at_once_make_one_map(small_world, mapped, tmp_path):
    product = Product.load("mosaic").with_overrides(["output.grid.tile_size=192", "inputs.0.bands=[B04,B08]"])
    request = MapRequest(
        product, Area.parse(small_world.area), Period.parse(small_world.period), str(small_world.catalog)
    )
    store = Store.open(tmp_path / "store")
    plan = make_plan(request, store)
    begun, ended = threading.Barrier(2), []

    def drive():
        begun.wait()
        try:
            ended.append(carry_out(plan, cluster="inline").done)
        except StoreBusyError:
            ended.append("busy")

    threads = [threading.Thread(target=drive) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # one works and the other is refused, or comes when all is done
    assert sorted(map(str, ended)) in (["4", "busy"], ["0", "4"])
    assert fingerprints(tmp_path / "store") == fingerprints(mapped)


def test_clean_is_refused_while_a_driver_works(small_world, mapped):
    with Lease(Store.open(mapped), LEASE):
        code, result = swath("clean", mapped)
    assert code == 2
    assert result["error"]["type"] == "StoreBusyError"


@pytest.mark.parametrize("url", ["gs://bucket/maps", ""])
def test_a_store_of_another_kind_is_refused(small_world, url):
    code, result = small_world.map(url)
    assert code == 2
    assert result["error"]["type"] == "StoreError"


def test_a_bucket_that_is_not_there_is_refused(small_world, s3):
    code, result = small_world.map("s3://no-such-bucket-of-swath/maps")
    assert code == 2
    assert "no-such-bucket-of-swath" in result["error"]["message"]
    assert "Create it" in result["error"]["fix"]
    assert "a-secret-that-no-log-may-show" not in str(result)
