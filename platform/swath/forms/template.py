"""A commented YAML made from the schema, so that it cannot fall behind the code."""

from __future__ import annotations

import textwrap
from typing import Any, Literal, get_args, get_origin

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from swath.forms.validation import element_model


def commented(model: type[BaseModel]) -> str:
    """YAML of `model` with each field's description, choices and default as comments.

    Fields without a default take their first example, so that the text validates.
    """
    return "\n".join(_lines(model, indent=0)) + "\n"


def _lines(model: type[BaseModel], *, indent: int) -> list[str]:
    lines: list[str] = []
    for name, field in model.model_fields.items():
        pad = " " * indent
        lines += [f"{pad}# {line}" for line in textwrap.wrap(_comment(field), width=max(40, 98 - indent))]
        lines += [pad + line if line else line for line in _field(name, field)]
    return lines


def _comment(field: FieldInfo) -> str:
    text = field.description or ""
    choices = _choices(field.annotation)
    if choices:
        text += f" Choices: {', '.join(choices)}."
    return text


def _choices(annotation: Any) -> list[str]:
    if get_origin(annotation) is Literal:
        return [str(a) for a in get_args(annotation)]
    if isinstance(annotation, type) and hasattr(annotation, "__members__"):
        return [str(m.value) for m in annotation.__members__.values()]
    return [c for a in get_args(annotation) for c in _choices(a)]


def _field(name: str, field: FieldInfo) -> list[str]:
    key = yaml.safe_dump(name, width=200).splitlines()[0]
    inner = element_model(field.annotation)
    outer = get_origin(field.annotation)
    if field.examples:
        return [f"{key}: {_flow(field.examples[0])}"]
    if inner is not None and (field.is_required() or field.default_factory is not None):
        if outer is tuple:
            first, *rest = _lines(inner, indent=4)
            return [f"{key}:", f"  - {first.strip()}", *rest]
        if outer is dict:
            return [f"{key}:", "  '*':", *_lines(inner, indent=4)]
        if outer is None:
            return [f"{key}:", *_lines(inner, indent=2)]
    value = field.get_default(call_default_factory=True)
    return [f"{key}: {_flow(_plain(value))}"]


def _flow(value: Any) -> str:
    return yaml.safe_dump(value, default_flow_style=True, width=200).removesuffix("...\n").rstrip("\n")


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    return str(value.value) if hasattr(value, "value") else value
