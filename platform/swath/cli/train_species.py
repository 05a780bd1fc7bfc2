"""`swath train` of a recipe of species: from records to a model package."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console

from swath.cli.output import Output, key_values
from swath.errors import LabelError
from swath.planning import MapRequest
from swath.products import Product
from swath.runs import StopSignal


def recipe_is_of_species(product: str, recipe: str | None) -> bool:
    """Whether the recipe that options name, or the product's, says `kind: species`."""
    from swath.training.species.config import is_species

    return is_species(recipe or Product.load(product).name)


def refuse_for_species(
    *, folds: bool, peer: str | None, workers: int | None, column: str | None, chips: str | None
) -> None:
    """Refuse options of `swath train` that a training of species does not have.

    Raises:
        LabelError: One was given; it would do nothing.
    """
    given = {
        "--folds": folds, "--peer": peer is not None, "--workers": (workers or 1) > 1, "--column": column is not None,
        "--chips": chips is not None,
    }  # fmt: skip
    wrong = [name for name, was in given.items() if was]
    if wrong:
        raise LabelError(
            f"Species are learned in this process with one fold held out, from the column that names the species: "
            f"{', '.join(wrong)} would do nothing.",
            fix=f"Leave {', '.join(wrong)} out; --set threads=N takes several cores, --set test=N another fold.",
        )


def train_species_shown(
    request: MapRequest,
    labels: str,
    out_store: str,
    *,
    recipe: str,
    overrides: Sequence[str] | None,
    replace: bool,
    out: Output,
) -> None:
    """Train, and say how it ended."""
    from swath.training.species.config import SpeciesConfig
    from swath.training.species.course import train_species

    config = SpeciesConfig.load(recipe).with_overrides(list(overrides or []))
    with StopSignal() as asked:
        trained = train_species(
            request, labels, out_store, config=config, replace=replace, should_stop=asked, say=out.say
        )
    out.result(trained.to_dict(), lambda console: show_species(console, trained.to_dict()))


def show_species(console: Console, told: dict[str, Any]) -> None:
    """How a training of species ended, by its document: what `TrainedSpecies.to_dict` gave."""
    held = told["transfer"]
    rows: list[tuple[str, object]] = [
        (f"transfer: {name.replace('_', ' ')}, mean of species", f"{value:.3f}")
        for name, value in held.items()
        if isinstance(value, float)
    ]
    rows += [
        (f"transfer: {name}", f"AUC {_number(of['auc'])} of {of['presences']} presences held out")
        for name, of in held["species"].items()
        if "auc" in of
    ]
    rows += [
        (f"transfer: {name}", f"no figure: {of['reason']}") for name, of in held["species"].items() if "reason" in of
    ]
    rows += [
        (f"few: {name}", f"{number} presences; fitted, to be trusted least") for name, number in told["few"].items()
    ]
    rows += [(f"left out: {name}", f"{number} presences") for name, number in told["left_out"].items()]
    rows += [("left out", f"{number} {reason}") for reason, number in told["dropped"].items()]
    rows += [
        ("records", told["records"]),
        ("random places", told["background"]),
        ("pixel", f"{told['gsd']:g} m"),
        ("package", told["package"]),
    ]
    key_values(console, rows)


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"
