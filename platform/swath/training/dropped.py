"""What was left out of labels, by reason: nothing goes silently."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Reason(StrEnum):
    """Why a label, or a pixel of one, is not used; or what was done to it."""

    WITHOUT_CLASS = "labels without a class"
    BY_LEGEND = "labels that the legend drops"
    EMPTY = "labels with an empty geometry"
    NOT_FINITE = "labels with a coordinate that is not finite"
    NO_AREA = "labels that are neither polygon nor point"
    OUTSIDE_AREA = "labels outside the area"
    OUTSIDE_PERIOD = "labels outside the period"
    ERODED = "labels eroded away"
    MENDED = "invalid polygons mended"
    CLIPPED = "polygons cut at the edge of the area"
    TWICE = "labels that stand there twice"
    BETWEEN_CENTRES = "polygons that hold no pixel centre"
    CONTRADICTING = "pixels in labels of two classes"
    NO_DATA = "labelled pixels without data"
    NOT_DRAWN = "pixels beyond the most of a polygon"

    @property
    def is_loss(self) -> bool:
        """Whether a label or pixel is not used; otherwise it is, changed."""
        return self not in (Reason.MENDED, Reason.CLIPPED)


@dataclass(frozen=True)
class Dropped:
    """Counts by reason.

    Attributes:
        counts: Above 0 only, in the order of `Reason`.
    """

    counts: Mapping[Reason, int] = field(default_factory=dict)

    @classmethod
    def of(cls, counts: Mapping[str, int] | Mapping[Reason, int]) -> Dropped:
        """From counts by reason or its text."""
        given = {Reason(name): int(number) for name, number in counts.items()}
        return cls({reason: given[reason] for reason in Reason if given.get(reason)})

    def __add__(self, other: Dropped) -> Dropped:
        return Dropped.sum([self, other])

    @staticmethod
    def sum(parts: Iterable[Dropped]) -> Dropped:
        """All together."""
        total: Counter[str] = Counter()
        for part in parts:
            total.update({str(reason): number for reason, number in part.counts.items()})
        return Dropped.of(total)

    def __getitem__(self, reason: Reason) -> int:
        return self.counts.get(reason, 0)

    def __str__(self) -> str:
        return "; ".join(f"{number} {reason.value}" for reason, number in self.counts.items()) or "nothing"

    def to_dict(self) -> dict[str, int]:
        """JSON-ready."""
        return {reason.value: number for reason, number in self.counts.items()}
