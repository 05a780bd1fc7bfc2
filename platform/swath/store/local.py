"""A store in a local folder."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, TypeVar
from uuid import uuid4

from swath.errors import StoreError, StoreFullError, StoreWriteError
from swath.store.base import MissingKeyError, Store, check_key, check_prefix

T = TypeVar("T")

_FULL = {errno.ENOSPC, errno.EDQUOT}
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK}
_LEFTOVER = re.compile(r"^\..+\.[0-9a-f]{12}\.part$")


class LocalStore(Store):
    """Files under one folder, which is made by the first write.

    A file is written under a hidden name beside its target, synced and renamed, so that neither a reader nor a
    killed run ever meets a half-written one.
    """

    is_local = True

    def __init__(self, root: str | Path) -> None:
        self._folder = Path(root).expanduser().absolute()
        self.root = str(self._folder)
        if self._folder.exists() and not self._folder.is_dir():
            raise StoreError(f"{self.root} is a file, not a folder.", fix="Give another --store.", path=self.root)

    def __reduce__(self) -> tuple[type[LocalStore], tuple[str]]:
        return type(self), (self.root,)

    def put_bytes(self, key: str, data: bytes) -> None:
        """See `Store.put_bytes`."""
        self._write(key, lambda part: part.write_bytes(data), os.replace)

    def put_file(self, key: str, path: str | Path, *, move: bool = False) -> None:
        """See `Store.put_file`."""
        if not move:
            self._write(key, lambda part: shutil.copyfile(path, part), os.replace)
            return

        def rename(part: Path) -> None:
            try:
                os.rename(path, part)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                shutil.copyfile(path, part)
                os.unlink(path)

        self._write(key, rename, os.replace)

    def create(self, key: str, data: bytes) -> bool:
        """See `Store.create`."""

        def link(part: Path, target: Path) -> bool:
            try:
                os.link(part, target)
            except FileExistsError:
                return False
            except OSError as error:
                if error.errno not in _NO_LINKS:
                    raise
                # a file system without hard links (exFAT, some network mounts): all of ours take the same lock
                with _locked(target):
                    if target.exists():
                        return False
                    os.replace(part, target)
            return True

        return bool(self._write(key, lambda part: part.write_bytes(data), link))

    def read_versioned(self, key: str) -> tuple[bytes, str]:
        """See `Store.read_versioned`; the version is the SHA-256 of the content."""
        data = self.read_bytes(key)
        return data, hashlib.sha256(data).hexdigest()

    def replace(self, key: str, data: bytes, *, version: str) -> bool:
        """See `Store.replace`."""
        target = self._path(key)
        if not target.is_file():
            return False
        with self._errors(target), _locked(target):
            try:
                if self.read_versioned(key)[1] != version:
                    return False
            except MissingKeyError:
                return False
            self.put_bytes(key, data)
        return True

    def read_bytes(self, key: str, start: int | None = None, end: int | None = None) -> bytes:
        """See `Store.read_bytes`."""
        with self.open_read(key) as file:
            file.seek(start or 0)
            return file.read(-1 if end is None else max(0, end - (start or 0)))

    def open_read(self, key: str) -> BinaryIO:
        """See `Store.open_read`."""
        path = self._path(key)
        with self._errors(path):
            return path.open("rb")

    def size(self, key: str) -> int:
        """See `Store.size`."""
        path = self._path(key)
        with self._errors(path):
            if path.is_dir():
                raise MissingKeyError(f"{path} is a folder, not a file.", path=str(path))
            return path.stat().st_size

    def list(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        """See `Store.list`; the order is that of names, folder by folder."""
        prefix = check_prefix(prefix)
        for entry in self._walk(self._folder / prefix):
            if not entry.name.startswith("."):
                with contextlib.suppress(FileNotFoundError):  # deleted meanwhile
                    yield os.path.relpath(entry.path, self._folder), entry.stat().st_size

    def delete(self, keys: str | Iterable[str]) -> None:
        """See `Store.delete`; folders that become empty go too."""
        for key in [keys] if isinstance(keys, str) else keys:
            path = self._path(key)
            with self._errors(path):
                path.unlink(missing_ok=True)
            for parent in path.parents:
                if parent == self._folder or not parent.is_relative_to(self._folder):
                    break
                try:
                    parent.rmdir()
                except OSError:  # not empty, or gone already
                    break

    def url(self, key: str) -> str:
        """See `Store.url`."""
        return str(self._path(key))

    def remove_leftovers(self, *, older_than_s: float = 3600) -> int:
        """See `Store.remove_leftovers`."""
        count, before = 0, time.time() - older_than_s
        for entry in self._walk(self._folder):
            if _LEFTOVER.match(entry.name):
                with contextlib.suppress(FileNotFoundError):
                    if entry.stat().st_mtime <= before:
                        with self._errors(Path(entry.path)):
                            os.unlink(entry.path)
                        count += 1
        return count

    def _path(self, key: str) -> Path:
        return self._folder / check_key(key)

    def _walk(self, folder: Path) -> Iterator[os.DirEntry[str]]:
        try:
            with os.scandir(folder) as entries:
                ordered = sorted(entries, key=lambda entry: entry.name)
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            raise StoreError(
                f"{folder} cannot be listed: {error.strerror}.", fix="Check its permissions.", path=str(folder)
            ) from error
        for entry in ordered:
            if entry.is_dir(follow_symlinks=False):
                yield from self._walk(Path(entry.path))
            else:
                yield entry

    def _write(self, key: str, fill: Callable[[Path], object], publish: Callable[[Path, Path], T]) -> T:
        target = self._path(key)
        part = target.with_name(f".{target.name}.{uuid4().hex[:12]}.part")
        with self._errors(target):
            try:
                self._fill(part, fill)
                published = publish(part, target)
                _sync(target.parent)
                return published
            finally:
                with contextlib.suppress(OSError):
                    part.unlink()

    def _fill(self, part: Path, fill: Callable[[Path], object]) -> None:
        for last in (False, False, True):
            part.parent.mkdir(parents=True, exist_ok=True)
            try:
                fill(part)
                break
            except FileNotFoundError:
                # a clean-up may have taken the empty folder between these two lines
                if last or part.parent.is_dir():
                    raise
        _sync(part)

    @contextlib.contextmanager
    def _errors(self, path: Path) -> Iterator[None]:
        try:
            yield
        except (FileNotFoundError, IsADirectoryError) as error:
            raise MissingKeyError(f"There is no {error.filename or path}.", path=str(path)) from error
        except OSError as error:
            raise _translated(error, path) from error


def _translated(error: OSError, path: Path) -> StoreWriteError | StoreError:
    why = error.strerror or str(error)
    if error.errno in _FULL:
        return StoreFullError(
            f"No space is left to write {path} ({why}).",
            fix="Free space or give a larger --store; the same command goes on where it stopped.",
            path=str(path),
        )
    fix = "Make it writable for this user, or give another --store."
    if error.errno == errno.EROFS:
        fix = "The file system is mounted read-only: give another --store."
    elif error.errno in (errno.ENOTDIR, errno.EEXIST):
        fix = "A part of this path is a file: give another --store."
    return StoreWriteError(f"{path} cannot be written or read: {why}.", fix=fix, path=str(path))


@contextlib.contextmanager
def _locked(target: Path) -> Iterator[None]:
    """Hold the lock of one file against other threads and processes; it goes with the process that holds it."""
    with target.with_name(f".{target.name}.lock").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
