"""What every store does, on disk and on S3 alike."""

import pickle
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swath.errors import StoreError
from swath.store import MissingKeyError, Store
from swath.store.base import check_key


@pytest.fixture(params=["local", "s3"])
def store(request, tmp_path):
    if request.param == "local":
        return Store.open(tmp_path / "store")
    return Store.open(request.getfixturevalue("s3") + "/a/prefix")


def test_what_is_put_is_read_whole_or_in_ranges(store):
    store.put_bytes("a/b.bin", b"0123456789")
    assert store.read_bytes("a/b.bin") == b"0123456789"
    assert store.read_bytes("a/b.bin", 2, 5) == b"234"
    assert store.read_bytes("a/b.bin", 7) == b"789"
    assert store.read_bytes("a/b.bin", 3, 3) == b""
    assert store.size("a/b.bin") == 10
    with store.open_read("a/b.bin") as file:
        file.seek(4)
        assert file.read(3) == b"456"


def test_a_file_is_put_by_copy_or_by_move(store, tmp_path):
    source = tmp_path / "source.tif"
    source.write_bytes(b"x" * 1000)
    store.put_file("a.tif", source)
    assert source.exists() and store.size("a.tif") == 1000
    store.put_file("b.tif", source, move=True)
    assert not source.exists() and store.read_bytes("b.tif") == b"x" * 1000


def test_a_second_put_replaces_the_first(store):
    store.put_bytes("a", b"1")
    store.put_bytes("a", b"22")
    assert store.read_bytes("a") == b"22"


def test_list_gives_everything_below_a_folder_and_nothing_beside_it(store):
    for key in ("run/a.json", "run/sub/b.json", "runs/c.json", "d.json"):
        store.put_bytes(key, b"12")
    assert sorted(store.list("run")) == [("run/a.json", 2), ("run/sub/b.json", 2)]
    assert sorted(key for key, _ in store.list()) == ["d.json", "run/a.json", "run/sub/b.json", "runs/c.json"]
    assert list(store.list("nothing/here")) == []


def test_delete_takes_many_keys_and_does_not_mind_missing_ones(store):
    for i in range(5):
        store.put_bytes(f"f/{i}", b"")
    store.delete(f"f/{i}" for i in range(4))
    store.delete("never-there")
    assert [key for key, _ in store.list()] == ["f/4"]


def test_a_missing_key_is_named(store):
    assert not store.exists("no/such")
    for ask in (store.read_bytes, store.size, store.read_versioned, store.open_read):
        with pytest.raises(MissingKeyError, match="no/such"):
            ask("no/such")


def test_a_folder_is_no_key(store):
    store.put_bytes("a/b", b"")
    assert not store.exists("a")


def test_create_is_won_by_exactly_one_of_many(store):
    wins = []
    threads = [threading.Thread(target=lambda i=i: wins.append(store.create("one", str(i).encode()))) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(wins) == [False] * 7 + [True]


def test_replace_is_won_by_exactly_one_of_many_that_saw_the_same(store):
    store.put_bytes("one", b"0")
    _, version = store.read_versioned("one")
    wins = []
    threads = [
        threading.Thread(target=lambda i=i: wins.append(store.replace("one", f"new {i}".encode(), version=version)))
        for i in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(wins) == [False] * 5 + [True]


def test_replace_of_a_missing_key_is_refused(store):
    store.put_bytes("one", b"0")
    _, version = store.read_versioned("one")
    store.delete("one")
    assert not store.replace("one", b"1", version=version)
    assert not store.exists("one")


def test_a_store_pickles_without_credentials(store):
    data = pickle.dumps(store)
    assert b"secret" not in data
    again = pickle.loads(data)
    again.put_bytes("x", b"1")
    assert again == store and store.read_bytes("x") == b"1"


def test_a_writable_store_is_left_as_it_was_by_the_check(store):
    store.check_writable()
    assert list(store.list()) == []


@pytest.mark.parametrize("key", ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a/.hidden", "a\\b", "a\n", "."])
def test_keys_cannot_leave_the_store(key):
    with pytest.raises(StoreError, match="no key of a store"):
        check_key(key)


@given(st.text())
def test_no_text_becomes_a_key_that_leaves_the_store(text):
    try:
        key = check_key(text)
    except StoreError:
        return
    assert not key.startswith("/") and ".." not in key.split("/")


@pytest.mark.parametrize("url", ["gs://bucket/x", "http://host/x", ""])
def test_other_schemes_are_refused_with_what_can_be_given(url):
    with pytest.raises(StoreError, match="local folder or s3://"):
        Store.open(url)
