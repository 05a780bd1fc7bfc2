"""A search for settings: random trials, poor ones stopped early, the best written as a recipe."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import yaml

from swath.errors import ModelError, StoreMismatchError, SwathError
from swath.store import MissingKeyError, Store
from swath.training.config import WHERE
from swath.training.design import design
from swath.training.halving import Halving
from swath.training.recipe import Recipe
from swath.training.source import ChipSource, Part
from swath.training.space import Space, with_values
from swath.training.statistics import Statistics
from swath.training.trial_picture import draw_trials
from swath.training.trials import Ended, OnTrialEpoch, Trial, run_trials

REQUEST, BEST, TABLE, PICTURE = "search.json", "best.yaml", "trials.json", "trials.png"


@dataclass(frozen=True)
class Tried:
    """A trial of a search.

    Attributes:
        number: Of the trial; its values follow from it and the seed.
        values: Of the fields that were searched.
        ended: How it went.
    """

    number: int
    values: dict[str, Any]
    ended: Ended

    @property
    def score(self) -> float | None:
        """Of its best epoch, higher is better; None where it has none."""
        return max((float(reading["score"]) for reading in self.ended.history), default=None)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        best = max(self.ended.history, key=lambda reading: reading["score"], default=None)
        return {
            "trial": self.number,
            "state": self.ended.state,
            "values": self.values,
            "epochs": len(self.ended.history),
            "score": self.score,
            "best_epoch": None if best is None else best["epoch"],
            "figures": {} if best is None else {k: v for k, v in best["figures"].items() if isinstance(v, float)},
            "error": self.ended.error,
        }


@dataclass(frozen=True)
class Tuned:
    """A search that came to its end.

    Attributes:
        out: Its store: `best.yaml`, `trials.json`, `trials.png`, and a folder a trial.
        trials: The best first; those that failed last.
        recipe: With the values of the best trial.
    """

    out: Store
    trials: tuple[Tried, ...]
    recipe: Recipe

    @property
    def best(self) -> Tried:
        """The trial with the highest score."""
        return self.trials[0]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "best": self.best.to_dict(),
            "recipe": self.out.url(BEST),
            "picture": self.out.url(PICTURE),
            "trials": [tried.to_dict() for tried in self.trials],
        }


def tune(
    recipe: Recipe,
    space: Space,
    source: ChipSource,
    out: Store,
    *,
    trials: int,
    seed: int = 0,
    grace: int = 1,
    reduction: float = 3,
    name: str = "model",
    cluster: str = "inline",
    on_epoch: OnTrialEpoch | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Tuned:
    """Search settings by the score on the fold for validation; the fold for the test is never looked at.

    Values of a trial follow from seed and number (random search, Bergstra and Bengio 2012); poor trials stop early (see
    `Halving`). The same call goes on where it was stopped, and one with more trials adds to those that are there.

    Args:
        recipe: What stays as it is.
        space: What may change.
        source: Of the chips, with a fold for validation.
        out: Store that all workers reach.
        trials: How many are tried.
        seed: Of the values.
        grace: Epochs that each trial has.
        reduction: Of so many trials one goes on.
        name: Of the model.
        cluster: `inline`, `local` or `auto`.
        on_epoch: Told the name of the trial and each epoch that is done.
        should_stop: Asked after each epoch.

    Raises:
        ModelError: A space that does not fit the recipe, values of a trial that do not fit the chips, nothing to
            validate on, or no trial that came to a score.
        StoreMismatchError: The store holds another search.
        RunStoppedError: It was stopped; the same call goes on.
    """
    if not source.counts(Part.VALIDATE).sum():
        raise ModelError("Nothing is held out that trials could be judged by.", fix="Set validate_on to a fold.")
    space.check(recipe)
    values = {number: space.draw(number, seed=seed) for number in range(trials)}
    recipes = {number: with_values(recipe, told) for number, told in values.items()}
    statistics = Statistics.of(source, seed=recipe.train.seed)
    for number, one in recipes.items():
        try:
            design(one.train, source.facts, statistics, name=name)
        except SwathError as error:
            raise ModelError(
                f"Trial {number} cannot be built with {_told(values[number])}: {error.message}", fix=error.fix
            ) from error
    _claim(out, recipe, space, seed)
    several = [
        Trial(_name(number), one.train, source, Store.open(out.url(f"trial-{number:04}")), name, statistics)
        for number, one in recipes.items()
    ]
    most = max(trial.config.epochs for trial in several)
    ended = run_trials(
        several, cluster=cluster, halving=Halving(epochs=most, grace=grace, reduction=reduction), on_epoch=on_epoch,
        should_stop=should_stop,
    )  # fmt: skip
    tried = [Tried(number, values[number], one) for number, one in enumerate(ended)]
    return _told_all(out, recipe, sorted(tried, key=_rank))


def _told_all(out: Store, recipe: Recipe, tried: Sequence[Tried]) -> Tuned:
    """Write recipe, table and picture."""
    if tried[0].score is None:
        tried[0].ended.raise_error()
        raise ModelError("No trial came to a score.", fix="Give it more epochs.")
    tuned = Tuned(out, tuple(tried), with_values(recipe, tried[0].values))
    head = f"# Trial {tuned.best.number} of {len(tried)}: score {tuned.best.score:.4f} on the fold for validation.\n"
    plain = yaml.safe_dump(tuned.recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    out.put_bytes(BEST, (head + plain).encode())
    out.put_bytes(TABLE, json.dumps([one.to_dict() for one in tried], indent=1, default=str).encode())
    picture = BytesIO()
    draw_trials([one.to_dict() for one in tried], [one.ended.history for one in tried], picture)
    out.put_bytes(PICTURE, picture.getvalue())
    return tuned


def _rank(tried: Tried) -> tuple[bool, float, int]:
    return tried.score is None, -(tried.score or 0.0), tried.number


def _name(number: int) -> str:
    return f"trial {number}"


def _claim(out: Store, recipe: Recipe, space: Space, seed: int) -> None:
    """Write what is searched, or refuse a store that holds another search.

    Raises:
        StoreMismatchError: It does.
    """
    asked = {
        "recipe": recipe.model_dump(mode="json", exclude={"train": set(WHERE)}),
        "space": space.model_dump(mode="json"),
        "seed": seed,
    }
    try:
        held = json.loads(out.read_bytes(REQUEST))
    except MissingKeyError:
        out.put_bytes(REQUEST, json.dumps(asked, indent=1).encode())
        return
    changed = [part for part in asked if held.get(part) != asked[part]]
    if changed:
        raise StoreMismatchError(
            f"{out.root} holds a search with another {' and '.join(changed)}.",
            fix="Search into another folder, or ask for the same again; only the number of trials may grow.",
        )


def _told(values: dict[str, Any]) -> str:
    return ", ".join(f"{path}={value}" for path, value in values.items())
