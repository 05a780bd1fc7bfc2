"""How true calibrated uncertainty is on a simulated Earth: against labels, as a user could, and against the truth.

    python -m tests.bench.calibration FOLDER [--earth chosen|unseen] [--only landcover biomass] [--json FILE]

Each fold of a recipe is held out in its turn. Its network is calibrated on what the other networks say of the labels
that they have not seen, and read on the fold's blocks, which neither learning nor calibration has touched: over labels,
and over every pixel of the chips there that lies as far from any other block as the split's buffer is wide.

Labels are drawn polygons of which a part is wrong, or footprints with errors. A calibration can only be as true as the
labels that it is fitted on: both readings stand side by side. The simulated Earth has no biomes; classes, bins of the
prediction and quarters of the area stand for them. Settings were chosen on the Earth `chosen`; `unseen` is another
world at other places, for a reading apart.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tests.bench.biomass_simulated import EARTHS
from tests.bench.calibration_truth import of_classes, of_values

from swath.grid import Area, Period
from swath.planning import MapRequest
from swath.products import Product
from swath.store import Store
from swath.synthetic import Labels, Simulated, World, publish
from swath.training.calibration import CalibrationSettings
from swath.training.calibration.calibrate import truth_of
from swath.training.calibration.classes import Scaling
from swath.training.calibration.held import ClassRows, rows_of
from swath.training.chipset import ChipSet, HeldOut
from swath.training.doubt import believe
from swath.training.fit import Fitted
from swath.training.folds import cross_validate
from swath.training.metrics import Reliability
from swath.training.ready import ready_chips
from swath.training.recipe import Recipe
from swath.training.source import Part

ECE, COVERAGE = 0.03, (0.88, 0.92)  #: bounds


@dataclass(frozen=True)
class Task:
    """What is learned, of which part of the Earth.

    Attributes:
        recipe: That ships.
        product: Of the request.
        areas: That are simulated and learned from, by Earth.
        period: Of the images.
        labels: Of the simulated Earth.
        publish: What else `publish` is told.
    """

    recipe: str
    product: str
    areas: dict[str, str]
    period: str
    labels: Labels
    publish: dict[str, Any]


TASKS = {
    "landcover": Task(
        "landcover-demo", "landcover", {"chosen": "12.595,47.705,12.70,47.767", "unseen": "9.795,47.905,9.90,47.967"},
        "2023-06/2023-07/P2M", Labels.LANDCOVER, {}
    ),
    "biomass": Task(
        "biomass", "biomass", {name: earth.area for name, earth in EARTHS.items()}, "2023-05/2023-08/P4M",
        Labels.FOOTPRINTS,
        {
            "collections": (Simulated.OPTICAL, Simulated.RADAR, Simulated.ELEVATION),
            "every_days": {Simulated.OPTICAL: 30, Simulated.RADAR: 30},
        },
    ),
}  # fmt: skip


def read(name: str, folder: Path, earth: str = "chosen") -> dict[str, Any]:
    """Readings of one task; trainings in the folder go on, or are found done.

    Args:
        name: Of `TASKS`.
        folder: Of one Earth.
        earth: Of `EARTHS`, whose seeds it takes.
    """
    started, task, seed = time.process_time(), TASKS[name], EARTHS[earth].seed
    area = Area.parse(task.areas[earth])
    folder = folder / name
    catalog = folder / "earth" / "archive" / "catalog.json"
    if not catalog.exists():
        publish(
            folder / "earth", area=area, period=Period.parse(task.period), seed=seed,
            labels=(task.labels,), **task.publish,
        )  # fmt: skip
    recipe = EARTHS[earth].dealt(Recipe.load(task.recipe))
    labels = next(path for path in catalog.parent.iterdir() if path.suffix in (".gpkg", ".parquet"))
    product = Product.load(task.product).with_overrides(["output.grid.tile_size=768"])
    request = MapRequest(product, area, Period.parse(task.period), str(catalog))
    store = Store.open(folder / "training")
    chips = ready_chips(request, str(labels), store, recipe=recipe, held=None, cluster="inline").chips
    fitted, sources = _trained(recipe, chips, store)
    made: list[Any] = [one.best.spec.calibration for one in fitted]
    reader = of_classes if chips.facts.classes else of_values
    return {
        "task": name, "earth": earth, "recipe": task.recipe, "chips": len(chips),
        "folds": [one.calibration for one in fitted],
        "labels": _over_labels(fitted, sources, made), "truth": reader(fitted, sources, made, chips, World(seed)),
        "cpu_seconds": time.process_time() - started,
    }  # fmt: skip


def _trained(recipe: Recipe, chips: ChipSet, store: Store) -> tuple[list[Fitted], list[HeldOut]]:
    sources: dict[int, HeldOut] = {}

    def hold_out(test: int, validate: int | None) -> HeldOut:
        held = chips.holding_out(test=test, validate=validate)
        judged = Store.open(store.url(f"judges-{test}"))
        sources[test] = believe(
            held, judged, recipe.doubt, config=recipe.train, cluster="inline", on_epoch=None,
            should_stop=lambda: False, say=print,
        )  # fmt: skip
        return sources[test]

    # as many blocks as there are: an Earth for a bench is small
    asked = (recipe.calibrate or CalibrationSettings()).model_copy(update={"least_blocks": 15})
    validation = cross_validate(
        recipe.train, hold_out, Store.open(store.url("folds")), folds=chips.split.number, name="bench",
        validate=recipe.validate_on is not None, calibrate=asked,
        on_epoch=lambda fold, told: print(f"{fold}: epoch {told['epoch']}", flush=True),
    )  # fmt: skip
    return list(validation.fitted), [sources[fold] for fold in range(chips.split.number)]


def _over_labels(fitted: list[Fitted], sources: list[HeldOut], made: list[Any]) -> dict[str, Any]:
    """Before and after, over labels of all folds: means over blocks where figures are by block."""
    before, after, blocks = [], [], []
    parts: list[Reliability | None] = []
    for one, source, calibration in zip(fitted, sources, made, strict=True):
        rows = rows_of(one.best, source, Part.TEST, by_object=one.config.loss.by_object)
        before.append(truth_of(rows, None))
        after.append(truth_of(rows, calibration, one.calibration if calibration is not None else None))
        parts.append(_sure(rows, one.calibration) if isinstance(rows, ClassRows) else None)
        blocks.append(len(np.unique(rows.block)))
    told: dict[str, Any] = {"blocks": int(sum(blocks))}
    for when, figures in (("before", before), ("after", after)):
        names = [name for name in figures[0] if all(one.get(name) is not None for one in figures)]
        told[when] = {name: float(np.average([one[name] for one in figures], weights=blocks)) for name in names}
        told[f"{when}_by_fold"] = figures
    known = [part for part in parts if part is not None]
    if known:
        # folds of few polygons are off by chance alone: all of them together
        told["ece_of_labels_pooled"] = sum(known[1:], known[0]).error
    return told


def _sure(rows: ClassRows, told: dict[str, Any] | None) -> Reliability:
    """How true what a calibrated network says of labels is, wrong ones among them."""
    if told is None or not told["fitted"]:
        raise SystemExit(f"not calibrated: {told}")
    made = Scaling(np.array(told["scale"]), np.array(told["bias"]), told["wrong_labels"], np.array(told["drawn"]))
    found = made.shares(rows).argmax(1)
    return Reliability.of(made.of_labels(rows)[np.arange(len(found)), found], found == rows.truth, rows.weight)


def main() -> None:
    """Read and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--earth", choices=list(EARTHS), default="chosen")
    parser.add_argument("--only", nargs="+", choices=list(TASKS), default=list(TASKS))
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    readings = [read(name, asked.folder, asked.earth) for name in asked.only]
    text = json.dumps(readings, indent=1)
    if asked.json is not None:
        asked.json.write_text(text)
    for one in readings:
        brief = {key: value for key, value in one.items() if key != "folds"}
        print(json.dumps(brief, indent=1))


if __name__ == "__main__":
    main()
