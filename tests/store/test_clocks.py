"""Clocks that were wrong, or were set: a lease says when it was last heard of by the clock of its owner."""

import json
import time

import pytest

from swath.errors import StoreBusyError
from swath.store import Lease, Owner, Store


def held(store, *, ahead_s):
    """A lease of another machine, whose clock goes so many seconds ahead of ours."""
    owner = Owner.me(ttl=20.0).__dict__ | {"machine": "elsewhere", "host": "far", "beat": time.time() + ahead_s}
    store.put_bytes("lease.json", json.dumps(owner).encode())


def test_a_lease_from_far_in_the_future_does_not_lock_the_store_until_then(tmp_path):
    store = Store.open(tmp_path)
    held(store, ahead_s=3600)
    with Lease(store, "lease.json", ttl=20) as lease:
        assert not lease.lost


def test_a_clock_that_goes_a_little_ahead_loses_no_lease(tmp_path):
    store = Store.open(tmp_path)
    held(store, ahead_s=10)
    with pytest.raises(StoreBusyError, match="last heard of 0 s ago"):
        Lease(store, "lease.json", ttl=20).__enter__()


def test_a_clock_that_was_set_back_keeps_the_lease_that_is_held(tmp_path, monkeypatch):
    store, real = Store.open(tmp_path), time.time
    with Lease(store, "lease.json", ttl=0.8) as lease:
        monkeypatch.setattr(time, "time", lambda: real() - 3600)
        time.sleep(0.5)  # two heartbeats
        assert not lease.lost
        with pytest.raises(StoreBusyError):
            Lease(store, "lease.json", ttl=0.8).__enter__()
