"""Model packages in stores: written with the card last, fetched once a machine."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from swath.models import Package
from swath.models.files import CARD
from swath.settings import settings
from swath.store import Store


def put_package(package: Package, store: Store, folder: str) -> None:
    """Copy a package into a folder of a store. The card comes last: without it there is no package."""
    for name in sorted(package.files):
        store.put_file(f"{folder}/{name}", package.path(name))
    store.put_file(f"{folder}/{CARD}", package.folder / CARD)


def download(store: Store, folder: str, into: Path, *, without: str | None = None) -> Package:
    """Copy the package in a folder of a store into a new folder of this machine.

    Args:
        store: That has it.
        folder: Of the package.
        into: To make.
        without: A file beside the package that is not part of it.

    Raises:
        ModelError: It is no package, or a byte of it has changed.
    """
    into.mkdir()
    for key, _ in store.list(folder):
        name = key.removeprefix(f"{folder}/")
        if "/" not in name and name != without:
            with store.open_read(key) as source, (into / name).open("wb") as copy:
                shutil.copyfileobj(source, copy, 2**22)
    return Package.open(into)


def cached(digest: str, fetch: Callable[[Path], Package]) -> Package:
    """A package in this machine's cache, fetched where it is not there yet; each byte is checked each time.

    Args:
        digest: Of the package, as its place in the cache is called.
        fetch: Writes it into a new folder, and refuses what is not the package of that digest.

    Raises:
        ModelError: It is no package, or a byte of it has changed.
    """
    kept = settings().cache.expanduser() / "models" / digest
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent, prefix=".fetch-") as part:
            fetch(Path(part, "package"))
            try:
                os.rename(Path(part, "package"), kept)
            except OSError:
                if not kept.exists():  # else another process was first: its copy is the same
                    raise
    return Package.open(kept)
