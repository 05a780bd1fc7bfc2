"""What a model takes and gives: the part of a package that mapping, training and serving read."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from swath.models.applicability import Applicability
from swath.models.calibration import Calibration

BACKGROUND = 0  #: code of no data in class layers; no class may have it
#: Input that every model may take beside those of its product: degrees of each pixel's centre, WGS84, computed from the
#: lattice and never read.
LOCATION = "location"
LOCATION_BANDS = ("longitude", "latitude")
Range = tuple[float, float]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class BandInput(_Part):
    """One band that a network takes. A collection's band fits it by name, else by common name, else by wavelength."""

    name: str = Field(
        min_length=1, examples=["B04"], description="Name of the band in the collection that the model was trained on."
    )
    common_name: str | None = Field(default=None, description="STAC eo common name (`red`, `nir`, `swir16`).")
    wavelength: float | None = Field(default=None, gt=0, description="Centre, micrometres.")
    mean: float = Field(default=0.0, description="Subtracted from the physical value.")
    std: float = Field(default=1.0, gt=0, description="Divides what remains.")
    input: str | None = Field(
        default=None,
        pattern=r"^[a-z][a-z0-9_]*$",
        description="Name of the product's input that gives it; null: the first. `location` gives `longitude` and "
        "`latitude`.",
    )
    unit: str | None = Field(
        default=None, min_length=1, description="Physical unit, where it is not that of all bands together."
    )
    transform: Literal["none", "decibel", "log1p"] = Field(
        default="none",
        description="Of the physical value, before clip, mean and std: `decibel` is 10 log10 of a linear power, 1e-6 "
        "at least; `log1p` the natural logarithm of 1 + the value, 0 at least.",
    )
    clip: Range | None = Field(
        default=None,
        description="Values are clipped to this range after `transform`; null: as all bands of the common unit.",
    )
    optional: bool = Field(
        default=False,
        description="The model can do without it: `fill` stands where it has no data. Without data in one that is not "
        "optional a pixel has none at all.",
    )

    @model_validator(mode="after")
    def _place(self) -> BandInput:
        if self.input == LOCATION and self.name not in LOCATION_BANDS:
            raise ValueError(f"location gives {' and '.join(LOCATION_BANDS)}, and no {self.name!r}")
        if self.clip is not None and self.clip[0] >= self.clip[1]:
            raise ValueError(f"clip {self.clip[0]:g} to {self.clip[1]:g} of {self.name} holds nothing")
        return self

    @property
    def channel(self) -> str:
        """Name among all bands of a model: that of the band, after its input where that is named."""
        return self.name if self.input is None else f"{self.input}_{self.name}"


class Layout(StrEnum):
    """Order of a network's input axes: batch, time steps, channels, height, width."""

    NCHW = "NCHW"
    NHWC = "NHWC"
    NTCHW = "NTCHW"


