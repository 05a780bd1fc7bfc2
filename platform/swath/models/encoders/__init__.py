"""Encoders: bands of one or many dates in, a pyramid of features and one vector out. A file an encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swath.models.parts import build_part, part_class, part_names
from swath.models.spec import InputSpec

if TYPE_CHECKING:
    from swath.models.features import Encoder

__all__ = ["encoder", "encoder_names"]


def encoder_names() -> tuple[str, ...]:
    """All encoders."""
    return part_names("encoders")


def encoder(name: str, spec: InputSpec, **settings: int | float | str | bool | None) -> Encoder:
    """Build an encoder.

    Args:
        name: One of `encoder_names()`.
        spec: What the network takes.
        settings: As the encoder's class documents them.

    Raises:
        ModelError: There is no such encoder or setting, or a value is refused.
    """
    # torch takes seconds to import
    from swath.models.features import Encoder

    return build_part(part_class("encoders", name, Encoder), name, settings, spec)
