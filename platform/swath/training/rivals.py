"""Two packages on the same labels that neither should have seen: which one maps better."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from swath.errors import ModelError
from swath.models import Package
from swath.models.package import WEIGHTS
from swath.models.spec import ModelSpec
from swath.registry import differences
from swath.training.chipset import HeldOut
from swath.training.folds import Validation, compare_validations
from swath.training.metrics.comparison import Difference
from swath.training.validation.by_group import scored_blocks


@dataclass(frozen=True)
class Packaged:
    """A package's network, as scoring takes it.

    Attributes:
        package: With weights.
        by_object: Whether labels are of whole objects.
    """

    package: Package
    by_object: bool = False

    @property
    def spec(self) -> ModelSpec:
        """Of the model."""
        return self.package.spec

    def network(self) -> dict[str, Tensor]:
        """Weights by name."""
        from safetensors.torch import load_file

        return load_file(self.package.folder / WEIGHTS)


def compare_packages(
    first: Package, second: Package, held: HeldOut, *, by_object: bool = False, seed: int = 0
) -> list[Difference]:
    """Paired differences of two packages on the labels of the test fold, whole blocks drawn.

    It is for the caller to hold out what neither has learned from. Of a rival from elsewhere that cannot be known: it
    may have seen some, and then looks better than it is.

    Args:
        first: First of each difference: `above` where it is better.
        second: What it is compared with.
        held: Chips with a test fold held out.
        by_object: Whether labels are of whole objects.
        seed: Of the draws.

    Raises:
        ModelError: They take or give other things, or one has no network.
        LabelError: The test fold has no labels.
    """
    unlike = differences(first.spec, second.spec)
    if unlike:
        raise ModelError(
            f"{first.spec.name} and {second.spec.name} cannot stand for one another: {'; '.join(unlike)}.",
            fix="Compare models of the same inputs and outputs.",
        )
    for one in (first, second):
        if WEIGHTS not in one.files:
            raise ModelError(
                f"The package {one.folder} has no {WEIGHTS}, and chips are scored by its network.",
                fix="Compare maps of both models by a sample of one of them: swath compare.",
            )
    ours, theirs = (
        Validation(one.spec.name, (), scored_blocks(Packaged(one, by_object), held)) for one in (first, second)
    )
    return compare_validations(ours, theirs, seed=seed)
