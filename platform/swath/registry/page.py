"""A model's card as one HTML page that needs nothing from elsewhere."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

from swath.models import Package
from swath.models.mlm import MEDIA_TYPES
from swath.models.spec import ClassesOutput
from swath.registry.outline import continents_apart, near_map, world_map

_TITLES = {
    "transfer": "Transfer: how it does on blocks that it has not seen. It is no accuracy of a map.",
    "agreement": "Agreement with labels that were made by an algorithm. It is no accuracy.",
    "design-based": "Design-based: from a probability sample of reference data.",
}
_METRICS, _MOST_ITEMS = "metrics.json", 8


def card_page(package: Package, *, name: str, aliases: Sequence[str] = (), colours: Mapping[str, str] = {}) -> str:
    """The page, UTF-8 HTML; every text in it is escaped.

    Args:
        package: That was checked.
        name: What it is called, as `landcover@3`.
        aliases: That point to it.
        colours: `#rrggbb` of classes by their name.
    """
    return page("card.html.jinja", card=card_values(package, name=name, aliases=aliases, colours=colours))


def page(template: str, own: str = "swath.registry", **values: Any) -> str:
    """Fill a template; every value is escaped.

    Args:
        template: File of the package `own`.
        own: Where it and what it includes is looked for first; after it here, where the style and a model's part are.
        values: Of the template.
    """
    from jinja2 import Environment, FunctionLoader

    def source(file: str) -> str | None:
        for package in (own, "swath.registry"):
            found = resources.files(package).joinpath(file)
            if found.is_file():
                return found.read_text("utf-8")
        return None

    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, loader=FunctionLoader(source))
    return environment.get_template(template).render(**values)


def card_values(
    package: Package, *, name: str, aliases: Sequence[str] = (), colours: Mapping[str, str] = {}
) -> dict[str, Any]:
    """What `model.html.jinja` tells of a package; see `card_page`."""
    properties, spec = package.card["properties"], package.spec
    geometry = package.card.get("geometry")
    items = list(properties.get("swath:items", []))
    classes = spec.output.classes if isinstance(spec.output, ClassesOutput) else ()
    kept = {name.casefold(): colour for name, colour in colours.items() if re.fullmatch(r"#[0-9a-fA-F]{6}", colour)}
    return {
        "name": name,
        "aliases": aliases,
        "spec": spec,
        "properties": properties,
        "bands": spec.input.bands,
        "classes": [(one, kept.get(one.casefold())) for one in classes],
        "values": () if classes else getattr(spec.output, "values", ()),
        "figures": _figures(package),
        "maps": None if geometry is None else {"world": world_map(geometry), "near": near_map(geometry)},
        "apart": [] if geometry is None else continents_apart(geometry),
        "items": items[:_MOST_ITEMS],
        "more_items": max(0, len(items) - _MOST_ITEMS),
        "pictures": [(file, _inline(package, file)) for file in sorted(package.files) if file.endswith(".png")],
        "files": [
            (key, asset["file:size"], asset["file:checksum"][4:])
            for key, asset in sorted(package.card["assets"].items())
        ],
        "digest": package.digest,
    }


def _figures(package: Package) -> list[tuple[str, list[tuple[str, str]]]]:
    """Tables of figures, each under the title that says what they are."""
    told = dict(package.card["properties"].get("swath:metrics", {}))
    tables = []
    for kind, title in _TITLES.items():
        rows = [(key.removeprefix(f"{kind}_"), told.pop(key)) for key in list(told) if key.startswith(f"{kind}_")]
        if rows:
            tables.append((title, [(_words(key), _number(value)) for key, value in rows]))
    if told:
        tables.append(("As the card tells them.", [(_words(key), _number(value)) for key, value in told.items()]))
    for title, rows in _by_class(package):
        tables.append((title, rows))
    return tables


def _by_class(package: Package) -> list[tuple[str, list[tuple[str, str]]]]:
    """F1 of each class, where metrics.json has it."""
    if not package.has(_METRICS):
        return []
    try:
        held = json.loads(package.path(_METRICS).read_bytes())["held_out"]
        tables = [
            (f"F1 by class on {name}", [(str(key), _number(value)) for key, value in figures["f1"].items()])
            for name, figures in held.items()
            if isinstance(figures.get("f1"), dict)
        ]
    except (ValueError, KeyError, AttributeError):
        return []
    return tables


def _words(key: str) -> str:
    return key.replace("_", " ")


def _number(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _inline(package: Package, file: str) -> str:
    data = base64.b64encode(package.path(file).read_bytes()).decode()
    return f"data:{MEDIA_TYPES['.png']};base64,{data}"
