"""YAML text to a validated model, with errors that name file, field, value and choices."""

from __future__ import annotations

import difflib
from collections.abc import Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from swath.errors import ProductError, RequestError

Model = TypeVar("Model", bound=BaseModel)


class _StrictLoader(yaml.SafeLoader):
    """Refuses a key that stands twice: YAML itself would silently keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, Hashable) and key in seen:
                raise yaml.constructor.ConstructorError(
                    problem=f"key {key!r} stands twice", problem_mark=key_node.start_mark
                )
            seen.add(key if isinstance(key, Hashable) else repr(key))
        return super().construct_mapping(node, deep=deep)


def parse_yaml(text: str, *, where: str, error: type[RequestError] = ProductError) -> Any:
    """Plain values of a YAML text.

    Args:
        text: One YAML document.
        where: File or argument, for the message.
        error: What is raised.

    Raises:
        RequestError: It is no YAML, or a key stands twice. Facts: file, line.
    """
    try:
        return yaml.load(text, Loader=_StrictLoader)
    except yaml.YAMLError as fault:
        mark = getattr(fault, "problem_mark", None)
        line = mark.line + 1 if mark is not None else None
        what = getattr(fault, "problem", None) or str(fault)
        place = f"{where}, line {line}" if line else where
        message = f"{place}: not valid YAML: {what}."
        raise error(message, fix="Correct the text.", file=where, line=line) from fault


def read_yaml(path: str | Path, *, what: str, error: type[RequestError] = ProductError) -> Any:
    """Plain values of a YAML file.

    Args:
        path: UTF-8.
        what: It is, for the message (`Recipe`).
        error: What is raised.

    Raises:
        RequestError: It cannot be read, is no YAML, or a key stands twice. Facts: file, line.
    """
    try:
        text = Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise error(f"{what} {path} cannot be read: {fault}.", fix="Give a YAML file.", file=str(path)) from fault
    return parse_yaml(text, where=str(path), error=error)


def suggest(value: object, choices: Iterable[str]) -> str:
    """A sentence that lists the choices, the nearest first."""
    names = list(choices)
    folded = {n.lower(): n for n in reversed(names)}
    near = difflib.get_close_matches(str(value).lower(), folded, n=1, cutoff=0.6)
    hint = f"Did you mean {folded[near[0]]!r}? " if near else ""
    return f"{hint}Choices: {', '.join(names)}." if names else hint.rstrip()


def validate(
    model: type[Model],
    data: Any,
    *,
    where: str,
    what: str = "product",
    start: str = "swath product template",
    error: type[RequestError] = ProductError,
) -> Model:
    """Build `model` from plain values.

    Args:
        model: A pydantic model with `extra="forbid"`.
        data: What `parse_yaml` gave.
        where: File or argument, for the message.
        what: What the file holds, for the message.
        start: The command that prints a template of it.
        error: What is raised.

    Raises:
        RequestError: One or more faults, each with field path, value and choices. Facts: file, faults (a
            list of {field, value, problem}).
    """
    if not isinstance(data, Mapping):
        kind = "nothing" if data is None else type(data).__name__
        raise error(
            f"{where}: a {what} is a mapping of fields, this holds {kind}.",
            fix=f"Start from `{start}`.",
            file=where,
        )
    try:
        return model.model_validate(data)
    except ValidationError as fault:
        faults = _faults(model, fault)
        lines = [f"{f['field'] or f'({what})'}: {f['problem']}" for f in faults]
        text = f"{where}: {lines[0]}" if len(lines) == 1 else f"{where}: {len(lines)} faults:\n  " + "\n  ".join(lines)
        raise error(text, fix="Correct the field.", file=where, faults=faults) from fault


def _faults(model: type[BaseModel], error: ValidationError) -> list[dict[str, Any]]:
    faults: list[dict[str, Any]] = []
    for fault in error.errors(include_url=False):
        # pydantic puts the names of a union's members into the path; a person's file does not have them
        path = [p for p in fault["loc"] if isinstance(p, int) or not _is_tag(str(p))]
        value = fault.get("input")
        shown = repr(value) if len(repr(value)) <= 80 else repr(value)[:77] + "..."
        if fault["type"] == "extra_forbidden":
            owner = model_at(model, path[:-1])
            known = suggest(path[-1], list(owner.model_fields) if owner else [])
            problem = f"there is no such field. {known}"
        elif fault["type"] == "missing":
            owner = model_at(model, path[:-1])
            info = owner.model_fields.get(str(path[-1])) if owner else None
            meaning = f" ({info.description})" if info and info.description else ""
            problem = f"this field is needed{meaning}."
        elif fault["type"] in ("literal_error", "enum"):
            choices = [c.strip().strip("'") for c in str(fault["ctx"]["expected"]).replace(" or ", ", ").split(",")]
            problem = f"{shown} is not one of the choices. {suggest(value, choices)}"
        elif fault["type"] == "string_type" and isinstance(value, int | float):
            problem = f"{shown} is a number to YAML; put text in quotes: '{value}'."
        else:
            message = str(fault["msg"]).removeprefix("Value error, ").rstrip(".")
            problem = f"{shown}: {message}." if not isinstance(value, Mapping) else f"{message}."
        faults.append({"field": dotted(path), "value": value, "problem": problem})
    # a union reports each member that failed, a tuple also that it came out short: the innermost fault says it
    inner = [f for f in faults if not any(g["field"].startswith(f["field"] + ".") for g in faults)]
    return list({(f["field"], f["problem"]): f for f in inner}.values())


def _is_tag(part: str) -> bool:
    return "[" in part or part in {"str", "int", "float", "bool", "none"}


def dotted(path: Sequence[int | str]) -> str:
    """`inputs.0.bands` from its parts."""
    return ".".join(str(p) for p in path)


def model_at(model: type[BaseModel], path: Sequence[int | str]) -> type[BaseModel] | None:
    """The model that a field path leads to, None if that is a plain value.

    List indices and keys of mappings step into the element type.
    """
    current: Any = model
    key_next = False
    for part in path:
        if isinstance(part, int) or key_next:
            key_next = False
            continue
        field = current.model_fields.get(part) if current is not None else None
        if field is None:
            return None
        key_next = is_mapping(field.annotation)
        current = element_model(field.annotation)
    return current


def is_mapping(annotation: Any) -> bool:
    """Whether a field's type is, or may be, a `dict` with keys that the user chooses."""
    return get_origin(annotation) is dict or any(is_mapping(a) for a in get_args(annotation))


def element_model(annotation: Any) -> type[BaseModel] | None:
    """The first pydantic model inside a type such as `tuple[Input, ...]`, `dict[str, Rule]` or `Legend | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in get_args(annotation):
        found = element_model(argument)
        if found is not None:
            return found
    return None
