"""One driver a run, with real processes on disk and on S3."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from swath.errors import StoreBusyError
from swath.store import Lease, Owner, Store

HOLD = (
    "import sys, time\nfrom swath.store import Lease, Store\n"
    "with Lease(Store.open(sys.argv[1]), 'r/lease.json', ttl=float(sys.argv[2])):\n"
    "    print('held', flush=True)\n    time.sleep(60)\n"
)


@pytest.fixture(params=["local", "s3"])
def url(request, tmp_path):
    return str(tmp_path) if request.param == "local" else request.getfixturevalue("s3") + "/p"


@pytest.fixture
def other(url):
    """Another process that holds the lease."""
    with subprocess.Popen([sys.executable, "-c", HOLD, url, "20"], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def test_a_second_driver_is_refused_by_name_and_takes_over_from_a_dead_one(url, other):
    store = Store.open(url)
    with pytest.raises(StoreBusyError, match=rf"process {other.pid} on \S+, since 20.*taken over 20 s"):
        Lease(store, "r/lease.json").__enter__()
    os.kill(other.pid, signal.SIGKILL)
    other.wait()
    with Lease(store, "r/lease.json", ttl=5) as lease:  # a dead process of this machine is not waited for
        assert not lease.lost


def strange(store, **changes):
    """A lease of another machine, whose process nobody can look up."""
    owner = Owner.me(ttl=changes.pop("ttl", 1.0)).__dict__ | {"machine": "elsewhere", "host": "far", **changes}
    store.put_bytes("lease.json", json.dumps(owner).encode())


def test_a_lease_of_another_machine_is_taken_over_after_its_time(url):
    store = Store.open(url)
    strange(store, ttl=2.5)
    with pytest.raises(StoreBusyError, match="on far"):
        Lease(store, "lease.json").__enter__()
    time.sleep(2.55)
    with Lease(store, "lease.json"):
        assert Owner.read(store.read_bytes("lease.json")).pid == os.getpid()


def test_a_released_lease_is_free_at_once(url):
    store = Store.open(url)
    for _ in range(2):
        with Lease(store, "lease.json"):
            pass


def test_the_heartbeat_keeps_it(url):
    store = Store.open(url)
    with Lease(store, "lease.json", ttl=0.8) as lease:
        time.sleep(1.7)
        with pytest.raises(StoreBusyError):
            Lease(store, "lease.json", ttl=0.8).__enter__()
        assert not lease.lost


def test_a_lost_lease_is_noticed_and_not_released_over_the_new_owner(url):
    store = Store.open(url)
    with Lease(store, "lease.json", ttl=0.8) as lease:
        strange(store, ttl=50)
        end = time.monotonic() + 5
        while not lease.lost and time.monotonic() < end:
            time.sleep(0.05)
        assert lease.lost
    assert Owner.read(store.read_bytes("lease.json")).host == "far"


def test_a_lease_that_cannot_be_read_is_replaced(tmp_path):
    store = Store.open(tmp_path)
    store.put_bytes("lease.json", b"{half")
    with Lease(store, "lease.json"):
        assert Owner.read(store.read_bytes("lease.json")).pid == os.getpid()
