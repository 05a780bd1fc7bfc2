"""Where training takes its chips from: what a store of chips, or a test, must be able to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Literal, Protocol, TypedDict

import numpy as np
from numpy.typing import NDArray

from swath.cube import LayerFacts
from swath.models.spec import BandInput, ClassesOutput, ValuesOutput

IGNORED = 255  #: class of a pixel without a label, and part of a pixel that no part uses


class Part(IntEnum):
    """What a labelled pixel serves for, once one fold is held out and its buffer is cut away."""

    TRAIN = 0
    VALIDATE = 1  #: early stop and choice of the checkpoint
    TEST = 2  #: never seen before release


@dataclass(frozen=True)
class ChipFacts:
    """What all chips of a source have in common.

    Attributes:
        bands: In the order of the chips' axis; their mean and std are not looked at.
        layers: Type, no-data, scale and offset of the numbers, by band.
        unit: Of the physical values.
        gsd: Edge of a pixel, metres.
        size: Edge of a chip, pixels, with its margins.
        steps: Time steps of a chip.
        output: Classes in the order of the label codes, or the one value that the labels give.
        level: Which reflectance the numbers are.
        target: Where steps are acquisitions: which of them is labelled; None where they are parts of a period.
    """

    bands: tuple[BandInput, ...]
    layers: tuple[LayerFacts, ...]
    unit: str
    gsd: float
    size: int
    steps: int
    output: ClassesOutput | ValuesOutput
    level: Literal["any", "surface", "top-of-atmosphere"] = "any"
    target: int | None = None

    @property
    def classes(self) -> int:
        """Number of classes; 0 where labels are values."""
        return len(self.output.classes) if isinstance(self.output, ClassesOutput) else 0


class Chips(TypedDict):
    """Some chips as they are stored.

    Keys:
        numbers: (n, T, C, S, S) in the dtype of the collection, not yet scaled; float32 where inputs differ in it.
        day: (n, T) float32, day of year, 1 to 366.
        y: (n, S, S) uint8 index of the class (255: no label), or float32 value (NaN: no label).
        part: (n, S, S) uint8, `Part` of each labelled pixel; 255 where there is no label, or where it lies in the
            buffer around pixels that are held out.
        weight: (n, S, S) float32, how much the label counts; 0 where there is none.
        object: (n, S, S) unsigned, number of the label within its chip from 1, so that the pixels of one footprint,
            plot or polygon can be taken together; 0 where there is none. What lies on the edge of two chips has a part
            in each.
        error: (n, S, S) float32 standard error of the label in its unit, 0 where none is known; of classes all 0.
    """

    numbers: NDArray[Any]
    day: NDArray[np.float32]
    y: NDArray[Any]
    part: NDArray[np.uint8]
    weight: NDArray[np.float32]
    object: NDArray[Any]
    error: NDArray[np.float32]


class ChipSource(Protocol):
    """Chips with one choice of what is held out. It travels to workers, so that it pickles and is small."""

    @property
    def facts(self) -> ChipFacts:
        """What all chips have in common."""
        ...

    def __len__(self) -> int:
        """Number of chips."""
        ...

    def names(self, indices: Sequence[int]) -> list[str]:
        """Ids of chips, for messages."""
        ...

    def counts(self, part: Part) -> NDArray[np.int64]:
        """Labelled pixels of a part, (chips, classes); (chips, 1) where labels are values."""
        ...

    def read(self, indices: Sequence[int]) -> Chips:
        """Chips in the order of `indices`. Called from one thread a worker."""
        ...
