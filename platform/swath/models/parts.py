"""Encoders and heads by name: each is one file in its folder, and there is no list to keep."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from swath.errors import ModelError

Part = TypeVar("Part")


def part_names(folder: str) -> tuple[str, ...]:
    """Names of the parts in a folder of `swath.models`: those of its files.

    Args:
        folder: `encoders` or `heads`.
    """
    here = Path(__file__).parent / folder
    return tuple(sorted(module.name for module in pkgutil.iter_modules([str(here)]) if not module.name.startswith("_")))


def part_class(folder: str, name: str, base: type[Part]) -> type[Part]:
    """The class of a part: the one subclass of `base` that its file defines.

    Raises:
        ModelError: There is no such part, or its file defines none or several.
    """
    names = part_names(folder)
    if name not in names:
        raise ModelError(
            f"There is no {folder.removesuffix('s')} {name!r}.", fix=f"Choices: {', '.join(names)}.", part=name
        )
    module = importlib.import_module(f"swath.models.{folder}.{name}")
    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, base) and value.__module__ == module.__name__
    ]
    if len(found) != 1:
        raise ModelError(
            f"{module.__name__} defines {len(found)} subclasses of {base.__name__}.",
            fix="A part is one class in a file of its own.",
        )
    return found[0]


def build_part(kind: type[Part], name: str, settings: Mapping[str, Any], *given: Any) -> Part:
    """An object of a part's class.

    Args:
        kind: What `part_class` gave.
        name: Of the part, for the message.
        settings: Keyword arguments that a person chose.
        given: Positional arguments.

    Raises:
        ModelError: A setting that the part does not have, or a value that it refuses.
    """
    parameters = inspect.signature(kind).parameters.values()
    known = [p.name for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY]
    unknown = sorted(set(settings) - set(known))
    if unknown:
        raise ModelError(
            f"{name} has no setting {unknown[0]!r}.", fix=f"Settings: {', '.join(known) or 'none'}.", setting=unknown[0]
        )
    return kind(*given, **settings)
