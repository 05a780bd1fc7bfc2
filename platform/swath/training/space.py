"""What a search may change of a recipe: a field path a line, and how its values are drawn."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, RootModel, model_validator

from swath.errors import ModelError, SwathError
from swath.forms import read_yaml, validate
from swath.training.recipe import Recipe

EXAMPLE = """\
# What `swath tune` may change: fields of the recipe below `train`, and how their values are drawn.
train.optimiser.lr: {kind: loguniform, low: 1.0e-4, high: 1.0e-2}
train.optimiser.weight_decay: {kind: loguniform, low: 1.0e-4, high: 1.0e-1}
train.augment.brightness: {kind: uniform, low: 0.0, high: 0.2}
train.encoder.settings.width: {kind: choice, values: [32, 64, 128]}
train.batch: {kind: int, low: 4, high: 32}
"""
_TRAIN = "train."


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Between(_Part):
    low: float
    high: float

    @model_validator(mode="after")
    def _rises(self) -> _Between:
        if not self.low < self.high:
            raise ValueError(f"low is {self.low:g} and high {self.high:g}; low must be below high")
        return self


class Uniform(_Between):
    """Any number between two, all alike."""

    kind: Literal["uniform"]
    low: float = Field(description="Smallest.")
    high: float = Field(description="Largest.")

    def draw(self, rng: np.random.Generator) -> float:
        """A value."""
        return _short(rng.uniform(self.low, self.high))


class LogUniform(_Between):
    """Any number between two, all orders of magnitude alike."""

    kind: Literal["loguniform"]
    low: float = Field(gt=0, description="Smallest, above 0.")
    high: float = Field(gt=0, description="Largest.")

    def draw(self, rng: np.random.Generator) -> float:
        """A value."""
        return _short(math.exp(rng.uniform(math.log(self.low), math.log(self.high))))


class Whole(_Part):
    """Any whole number between two, both included."""

    kind: Literal["int"]
    low: int = Field(description="Smallest.")
    high: int = Field(description="Largest.")

    @model_validator(mode="after")
    def _rises(self) -> Whole:
        if not self.low < self.high:
            raise ValueError(f"low is {self.low} and high {self.high}; low must be below high")
        return self

    def draw(self, rng: np.random.Generator) -> int:
        """A value."""
        return int(rng.integers(self.low, self.high, endpoint=True))


class Choice(_Part):
    """One of some values."""

    kind: Literal["choice"]
    values: tuple[Any, ...] = Field(min_length=1, description="Of which one is taken.")

    def draw(self, rng: np.random.Generator) -> Any:
        """A value."""
        return self.values[int(rng.integers(len(self.values)))]


Draw = Annotated[Uniform | LogUniform | Whole | Choice, Field(discriminator="kind")]


class Space(RootModel[dict[str, Draw]]):
    """Fields of a recipe by path, and how each is drawn."""

    model_config = ConfigDict(frozen=True)

    @classmethod
    def load(cls, path: str | Path) -> Space:
        """Read a YAML file.

        Raises:
            ModelError: It cannot be read, or a line is wrong; the message names it.
        """
        return cls.parse(read_yaml(path, what="Search space", error=ModelError), where=str(path))

    @classmethod
    def parse(cls, told: Any, *, where: str = "search space") -> Space:
        """Check values as YAML gives them.

        Raises:
            ModelError: A line is wrong.
        """
        what, start = "search space", "swath tune --template"
        return validate(cls, told, where=where, what=what, start=start, error=ModelError)

    def check(self, recipe: Recipe) -> None:
        """Refuse fields that a recipe does not have, that would need other chips, or values that do not fit.

        Raises:
            ModelError: The message names the field.
        """
        if not self.root:
            raise ModelError("The search space is empty.", fix="Name a field, as `swath tune --template` shows.")
        for path, drawn in self.root.items():
            if not path.startswith(_TRAIN):
                raise ModelError(
                    f"{path} is no field of the training: other chips would have to be cut for it.",
                    fix="Search fields below train, and tune others by hand.",
                    field=path,
                )
            ends = drawn.values if isinstance(drawn, Choice) else (drawn.low, drawn.high)
            for value in ends:
                try:
                    with_values(recipe, {path: value})
                except SwathError as error:
                    raise ModelError(
                        f"{path} cannot be {value!r}: {error.message}", fix=error.fix, field=path
                    ) from error

    def draw(self, trial: int, *, seed: int) -> dict[str, Any]:
        """Values of a trial: they depend on the seed and the trial's number alone, so that a search can go on.

        Args:
            trial: Its number.
            seed: Of the search.
        """
        rng = np.random.default_rng((seed, trial))
        return {path: drawn.draw(rng) for path, drawn in self.root.items()}


def with_values(recipe: Recipe, values: dict[str, Any]) -> Recipe:
    """A recipe with some fields set.

    Raises:
        ProductError: A field that is not there.
        LabelError: A value that does not fit.
    """
    return recipe.with_overrides([f"{path}={json.dumps(value)}" for path, value in values.items()])


def _short(value: float) -> float:
    """Four digits: enough for a search, and a person can read and write them."""
    return float(f"{value:.4g}")
