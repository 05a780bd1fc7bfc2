"""Which class a label's value means: by a legend file, by a product's classes, or as the names stand."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from pathlib import Path
from typing import Any

from swath.errors import LabelError
from swath.forms import parse_yaml, suggest

LegendLike = str | os.PathLike[str] | Mapping[Any, str | None]


@dataclass(frozen=True)
class LabelLegend:
    """Values of a label column to names of classes; many to one.

    Attributes:
        classes: By value, as text; None drops the value. None instead of a mapping: values are names.
        known: Names of classes that a product has, by their codes as text; empty if it may be any.
        where: File or argument, for messages.
        aliases: Other names of the product's classes; serve where there is no legend.
    """

    classes: Mapping[str, str | None] | None
    known: Mapping[str, str]
    where: str
    aliases: Mapping[str, str | None] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        legend: LegendLike | None,
        known: Mapping[int, str] | Sequence[str] | None = None,
        aliases: Mapping[str, str | None] | None = None,
    ) -> LabelLegend:
        """A legend from a YAML file or a mapping.

        Args:
            legend: YAML of `value of the column: name of the class`, or `null` to drop the value; None where the
                values are names (or codes) of classes as they stand.
            known: Classes of the product in order, by code where it has codes; a legend may name no other.
            aliases: Other names of these classes, None for one that is left out; serve where there is no legend.

        Raises:
            LabelError: Unreadable, no mapping, nothing but drops, or names a class that the product lacks.
        """
        names = known if isinstance(known, Mapping) else {name: name for name in known or ()}
        codes = {text_of(code): name for code, name in names.items()}
        if legend is None:
            return cls(None, codes, "labels", {text_of(name): told for name, told in (aliases or {}).items()})
        data, where = (legend, "legend") if isinstance(legend, Mapping) else _read(Path(legend))
        if not isinstance(data, Mapping) or not data:
            raise LabelError(
                f"{where}: a legend is a mapping of values to classes, this holds {type(data).__name__}.",
                fix="Write lines such as `forest: tree cover`, or `scrub: null` to drop a value.",
                file=where,
            )
        choices = list(dict.fromkeys(codes.values()))
        classes: dict[str, str | None] = {}
        for value, name in data.items():
            if name is not None and not isinstance(name, str):
                raise LabelError(
                    f"{where}: the class of {value!r} is {name!r}, which is no text.",
                    fix="Write the name of a class (in quotes if it is a number), or null to drop the value.",
                    file=where,
                )
            if name is not None and choices and name not in choices:
                raise LabelError(
                    f"{where}: {value!r} is mapped to {name!r}, a class that the product does not have.",
                    fix=suggest(name, choices),
                    file=where,
                    choices=choices,
                )
            classes[text_of(value)] = name
        if all(name is None for name in classes.values()):
            raise LabelError(f"{where} drops every value.", fix="Map at least two values to classes.", file=where)
        return cls(classes, codes, where)

    def names(self, values: Iterable[Any]) -> list[str | None]:
        """Class of each value; None where the legend drops it.

        Raises:
            LabelError: Values without a class: all of them are named, with the choices.
        """
        texts = [text_of(value) for value in values]
        table = self._table(dict.fromkeys(texts))
        unknown = sorted({text for text in texts if text not in table})
        if unknown:
            shown = ", ".join(repr(text) for text in unknown[:10]) + (" …" if len(unknown) > 10 else "")
            choices = list(self.classes) if self.classes is not None else list(dict.fromkeys(self.known.values()))
            raise LabelError(
                f"{len(unknown)} values of the labels have no class: {shown}.",
                fix=f"Map each in the legend to a class, or to null. {suggest(unknown[0], choices)}",
                values=unknown,
                choices=choices,
            )
        return [table[text] for text in texts]

    def _table(self, texts: Iterable[str]) -> Mapping[str, str | None]:
        if self.classes is not None:
            return self.classes
        if not self.known:
            return {text: text for text in texts}
        return {**self.aliases, **self.known, **{name: name for name in self.known.values()}}

    def order(self, names: Iterable[str]) -> tuple[str, ...]:
        """Names that occur, each once: in the product's order, else that of the legend, else by alphabet."""
        found = set(names)
        if self.known:
            ranked: Iterable[str] = self.known.values()
        elif self.classes is not None:
            ranked = (name for name in self.classes.values() if name is not None)
        else:
            ranked = sorted(found)
        return tuple(name for name in dict.fromkeys(ranked) if name in found)


def text_of(value: Any) -> str:
    """A value as legends write it: whole numbers without a point, texts without spaces around them."""
    if isinstance(value, Real) and float(value).is_integer():
        return str(int(float(value)))
    return str(value).strip()


def _read(path: Path) -> tuple[Any, str]:
    try:
        return parse_yaml(path.read_text("utf-8"), where=str(path), error=LabelError), str(path)
    except OSError as error:
        raise LabelError(f"Legend {path} cannot be read: {error.strerror or error}.", fix="Check the path.") from error
    except UnicodeDecodeError as error:
        raise LabelError(f"Legend {path} is not UTF-8 text.", fix="Save it as UTF-8.", file=str(path)) from error
