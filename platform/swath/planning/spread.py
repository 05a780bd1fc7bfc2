"""A number that is not known yet: low, expected, high."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Spread:
    """Three guesses of one number, 0 <= low <= expected <= high.

    Attributes:
        low: Of the luckiest run that was seen.
        expected: The best guess.
        high: Of the unluckiest.
    """

    low: float
    expected: float
    high: float

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.expected <= self.high:
            raise ValueError(f"not in order: {self.low}, {self.expected}, {self.high}")

    @classmethod
    def exact(cls, value: float) -> Spread:
        """A number that is known."""
        return cls(value, value, value)

    @classmethod
    def of(cls, values: Sequence[float], expected: float) -> Spread:
        """What runs gave, about what they gave together."""
        return cls(min([*values, expected]), expected, max([*values, expected]))

    def __add__(self, other: Spread) -> Spread:
        return Spread(self.low + other.low, self.expected + other.expected, self.high + other.high)

    def __mul__(self, other: Spread | float) -> Spread:
        if not isinstance(other, Spread):
            other = Spread.exact(other)
        return Spread(self.low * other.low, self.expected * other.expected, self.high * other.high)

    def over(self, other: Spread) -> Spread:
        """Divided: the least by the most."""
        return Spread(self.low / other.high, self.expected / other.expected, self.high / other.low)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)
