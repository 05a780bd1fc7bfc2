"""What every store can do, whatever lies beneath it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from swath.errors import StoreError, StoreFullError, StoreWriteError


class MissingKeyError(StoreError):
    """There is nothing under this key. Facts: path."""


def check_key(key: str) -> str:
    """The key itself, when it cannot leave the store.

    Raises:
        StoreError: For an absolute key, `..`, hidden or empty parts, backslashes or control characters.
    """
    parts = key.split("/")
    if any(not part or part.startswith(".") for part in parts) or "\\" in key or not key.isprintable():
        raise StoreError(
            f"{key!r} is no key of a store.",
            fix="Keys are relative, with '/' between parts, and no part is empty or starts with a dot.",
            key=key,
        )
    return key


def check_prefix(prefix: str) -> str:
    """A folder inside the store without its last slash; the empty string is the whole store."""
    prefix = prefix.rstrip("/")
    return check_key(prefix) if prefix else ""


class Store(ABC):
    """A folder of keys, on disk or on S3. Frozen, safe to share between threads, and it pickles.

    Attributes:
        root: Where it lies, as the user wrote it: an absolute folder or `s3://bucket/prefix`.
        is_local: True on a disk of this machine.
    """

    root: str
    is_local: bool

    @staticmethod
    def open(url_or_path: str | Path) -> Store:
        """The store at a local folder or an `s3://bucket/prefix`; nothing is created or asked yet.

        Raises:
            StoreError: For another scheme, an empty name or a file where the folder should be.
        """
        from swath.store.local import LocalStore
        from swath.store.s3 import S3Store

        text = str(url_or_path).strip()
        if text.startswith("s3://"):
            return S3Store(text)
        scheme, mark, rest = text.partition("://")
        if mark and scheme == "file":
            text = rest
        elif mark or not text:
            raise StoreError(f"A store cannot be opened at {text!r}.", fix="Give a local folder or s3://bucket/prefix.")
        return LocalStore(text)

    @abstractmethod
    def put_bytes(self, key: str, data: bytes) -> None:
        """Write a whole file, atomically: readers see the old content or the new, never a part.

        Raises:
            StoreFullError: No space is left.
            StoreWriteError: Read-only or refused.
            CredentialsError: Credentials are missing or wrong.
        """

    @abstractmethod
    def put_file(self, key: str, path: str | Path, *, move: bool = False) -> None:
        """Write a local file, atomically. With `move` the source is given up (and renamed where that is possible)."""

    @abstractmethod
    def create(self, key: str, data: bytes) -> bool:
        """Write only if there is nothing yet; of any number of callers exactly one gets True."""

    @abstractmethod
    def read_versioned(self, key: str) -> tuple[bytes, str]:
        """Content and a version that changes with it, for `replace`.

        Raises:
            MissingKeyError: There is no such key.
        """

    @abstractmethod
    def replace(self, key: str, data: bytes, *, version: str) -> bool:
        """Write only if the content still has this version (compare and swap); False when it has changed or gone."""

    @abstractmethod
    def read_bytes(self, key: str, start: int | None = None, end: int | None = None) -> bytes:
        """The content, or its bytes from `start` up to but not including `end`.

        Raises:
            MissingKeyError: There is no such key.
        """

    @abstractmethod
    def open_read(self, key: str) -> BinaryIO:
        """A seekable binary file; close it."""

    @abstractmethod
    def size(self, key: str) -> int:
        """Bytes of a key.

        Raises:
            MissingKeyError: There is no such key.
        """

    @abstractmethod
    def list(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        """(key, bytes) of everything in a folder and below it, as a stream; unfinished writes never show."""

    @abstractmethod
    def delete(self, keys: str | Iterable[str]) -> None:
        """Delete one key or a stream of keys; what is not there is no error."""

    @abstractmethod
    def url(self, key: str) -> str:
        """The absolute path or `s3://` URL of a key."""

    @abstractmethod
    def remove_leftovers(self, *, older_than_s: float = 3600) -> int:
        """Delete what killed writers left half-written; returns how many."""

    def exists(self, key: str) -> bool:
        """True when there is something under this very key (a folder does not count)."""
        try:
            self.size(key)
        except MissingKeyError:
            return False
        return True

    def check_writable(self) -> None:
        """Write, read and delete one small key, so that a wrong store is found before any work.

        Raises:
            StoreError: It cannot be written; the message names the place and the fix.
            CredentialsError: Credentials are missing or wrong.
            StoreFullError: No space is left.
        """
        key = f"write-test-{uuid4().hex[:12]}"
        try:
            self.put_bytes(key, b"swath")
            self.delete(key)
        except StoreFullError:
            raise
        except StoreWriteError as error:  # found before any work: the request is what must change
            raise StoreError(error.message, fix=error.fix, **error.facts) from error

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.root!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Store) and self.root == other.root

    def __hash__(self) -> int:
        return hash(self.root)
