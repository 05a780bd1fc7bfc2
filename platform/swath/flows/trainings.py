"""Flows of models: trained, searched, released."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.states import Completed

from swath.errors import ModelError
from swath.flows.asked_models import ReleaseAsked, TrainAsked, TuneAsked
from swath.flows.board import show_table
from swath.flows.ends import ENDS
from swath.flows.jobs import command
from swath.flows.limits import alone
from swath.models import Package
from swath.products import Product
from swath.registry import Reference, Registry, Version, package_at
from swath.store import Store

_NAMED = "{asked.product} {asked.period} {asked.area}"


@contextmanager
def held(asked: TrainAsked) -> Iterator[Store]:
    """The folder of a training, held while the block runs.

    Raises:
        ClusterError, ProductError: No such cluster or product; nothing is written.
        StoreBusyError: Another flow run works in that folder.
    """
    store, product = Store.open(asked.out), Product.load(asked.product)
    asked.where().check_store(store)
    with alone(store, product=product.name, wait_h=asked.wait_h):
        yield store


@flow(
    name="train",
    flow_run_name=f"train {_NAMED}",
    **ENDS,
)
def train_model(asked: TrainAsked) -> State[dict[str, Any]]:
    """Train a model, as `swath train` does. The same run goes on where it stopped."""
    with held(asked):
        found = learn(asked)
    return Completed(message=f"{found['package']}: {figures(found)}", data=found)


@flow(
    name="tune",
    flow_run_name=f"tune {_NAMED}",
    **ENDS,
)
def tune_model(asked: TuneAsked) -> State[dict[str, Any]]:
    """Search settings of a training, as `swath tune` does. The same run goes on where it stopped."""
    with held(asked):
        found = learn(asked)
    return Completed(message=f"The best of the search is the recipe {found['recipe']}.", data=found)


@flow(
    name="release",
    flow_run_name=f"release {_NAMED}",
    **ENDS,
)
def release_model(asked: ReleaseAsked) -> State[dict[str, Any]]:
    """Train, register, compare with the version that has the alias, and take the alias when that is good enough."""
    with held(asked):
        found = learn(asked)
        package = package_at(found["package"], found["digest"])
        registry = Registry.open(asked.registry)
        version, _ = registry.register(package, name=asked.name)
        compared = compare(asked, registry, version, package)
        taken, why = decided(asked, version, compared)
        before = registry.promote(version, asked.alias) if taken else None
    values = {**found, "version": str(version), "taken": taken, "why": why, "before": before, "compared": compared}
    return Completed(message=f"{version} {'takes' if taken else 'does not take'} {asked.alias}: {why}.", data=values)


@task(task_run_name=f"{{asked.command}} {_NAMED}", cache_policy=NO_CACHE)
def learn(asked: TrainAsked) -> dict[str, Any]:
    """The training or search, as a job."""
    found = command(asked.command, asked.arguments(), asked.out, asked.where())
    show_table(
        f"figures-{asked.product}", [{"figure": name, "value": value} for name, value in numbers(found).items()],
        description=f"Of labels that were held out: {found.get('package') or found.get('recipe')}",
    )  # fmt: skip
    return found


@task(task_run_name=f"compare {_NAMED}", cache_policy=NO_CACHE)
def compare(asked: ReleaseAsked, registry: Registry, version: Version, package: Package) -> list[dict[str, Any]]:
    """The new version beside the one that has the alias, on what the training held out; empty where none has it."""
    from swath.training.chipset import ChipSet
    from swath.training.ready import CHIPS
    from swath.training.recipe import Recipe
    from swath.training.rivals import compare_packages

    log = get_run_logger()
    versions = registry.versions(version.name)
    holder = next((one for one in versions if asked.alias in one.aliases), None)
    if holder is None or holder.version == version.version:
        log.info("no other version of %s has the alias %s", version.name, asked.alias)
        return []
    rival = registry.fetch(Reference(holder.name, holder.version))
    recipe = Recipe.load(asked.recipe or asked.product).with_overrides(asked.overrides)
    chips = ChipSet.open(Store.open(Store.open(asked.chips or asked.out).url(CHIPS)))
    held = chips.holding_out(test=recipe.test, validate=recipe.validate_on)
    found = [one.to_dict() for one in compare_packages(package, rival, held, by_object=recipe.train.loss.by_object)]
    show_table(
        f"compare-{version.name}", found,
        description=f"{version} beside {holder} on labels that the training of {version} has not seen, by "
        f"differences of blocks; {holder} may have seen some, and then looks better than it is.",
    )  # fmt: skip
    return found


def decided(asked: ReleaseAsked, version: Version, compared: list[dict[str, Any]]) -> tuple[bool, str]:
    """Whether a version takes the alias, and why.

    Raises:
        ModelError: The measure that decides was not compared.
    """
    if asked.take == "never":
        return False, "asked so"
    if asked.alias in version.aliases:
        return False, "it has it already"
    if not compared:
        return True, "no other version had it"
    one = next((one for one in compared if asked.measure in (None, one["measure"])), None)
    if one is None:
        raise ModelError(
            f"{asked.measure!r} was not compared.", fix=f"Take {', '.join(one['measure'] for one in compared)}."
        )
    good = one["verdict"] == "above" or (asked.take == "not below" and one["verdict"] == "equal")
    return good, (
        f"{one['measure']} {one['first']:.3f} beside {one['second']:.3f}, {one['difference']:+.3f} "
        f"({one['low']:+.3f} to {one['high']:+.3f}): {one['verdict']}"
    )


def numbers(found: dict[str, Any]) -> dict[str, float]:
    """Figures of a training on what it held out."""
    told = found.get("transfer") or found.get("agreement") or {}
    return {name: value for name, value in told.items() if isinstance(value, float)}


def figures(found: dict[str, Any]) -> str:
    """The first figures of a training, as a text."""
    return ", ".join(f"{name.replace('_', ' ')} {value:.3f}" for name, value in list(numbers(found).items())[:4])
