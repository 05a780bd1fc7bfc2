"""The registry: released models with versions, aliases and their lineage, in a folder or an s3:// prefix."""

from __future__ import annotations

from swath.registry.audit import Verdict, export, verify
from swath.registry.contract import contract, differences
from swath.registry.opening import open_model, registry_at
from swath.registry.packages import package_at
from swath.registry.page import card_page
from swath.registry.references import Reference, is_reference
from swath.registry.registry import Registry, Version

__all__ = [
    "Reference",
    "Registry",
    "Verdict",
    "Version",
    "card_page",
    "contract",
    "differences",
    "export",
    "is_reference",
    "open_model",
    "package_at",
    "registry_at",
    "verify",
]
