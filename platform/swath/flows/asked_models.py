"""What flows of models are asked for: the options of `swath train`, `swath tune` and of a release, as forms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from swath.cluster.where import KUBERAY
from swath.flows.asked import OnCluster


class TrainAsked(OnCluster):
    """A training: the options of `swath train`."""

    product: str = Field(description="Name of a shipped product, or a YAML file.")
    labels: str = Field(description="Polygons, points, footprints, records of species, a raster, or asset:BAND.")
    area: str = Field(description="File, west,south,east,north in degrees, or a country's or continent's name.")
    period: str = Field(description="START/END/STEP with END included, as 2023/P1Y, or DAY/acquisition.")
    source: str = Field(description="STAC API, static catalog, stac-geoparquet table or item file: URL or path.")
    out: str = Field(description="Folder or s3:// prefix of chips, checkpoints and results.")
    recipe: str | None = Field(default=None, description="YAML of all settings, or one that ships with Swath.")
    column: str | None = Field(default=None, description="Column of the class or value.")
    folds: bool = Field(default=False, description="Hold each fold out in turn.")
    peer: str | None = Field(default=None, description="With folds: recipe that this one is compared with.")
    chips: str | None = Field(default=None, description="Where chips are or will be cut, for several trainings.")
    resolution: float | None = Field(default=None, ge=0.1, title="Resolution, m", description="Edge of a pixel.")
    tile_size: int | None = Field(default=None, ge=1, title="Tile, px", description="Edge of a tile.")
    overrides: list[str] = Field(default=[], title="Set", description="FIELD=VALUE of the recipe, a line each.")
    product_overrides: list[str] = Field(default=[], title="Set of product", description="FIELD=VALUE of the product.")
    replace: bool = Field(default=False, description="Put the package in the place of one that stands there.")
    workers: int | None = Field(default=None, ge=1, description="Most workers; by default what the cores allow.")

    @model_validator(mode="after")
    def _place(self) -> Self:
        if self.cluster == KUBERAY and not self.out.startswith("s3://"):
            raise ValueError(f"out is {self.out}, and pods of Kubernetes reach s3:// only")
        return self

    @property
    def command(self) -> Literal["train", "tune"]:
        """Of `swath`, that does it."""
        return "train"

    def arguments(self) -> tuple[str, ...]:
        """What follows the command, as a person would write it."""
        return (self.product, *self._options())

    def _options(self) -> Iterator[str]:
        texts = {
            "--labels": self.labels,
            "--area": self.area,
            "--period": self.period,
            "--source": self.source,
            "--out": self.out,
            "--recipe": self.recipe,
            "--column": self.column,
            "--peer": self.peer,
            "--chips": self.chips,
            "--resolution": self.resolution,
            "--tile-size": self.tile_size,
            "--workers": self.workers,
        }
        for option, value in texts.items():
            if value is not None:
                yield from (option, str(value))
        for option, values in (("--set", self.overrides), ("--set-product", self.product_overrides)):
            for value in values:
                yield from (option, value)
        yield from (option for option, on in (("--folds", self.folds), ("--replace", self.replace)) if on)


class TuneAsked(TrainAsked):
    """A search: the options of `swath tune`."""

    folds: Literal[False] = Field(default=False, description="Of a training.")
    peer: None = Field(default=None, description="Of a training.")
    chips: None = Field(default=None, description="Of a training.")
    replace: Literal[False] = Field(default=False, description="Of a training.")
    space: str = Field(description="YAML of what may change; swath tune --template prints an example.")
    trials: int = Field(default=20, ge=1, description="How many are tried; may grow when a search goes on.")
    seed: int = Field(default=0, ge=0, description="Of the values.")

    @property
    def command(self) -> Literal["train", "tune"]:
        """Of `swath`, that does it."""
        return "tune"

    def _options(self) -> Iterator[str]:
        yield from super()._options()
        yield from ("--space", self.space, "--trials", str(self.trials), "--seed", str(self.seed))


class ReleaseAsked(TrainAsked):
    """A training whose model takes an alias of the registry when it is good enough."""

    registry: str = Field(description="Folder or s3:// prefix of the registry.")
    name: str | None = Field(default=None, description="Of the model; by default that of the package.")
    alias: str = Field(default="production", description="Alias that the new version may take.")
    measure: str | None = Field(
        default=None, description="What decides, as overall_accuracy or rmse; by default the first that is compared."
    )
    take: Literal["above", "not below", "never"] = Field(
        default="not below",
        description="Beside the version that has the alias, on labels that the training has not seen: the new one "
        "takes it when it is above, or not below. Where no version has the alias, it takes it unless never.",
    )


class Config(BaseModel):
    """One configuration of an experiment."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=40, description="In tables and folders.")
    recipe: str | None = Field(default=None, description="By default that of the experiment.")
    overrides: list[str] = Field(default=[], title="Set", description="FIELD=VALUE of the recipe, a line each.")


class Region(BaseModel):
    """One region of an experiment."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=40, description="In tables and folders.")
    area: str = Field(description="As of a training.")
    labels: str | None = Field(default=None, description="By default those of the experiment.")


class ExperimentAsked(TrainAsked):
    """A grid of configurations, seeds and regions, each trained, and compared at the end."""

    area: str = Field(default="", description="Given by regions.")
    configs: list[Config] = Field(min_length=1, max_length=100, description="What is compared.")
    seeds: list[int] = Field(default=[0], min_length=1, max_length=100, description="Of train.seed.")
    regions: list[Region] = Field(min_length=1, max_length=100, description="Where.")
    at_once: int = Field(default=1, ge=1, le=100, description="Trainings at a time.")
    measure: str | None = Field(default=None, description="What is compared; by default the first figure.")

    @model_validator(mode="after")
    def _names(self) -> Self:
        for what, named in (("configs", self.configs), ("regions", self.regions)):
            names = [one.name for one in named]
            if len(set(names)) < len(names):
                raise ValueError(f"{what} share a name: {', '.join(names)}")
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"seeds {self.seeds} are not all different")
        return self

    def cell(self, config: Config, seed: int, region: Region) -> TrainAsked:
        """One training of the grid; those of a region share its chips."""
        given = self.model_dump(include=set(TrainAsked.model_fields))
        out = self.out.rstrip("/")
        return TrainAsked(
            **{
                **given,
                "area": region.area,
                "labels": region.labels or self.labels,
                "recipe": config.recipe or self.recipe,
                "overrides": [*self.overrides, *config.overrides, f"train.seed={seed}"],
                "chips": f"{out}/chips-{region.name}",
                "out": f"{out}/{region.name}/{config.name}/seed-{seed}",
            }
        )
