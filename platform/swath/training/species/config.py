"""What a person decides about models of species, in one YAML file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from swath.errors import LabelError
from swath.forms import apply_overrides, commented, validate
from swath.models.provenance import Licence
from swath.training.occurrence_rules import OccurrenceRules
from swath.training.recipe import has_recipe, read_recipe
from swath.training.splits import SplitSpec
from swath.training.tables.boosted import BoostedConfig
from swath.training.tables.forest import ForestConfig


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Background(_Part):
    """What presences are told apart from. Chosen by how records were made, never by how well a model fits them."""

    target_group: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Share that is places where others of the species' group were recorded: they share the surveys' "
        "bias (Phillips et al. 2009). The rest is random places, which say what the region has to offer. Half and half "
        "where records come of surveys and collections of several kinds; 1 where all come of one survey, 0 where each "
        "species was looked for by itself.",
    )
    places: int = Field(
        default=10_000, ge=100, le=1_000_000, description="Random places of the area, at most one a pixel."
    )


class NetworkConfig(_Part):
    """One network for all species: a residual perceptron of environment and place."""

    members: int = Field(default=3, ge=0, le=32, description="Networks from different seeds, averaged; 0: none.")
    width: int = Field(default=128, ge=4, le=1024, description="Channels.")
    depth: int = Field(default=2, ge=1, le=16, description="Residual blocks.")
    dropout: float = Field(default=0.5, ge=0, lt=1, description="Share left out in training.")
    epochs: int = Field(default=25, ge=1, description="Times that all sites are seen.")
    batch: int = Field(default=256, ge=2, description="Sites of a step, and as many random places.")
    lr: float = Field(default=2e-3, gt=0, description="Highest learning rate.")
    weight_decay: float = Field(default=1e-2, ge=0, description="Of AdamW.")


class Cleaned(OccurrenceRules):
    """Which records are learned from."""

    least: int = Field(default=1, ge=1, description="Records that a species needs to be read at all.")


class Held(SplitSpec):
    """Blocks, wider than those of pixels: what stands near a record is alike over kilometres."""

    block_m: float = Field(default=20_000.0, gt=0, description="Edge of a block in EPSG:6933, metres (equal area).")
    buffer_m: float = Field(
        default=0.0, ge=0, description="Records nearer than this to one that is held out are not learned from."
    )
    years: tuple[tuple[int, ...], ...] = Field(
        default=(), max_length=0, description="None: records are held out by place.", examples=[[]]
    )

    @model_validator(mode="after")
    def _of_places(self) -> Held:
        if self.by not in ("block", "region"):
            raise ValueError(f"records are held out by place, and by is {self.by!r}; take block or region")
        return self


class SpeciesConfig(_Part):
    """A training of many species at once, but for its data."""

    kind: Literal["species"] = Field(default="species", description="That this is a recipe of species.")
    predictors: dict[str, tuple[str, ...]] = Field(
        default={
            "climate": ("bio1", "bio4", "bio5", "bio6", "bio12", "bio15", "aridity"),
            "elevation": ("elevation",),
        },
        description="Bands that a model takes, by the product's input.",
    )
    records: Cleaned = Field(
        default_factory=Cleaned,
        description="How records are cleaned and thinned. Species with few are the matter of `least` and `few`.",
    )
    split: Held = Field(
        default_factory=Held,
        description="Blocks, of which a fold is held out to measure transfer; then all is learned from.",
    )
    test: int = Field(default=0, ge=0, description="Fold that is held out.")
    background: Background = Field(default_factory=Background, description="What presences are told apart from.")
    place: bool = Field(
        default=True, description="Longitude and latitude are predictors too: what kept a species from where it could "
        "live (barriers, history) is a matter of place. False for maps of other regions or climates."
    )  # fmt: skip
    axes: int = Field(
        default=6,
        ge=2,
        le=24,
        multiple_of=2,
        description="Directions along which the place is told, so that trees can cut it along any.",
    )
    network: NetworkConfig = Field(default_factory=NetworkConfig, description="One network for all species.")
    forest: ForestConfig | None = Field(
        default_factory=ForestConfig, description="A forest for each species; null: none."
    )
    boosted: BoostedConfig | None = Field(
        default_factory=BoostedConfig, description="Boosted trees for each species; null: none."
    )
    weights: dict[Literal["network", "forest", "boosted"], Annotated[float, Field(gt=0)]] = Field(
        default={"network": 1.0, "forest": 2.0, "boosted": 1.0},
        description="Of each kind in the mean of ranks; 1 unless told.",
    )
    least: int = Field(default=10, ge=2, description="Presences below which a species is `few`.")
    few: Literal["refuse", "flag", "leave out"] = Field(
        default="flag",
        description="What becomes of such species: the training is refused; or they are fitted, and the card and the "
        "record name them; or they are left out, named too.",
    )
    knots: int = Field(
        default=33, ge=3, le=257, description="Quantiles of the background through which scores become ranks."
    )
    gsd: float | None = Field(
        default=None, gt=0, description="Pixel of the maps, metres; null: --resolution, or the first input's finest."
    )
    window: int = Field(default=64, ge=8, le=512, description="Edge of a window, pixels.")
    richness: bool = Field(default=True, description="A further output: relative richness, the mean over species.")
    spread: bool = Field(
        default=True,
        description="A further output, where there are two kinds of learners at least: how far they differ, as the "
        "standard deviation of their ranks, mean over species.",
    )
    out_of_range: bool = Field(
        default=True, description="A further output: how far a pixel is outside of what was seen (MESS)."
    )
    licence: Licence = Field(default="other", description="SPDX identifier of the model's licence.")
    seed: int = Field(default=0, ge=0, description="Of weights, draws and trees.")
    threads: int = Field(
        default=1, ge=1, le=256, description="Species whose trees are grown at once, and the network's."
    )

    @property
    def tells_spread(self) -> bool:
        """Whether the spread of the learners is an output."""
        kinds = bool(self.network.members) + (self.forest is not None) + (self.boosted is not None)
        return self.spread and kinds > 1

    @classmethod
    def load(cls, name_or_path: str | Path = "species") -> SpeciesConfig:
        """The recipe that ships, or one from a YAML file.

        Raises:
            LabelError: The file cannot be read, or a field is wrong; the message names it.
        """
        text = str(name_or_path)
        if not has_recipe(text):
            raise LabelError(f"No recipe {text!r} ships with Swath.", fix="Give a YAML file.", file=text)
        return cls.parse(read_recipe(text), where=text)

    @classmethod
    def parse(cls, told: Any, *, where: str = "recipe") -> SpeciesConfig:
        """Check values as YAML gives them.

        Raises:
            LabelError: A field is wrong; the message names it.
        """
        return validate(
            cls, told, where=where, what="recipe of species", start="the recipe `species`", error=LabelError
        )

    def with_overrides(self, assignments: Sequence[str]) -> SpeciesConfig:
        """This recipe with fields set by `FIELD=VALUE` texts (values are YAML).

        Raises:
            LabelError: An unknown field, or a value that does not fit.
        """
        if not assignments:
            return self
        data = apply_overrides(type(self), self.model_dump(mode="json"), assignments)
        return self.parse(data, where="recipe with --set")

    @classmethod
    def template(cls) -> str:
        """A commented YAML of every field with its default; it validates as it stands."""
        return "# A recipe of species distribution models\n" + commented(cls)


def is_species(name_or_path: str | Path) -> bool:
    """Whether a text names a recipe of species: one that says `kind: species`.

    Raises:
        LabelError: A file that cannot be read, or is no YAML.
    """
    if not has_recipe(name_or_path):
        return False
    told = read_recipe(name_or_path)
    return isinstance(told, dict) and told.get("kind") == "species"
