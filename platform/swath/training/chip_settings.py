"""How chips are cut, as a person writes it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from swath.training.chip_inputs import InputChoice
from swath.training.splits import SplitSpec


class ChipSettings(BaseModel):
    """How chips are cut."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: int = Field(default=128, ge=8, le=1024, description="Edge of a chip, pixels; a divisor of the tile size.")
    margin: int = Field(
        default=0,
        ge=0,
        le=512,
        description="Pixels of surroundings on each side of a chip: labels lie within `size`, and a network sees "
        "`size + 2 * margin`. About its reach lets it learn with the neighbourhood that it has when it maps.",
    )
    steps: int = Field(default=1, ge=1, le=64, description="Time steps of a chip.")
    target: int | None = Field(
        default=None,
        ge=0,
        description="Where steps are acquisitions: which of them is labelled, counted from 0; the others are those "
        "before and after it. Null: the steps are equal parts of the period's.",
    )
    per_polygon: int | None = Field(
        default=250,
        ge=1,
        description="Most pixels of a polygon, so that a lake does not outweigh all ponds; null: all.",
    )
    least: int = Field(default=1, ge=1, description="Chips with fewer labelled pixels are not cut.")
    split: SplitSpec = Field(default_factory=SplitSpec, description="What is held out.")
    inputs: dict[str, InputChoice] = Field(
        default_factory=dict,
        description="How the model takes inputs of the product, by their names: {radar: {bands: [vv, vh], transform: "
        "decibel}}. A later input that is not named is not read; `first` is the first one where it has no name.",
        examples=[{}],
    )
    location: bool = Field(default=False, description="Longitude and latitude of each pixel are two bands more.")

    @property
    def edge(self) -> int:
        """Pixels of a chip with its surroundings."""
        return self.size + 2 * self.margin
