"""What a person writes to mean a model of the registry, and where that lies."""

from __future__ import annotations

import re
from dataclasses import dataclass

from swath.errors import ModelError

# <name>/                          a model
#   collection.json                STAC collection of its versions
#   aliases.json                   alias -> version
#   <version>/                     claim.json first, the files of the package, model.json last: it commits the version

COLLECTION, ALIASES, CLAIM = "collection.json", "aliases.json", "claim.json"

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_VERSION = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9}){0,3}")


@dataclass(frozen=True)
class Reference:
    """`landcover@production`, `landcover@3`.

    Attributes:
        name: Of the model.
        at: Version, or alias.
    """

    name: str
    at: str

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Read `NAME@VERSION` or `NAME@ALIAS`.

        Raises:
            ModelError: It is neither.
        """
        name, mark, at = text.partition("@")
        if not mark:
            raise ModelError(
                f"{text!r} does not say which version.", fix=f"Write {text}@production or {text}@3.", value=text
            )
        return cls(model_name(name), at if is_version(at) else alias_name(at))

    @property
    def is_version(self) -> bool:
        """Whether it names a version, which never changes."""
        return is_version(self.at)

    def __str__(self) -> str:
        return f"{self.name}@{self.at}"


def is_reference(text: str) -> bool:
    """Whether a text means a model of the registry rather than a folder."""
    name, mark, at = text.partition("@")
    return bool(mark and _NAME.fullmatch(name) and (is_version(at) or _NAME.fullmatch(at)))


def is_version(text: str) -> bool:
    """Whether a text is a version."""
    return _VERSION.fullmatch(text) is not None


def model_name(text: str) -> str:
    """The name itself.

    Raises:
        ModelError: It cannot be one.
    """
    return _checked(text, _NAME, "name of a model", "lower case letters and digits with single dashes, as `landcover`")


def alias_name(text: str) -> str:
    """The alias itself.

    Raises:
        ModelError: It cannot be one.
    """
    return _checked(text, _NAME, "alias", "lower case letters and digits with single dashes, as `production`")


def version_name(text: str) -> str:
    """The version itself.

    Raises:
        ModelError: It cannot be one.
    """
    return _checked(text, _VERSION, "version", "digits with dots, as `3` or `2.1`")


def _checked(text: str, pattern: re.Pattern[str], what: str, how: str) -> str:
    if not pattern.fullmatch(text) or len(text) > 100:
        raise ModelError(f"{text!r} is no {what}.", fix=f"Write {how}.", value=text)
    return text