class InputSpec(_Part):
    """What a network takes, and how windows of it are laid over a map.

    A number of the network's input is `(clip(transform(number * scale + offset)) - mean) / std`; `fill` where there is
    no data.
    """

    bands: tuple[BandInput, ...] = Field(min_length=1, description="In the order of the network's channels.")
    unit: str = Field(
        min_length=1,
        examples=["reflectance"],
        description="Physical unit of a value before normalisation: `reflectance`, `K`, …; of bands that name none.",
    )
    gsd: float = Field(gt=0, examples=[10.0], description="Sampling distance of the network's pixels, metres.")
    window: int = Field(ge=1, examples=[256], description="Edge of a window that the network takes, pixels.")
    stride: int = Field(ge=1, examples=[192], description="Pixels from one window to the next.")
    margin: int = Field(
        default=0,
        ge=0,
        description="Pixels at each edge of a window whose result is left aside. At least the reach of the network's "
        "receptive field makes a map equal to a run over the whole image.",
    )
    layout: Layout = Field(default=Layout.NCHW, description="Order of the input's axes.")
    steps: int = Field(default=1, ge=1, le=64, description="Time steps of one prediction.")
    target: int | None = Field(
        default=None,
        ge=0,
        description="Where the steps are acquisitions: which of them is mapped, counted from 0; the others are those "
        "before and after it. Null: the steps are equal parts of the mapped period.",
    )
    day_of_year: bool = Field(
        default=False, description="A second input, (batch, steps) float32: day of year (1 to 366) of each step."
    )
    valid: bool = Field(
        default=False, description="A further input, (batch, steps, height, width) float32: 1 where a step has data."
    )
    clip: Range | None = Field(
        default=None,
        description="Physical values are clipped to this range, those of bands without a unit of their own.",
    )
    fill: float = Field(default=0.0, description="Stands, after normalisation, where there is no data.")
    level: Literal["any", "surface", "top-of-atmosphere"] = Field(
        default="any", description="Which reflectance it was trained on."
    )
    is_global: bool = Field(
        default=False,
        description="A pixel's result depends on the whole window (attention, global pooling): maps have seams, "
        "blended over the overlap of windows.",
    )

    @model_validator(mode="after")
    def _windows_meet(self) -> InputSpec:
        if self.stride > self.window - 2 * self.margin:
            raise ValueError(
                f"windows of {self.window} px with a margin of {self.margin} px leave "
                f"{self.window - 2 * self.margin} px, and the stride is {self.stride}; make the stride at most that"
            )
        if (self.window - self.stride) % 2:
            raise ValueError(f"window {self.window} and stride {self.stride} must differ by an even number of pixels")
        if self.steps > 1 and self.layout is not Layout.NTCHW:
            raise ValueError(f"{self.steps} time steps need layout NTCHW, this one is {self.layout.value}")
        if self.target is not None and self.target >= self.steps:
            raise ValueError(f"target {self.target} is none of the {self.steps} steps, which count from 0")
        if self.day_of_year and self.layout is not Layout.NTCHW:
            raise ValueError(f"day_of_year needs layout NTCHW, this one is {self.layout.value}")
        names = [band.channel for band in self.bands]
        if len(set(names)) < len(names):
            raise ValueError(f"a band is named twice in {', '.join(names)}")
        return self

    def unit_of(self, band: BandInput) -> str:
        """Physical unit of a band."""
        return band.unit or self.unit

    def clip_of(self, band: BandInput) -> Range | None:
        """Range that the values of a band are clipped to; None: they are not."""
        own = band.clip is not None or band.input == LOCATION or self.unit_of(band) != self.unit
        return band.clip if own else self.clip

    def shape(self, batch: int) -> tuple[int, ...]:
        """Shape of the first input for a batch."""
        n, t, c, s = batch, self.steps, len(self.bands), self.window
        return {
            Layout.NCHW: (n, c, s, s),
            Layout.NHWC: (n, s, s, c),
            Layout.NTCHW: (n, t, c, s, s),
        }[self.layout]


class ClassesOutput(_Part):
    """A score a class and pixel; the network gives (batch, classes, height, width) in `order` NCHW."""

    kind: Literal["classes"] = "classes"
    name: str = Field(default="class", min_length=1, description="What the classes are of.")
    classes: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        min_length=2, description="Names in the order of the network's channels."
    )
    activation: Literal["softmax", "sigmoid", "none"] = Field(
        default="softmax", description="Turns the network's scores into probabilities; `none`: they are already."
    )
    order: Literal["NCHW", "NHWC"] = Field(default="NCHW", description="Order of the output's axes.")

    @model_validator(mode="after")
    def _each_once(self) -> ClassesOutput:
        if len(set(self.classes)) < len(self.classes):
            raise ValueError(f"a class is named twice in {', '.join(self.classes)}")
        return self

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the output's channels."""
        return self.classes


