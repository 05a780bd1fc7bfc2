"""Everything about a training that a person may decide, in one YAML file."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from swath.errors import LabelError
from swath.forms import apply_overrides, commented, parse_yaml, read_yaml, validate
from swath.models.spec import ValueOutput
from swath.training.calibration import CalibrationSettings
from swath.training.chip_plan import ChipSettings
from swath.training.config import TrainConfig
from swath.training.doubt import DoubtSettings
from swath.training.gedi import GediFilter
from swath.training.label_columns import LabelColumns
from swath.training.sensors import Sensor
from swath.training.validation.applicability import ApplicabilitySettings


def has_recipe(name_or_path: str | Path) -> bool:
    """Whether a text means a YAML file, or a recipe of that name ships."""
    return Path(name_or_path).suffix in (".yaml", ".yml") or _shipped(str(name_or_path)).is_file()


def read_recipe(name_or_path: str | Path) -> Any:
    """Plain values of a recipe: one that ships, by name, or one in a YAML file.

    Raises:
        LabelError: The file cannot be read, or is no YAML.
    """
    text = str(name_or_path)
    if Path(text).suffix in (".yaml", ".yml"):
        return read_yaml(text, what="Recipe", error=LabelError)
    return parse_yaml(_shipped(text).read_text("utf-8"), where=text)


def _shipped(name: str) -> Traversable:
    return resources.files("swath.training") / "recipes" / f"{name}.yaml"


class LabelChoice(BaseModel):
    """How labels are read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: str | None = Field(
        default=None,
        description="Column of the class or value; null: `class`, `fclass`, `label`, or the only column of text; of "
        "a value its name, `value`, or the only column of numbers.",
    )
    value: ValueOutput | None = Field(
        default=None,
        description="What the labels measure, where they are values: name, unit, and the range of what is possible.",
        examples=[None],
    )
    time: str | None = Field(
        default=None, description="Column of years or dates at (or from) which a label holds; null: at any time."
    )
    until: str | None = Field(default=None, description="Column of the last year or date at which a label holds.")
    weight: str | None = Field(default=None, description="Column of how much a label counts; null: each 1.")
    error: str | None = Field(default=None, description="Column of the standard error of a value, in its unit.")
    licence: str | None = Field(default=None, description="Column of the licence of each label.")
    group: str | None = Field(
        default=None,
        description="Column of the track, plot or region of each label: one is never in training and test at once.",
    )
    x: str | None = Field(default=None, description="Column of longitude or easting, of a table; null: found by name.")
    y: str | None = Field(default=None, description="Column of latitude or northing.")
    crs: str | None = Field(default=None, description="Of x and y; null: longitude and latitude.", examples=[None])
    legend: dict[int | str, str | None] | None = Field(
        default=None,
        description="Value of the column: class of the product; many may become one, null drops a value. Null: names "
        "and codes of the product's classes, and what it calls by other names.",
        examples=[None],
    )
    erode_m: float = Field(default=0.0, ge=0, description="Polygons shrink by this many metres.")
    footprint_m: float = Field(default=0.0, ge=0, description="Points stand for a disc of this radius, metres.")
    gedi: GediFilter | None = Field(
        default=None,
        description="The labels are footprints of GEDI L4A as published: which of them are learned from.",
        examples=[None],
    )

    @model_validator(mode="after")
    def _one_kind(self) -> LabelChoice:
        if self.gedi is not None and self.legend is not None:
            raise ValueError("footprints of GEDI are values and have no legend; leave `legend` or `gedi` out")
        if self.value is not None and self.legend is not None:
            raise ValueError("values have no legend; leave `legend` or `value` out")
        return self

    @property
    def columns(self) -> LabelColumns:
        """Names of the columns beside that of class or value."""
        return LabelColumns(
            time=self.time, until=self.until, weight=self.weight, error=self.error, licence=self.licence,
            group=self.group, x=self.x, y=self.y, crs=self.crs,
        )  # fmt: skip


