"""Heads: features in, scores out, with the loss and measures that fit. A file a head."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from swath.models.parts import build_part, part_class, part_names

if TYPE_CHECKING:
    from swath.models.features import Head

__all__ = ["head", "head_names"]


def head_names() -> tuple[str, ...]:
    """All heads."""
    return part_names("heads")


def head(
    name: str,
    channels: Sequence[int],
    vector_size: int,
    *,
    outputs: int,
    **settings: int | float | str | bool | None,
) -> Head:
    """Build a head.

    Args:
        name: One of `head_names()`.
        channels: Of each level of the encoder's pyramid, finest first.
        vector_size: Length of the encoder's vector.
        outputs: Channels of the result.
        settings: As the head's class documents them.

    Raises:
        ModelError: There is no such head or setting, or a value is refused.
    """
    # torch takes seconds to import
    from swath.models.features import Head

    return build_part(part_class("heads", name, Head), name, settings, channels, vector_size, outputs)
