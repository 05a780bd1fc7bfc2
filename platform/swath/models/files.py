"""Files of a model package: measured, and written all or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from swath.errors import ModelError, StoreFullError, StoreWriteError

CARD = "model.json"


@dataclass(frozen=True)
class FileFacts:
    """A file of a package.

    Attributes:
        size: Bytes.
        sha256: Hex.
    """

    size: int
    sha256: str


def facts_of(path: Path) -> FileFacts:
    """Size and checksum of a file."""
    with path.open("rb") as file:
        return FileFacts(size=path.stat().st_size, sha256=hashlib.file_digest(file, "sha256").hexdigest())


def check_free(folder: Path, *, replace: bool) -> None:
    """Refuse a folder that holds something already, unless it is a package and shall be replaced.

    Raises:
        ModelError: It is taken.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not replace:
        raise ModelError(
            f"{folder} exists already.", fix="Choose another folder, or ask to replace it.", path=str(folder)
        )
    if not (folder / CARD).is_file():
        raise ModelError(
            f"{folder} is not a model package, and is not replaced.", fix="Choose another folder.", path=str(folder)
        )


def put(path: Path, data: bytes | Path | Mapping[str, Any] | None) -> None:
    """Write a file, down to the disk; nothing where there is no data.

    Args:
        path: To write.
        data: Bytes, a file to copy, or tensors by name for a safetensors file.
    """
    if data is None:
        return
    if isinstance(data, Path):
        shutil.copyfile(data, path)
    elif isinstance(data, bytes):
        path.write_bytes(data)
    else:
        from safetensors.torch import save

        path.write_bytes(save({name: tensor.detach().cpu().contiguous() for name, tensor in data.items()}))
    with path.open("rb") as file:
        os.fsync(file.fileno())


def swap(made: Path, folder: Path) -> None:
    """Move `made` to `folder`. What stood there is aside until the new one is in place."""
    if not folder.exists():
        made.rename(folder)
        return
    aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-old-", dir=folder.parent))
    folder.rename(aside / "package")
    try:
        made.rename(folder)
    except OSError:
        (aside / "package").rename(folder)
        aside.rmdir()
        raise
    shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Errors of the system, while `folder` is made, as those that a user can meet.

    Raises:
        StoreFullError: No space left.
        StoreWriteError: Anything else.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoreFullError(
                f"No space left where {folder} should be written.",
                fix="Free some space and try again.",
                path=str(folder),
            ) from error
        raise StoreWriteError(
            f"{folder} cannot be written: {error.strerror or error}.",
            fix="Choose a folder that you may write.",
            path=str(folder),
        ) from error
