"""A flow of a cluster-scale experiment: a grid of configurations, seeds and regions, and one comparison at the end."""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.states import Completed, Failed
from prefect.task_runners import ThreadPoolTaskRunner

from swath.errors import ModelError, SwathError
from swath.flows.asked_models import Config, ExperimentAsked, Region
from swath.flows.board import show_table, show_text
from swath.flows.ends import ENDS
from swath.flows.jobs import command
from swath.flows.trainings import held, numbers
from swath.store import Store

TABLE, NUMBERS, PICTURE = "experiment.csv", "experiment.json", "experiment.png"


@dataclass(frozen=True)
class Cell:
    """One training of the grid, as it ended.

    Attributes:
        config: Name.
        region: Name.
        seed: Of the training.
        figures: On labels that were held out; empty where it failed.
        package: Where the model lies.
        error: Why it failed.
    """

    config: str
    region: str
    seed: int
    figures: dict[str, float]
    package: str = ""
    error: str = ""


@flow(
    name="experiment",
    flow_run_name="experiment {asked.product} {asked.period}",
    **ENDS,
)
def experiment(asked: ExperimentAsked) -> State[dict[str, Any]]:
    """Train each configuration with each seed in each region, and compare them. The same run goes on."""
    with held(asked) as store:
        cells = all_cells(asked)
        values = compared(asked, store, cells)
    failed = [cell for cell in cells if cell.error]
    text = f"{len(cells) - len(failed)} of {len(cells)} trainings of {asked.product}: {store.url(TABLE)}"
    if failed:
        first = failed[0]
        where = f"{first.config}, {first.region}, seed {first.seed}"
        return Failed(
            message=f"{text}. {len(failed)} failed, as {where}: {first.error} Run it again with the same parameters: "
            "those that are done are not trained again."
        )
    return Completed(message=text, data=values)


def all_cells(asked: ExperimentAsked) -> list[Cell]:
    """Each training of the grid; the first of a region cuts its chips, and the others take them."""
    first, others = asked.configs[0], asked.seeds[0]
    begun = [(first, others, region) for region in asked.regions]
    rest = [
        (config, seed, region)
        for region in asked.regions
        for config in asked.configs
        for seed in asked.seeds
        if (config, seed) != (first, others)
    ]
    trained = learn_cell.with_options(task_run_name="{config.name}, {region.name}, seed {seed}")
    found: list[Cell] = []
    runner: ThreadPoolTaskRunner[Any] = ThreadPoolTaskRunner(max_workers=asked.at_once)
    with runner:
        for group in (begun, rest):
            waiting = [
                runner.submit(trained, {"asked": asked, "config": config, "seed": seed, "region": region})
                for config, seed, region in group
            ]
            found += [one.result() for one in waiting]
    return found


@task(cache_policy=NO_CACHE)
def learn_cell(asked: ExperimentAsked, config: Config, seed: int, region: Region) -> Cell:
    """One training, as a job; one that fails is told and ends no other."""
    told = asked.cell(config, seed, region)
    try:
        found = command("train", told.arguments(), told.out, told.where())
    except SwathError as error:
        get_run_logger().error("%s", error)
        return Cell(config.name, region.name, seed, {}, error=str(error))
    return Cell(config.name, region.name, seed, numbers(found), package=found["package"])


@task(task_run_name="compare {asked.product} {asked.period}", cache_policy=NO_CACHE)
def compared(asked: ExperimentAsked, store: Store, cells: Sequence[Cell]) -> dict[str, Any]:
    """One table and one picture of all cells, in the store and on the page."""
    measure = chosen(asked.measure, cells)
    rows = table(asked, cells, measure)
    order = sorted({name for cell in cells for name in cell.figures})
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["config", "region", "seed", *order, "package", "error"])
    for cell in cells:
        given = [cell.figures.get(name, "") for name in order]
        writer.writerow([cell.config, cell.region, cell.seed, *given, cell.package, cell.error])
    values = {"measure": measure, "configs": rows, "cells": [asdict(cell) for cell in cells]}
    store.put_bytes(TABLE, text.getvalue().encode())
    store.put_bytes(NUMBERS, json.dumps(values, indent=1).encode())
    show_table(
        f"experiment-{asked.product}", rows,
        description=f"{measure}: mean and standard deviation over regions and seeds; {store.url(TABLE)}",
    )  # fmt: skip
    if any(cell.figures for cell in cells):
        drawn = draw(cells, measure, [config.name for config in asked.configs])
        store.put_bytes(PICTURE, drawn)
        data = f"data:image/png;base64,{base64.b64encode(drawn).decode()}"
        told = f"{measure} by configuration, region and seed"
        show_text(f"experiment-picture-{asked.product}", f"![{told}]({data})", description=told)
    return values


def chosen(measure: str | None, cells: Sequence[Cell]) -> str:
    """The measure that is compared.

    Raises:
        ModelError: No training has it.
    """
    known = list(dict.fromkeys(name for cell in cells for name in cell.figures))
    if measure is None:
        return known[0] if known else "none"
    if known and measure not in known:
        raise ModelError(f"No training has a figure {measure!r}.", fix=f"Take {', '.join(known)}.")
    return measure


def table(asked: ExperimentAsked, cells: Sequence[Cell], measure: str) -> list[dict[str, Any]]:
    """A row a configuration: mean and spread over all, and the mean of each region."""
    rows = []
    for config in asked.configs:
        mine = [cell for cell in cells if cell.config == config.name]
        values = {
            region.name: [
                cell.figures[measure] for cell in mine if cell.region == region.name and measure in cell.figures
            ]
            for region in asked.regions
        }
        found = [value for one in values.values() for value in one]
        row: dict[str, Any] = {
            "config": config.name,
            "mean": round(float(np.mean(found)), 4) if found else None,
            "sd": round(float(np.std(found, ddof=1)), 4) if len(found) > 1 else None,
            **{name: round(float(np.mean(one)), 4) if one else None for name, one in values.items()},
            "failed": sum(bool(cell.error) for cell in mine),
        }
        rows.append(row)
    return rows


def draw(cells: Sequence[Cell], measure: str, configs: Sequence[str]) -> bytes:
    """A dot a training, a row a configuration, a colour and a shape a region; the mean of a row as a line. PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    regions = list(dict.fromkeys(cell.region for cell in cells))
    colours = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")  # Okabe and Ito
    shapes = "osD^vP*"
    figure = Figure(figsize=(7.2, 1.4 + 0.42 * len(configs)), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axis = figure.subplots()
    for place, region in enumerate(regions):
        mine = [cell for cell in cells if cell.region == region and measure in cell.figures]
        axis.scatter(
            [cell.figures[measure] for cell in mine], [configs.index(cell.config) for cell in mine],
            color=colours[place % len(colours)], marker=shapes[place % len(shapes)], s=34, alpha=0.8, label=region,
        )  # fmt: skip
    for row, config in enumerate(configs):
        found = [cell.figures[measure] for cell in cells if cell.config == config and measure in cell.figures]
        if found:
            axis.plot([np.mean(found)] * 2, [row - 0.3, row + 0.3], color="#22313f", linewidth=2)
    axis.set_yticks(range(len(configs)), configs)
    axis.set_ylim(len(configs) - 0.5, -0.5)
    axis.set_xlabel(measure.replace("_", " "))
    axis.grid(axis="x", color="#d9dde1")
    axis.spines[["top", "right", "left"]].set_visible(False)
    if len(regions) > 1:
        axis.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1), title="region")
    out = io.BytesIO()
    figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()
