"""Where a model may be applied: what its card says of how far inputs may lie from those that it has seen.

The dissimilarity index of a pixel is its distance to the nearest pixel of the training, by standardised and weighted
features, over the mean distance between pixels of the training. A model is applicable where the index is at most a
threshold: the largest index of training pixels, each held against those of other folds, that is no outlier (Meyer and
Pebesma 2021, doi:10.1111/2041-210X.13650). Figures of folds held out speak of such places only.

A network has no list of predictors that it could be held against. Its features are stated here: the pixel's own bands
as the network takes them, over its time steps. What surrounds a pixel is not looked at, nor is its place.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

ARRAYS = "applicability.safetensors"  #: file of a package
#: Numbers that stand for a pixel: its features, or one component less than that and what components leave.
DIMENSIONS = 8


class Applicability(BaseModel):
    """Of a model package; the numbers that pixels are held against stand in `applicability.safetensors`."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    bands: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        min_length=1, description="Places of the bands that are features: the mean of each over steps with data."
    )
    spread: bool = Field(description="Whether the standard deviation of each over its steps is a feature, too.")
    weights: tuple[Annotated[float, Field(ge=0)], ...] = Field(
        min_length=1, description="Of each band's standardised features."
    )
    components: int = Field(
        ge=0, lt=DIMENSIONS, description="Principal components that stand for the features; 0: features themselves."
    )
    variance: float = Field(ge=0, le=1, description="Share of the features' variance in these components.")
    mean_distance: float = Field(gt=0, description="Between pixels of the training.")
    threshold: float = Field(gt=0, description="Largest dissimilarity index at which the model is applicable.")
    pixels: int = Field(ge=2, description="Of the training, that all of this rests on.")
    folds: int = Field(ge=2, description="That the threshold is across.")
    points: int = Field(ge=2, description="Means of like pixels that a map is held against, in place of the pixels.")
    agreement: float = Field(
        ge=0,
        le=1,
        description="Share of pixels held out on which these and all of the pixels, each with a threshold of its own, "
        "say the same; 1 where every pixel is a point.",
    )
    within: float | None = Field(
        default=None, ge=0, le=1, description="Share of pixels held out where the model is applicable."
    )

    @model_validator(mode="after")
    def _fits(self) -> Applicability:
        if len(self.weights) != len(self.bands):
            raise ValueError(f"{len(self.bands)} bands and {len(self.weights)} weights")
        if not self.components and self.features > DIMENSIONS:
            raise ValueError(f"{self.features} features need components: {DIMENSIONS} numbers stand for a pixel")
        return self

    @property
    def features(self) -> int:
        """How many there are."""
        return len(self.bands) * (2 if self.spread else 1)

    @property
    def text(self) -> str:
        """One line for people."""
        inside = "" if self.within is None else f"; {self.within:.0%} of pixels held out lie within"
        return (
            f"applicable up to a dissimilarity of {self.threshold:.3f}, from {self.pixels:,} pixels of training in "
            f"{self.folds} folds{inside}"
        )
