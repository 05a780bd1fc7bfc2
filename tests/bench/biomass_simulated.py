"""Biomass learned from footprints of a simulated Earth whose truth is known, whose tracks cross what is mapped.

A network learns from the footprints of an area and maps that area. Blocks of one fold and orbits of that fold are kept
from training, each fold in its turn; maps and truth are compared over **pixels of those blocks**, as far from any other
block as the split's buffer is wide, so that no label from which was learned lies nearer. The figure is of every such
pixel, not of footprints. Intervals are those of the recipe: where it calibrates, each network's are fitted on what the
others say of the labels that they have not seen.

Beside ours stands the oracle: the generator's own mean for one who knows all that sensors can show, the structure of
each stand below saturation to the last digit (`swath.synthetic.biomass`). It knows no label. Part of what it cannot
know hangs together over 50 km: labels of the same area tell that part, so that ours may come nearer to the truth than
the oracle does where little else is to be learned. 1.00 is thus a yardstick, not a wall.

Two Earths: settings were chosen on `chosen`; `unseen` is another world at another place, for a reading apart.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from swath.cli.demos.maps import layer_file, read_values, window_of
from swath.grid import Area, Period
from swath.grid.lonlat import from_lonlat
from swath.mapping import carry_out, make_plan
from swath.models import Package, Provenance
from swath.planning import MapRequest
from swath.products import Product
from swath.store import Store
from swath.synthetic import Published, Simulated, World, publish
from swath.synthetic.biomass import Biomass, biomass
from swath.synthetic.window import Window
from swath.training.folds import cross_validate
from swath.training.metrics import interval_of
from swath.training.ready import ready_chips
from swath.training.recipe import Recipe
from swath.training.release import release
from swath.training.splits import SplitSpec

Array = NDArray[np.float64]
PERIOD = "2023-05/2023-08/P4M"
YEAR = 2023
TILE_SIZE = 768
LAYERS = ("agb", "agb_sd", "q05", "q95")
BINS = (0.0, 1.0, 20.0, 60.0, 100.0, 150.0, 220.0, np.inf)
LEAST = 1.10  # of our RMSE over the oracle's


@dataclass(frozen=True)
class Earth:
    """A world and a place on it.

    Attributes:
        seed: Of the world.
        area: That is learned from and mapped.
        every_days: Between passes of each fleet that are simulated: fewer make it cheaper.
        split: Seed by which blocks and orbits are dealt to folds, such that every fold has labels; None: the recipe's.
    """

    seed: int
    area: str
    every_days: Mapping[Simulated, int]
    split: int | None = None

    def dealt(self, recipe: Recipe) -> Recipe:
        """A recipe whose folds fit its labels."""
        return recipe if self.split is None else recipe.with_overrides([f"chips.split.seed={self.split}"])


EARTHS = {
    "chosen": Earth(7, "13.46,50.96,13.68,51.07", {Simulated.OPTICAL: 30, Simulated.RADAR: 30}),
    "unseen": Earth(13, "12.55,49.96,12.75,50.06", {Simulated.OPTICAL: 30, Simulated.RADAR: 36}, 2),
}


def simulated(
    recipe: str = "biomass", folder: Path | None = None, earth: str = "chosen", folds: Sequence[int] = ()
) -> dict[str, Any]:
    """Readings of maps and oracle against the truth in blocks that were held out, and of held-out footprints.

    Args:
        recipe: That ships, or a YAML file.
        folder: Where the Earth, the models and the maps stay; trainings there go on. None: nothing is kept.
        earth: Of `EARTHS`.
        folds: Whose networks map; all of the recipe's by default. Each fold has a training in any case, as intervals
            are fitted across them.
    """
    asked = EARTHS[earth].dealt(Recipe.load(recipe))
    folds = tuple(folds) or tuple(range(asked.chips.split.number))
    with tempfile.TemporaryDirectory(prefix="swath-biomass-") as made:
        found = _simulated(asked, Path(made) if folder is None else folder, EARTHS[earth], folds)
    return {"recipe": recipe, "earth": earth, **found}


def _simulated(recipe: Recipe, folder: Path, earth: Earth, folds: Sequence[int]) -> dict[str, Any]:
    seconds = dict.fromkeys(("earth", "chips", "training", "map"), 0.0)
    catalog = folder / "earth" / "archive" / "catalog.json"
    with _timed(seconds, "earth"):
        if not catalog.exists():
            _publish(folder / "earth", earth)
    product = Product.load("biomass").with_overrides([f"output.grid.tile_size={TILE_SIZE}"])
    request = MapRequest(product, Area.parse(earth.area), Period.parse(PERIOD), str(catalog))
    store = Store.open(folder / "training")
    with _timed(seconds, "chips"):
        labels = str(catalog.parent / "footprints.parquet")
        chips = ready_chips(request, labels, store, recipe=recipe, held=None, cluster="inline").chips
    with _timed(seconds, "training"):
        trained = cross_validate(
            recipe.train, lambda test, validate: chips.holding_out(test=test, validate=validate),
            Store.open(store.url("folds")), folds=chips.split.number, name="bench",
            validate=recipe.validate_on is not None, calibrate=recipe.calibrate,
        )  # fmt: skip
    told: dict[str, Array] = {}
    rows, truth = [], None
    for fold in folds:
        figures = trained.by_fold[fold]
        package = release(
            trained.fitted[fold], folder / f"package-{fold}",
            provenance=Provenance(licence="other", labels=("footprints",)), held_out={f"fold {fold}": figures},
            replace=True,
        )  # fmt: skip
        with _timed(seconds, "map"):
            window, layers = _map(request, package, Store.open(folder / f"store-{fold}"), earth)
        if truth is None:
            place, _ = Window.of(window)
            truth = biomass(earth.seed, place, World(earth.seed).ground(place, YEAR), YEAR)
            told = {name: np.full(window.shape, np.nan) for name in LAYERS}
        held, blocks = held_out_pixels(window, recipe.chips.split, fold)
        for name, layer in layers.items():
            told[name][held] = layer[held]
        mine = compared({name: np.where(held, layer, np.nan) for name, layer in layers.items()}, truth)
        rows.append(
            {
                "fold": fold, "blocks": blocks, "calibration": trained.fitted[fold].calibration,
                "held_out_footprints": {name: v for name, v in figures.items() if isinstance(v, int | float)},
            }
            | {name: mine[name] for name in ("pixels", "rmse", "rmse_oracle", "of_oracle", "coverage_90")}
        )  # fmt: skip
    assert truth is not None
    # blocks of several folds share no pixel: each is read where its network saw none of its labels
    drawn = by_blocks_drawn(told, truth, blocks_of(window, recipe.chips.split))
    labelled = {name: v for name, v in trained.pooled.items() if isinstance(v, int | float)}
    return {"folds": rows, "labels": labelled, "cpu_seconds": seconds, **compared(told, truth), **drawn}


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    """Add the CPU seconds of the block."""
    started = time.process_time()
    yield
    seconds[name] += time.process_time() - started


def _map(request: MapRequest, package: Package, store: Store, earth: Earth) -> tuple[GeoBox, dict[str, Array]]:
    """A map of the whole area by a package: its window and layers."""
    asked = request.product.with_model(package.spec, package.digest)
    plan = make_plan(MapRequest(asked, request.area, request.period, request.source, package), store)
    result = carry_out(plan, cluster="inline")
    assert not result.failed, result.failures
    window = window_of(plan, earth.area)
    return window, {name: read_values(layer_file(plan, name), window) for name in LAYERS}


def _publish(folder: Path, earth: Earth) -> Published:
    return publish(
        folder, area=Area.parse(earth.area), period=Period.parse(PERIOD), seed=earth.seed,
        collections=("optical", "radar", "elevation"), labels=("footprints",), every_days=earth.every_days,
    )  # fmt: skip


def blocks_of(window: GeoBox, split: SplitSpec) -> NDArray[np.int64]:
    """The block of each pixel, (rows, columns, 2)."""
    rows, cols = window.shape
    x, y = window.affine * np.meshgrid(np.arange(cols) + 0.5, np.arange(rows) + 0.5)
    lon, lat = from_lonlat(str(window.crs)).transform(x, y, direction="INVERSE")
    return split.blocks(lon, lat)


def held_out_pixels(window: GeoBox, split: SplitSpec, fold: int) -> tuple[NDArray[np.bool_], int]:
    """Pixels of the blocks of a fold that lie the split's buffer from every other block, and the number of blocks.

    Args:
        window: In metres.
        split: By blocks.
        fold: That is held out.
    """
    from scipy.ndimage import distance_transform_edt

    blocks = blocks_of(window, split)
    held = split.folds_of(blocks) == fold
    distance = distance_transform_edt(held, sampling=abs(window.affine.a))
    return held & (distance > split.buffer_m), len(np.unique(blocks[held], axis=0))


def compared(told: dict[str, Array], made: Biomass) -> dict[str, Any]:
    """Map and oracle over the same pixels.

    Args:
        told: Layers of the map, Mg/ha, NaN without data.
        made: Of the same pixels.
    """
    seen = np.isfinite(told["agb"])
    truth, oracle = made.agb[seen].astype(np.float64), made.expected[seen].astype(np.float64)
    mean, low, high = (told[name][seen] for name in ("agb", "q05", "q95"))
    inside, width = (truth >= low) & (truth <= high), high - low
    rows = []
    for least, most in pairwise(BINS):
        here = (truth >= least) & (truth < most)
        if here.any():
            rows.append(
                {
                    "from": least, "to": None if np.isinf(most) else most, "share": float(here.mean()),
                    "bias": float((mean - truth)[here].mean()), "bias_oracle": float((oracle - truth)[here].mean()),
                    "width_90": float(width[here].mean()), "coverage_90": float(inside[here].mean()),
                }
            )  # fmt: skip
    ours, best = _rmse(mean - truth), _rmse(oracle - truth)
    return {
        "pixels": int(seen.sum()), "rmse": ours, "rmse_oracle": best, "of_oracle": ours / best,
        "rmse_to_oracle": _rmse(mean - oracle), "bias": float((mean - truth).mean()),
        "bias_oracle": float((oracle - truth).mean()), "truth_mean": float(truth.mean()),
        "r2": 1 - ours**2 / float(truth.var()), "r2_oracle": 1 - best**2 / float(truth.var()),
        "coverage_90": float(inside.mean()), "bins": rows,
    }  # fmt: skip


def by_blocks_drawn(told: dict[str, Array], made: Biomass, blocks: NDArray[np.int64]) -> dict[str, list[float]]:
    """Intervals (95 %) of the ratio and of the coverage: whole blocks are drawn, as pixels of one are alike.

    Args:
        told: Layers of the map, Mg/ha, NaN without data.
        made: Of the same pixels.
        blocks: Of the same pixels, (rows, columns, 2).
    """
    seen = np.isfinite(told["agb"])
    truth = made.agb[seen].astype(np.float64)
    _, block = np.unique(blocks[seen], axis=0, return_inverse=True)
    inside = (truth >= told["q05"][seen]) & (truth <= told["q95"][seen])
    parts = np.ones_like(truth), (told["agb"][seen] - truth) ** 2, (made.expected[seen] - truth) ** 2, inside
    sums = np.stack([np.bincount(block.ravel(), part) for part in parts], axis=1)
    return {
        "of_oracle_95": list(interval_of(sums, lambda drawn: np.sqrt(drawn[..., 1] / drawn[..., 2]))),
        "coverage_90_95": list(interval_of(sums, lambda drawn: drawn[..., 3] / drawn[..., 0])),
    }


def _rmse(errors: Array) -> float:
    return float(np.sqrt((errors**2).mean()))


def show_simulated(report: dict[str, Any]) -> None:
    """Print readings, and a row a bin of truth."""
    print(f"Earth {report['earth']}; blocks that were held out, the truth of every pixel:\n")
    print("| Fold | Blocks | RMSE | Of the oracle | Ratio | Interval holds | Held-out footprints: RMSE |")
    print("|---|---|---|---|---|---|---|")
    for row in report["folds"]:
        print(
            f"| {row['fold']} | {row['blocks']} | {row['rmse']:.1f} | {row['rmse_oracle']:.1f} | "
            f"{row['of_oracle']:.2f} | {row['coverage_90']:.1%} | "
            f"{row['held_out_footprints'].get('rmse', float('nan')):.1f} |"
        )
    print(
        f"\nTogether RMSE {report['rmse']:.1f} Mg/ha, of the oracle {report['rmse_oracle']:.1f}: "
        f"{report['of_oracle']:.3f} of it ({_span(report['of_oracle_95'], '.3f')}, 95 %, blocks drawn; "
        f"bound {LEAST:.2f}); bias {report['bias']:+.1f}, "
        f"R2 {report['r2']:.3f} against {report['r2_oracle']:.3f}, {report['pixels']:,} pixels, "
        f"mean of the truth {report['truth_mean']:.0f}; "
        f"the 90 % interval holds {report['coverage_90']:.1%} ({_span(report['coverage_90_95'], '.1%')})"
    )
    made = [row["calibration"]["test"] for row in report["folds"] if (row["calibration"] or {}).get("fitted")]
    for when in ("before", "after") if made else ():
        inside = np.average([one[when]["coverage_90"] for one in made], weights=[one["blocks"] for one in made])
        print(f"{when} calibration it holds {inside:.1%} of the labels held out, mean over blocks")
    print("\n| Truth, Mg/ha | Share | Bias | Bias of the oracle | q95 - q05 | Holds |\n|---|---|---|---|---|---|")
    for row in report["bins"]:
        most = "" if row["to"] is None else f"{row['to']:.0f}"
        print(
            f"| {row['from']:.0f} to {most} | {row['share']:.1%} | {row['bias']:+.1f} | {row['bias_oracle']:+.1f} | "
            f"{row['width_90']:.0f} | {row['coverage_90']:.1%} |"
        )


def _span(pair: Sequence[float], form: str) -> str:
    return f"{pair[0]:{form}} to {pair[1]:{form}}"