class Recipe(BaseModel):
    """A training, but for labels, area, period and source."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bands: tuple[str, ...] = Field(
        default=("reflectance",), min_length=1, description="Bands that the model takes, as in a product's inputs."
    )
    sensors: tuple[Sensor, ...] = Field(
        default=(),
        description="Several sensors whose acquisitions one network learns from: chips are cut of each with its own "
        "bands, and what another one lacks is missing there. Empty: the product's own collection.",
        examples=[[]],
    )
    labels: LabelChoice = Field(default_factory=LabelChoice, description="How labels are read.")
    chips: ChipSettings = Field(default_factory=ChipSettings, description="How chips are cut, and what is held out.")
    train: TrainConfig = Field(default_factory=TrainConfig, description="Network, loss, and how it is fitted.")
    test: int = Field(default=0, ge=0, description="Fold that training never sees; the released figures are of it.")
    validate_on: int | None = Field(
        default=1,
        ge=0,
        description="Fold that stops training early and chooses the checkpoint; null, with train.patience null: none, "
        "all but the test fold is learned from, and the last epoch is kept.",
    )
    doubt: DoubtSettings | None = Field(
        default=None,
        description="Labels of classes that networks which have not seen them contradict count less; that takes a "
        "training more for each fold but the test, and with --folds as many for each fold. Null: all are believed.",
        examples=[None],
    )
    calibrate: CalibrationSettings | None = Field(
        default_factory=CalibrationSettings,
        description="Probabilities and intervals are made true on blocks that were held out, as far as there are "
        "enough; null: they stay as the network has them.",
    )
    regions: tuple[str, ...] = Field(
        default=(),
        description="Regions by which figures of what is held out are told, too: each as a file of polygons, "
        "west,south,east,north or a country's name. Empty: cells of 100 km.",
    )
    applicability: ApplicabilitySettings | None = Field(
        default_factory=ApplicabilitySettings,
        description="The package says how unlike its training a pixel may be (area of applicability), so that maps can "
        "show it; null: it does not know.",
    )
    licence: str = Field(default="other", min_length=1, description="SPDX identifier of the model's licence.")

    @model_validator(mode="after")
    def _it_fits(self) -> Recipe:
        if self.validate_on is None and self.train.patience is not None:
            raise ValueError(
                f"validate_on is null and train.patience {self.train.patience}: nothing could stop the training early; "
                "set train.patience to null too"
            )
        names = [sensor.name for sensor in self.sensors]
        if len(set(names)) < len(names):
            raise ValueError(f"sensors are named {names}; give each a name of its own")
        if self.sensors and self.train.augment.drop_inputs:
            raise ValueError(
                f"train.augment.drop_inputs is {self.train.augment.drop_inputs}, and sensors are all of one input: "
                "nothing would be dropped; set it to 0, and take train.augment.drop_bands"
            )
        if self.test == self.validate_on:
            raise ValueError(f"fold {self.test} cannot be test and validation both; name two different ones")
        if self.train.chip != self.chips.edge:
            margin = f" with a margin of {self.chips.margin}" if self.chips.margin else ""
            raise ValueError(
                f"chips.size is {self.chips.size}{margin} and train.chip {self.train.chip}; set train.chip to "
                f"{self.chips.edge}, the chip with its margins"
            )
        return self

    @property
    def held(self) -> tuple[int, ...]:
        """Folds that are held out: test, then validation."""
        return tuple(fold for fold in (self.test, self.validate_on) if fold is not None)

    @classmethod
    def load(cls, name_or_path: str | Path) -> Recipe:
        """The recipe that ships for a product, or one from a YAML file; the defaults for a product without.

        Raises:
            LabelError: The file cannot be read, or a field is wrong; the message names it.
        """
        if not has_recipe(name_or_path):
            return cls()
        return cls.parse(read_recipe(name_or_path), where=str(name_or_path))

    @classmethod
    def parse(cls, told: Any, *, where: str = "recipe") -> Recipe:
        """Check values as YAML gives them.

        Raises:
            LabelError: A field is wrong; the message names it.
        """
        return validate(cls, told, where=where, what="recipe", start="swath train --template", error=LabelError)

    def with_overrides(self, assignments: Sequence[str]) -> Recipe:
        """This recipe with fields set by `FIELD=VALUE` texts, as `train.epochs=20`.

        Raises:
            ProductError: An unknown field path; the choices at that point are named.
            LabelError: A value that does not fit.
        """
        if not assignments:
            return self
        data = apply_overrides(type(self), self.model_dump(mode="json"), assignments)
        return self.parse(data, where="recipe with --set")

    @classmethod
    def template(cls) -> str:
        """A commented YAML of every field with its default; it validates as it stands."""
        return "# A recipe of a training: swath train PRODUCT --recipe THIS …\n" + commented(cls)
