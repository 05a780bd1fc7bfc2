"""How true calibrated uncertainty is on a simulated Earth: against labels, as a user could, and against the truth.

    python -m tests.bench.calibration FOLDER [--only landcover biomass] [--json FILE]

Each fold of a recipe is held out in its turn. Its network is calibrated on what the other networks say of the labels
that they have not seen, and read on the fold's blocks, which neither learning nor calibration has touched: over labels,
and over every pixel of the chips there that lies as far from any other block as the split's buffer is wide.

Labels are drawn polygons of which a part is wrong, or footprints with errors. A calibration can only be as true as the
labels that it is fitted on: both readings stand side by side. The simulated Earth has no biomes; classes, bins of the
prediction and quarters of the area stand for them.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.transform import from_origin
from scipy import special
from tests.bench.biomass_simulated import held_out_pixels

from swath.grid import Area, Period
from swath.models.calibration import ClassCalibration, ValueCalibration
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
from swath.training.release import outputs
from swath.training.source import Part

Array = NDArray[Any]
SEED, YEAR = 7, 2023
ECE, COVERAGE = 0.03, (0.88, 0.92)  #: bounds
BINS = (-np.inf, 5.0, 25.0, 75.0, 150.0, np.inf)  #: of predicted biomass, Mg/ha


@dataclass(frozen=True)
class Task:
    """What is learned, of which part of the Earth.

    Attributes:
        recipe: That ships.
        product: Of the request.
        area: That is simulated and learned from.
        period: Of the images.
        labels: Of the simulated Earth.
        publish: What else `publish` is told.
    """

    recipe: str
    product: str
    area: str
    period: str
    labels: Labels
    publish: dict[str, Any]


TASKS = {
    "landcover": Task(
        "landcover-demo", "landcover", "12.595,47.705,12.70,47.767", "2023-06/2023-07/P2M", Labels.LANDCOVER, {}
    ),
    "biomass": Task(
        "biomass", "biomass", "13.46,50.96,13.68,51.07", "2023-05/2023-08/P4M", Labels.FOOTPRINTS,
        {
            "collections": (Simulated.OPTICAL, Simulated.RADAR, Simulated.ELEVATION),
            "every_days": {Simulated.OPTICAL: 30, Simulated.RADAR: 30},
        },
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Pixels:
    """Pixels of held-out blocks with their truth.

    Attributes:
        told: By pixel: logits (n, K), or middle, low and high (n, 3), before calibration.
        truth: (n,) class or value.
        block: (n,) number of the block.
        quarter: (n,) of the area.
        fold: (n,).
    """

    told: Array
    truth: Array
    block: Array
    quarter: Array
    fold: Array


def read(name: str, folder: Path) -> dict[str, Any]:
    """Readings of one task; trainings in the folder go on, or are found done."""
    started, task = time.process_time(), TASKS[name]
    folder = folder / name
    catalog = folder / "earth" / "archive" / "catalog.json"
    if not catalog.exists():
        publish(
            folder / "earth", area=Area.parse(task.area), period=Period.parse(task.period), seed=SEED,
            labels=(task.labels,), **task.publish,
        )  # fmt: skip
    recipe = Recipe.load(task.recipe)
    labels = next(path for path in catalog.parent.iterdir() if path.suffix in (".gpkg", ".parquet"))
    product = Product.load(task.product).with_overrides(["output.grid.tile_size=768"])
    request = MapRequest(product, Area.parse(task.area), Period.parse(task.period), str(catalog))
    store = Store.open(folder / "training")
    chips = ready_chips(request, str(labels), store, recipe=recipe, held=None, cluster="inline").chips
    fitted, sources = _trained(recipe, chips, store)
    made = [one.best.spec.calibration for one in fitted]
    reader = _classes if chips.facts.classes else _values
    return {
        "task": name, "recipe": task.recipe, "chips": len(chips), "folds": [one.calibration for one in fitted],
        "labels": _over_labels(fitted, sources, made), "truth": reader(fitted, sources, made, chips),
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


def _pixels(
    fitted: list[Fitted],
    sources: list[HeldOut],
    chips: ChipSet,
    truth_at: Callable[[GeoBox], Array],
    told_of: Callable[[Fitted, Any], Array],
) -> Pixels:
    """What networks say of every pixel of blocks that they have not seen, and the truth of it."""
    index, edge = chips.index, chips.facts.size
    x, y = index["x"].to_numpy(), index["y"].to_numpy()
    (crs,) = set(index["crs"].to_pylist())
    left, top = x.min(), y.max()
    shape = (round((top - y.min()) / 10) + edge, round((x.max() - left) / 10) + edge)
    window = GeoBox(shape, from_origin(left, top, 10, 10), crs)
    truth = truth_at(window)
    parts = []
    margin = 8 if edge in (48, 80) else 0  # pixels at a chip's edge lack their neighbourhood
    inner = slice(margin, edge - margin)
    for fold, (one, source) in enumerate(zip(fitted, sources, strict=True)):
        held, _ = held_out_pixels(window, chips.split, fold)
        for batch, scores in outputs(one.best, source, Part.TEST):
            told = told_of(one, scores)[:, :, inner, inner]
            data = batch.inputs[0].numpy()
            seen = np.abs(data).reshape(len(told), -1, edge, edge).max(1)[:, inner, inner] > 0
            for row, chip in enumerate(batch.indices):
                r, c = round((top - y[chip]) / 10) + margin, round((x[chip] - left) / 10) + margin
                size = edge - 2 * margin
                at = (slice(r, r + size), slice(c, c + size))
                keep = held[at] & seen[row]
                rows, cols = np.nonzero(keep)
                place = rows + r, cols + c
                column = index["block"][chip].as_py()
                parts.append(
                    (
                        told[row][:, keep].T, truth[at][keep],
                        np.full(len(rows), (column[0] << 32) + column[1], np.int64),
                        (place[0] * 2 // shape[0]) * 2 + place[1] * 2 // shape[1], np.full(len(rows), fold),
                    )
                )  # fmt: skip
    return Pixels(*(np.concatenate(one) for one in zip(*parts, strict=True)))


def _classes(
    fitted: list[Fitted], sources: list[HeldOut], made: list[ClassCalibration | None], chips: ChipSet
) -> dict[str, Any]:
    names = chips.facts.output.channels
    by_name = {c.name: c.code for c in Product.load("landcover").model.legend.classes}  # type: ignore[union-attr]
    codes = np.array([by_name[name] for name in names])

    def truth_at(window: GeoBox) -> Array:
        cover = World(SEED).landcover(window, YEAR)
        place = np.full(256, -1)
        place[codes] = np.arange(len(codes))
        return place[cover]

    found = _pixels(fitted, sources, chips, truth_at, lambda _, scores: scores.numpy())
    known = found.truth >= 0
    told = {"pixels": int(known.sum()), "of_classes_that_labels_lack": int((~known).sum())}
    before, after = (_shares(found, given) for given in ([None] * len(made), made))
    truth = found.truth
    inside = np.zeros(len(truth), bool)
    size = np.zeros(len(truth))
    for fold, one in enumerate(made):
        if one is not None and one.sets is not None:
            here = found.fold == fold
            held = after[here] >= one.sets.threshold
            held[np.arange(len(held)), after[here].argmax(1)] = True
            inside[here] = held[np.arange(len(held)), np.maximum(truth[here], 0)]
            size[here] = held.sum(1)

    def of(which: Array) -> dict[str, float]:
        one = which & known
        return {
            "share": float(one.sum() / known.sum()),
            "ece_before": _ece(before[one], truth[one]), "ece": _ece(after[one], truth[one]),
            "accuracy_before": float((before[one].argmax(1) == truth[one]).mean()),
            "accuracy": float((after[one].argmax(1) == truth[one]).mean()),
            "set_coverage": _by_block(inside[one], found.block[one]), "set_size": float(size[one].mean()),
        }  # fmt: skip

    everything, found_as = np.ones(len(truth), bool), after.argmax(1)
    return {
        **told, **of(everything),
        "by_quarter": [of(found.quarter == quarter) for quarter in np.unique(found.quarter)],
        "by_class_of_the_map": {name: of(found_as == k) for k, name in enumerate(names) if (found_as == k).any()},
        "by_true_class": {name: of(truth == k) for k, name in enumerate(names) if (truth == k).any()},
    }  # fmt: skip


def _shares(found: Pixels, made: list[ClassCalibration | None]) -> Array:
    shares = np.empty_like(found.told, dtype=np.float64)
    for fold, one in enumerate(made):
        here = found.fold == fold
        scores = found.told[here] if one is None else found.told[here] * np.array(one.scale) + np.array(one.bias)
        shares[here] = special.softmax(scores, axis=1)
    return shares


def _ece(shares: Array, truth: Array) -> float:
    return float(Reliability.of(shares.max(1), shares.argmax(1) == truth).error or 0.0)


def _values(
    fitted: list[Fitted], sources: list[HeldOut], made: list[ValueCalibration | None], chips: ChipSet
) -> dict[str, Any]:
    from swath.models.network import Network
    from swath.training.said import said_of

    def truth_at(window: GeoBox) -> Array:
        return World(SEED).biomass(window, YEAR).agb

    def told_of(one: Fitted, scores: Any) -> Array:
        spec = one.best.spec.model_copy(update={"calibration": None})
        head = Network.build(spec).head
        value = said_of(spec).value
        closed = head.close(scores).numpy() * value.scale + value.offset
        names = spec.output.channels
        return np.stack([closed[:, names.index(name)] for name in ("agb", "q05", "q95")], axis=1)

    found = _pixels(fitted, sources, chips, truth_at, told_of)
    middle, low, high = found.told.T
    factor = np.ones(len(middle))
    for fold, one in enumerate(made):
        if one is not None:
            here = found.fold == fold
            factor[here] = one.factor(middle[here])
    truth, told = found.truth, {}

    def of(which: Array) -> dict[str, float]:
        made = {"share": float(which.mean())}
        for name, by in (("before", np.ones(len(factor))), ("after", factor)):
            least, most = (np.maximum(middle + by * (bound - middle), 0)[which] for bound in (low, high))
            inside = (truth[which] >= least) & (truth[which] <= most)
            made[f"coverage_{name}"] = _by_block(inside, found.block[which])
            made[f"of_pixels_{name}"] = float(inside.mean())
            made[f"width_{name}"] = float((most - least).mean())
        return made

    told = {"pixels": len(truth), "blocks": len(np.unique(found.block)), **of(np.ones(len(truth), bool))}
    bins = np.digitize(middle, BINS[1:-1])
    return {
        **told,
        "by_quarter": [of(found.quarter == quarter) for quarter in np.unique(found.quarter)],
        "by_prediction": {f"{BINS[k]:g} to {BINS[k + 1]:g}": of(bins == k) for k in np.unique(bins)},
    }


def _by_block(inside: Array, block: Array) -> float:
    """Mean over blocks of the share that is inside."""
    _, number = np.unique(block, return_inverse=True)
    return float((np.bincount(number, weights=inside) / np.bincount(number)).mean())


def main() -> None:
    """Read and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", nargs="+", choices=list(TASKS), default=list(TASKS))
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    readings = [read(name, asked.folder) for name in asked.only]
    text = json.dumps(readings, indent=1)
    if asked.json is not None:
        asked.json.write_text(text)
    for one in readings:
        brief = {key: value for key, value in one.items() if key != "folds"}
        print(json.dumps(brief, indent=1))


if __name__ == "__main__":
    main()