class ValueOutput(_Part):
    """One physical quantity."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="Name of the layer.", examples=["agb"])
    unit: str = Field(min_length=1, description="Unit of the value, UCUM (`Mg/ha`).")
    scale: float = Field(default=1.0, description="Value = network's number x scale + offset.")
    offset: float = Field(default=0.0, description="Value = network's number x scale + offset.")
    low: float | None = Field(default=None, description="Values below are set to it.")
    high: float | None = Field(default=None, description="Values above are set to it.")


class ValuesOutput(_Part):
    """Physical quantities by pixel; the network gives (batch, values, height, width) in `order` NCHW."""

    kind: Literal["values"] = "values"
    name: str = Field(default="values", min_length=1, description="What the values are of.")
    values: tuple[ValueOutput, ...] = Field(min_length=1, description="In the order of the network's channels.")
    order: Literal["NCHW", "NHWC"] = Field(default="NCHW", description="Order of the output's axes.")

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the output's channels."""
        return tuple(value.name for value in self.values)


OutputSpec = Annotated[ClassesOutput | ValuesOutput, Field(discriminator="kind")]


class PartSpec(_Part):
    """An encoder, a head or a location encoder by name, with its settings."""

    name: str = Field(
        min_length=1,
        description="As `swath.models.encoders`, `swath.models.heads` or `swath.models.location` lists it.",
    )
    settings: dict[str, int | float | str | bool | None] = Field(
        default_factory=dict, description="Arguments of the part, as its class documents them."
    )


class NetworkSpec(_Part):
    """What a network is made of: needed where its weights are safetensors; ONNX carries its own graph."""

    encoder: PartSpec = Field(description="Takes bands, gives features.")
    head: PartSpec = Field(description="Takes features, gives the output's channels.")
    location: PartSpec | None = Field(
        default=None,
        description="Adds to features what the place tells, from the bands `longitude` and `latitude` of the input "
        "`location`, which the encoder then does not see. Null: they are bands like any other.",
    )
    members: int = Field(
        default=1,
        ge=1,
        le=32,
        description="Networks of these parts, each with weights of its own, whose predictions are one together.",
    )


class ModelSpec(_Part):
    """Everything that decides what a model computes; `Package` keeps it beside the weights.

    Attributes:
        name: Of the model.
        version: Of the model.
        task: What it does, as STAC MLM names it.
        input: What it takes.
        output: What it gives.
        network: Of what it is made; None for an imported ONNX graph.
        calibration: What its graph does last, so that its uncertainty is true; None: nothing was fitted.
        applicability: How far inputs may lie from those that it has seen; None: not known.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", description="Lower case with dashes.")
    version: str = Field(default="1", pattern=r"^[0-9]+(\.[0-9]+)*$", description="Quoted digits with dots.")
    task: Literal["semantic-segmentation", "regression", "classification"] = Field(
        default="semantic-segmentation", description="As the STAC MLM extension names it."
    )
    input: InputSpec
    output: OutputSpec
    network: NetworkSpec | None = None
    calibration: Calibration | None = None
    applicability: Applicability | None = None

    @model_validator(mode="after")
    def _of_its_bands(self) -> ModelSpec:
        made = self.applicability
        if made is not None and max(made.bands) >= len(self.input.bands):
            raise ValueError(f"applicability is of band {max(made.bands)}, the input has {len(self.input.bands)}")
        return self

    @model_validator(mode="after")
    def _of_its_output(self) -> ModelSpec:
        made = self.calibration
        if made is not None and made.kind != self.output.kind:
            raise ValueError(f"calibration is of {made.kind}, the output of {self.output.kind}")
        if made is not None and made.kind == "classes" and len(made.scale) != len(self.output.channels):
            raise ValueError(f"calibration is of {len(made.scale)} classes, the output has {len(self.output.channels)}")
        return self


def band_names(bands: Sequence[BandInput]) -> str:
    """Bands for a message: `B04 (red), radar_VV`."""
    return ", ".join(f"{band.channel} ({band.common_name})" if band.common_name else band.channel for band in bands)
