"""What was left out of labels, by reason: nothing goes silently."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Reason(StrEnum):
    """Why a label, or a pixel of one, is not used; or what was done to it."""

    WITHOUT_CLASS = "labels without a class"
    WITHOUT_VALUE = "labels without a value"
    NOT_A_NUMBER = "labels whose value is not finite"
    BELOW = "labels below what is possible"
    ABOVE = "labels above what is possible"
    WITHOUT_WEIGHT = "labels without a weight above 0"
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
    SHARED = "pixels in two labels that stay with the first"
    CONTRADICTING = "pixels in labels of two classes"
    NO_DATA = "labelled pixels without data"
    NOT_DRAWN = "pixels beyond the most of a polygon"
    PIXELS_NOT_FINITE = "pixels whose value is not finite"
    PIXELS_BELOW = "pixels below what is possible"
    PIXELS_ABOVE = "pixels above what is possible"
    # GEDI footprints (SCIENCE.md)
    QUALITY = "footprints without l4_quality_flag 1"
    DEGRADED = "footprints of a degraded orbit"
    SENSITIVITY = "footprints of too little sensitivity"
    LEAF_OFF = "footprints with leaves off"
    LATITUDE = "footprints beyond 51.6 degrees"
    # occurrences
    NO_PLACE = "records without coordinates"
    ZERO_PLACE = "records at 0, 0"
    EQUAL_PLACE = "records whose longitude equals their latitude"
    OFF_EARTH = "records off the Earth"
    UNCERTAIN = "records placed too roughly"
    CENTROID = "records at a centroid"
    BASIS = "records of another basis"
    LICENCE = "records of a licence that is not allowed"
    NO_NAME = "records without a species"
    YEAR = "records of other years"
    NO_YEAR = "records without a year"
    TAXON = "records of species that were not asked for"
    THINNED = "records of a species in a cell that has one"
    RARE = "records of species with too few"

    @property
    def is_loss(self) -> bool:
        """Whether a label or pixel is not used; otherwise it is, changed."""
        return self not in (Reason.MENDED, Reason.CLIPPED, Reason.SHARED)


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
