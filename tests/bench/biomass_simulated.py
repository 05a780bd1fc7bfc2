"""Biomass learned from footprints of a simulated Earth, mapped beside where it was learned, and held against the truth.

A network learns from one part of the Earth; the map is of another part, of which it saw no label. Beside it stands the
oracle: the generator's own conditional mean, for one who knows all that sensors can show (`swath.synthetic.biomass`).
What is left to the oracle nobody can learn; what ours adds is ours.
"""

from __future__ import annotations

import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from swath.cli.demos.maps import layer_file, read, window_of
from swath.grid import Area, Period
from swath.mapping import carry_out, make_plan
from swath.models import Package
from swath.planning import MapRequest
from swath.products import Product
from swath.store import Store
from swath.synthetic import Published, World, publish
from swath.synthetic.biomass import Biomass, biomass
from swath.synthetic.window import Window
from swath.training.course import train_model
from swath.training.recipe import Recipe

Array = NDArray[np.float64]
SEED = 7
EARTH = "13.46,50.96,13.68,51.07"
LEARNED = "13.46,50.96,13.57,51.07"
MAPPED = "13.585,50.97,13.66,51.04"
PERIOD = "2023-05/2023-08/P4M"
YEAR = 2023
EVERY_DAYS = 30
TILE_SIZE = 768
LAYERS = ("agb", "agb_sd", "q05", "q95")
BINS = (0.0, 1.0, 20.0, 60.0, 100.0, 150.0, 220.0, np.inf)
LEAST = 1.10  # of our RMSE over the oracle's


def simulated(recipe: str = "biomass", folder: Path | None = None) -> dict[str, Any]:
    """Readings of map and oracle against the truth, and of held-out footprints.

    Args:
        recipe: That ships, or a YAML file.
        folder: Where the Earth, the model and the map stay; a training there goes on. None: nothing is kept.
    """
    if folder is not None:
        return _simulated(recipe, folder)
    with tempfile.TemporaryDirectory(prefix="swath-biomass-") as made:
        return _simulated(recipe, Path(made))


def _simulated(recipe: str, folder: Path) -> dict[str, Any]:
    seconds = {}
    started = time.process_time()
    catalog = folder / "earth" / "archive" / "catalog.json"
    labels = catalog.parent / "footprints.parquet"
    if not catalog.exists():
        _earth(folder / "earth")
    seconds["earth"] = time.process_time() - started
    product = Product.load("biomass").with_overrides([f"output.grid.tile_size={TILE_SIZE}"])
    period = Period.parse(PERIOD)
    started = time.process_time()
    trained = train_model(
        MapRequest(product, Area.parse(LEARNED), period, str(catalog)), str(labels), folder / "training",
        recipe=Recipe.load(recipe), cluster="inline", replace=True,
    )  # fmt: skip
    seconds["training"] = time.process_time() - started
    started = time.process_time()
    package = Package.open(trained.package.folder)
    asked = product.with_model(package.spec, package.digest)
    plan = make_plan(MapRequest(asked, Area.parse(MAPPED), period, str(catalog), package), Store.open(folder / "store"))
    result = carry_out(plan, cluster="inline")
    assert not result.failed, result.failures
    seconds["map"] = time.process_time() - started
    window = window_of(plan, MAPPED)
    told = {name: _layer(layer_file(plan, name), window) for name in LAYERS}
    world = World(SEED)
    place, _ = Window.of(window)
    truth = biomass(SEED, place, world.ground(place, YEAR), YEAR)
    held_out = {name: value for name, value in trained.figures.items() if isinstance(value, int | float)}
    return {"recipe": recipe, "cpu_seconds": seconds, "held_out_footprints": held_out, **compared(told, truth)}


def _earth(folder: Path) -> Published:
    return publish(
        folder, area=Area.parse(EARTH), period=Period.parse(PERIOD), seed=SEED,
        collections=("optical", "radar", "elevation"), labels=("footprints", "plots"), every_days=EVERY_DAYS,
    )  # fmt: skip


def _layer(path: str, window: Any) -> Array:
    """A layer in Mg/ha, NaN where it has none."""
    import rasterio

    with rasterio.open(path) as data:
        nodata, scale, offset = data.nodata, data.scales[0], data.offsets[0]
    numbers = read(path, window, fill=nodata).astype(np.float64)
    return np.where(numbers == nodata, np.nan, numbers * scale + offset)


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


def _rmse(errors: Array) -> float:
    return float(np.sqrt((errors**2).mean()))


def show_simulated(report: dict[str, Any]) -> None:
    """Print readings, and a row a bin of truth."""
    print(
        f"RMSE {report['rmse']:.1f} Mg/ha, of the oracle {report['rmse_oracle']:.1f}: {report['of_oracle']:.2f} of it "
        f"(bound {LEAST:.2f}); bias {report['bias']:+.1f}, R2 {report['r2']:.3f} against {report['r2_oracle']:.3f}, "
        f"{report['pixels']:,} pixels, mean of the truth {report['truth_mean']:.0f}"
    )
    print(f"90 % interval holds {report['coverage_90']:.1%} of the truth; held-out footprints:")
    print("  " + ", ".join(f"{name} {value:.3g}" for name, value in report["held_out_footprints"].items()))
    print("\n| Truth, Mg/ha | Share | Bias | Bias of the oracle | q95 - q05 | Holds |\n|---|---|---|---|---|---|")
    for row in report["bins"]:
        most = "" if row["to"] is None else f"{row['to']:.0f}"
        print(
            f"| {row['from']:.0f} to {most} | {row['share']:.1%} | {row['bias']:+.1f} | {row['bias_oracle']:+.1f} | "
            f"{row['width_90']:.0f} | {row['coverage_90']:.1%} |"
        )
