"""Which registry, and a model by the words that mean it."""

from __future__ import annotations

from pathlib import Path

from swath.errors import ModelError
from swath.models import Package
from swath.registry.references import Reference, is_reference
from swath.registry.registry import Registry
from swath.settings import settings


def registry_at(where: str | None) -> Registry:
    """The registry that an option or the settings name.

    Raises:
        ModelError: Neither does.
    """
    chosen = where or settings().registry
    if not chosen:
        raise ModelError("No registry is named.", fix="Give --registry, or set SWATH_REGISTRY.")
    return Registry.open(chosen)


def open_model(text: str, where: str | None = None) -> Package:
    """A model by folder of its package or by its name in the registry, each byte checked.

    Raises:
        ModelError: There is none, or it is not what was registered.
    """
    if is_reference(text) and not Path(text).exists():
        return registry_at(where).fetch(Reference.parse(text))
    return Package.open(text)
