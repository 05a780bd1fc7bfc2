"""The local store when the disk says no."""

import errno
import os
import subprocess
import sys
import time

import pytest

from swath.errors import StoreError, StoreFullError, StoreWriteError
from swath.store import Store


def refuse(number):
    def call(*_):
        raise OSError(number, os.strerror(number))

    return call


def test_a_full_disk_is_told_with_the_path_and_leaves_nothing(tmp_path, monkeypatch):
    store = Store.open(tmp_path)
    monkeypatch.setattr(os, "fsync", refuse(errno.ENOSPC))
    with pytest.raises(StoreFullError, match=r"No space is left to write .*/a\.tif.* Free space"):
        store.put_bytes("a.tif", b"1")
    assert list(tmp_path.iterdir()) == []


def test_a_truly_full_file_is_told_too(tmp_path):
    # a limit on file size is the one full disk that any user can have
    code = (
        "import resource, signal, errno, swath.store.local as l\n"
        "l._FULL.add(errno.EFBIG)\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        f"l.LocalStore({str(tmp_path)!r}).put_bytes('a', b'x' * 5000)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "StoreFullError: No space is left" in ended.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES])
def test_a_refused_write_names_path_and_fix(tmp_path, monkeypatch, number):
    store = Store.open(tmp_path)
    monkeypatch.setattr(os, "replace", refuse(number))
    with pytest.raises(StoreWriteError, match=r"a\.tif cannot be written or read: .*give another --store"):
        store.put_bytes("a.tif", b"1")
    with pytest.raises(StoreError, match="give another --store"):
        store.check_writable()


def test_a_file_in_the_way_is_a_plain_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="is a file, not a folder"):
        Store.open(tmp_path / "file")
    with pytest.raises(StoreError, match="part of this path is a file"):
        Store.open(tmp_path / "file" / "below").check_writable()
    with pytest.raises(StoreWriteError, match="part of this path is a file"):
        Store.open(tmp_path).put_bytes("file/a", b"")


def test_a_file_system_without_hard_links_still_lets_one_win(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "link", refuse(errno.EPERM))
    store = Store.open(tmp_path)
    assert [store.create("a", b"1"), store.create("a", b"2")] == [True, False]
    assert store.read_bytes("a") == b"1"


def test_a_writer_that_is_killed_leaves_nothing_that_is_listed(tmp_path):
    code = (
        "import os, swath.store.local as l\n"
        "l.os.replace = lambda *_: os._exit(9)\n"
        f"l.LocalStore({str(tmp_path)!r}).put_bytes('u/a.tif', b'half')"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 9
    store = Store.open(tmp_path)
    assert list(store.list()) == [] and len(list((tmp_path / "u").iterdir())) == 1
    assert store.remove_leftovers() == 0  # young: its writer may be alive
    time.sleep(0.01)
    assert store.remove_leftovers(older_than_s=0) == 1
    assert list((tmp_path / "u").iterdir()) == []


def test_deleting_the_last_file_takes_empty_folders_along(tmp_path):
    store = Store.open(tmp_path)
    store.put_bytes("a/b/c", b"")
    store.delete("a/b/c")
    assert list(tmp_path.iterdir()) == []
