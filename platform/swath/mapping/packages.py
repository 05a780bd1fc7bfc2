"""The model package of a plan: a copy in the store, so that a run does not depend on a folder of somebody's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swath.models import Package
from swath.models.files import CARD
from swath.registry.packages import kept_package, put_package
from swath.store import Store, names

if TYPE_CHECKING:
    from swath.mapping.plan import Plan


def keep_package(package: Package, store: Store, root: str) -> None:
    """Copy a package into a store, its card last; nothing is written where it stands already."""
    folder = names.model_folder(root, package.digest)
    if not store.exists(f"{folder}/{CARD}"):
        put_package(package, store, folder)


def plan_package(plan: Plan) -> Package:
    """The package of a plan, opened where it stands, or fetched from the store once a machine.

    Raises:
        ModelError: A byte of it has changed.
    """
    use = plan.product.model
    assert use is not None and use.bound is not None
    return kept_package(plan.store, plan.root, use.bound.digest)
