"""The model package of a plan: a copy in the store, so that a run does not depend on a folder of somebody's."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from swath.errors import ModelError
from swath.models import Package
from swath.models.files import CARD
from swath.settings import settings
from swath.store import Store, names

if TYPE_CHECKING:
    from swath.mapping.plan import Plan


def keep_package(package: Package, store: Store, root: str) -> None:
    """Copy a package into a store, its card last; nothing is written where it stands already."""
    folder = names.model_folder(root, package.digest)
    card = f"{folder}/{CARD}"
    if store.exists(card):
        return
    for name in sorted(package.files):
        store.put_file(f"{folder}/{name}", package.path(name))
    store.put_file(card, package.folder / CARD)


def plan_package(plan: Plan) -> Package:
    """The package of a plan, opened where it stands, or fetched from the store once a machine.

    Raises:
        ModelError: A byte of it has changed.
    """
    use = plan.product.model
    assert use is not None and use.bound is not None
    digest = use.bound.digest
    folder = names.model_folder(plan.root, digest)
    if plan.store.is_local:
        found = Package.open(plan.store.url(folder))
    else:
        found = _fetched(plan.store, folder, digest)
    if found.digest != digest:
        raise ModelError(
            f"The model in {plan.store.url(folder)} is {found.digest[:12]}, the plan's is {digest[:12]}.",
            fix="Put the package back, or plan again with the one that is meant.",
        )
    return found


def _fetched(store: Store, folder: str, digest: str) -> Package:
    kept = settings().cache.expanduser() / "models" / digest
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent, prefix=".fetch-") as part:
            inside = Path(part, "package")
            inside.mkdir()
            for key, _ in store.list(folder):
                (inside / key.rsplit("/", 1)[1]).write_bytes(store.read_bytes(key))
            try:
                os.rename(inside, kept)
            except OSError:
                if not kept.exists():  # else another worker was first: its copy is the same
                    raise
    return Package.open(kept)
