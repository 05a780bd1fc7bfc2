"""Model packages in stores: written with the card last, fetched once a machine."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from swath.errors import ModelError
from swath.models import Package
from swath.models.files import CARD
from swath.settings import settings
from swath.store import Store, names


def put_package(package: Package, store: Store, folder: str) -> None:
    """Copy a package into a folder of a store. The card comes last: without it there is no package."""
    for name in sorted(package.files):
        store.put_file(f"{folder}/{name}", package.path(name))
    store.put_file(f"{folder}/{CARD}", package.folder / CARD)


def write_into(
    store: Store, folder: str, *, name: str, replace: bool, write: Callable[[Path, bool], Package]
) -> tuple[Package, str]:
    """Write a new package into a folder of a store; a remote store's is kept here too, where it can be opened.

    Args:
        store: That gets it.
        folder: Of the package.
        name: Of the model.
        replace: Put it in the place of a package that stands there.
        write: Makes the package in a folder of this machine, and is told whether it may replace one there.

    Returns:
        The package, and where it lies: its folder, or its `s3://` prefix.

    Raises:
        ModelError: The folder is taken.
    """
    if store.is_local:
        here = Path(store.url(folder))
        return write(here, replace), str(here)
    if not replace and store.exists(f"{folder}/{CARD}"):
        raise ModelError(f"{store.url(folder)} holds a package already.", fix="Add --replace, or train elsewhere.")
    package = write(settings().cache.expanduser() / "trained" / name, True)
    store.delete(f"{folder}/{CARD}")  # the card goes first and comes last: without it there is no package
    put_package(package, store, folder)
    return package, store.url(folder)


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


def package_at(url: str, digest: str) -> Package:
    """The package that `write_into` has written, by where it lies; one of a remote store is fetched once a machine.

    Raises:
        ModelError: It is no package, or another one.
    """
    if "://" not in url:
        package = Package.open(url)
    else:
        parent, _, folder = url.rpartition("/")
        package = cached(digest, lambda into: download(Store.open(parent), folder, into))
    if package.digest != digest:
        raise ModelError(f"{url} does not hold the package that was made.", fix="Train again.", path=url)
    return package


def kept_package(store: Store, root: str, digest: str) -> Package:
    """The package that a product's version in a store was made by, opened where it stands, or fetched once a machine.

    Args:
        store: That has it.
        root: Folder of the product's version.
        digest: Of the package.

    Raises:
        ModelError: It is another package, or a byte of it has changed.
    """
    folder = names.model_folder(root, digest)

    def checked(found: Package) -> Package:
        if found.digest != digest:
            raise ModelError(
                f"The model in {store.url(folder)} is {found.digest[:12]}, the plan's is {digest[:12]}.",
                fix="Put the package back, or plan again with the one that is meant.",
            )
        return found

    if store.is_local:
        return checked(Package.open(store.url(folder)))
    return checked(cached(digest, lambda into: checked(download(store, folder, into))))


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
