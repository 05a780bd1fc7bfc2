"""The card that a person fills to bring in somebody else's model."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from swath.errors import ModelError
from swath.forms import commented, parse_yaml, validate
from swath.models.provenance import Licence, Provenance
from swath.models.spec import InputSpec, ModelSpec, OutputSpec


class Card(BaseModel):
    """What an ONNX file does not say of itself."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(
        pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", description="Lower case with dashes.", examples=["my-model"]
    )
    version: str = Field(default="1", pattern=r"^[0-9]+(\.[0-9]+)*$", description="Quoted digits with dots.")
    title: str = Field(min_length=1, description="One line for people.", examples=["Clouds and their shadows"])
    description: str | None = Field(
        default=None, min_length=1, description="What it is for, and what it must not be used for."
    )
    task: Literal["semantic-segmentation", "regression"] = Field(
        default="semantic-segmentation", description="A class for each pixel, or values."
    )
    architecture: str = Field(
        min_length=1, description="As the literature names it.", examples=["U-Net with a ResNet-34 encoder"]
    )
    licence: Licence = Field(description="SPDX identifier, or `other`.", examples=["Apache-2.0"])
    source: str | None = Field(default=None, pattern=r"^https?://", description="URL of where the file was taken from.")
    labels: tuple[str, ...] = Field(default=(), description="What it learned from: names or DOIs of data sets.")
    bbox: tuple[float, float, float, float] | None = Field(
        default=None, description="West, south, east, north of where it was trained, degrees; nothing: the whole world."
    )
    start: date | None = Field(default=None, description="First day of the images that it was trained on.")
    end: date | None = Field(default=None, description="Last day of the images that it was trained on.")
    input: InputSpec = Field(description="What the network takes.")
    output: OutputSpec = Field(
        description="What the network gives: a score for each class, in the order of its channels. For values: "
        "{kind: values, values: [{name: agb, unit: Mg/ha}]}. `activation` turns scores into probabilities: softmax, "
        "sigmoid, or none where they are already; `order` is NCHW or NHWC.",
        examples=[
            {
                "kind": "classes",
                "name": "clouds",
                "classes": ["clear", "cloud", "shadow"],
                "activation": "softmax",
                "order": "NCHW",
            }
        ],
    )

    @model_validator(mode="after")
    def _it_fits(self) -> Card:
        if self.bbox is not None:
            west, south, east, north = self.bbox
            if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
                raise ValueError(f"bbox {list(self.bbox)} is not west, south, east, north in degrees")
        if (self.task == "regression") != (self.output.kind == "values"):
            raise ValueError(f"task {self.task} does not go with an output of {self.output.kind}")
        return self

    @classmethod
    def parse(cls, text: str, *, where: str) -> Card:
        """A card from YAML.

        Args:
            text: The YAML.
            where: File, for messages.

        Raises:
            ModelError: Fields that are missing, unknown or wrong, each named.
        """
        data = parse_yaml(text, where=where, error=ModelError)
        return validate(cls, data, where=where, what="card", start="swath models template", error=ModelError)

    @classmethod
    def read(cls, path: Path) -> Card:
        """A card from a YAML file.

        Raises:
            ModelError: There is no such file, or it is no card.
        """
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ModelError(
                f"The card {path} cannot be read: {error}.",
                fix="Make one: swath models template > card.yaml.",
                path=str(path),
            ) from error
        return cls.parse(text, where=str(path))

    def spec(self) -> ModelSpec:
        """What the model computes, as far as the card can say."""
        return ModelSpec(name=self.name, version=self.version, task=self.task, input=self.input, output=self.output)

    def provenance(self, *, created: datetime | None = None, parameters: int | None = None) -> Provenance:
        """Where it comes from.

        Args:
            created: When the package was made; now, unless given.
            parameters: Number of weights.
        """
        geometry = None
        if self.bbox is not None:
            from shapely.geometry import box, mapping

            geometry = dict(mapping(box(*self.bbox)))
        return Provenance(
            licence=self.licence,
            title=self.title,
            description=self.description,
            architecture=self.architecture,
            source=self.source,
            labels=self.labels,
            geometry=geometry,
            start=_first(self.start),
            end=_last(self.end),
            created=created,
            framework="ONNX",
            parameters=parameters,
        )


def card_template() -> str:
    """A card with every field explained, to be filled."""
    return "# Card of a model. Then: swath models import FILE.onnx --card THIS\n" + commented(Card)


def _first(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time.min, tzinfo=UTC)


def _last(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time(23, 59, 59), tzinfo=UTC)
