"""Files of a command that a job elsewhere needs: carried by the store where the two machines share no disk.

They stand under the digest of their content, so that the same command is the same job:

    specs/files/<digest>/<name>
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

from swath.errors import RequestError, StoreError
from swath.settings import settings
from swath.store.base import MissingKeyError, Store
from swath.store.job_spec import FOLDER

MARK = "carried:"  #: an argument that begins so is the key of a file
MOST_BYTES = 512 * 2**20
# what one name stands for is several files, or is read by the machines that compute and not by the one that drives
_NOT_ALONE = frozenset({".shp", ".tab", ".gdb", ".vrt", ".tif", ".tiff", ".jp2", ".zarr", ".nc"})


def as_seen(store: Store, text: str, *, alone: bool = True) -> str:
    """An argument as a job elsewhere sees it.

    What is no file or folder of this machine stays as it is. The machines of a store that is a folder share that disk:
    paths become absolute. A store on S3 carries the file.

    Args:
        store: Of the job.
        text: The argument: it may be a name, a number, a URL or a path.
        alone: A file of this argument says all by itself; a catalog does not.

    Raises:
        RequestError: A folder, a file that needs others, or one that is too large to be carried.
    """
    path = _path(text)
    if path is None:
        return text
    if store.is_local:
        return str(path.absolute())
    size = path.stat().st_size
    if not alone or path.is_dir() or path.suffix.lower() in _NOT_ALONE or size > MOST_BYTES:
        why = (
            "is a folder" if path.is_dir() else f"has {size / 1e6:,.0f} MB" if size > MOST_BYTES else "refers to others"
        )
        raise RequestError(
            f"{text} lies on this machine, and the cluster does not see it; it {why}, so it cannot be sent along.",
            fix="Put it where the cluster reads it (s3:// or https://), or give a store that is a folder of both.",
            path=str(path),
        )
    digest = _digest(path)
    key = f"{FOLDER}/files/{digest}/{path.name if path.name.isprintable() and path.name[0] != '.' else 'file'}"
    if not store.exists(key):
        store.put_file(key, path)
    return MARK + key


def fetched(store: Store, arguments: Sequence[str]) -> tuple[str, ...]:
    """Arguments with the paths of files that were carried; they are fetched once a machine.

    Raises:
        StoreError: One is not in the store any more, or is not what was carried.
    """
    return tuple(_fetch(store, one.removeprefix(MARK)) if one.startswith(MARK) else one for one in arguments)


def _fetch(store: Store, key: str) -> str:
    digest, name = key.split("/")[-2:]
    path = settings().cache.expanduser() / "carried" / digest / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{uuid4().hex}")
        try:
            part.write_bytes(store.read_bytes(key))
        except MissingKeyError as error:
            raise StoreError(f"The file {key} of the job is gone.", fix="Submit the command again.") from error
        if _digest(part) != digest:
            part.unlink()
            raise StoreError(f"The file {key} of the job was changed.", fix="Submit the command again.")
        os.replace(part, path)
    return str(path)


def _path(text: str) -> Path | None:
    """The file or folder of this machine that a text names."""
    if "://" in text:
        return None
    try:
        path = Path(text).expanduser()
        return path if path.exists() else None
    except OSError:  # no name of a file: too long
        return None


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
