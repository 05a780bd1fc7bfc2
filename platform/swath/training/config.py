"""What a person writes to train a network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from swath.errors import ModelError
from swath.forms import commented, read_yaml, validate
from swath.models.spec import PartSpec


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


Share = Annotated[float, Field(ge=0, lt=1)]


class Optimiser(_Part):
    """AdamW (Loshchilov and Hutter 2019), its rate rising over a warm-up and falling as a cosine to nothing."""

    lr: float = Field(default=1e-3, gt=0, description="Highest learning rate.")
    weight_decay: float = Field(default=1e-2, ge=0, description="Of weights; biases and normalisation have none.")
    warm_up: Share = Field(default=0.05, description="Share of all steps in which the rate rises.")
    clip_norm: float | None = Field(default=1.0, gt=0, description="Longest gradient; null lets it be as it is.")


class Loss(_Part):
    """What is made small."""

    own: bool = Field(default=False, description="Take the head's own loss, and leave the rest of this aside.")
    by_object: bool = Field(
        default=False,
        description="Take the pixels of one label together (a footprint, plot or polygon): of values their mean is "
        "held against it, of classes each label counts alike however many pixels it has.",
    )
    cross_entropy: float = Field(default=1.0, ge=0, description="Weight of cross-entropy, for classes.")
    dice: float = Field(default=1.0, ge=0, description="Weight of soft Dice, for classes.")
    focal: float = Field(default=0.0, ge=0, description="Weight of the focal loss, for classes.")
    gamma: float = Field(default=2.0, ge=0, description="Of the focal loss: how much less counts what is right.")
    smoothing: Share = Field(
        default=0.0, description="Share of a label that cross-entropy spreads over all classes: labels may be wrong."
    )
    ordinal: Literal["coral", "cumulative"] = Field(default="coral", description="Of the head `ordinal`.")
    regression: Literal["l1", "mse", "huber"] = Field(
        default="huber",
        description="Of values as points; the forms gaussian, laplace and quantiles of a head have their own.",
    )
    spread: float | None = Field(
        default=None,
        gt=0,
        description="Of points and quantiles: what a perfect label would still leave, in standard deviations of the "
        "labels (in log space: of the log). A label of larger standard error then counts less; null: errors do not "
        "weigh. Distributions take them in as they are.",
    )
    beta: float = Field(
        default=0.0, ge=0, le=1, description="Of gaussian and laplace: 0 likelihood, 1 the mean follows plain errors."
    )
    correlation: float = Field(
        default=1.0, ge=0, le=1, description="Of gaussian and laplace by object: of the errors of its pixels."
    )
    presence: Literal["assume-negative", "weighted", "sites"] = Field(
        default="weighted",
        description="Of species: absence assumed at records of others (Cole et al. 2023), the same with species "
        "weighed alike (Zbinden et al. 2024), or shares of places as in maximum entropy.",
    )
    positive: float | None = Field(
        default=None,
        gt=0,
        description="Of species: weight of a presence; null: their number, or 1 if weighted.",
    )
    assumed: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.8, description="Of species, weighted: share of assumed absences, against background."
    )


class Augment(_Part):
    """How training chips are changed, differently each time."""

    flips: bool = Field(default=True, description="Mirror chips.")
    turns: bool = Field(default=True, description="Turn chips by 90 degrees.")
    drop_dates: Share = Field(default=0.1, description="Chance of each time step to be taken away; one always stays.")
    drop_bands: Share = Field(default=0.0, description="Chance of each band to be taken away; one always stays.")
    drop_inputs: Share = Field(
        default=0.0,
        description="Chance of each of several inputs to be taken away with all its bands; one always stays, and so "
        "does the location.",
    )
    brightness: Share = Field(
        default=0.05,
        description="Reflectances of a time step are multiplied by up to 1 plus or minus this; nothing else is.",
    )


class Sampling(_Part):
    """Which chips come more often than others: an epoch has as many as without it."""

    by: Literal["class", "value", "region"] = Field(
        description="Chips of rare classes, of rare values (mean of a chip's labels), or of thinly labelled regions."
    )
    power: float = Field(
        default=0.5, ge=0, le=1, description="0: all chips alike; 1: each class, bin or region alike; 0.5: half way."
    )
    bins: int = Field(default=10, ge=2, le=100, description="Of values, by equal widths.")
    region_km: float = Field(default=100.0, gt=0, description="Edge of a region on an equal-area grid, km.")


class Pretrained(_Part):
    """Weights that a training starts from."""

    source: str = Field(
        min_length=1, description="Path or https URL of a safetensors file.", examples=["weights.safetensors"]
    )
    sha256: str | None = Field(
        default=None, pattern=r"^[0-9a-f]{64}$", description="Of the file, in hex; a URL needs it."
    )


NO_CHANGE = Augment(flips=False, turns=False, drop_dates=0, drop_bands=0, brightness=0)

#: Fields that say where a training computes: with others it is the same one.
WHERE = frozenset({"workers", "threads", "backend"})
#: Fields that a training that goes on may have changed: they say how long and where, not what.
FREE_TO_CHANGE = WHERE | {"epochs", "patience"}


class TrainConfig(_Part):
    """A training, but for its data."""

    encoder: PartSpec = Field(
        default=PartSpec(name="unet"),
        description="Takes bands, gives features.",
        examples=[{"name": "unet", "settings": {"width": 32, "levels": 4}}],
    )
    head: PartSpec = Field(
        default=PartSpec(name="segmentation"),
        description="Takes features, gives classes or values.",
        examples=[{"name": "segmentation", "settings": {}}],
    )
    location: PartSpec | None = Field(
        default=None,
        description="Adds what the place tells, from the bands longitude and latitude; null: nothing does.",
        examples=[None],
    )
    members: int = Field(
        default=1,
        ge=1,
        le=32,
        description="Networks that learn side by side from the same batches, each with weights and dropout of its own; "
        "the model gives the mean of what they say, and its spread takes in what they differ by.",
    )
    chip: int = Field(default=128, ge=8, le=4096, description="Edge of a chip, pixels.")
    epochs: int = Field(default=50, ge=1, description="Times that all chips are seen.")
    batch: int = Field(default=16, ge=1, description="Chips that one worker computes at once.")
    accumulate: int = Field(
        default=1, ge=1, description="Batches whose mean gradient moves the weights: a larger step in the same memory."
    )
    mix: int = Field(
        default=1,
        ge=1,
        description="Batches whose labelled pixels are mixed anew into as many batches: a step then sees many places. "
        "With loss.by_object whole labels are mixed. For encoders that learn of each pixel for itself (statistics); 1: "
        "batches stay chips.",
    )
    samples: int | None = Field(
        default=None, ge=1, description="Chips of an epoch over all workers, drawn anew each epoch; null takes all."
    )
    sampling: Sampling | None = Field(
        default=None, description="Which chips come more often; null: each comes once.", examples=[None]
    )
    pretrained: Pretrained | None = Field(
        default=None, description="Weights to start from, as far as they fit; null: fresh ones.", examples=[None]
    )
    optimiser: Optimiser = Field(default_factory=Optimiser, description="How weights follow the gradient.")
    loss: Loss = Field(default_factory=Loss, description="What is made small.")
    class_weights: Literal["root", "balanced", "none"] = Field(
        default="root",
        description="balanced: all classes together count alike; root: half way to it, by 1 / square root of a class's "
        "training pixels; none: each pixel counts alike.",
    )
    augment: Augment = Field(default_factory=Augment, description="How training chips are changed.")
    patience: int | None = Field(
        default=10, ge=1, description="Stop after so many epochs without a better validation; null never does."
    )
    average: Share = Field(
        default=0.0,
        description="Weights are averaged over the second half of the steps, the average so far counting this much "
        "(0.98, 0.999), and the average is what is kept; 0: no average.",
    )
    seed: int = Field(default=0, ge=0, description="Of weights, order and changes.")
    workers: int = Field(default=1, ge=1, description="Processes that train together.")
    threads: int | None = Field(default=None, ge=1, description="CPU threads of one worker; null shares the cores out.")
    backend: Literal["auto", "gloo", "nccl"] = Field(
        default="auto", description="How workers exchange gradients; auto: nccl on GPUs, gloo elsewhere."
    )
    device: Literal["auto", "cpu", "cuda"] = Field(default="auto", description="Where steps are computed.")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        default="auto", description="Of the forward pass; auto: bfloat16 on a GPU that has it, float32 elsewhere."
    )
    window: int | None = Field(
        default=None, ge=8, description="Window of the released model, pixels; null: six margins, at least 256."
    )
    stride: int | None = Field(
        default=None, ge=1, description="Pixels between its windows; null: what the margins leave."
    )
    margin: int | None = Field(
        default=None, ge=0, description="Pixels left aside at its windows' edges; null: the reach of the network."
    )

    @model_validator(mode="after")
    def _they_differ(self) -> TrainConfig:
        if self.members > 1 and self.pretrained is not None:
            raise ValueError(
                f"members is {self.members}, and all would start from the same weights; leave pretrained or members out"
            )
        return self

    @classmethod
    def load(cls, path: str | Path) -> TrainConfig:
        """Read a YAML file.

        Raises:
            ModelError: The file cannot be read, or a field is wrong; the message names it.
        """
        return cls.parse(read_yaml(path, what="Training config", error=ModelError), where=str(path))

    @classmethod
    def parse(cls, told: Any, *, where: str = "training config") -> TrainConfig:
        """Check values as YAML gives them.

        Raises:
            ModelError: A field is wrong; the message names it.
        """
        return validate(
            cls, told, where=where, what="training config", start="swath train --template", error=ModelError
        )

    @classmethod
    def template(cls) -> str:
        """A commented YAML of every field with its default."""
        return commented(cls)

    def differences(self, other: TrainConfig) -> list[str]:
        """Fields in which two configs would train another network, as `lr 0.1 (here 0.2)`; see FREE_TO_CHANGE."""
        mine, theirs = self.model_dump(mode="json"), other.model_dump(mode="json")
        return [
            f"{name} {theirs[name]} (here {mine[name]})"
            for name in mine
            if mine[name] != theirs[name] and name not in FREE_TO_CHANGE
        ]
