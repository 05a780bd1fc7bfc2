"""`--set FIELD=VALUE`: change any field of what a person writes from the command line."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from swath.errors import ProductError
from swath.forms.validation import dotted, is_mapping, model_at, parse_yaml, suggest


def apply_overrides(model: type[BaseModel], data: dict[str, Any], assignments: Sequence[str]) -> dict[str, Any]:
    """Set fields of plain values by dotted paths; the caller validates the result.

    Args:
        model: Model of the root, for the names that a path may hold.
        data: Plain values of the whole model, defaults included.
        assignments: `inputs.0.composite.min_obs=3`; the value is YAML (`[a, b]`, `null`, `1.5`).

    Returns:
        A changed copy of `data`.

    Raises:
        ProductError: No `=`, or a path that leads nowhere; the message lists the choices at that point.
    """
    result = copy.deepcopy(data)
    for text in assignments:
        name, equals, value = text.partition("=")
        path = [int(p) if p.isdecimal() else p for p in name.strip().split(".")]
        if not equals or "" in path:
            raise ProductError(
                f"--set {text!r} is not FIELD=VALUE.",
                fix="Write for example --set inputs.0.composite.min_obs=3.",
                field=name,
            )
        _assign(model, result, path, parse_yaml(value, where=f"--set {name}"), text)
    return result


def _assign(model: type[BaseModel], data: Any, path: Sequence[int | str], value: Any, text: str) -> None:
    target = data
    for depth, part in enumerate(path):
        last = depth == len(path) - 1
        choices = _choices(model, path[:depth], target, room=int(last))
        if isinstance(target, dict):
            # `fields` are fixed by the model; keys of a mapping (layer patterns) are the user's own
            part = str(part)
            free = _is_mapping(model, path[:depth])
            if part not in choices and not free:
                raise _refusal(path, depth, text, choices, model.__name__.lower())
            if last:
                target[part] = value
            elif free:
                target = target.setdefault(part, {})
            else:
                if target.get(part) is None:
                    target[part] = {}
                target = target[part]
        elif isinstance(target, list):
            if not isinstance(part, int) or part > len(target) or (part == len(target) and not last):
                raise _refusal(path, depth, text, choices, model.__name__.lower())
            if last:
                target[part : part + 1] = [value]
            else:
                target = target[part]
        else:
            raise ProductError(
                f"--set {text!r}: {dotted(path[:depth])} is the plain value {target!r}, it has no field {part!r}.",
                fix=f"Set {dotted(path[:depth])} as a whole.",
                field=dotted(path),
            )


def _choices(model: type[BaseModel], path: Sequence[int | str], target: Any, *, room: int) -> list[str]:
    if isinstance(target, list):
        return [str(i) for i in range(len(target) + room)]
    owner = model_at(model, path)
    return list(owner.model_fields) if owner is not None and not _is_mapping(model, path) else list(target or {})


def _is_mapping(model: type[BaseModel], path: Sequence[int | str]) -> bool:
    if not path:
        return False
    owner = model_at(model, path[:-1]) if len(path) > 1 else model
    field = owner.model_fields.get(str(path[-1])) if owner is not None else None
    return field is not None and is_mapping(field.annotation)


def _refusal(path: Sequence[int | str], depth: int, text: str, choices: list[str], what: str) -> ProductError:
    at = dotted(path[:depth]) or f"the {what}"
    return ProductError(
        f"--set {text!r}: {at} has no field {str(path[depth])!r}.",
        fix=suggest(path[depth], choices),
        field=dotted(path),
        choices=choices,
    )
