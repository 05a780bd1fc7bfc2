"""Clouds of a simulated Earth by one network for all sensors, beside LightGBM, judged by the truth of unseen places.

    python -m tests.bench.clouds_simulated --folder F [--judged first|second] [--recipe NAME] [--epochs N] [--series]
                                           [--set FIELD=VALUE ...] [--json FILE]

People look at small squares of single scenes of June at six places and name them, a few wrongly: from these both learn,
each from the same pixels of the same blocks. Both then classify all acquisitions of July at other places, and each
third pixel in both directions is held against the truth, which nobody else opens. Snow, which is in a few squares, is
left out of all. By the first four places recipes were chosen; the second six were looked at when that was done.

The network is that of a recipe that ships, `clouds` unless another is named, with these sensors, a split of their
small area, and windows of its tiles.

The peer has a model of its own for each sensor: LightGBM on bands, mean and deviation in 3, 5, 9 and 17 pixels
(`scene`), and with `--series` one more that takes the difference to the quartiles of the place's own acquisitions as
well, which a map of single acquisitions does not look at. Ours is one network for all, mapped by the code that maps.

Intervals are of the paired difference, 95 %, whole scenes of a tile drawn. What stands in the folder is taken up again.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from shapely import MultiPolygon, box
from tests.bench.clouds_trees import Scene, differences, features, grown, labelled, quartiles_of, scenes, told

from swath.cli.demos.maps import read as read_file
from swath.cli.train import epoch_line
from swath.grid import Area, Period
from swath.mapping import make_plan
from swath.models import Package, Predictor
from swath.planning import MapRequest
from swath.products import Product
from swath.store import Store
from swath.synthetic import Cloud, Simulated, publish
from swath.training.chipset import ChipSet
from swath.training.course import train_model
from swath.training.metrics import compare, confusion
from swath.training.recipe import Recipe
from swath.training.sensors import Sensor

Array = NDArray[Any]
SEED = 7
#: West, south, east, north, each within a granule
LEARNED = (
    (12.507, 47.708, 12.555, 47.74), (10.177, 48.868, 10.226, 48.901), (13.467, 50.895, 13.519, 50.928),
    (8.884, 47.2, 8.932, 47.233), (11.276, 51.595, 11.328, 51.627), (14.561, 48.375, 14.61, 48.408),
)  # fmt: skip
JUDGED = {
    "first": (
        (9.6, 50.298, 9.651, 50.33), (12.855, 49.496, 12.905, 49.529), (15.564, 47.199, 15.612, 47.231),
        (7.866, 48.371, 7.914, 48.403),
    ),
    "second": (
        (13.167, 48.469, 13.215, 48.501), (9.527, 48.731, 9.576, 48.763), (9.76, 49.869, 9.81, 49.902),
        (10.23, 51.005, 10.282, 51.037), (13.936, 50.117, 13.986, 50.149), (13.693, 48.832, 13.742, 48.864),
    ),
}  # fmt: skip
#: Folders of the archives; between passes of the optical fleet are so many days
FOLDERS = {"learned": "learned", "first": "judged", "second": "judged-second"}
EVERY_DAYS = {"learned": 5, "judged": 10, "judged-second": 5}
PERIOD = "2023-06/2023-07"
MONTHS = {"learned": "2023-06", "judged": "2023-07"}
#: Blocks and windows that fit the small area; no epoch is chosen
SMALL = (
    "chips.split={folds: 10, block_m: 1500, buffer_m: 240, seed: 1}", "test=0", "validate_on=null", "train.window=160",
)  # fmt: skip
TILE_SIZE, METRES = 128, 30
SPARSE = 3  #: of the judged pixels, one of so many in both directions
PEERS = {"scene": "LightGBM, neighbourhood", "series": "LightGBM, neighbourhood and series"}
MEASURED = ("overall_accuracy", "macro_f1")
#: Snow lies in one fold of one place alone: nothing could be learned of it
LEGEND = "{clear: clear, thin: thin cloud, thick: thick cloud, shadow: cloud shadow, snow: null}"
CODES = {"clear": Cloud.CLEAR, "thin cloud": Cloud.THIN, "thick cloud": Cloud.THICK, "cloud shadow": Cloud.SHADOW}


def earth(folder: Path, places: Sequence[tuple[float, ...]], workers: int) -> tuple[Area, Path]:
    """Simulate places, unless they stand there: their area, and the catalog."""
    area = MultiPolygon([box(*place) for place in places])
    catalog = folder / "archive" / "catalog.json"
    if not catalog.exists():
        publish(
            folder, area=area, period=Period.parse(f"{PERIOD}/P2M"), seed=SEED,
            collections=(Simulated.OPTICAL, Simulated.L1C, Simulated.THERMAL), labels=("clouds",),
            granule_px=402, overlap_px=6, workers=workers,
            every_days=dict.fromkeys((Simulated.OPTICAL, Simulated.L1C), EVERY_DAYS[folder.name]),
        )  # fmt: skip
    return Area.of(area, name=folder.name), catalog


def truth_of(one: Scene, truth: Path) -> Array:
    """Codes of the truth on the tile asked for; `truth` is the folder of its catalog."""
    rows, cols = one.inner
    window = one.tile.geobox[rows, cols]
    layers = [read_file(truth / "truth-sky" / item / "clouds.tif", window) for item in one.items]
    return np.max(layers, axis=0)


def judge(
    package: Package, recipe: Recipe, chips: ChipSet, areas: dict[str, tuple[Area, Path]], options: argparse.Namespace
) -> dict[str, Any]:
    """Confusion matrices by scene of network and peers, and seconds of CPU, for each sensor."""
    predictor = Predictor(package, threads=options.threads)
    product = Product.load("clouds").with_overrides(_GRID).with_model(package.spec, package.digest)
    source = chips.holding_out(test=recipe.test, validate=recipe.validate_on)
    readings: dict[str, Any] = {}

    def acquisitions(sensor: Sensor, name: str, predictor: Predictor | None) -> Iterator[Scene]:
        area, catalog = areas[name]
        request = MapRequest(product, area, Period.parse(f"{MONTHS[name]}/acquisition"), str(catalog), package)
        # a store holds one map of a product: one for each model and sensor
        store = Store.open(options.folder / "plans" / package.digest[:12] / sensor.name / area.name)
        return scenes(make_plan(sensor.request(request), store), predictor)

    for number, sensor in enumerate(recipe.sensors):
        if options.sensors and sensor.name not in options.sensors:
            continue
        started = time.process_time()
        pixels = labelled(source, number)
        tables = {"scene": pixels.rows}
        if options.series:
            far = differences(pixels, list(acquisitions(sensor, "learned", None)))
            tables["series"] = np.concatenate([pixels.rows, far], axis=1)
        trees = {peer: grown(table, pixels.classes, options.seed) for peer, table in tables.items()}
        learned = time.process_time()
        judged = list(acquisitions(sensor, "judged", predictor))
        matrices = scored(judged, pixels.bands, trees, package.spec.output.channels, areas["judged"][1])
        readings[sensor.name] = {
            "bands": [package.spec.input.bands[place].name for place in pixels.bands],
            "labels": np.bincount(pixels.classes).tolist(), "scenes": len(matrices["network"]),
            "cpu_seconds": [round(learned - started, 1), round(time.process_time() - learned, 1)], **matrices,
        }  # fmt: skip
        print("\n".join(table_rows(readings[sensor.name], sensor.name)), flush=True)
    return readings


def scored(
    judged: Sequence[Scene], bands: Sequence[int], trees: dict[str, Any], names: Sequence[str], catalog: Path
) -> dict[str, list[Any]]:
    """Confusion matrices of all ways by scene of a tile, on a sparse lattice of its pixels."""
    codes = np.full(256, -1)
    codes[[CODES[name] for name in names]] = np.arange(len(names))
    quartiles = quartiles_of(judged, bands) if "series" in trees else {}
    matrices: dict[str, list[Any]] = {way: [] for way in ("network", *trees)}
    for one in judged:
        truth = codes[truth_of(one, catalog.parent.parent / "truth")][::SPARSE, ::SPARSE]
        scores = one.scores[:, ::SPARSE, ::SPARSE]
        values = one.values[list(bands)]
        rows, cols = (slice(part.start, part.stop, SPARSE) for part in one.inner)
        seen = np.isfinite(values[:, rows, cols]).all(0) & (truth >= 0) & np.isfinite(scores).all(0)
        if not seen.any():
            continue
        table = features(values)[:, rows, cols][:, seen].T
        found = {"network": scores[:, seen].argmax(0), "scene": told(trees["scene"], table)}
        if "series" in trees:
            far = (values - quartiles[one.key[0]])[:, :, rows, cols][:, :, seen]
            found["series"] = told(trees["series"], np.concatenate([table, far.reshape(-1, table.shape[0]).T], axis=1))
        for way, classes in found.items():
            matrices[way].append(confusion(truth[seen], classes, len(names)).tolist())
    return matrices


def table_rows(reading: dict[str, Any], sensor: str) -> list[str]:
    """The readings of a sensor as rows of Markdown."""
    lines = []
    for peer, name in PEERS.items():
        for measure in MEASURED if peer in reading else ():
            found = compare(np.array(reading["network"]), np.array(reading[peer]), measure=measure)
            lines.append(
                f"| {sensor} | {name} | {measure.replace('_', ' ')} | {found.second:.3f} | {found.first:.3f} "
                f"| {found.difference:+.3f} ({found.low:+.3f} to {found.high:+.3f}) | {found.verdict} |"
            )
    return lines


_GRID = [f"output.grid.tile_size={TILE_SIZE}", f"output.grid.resolution={METRES}"]


def recipe_of(options: argparse.Namespace) -> Recipe:
    """The recipe asked for, of the sensors that are simulated."""
    recipe = Recipe.load(options.recipe).model_copy(update={"sensors": Recipe.load("clouds-demo").sensors})
    epochs = [f"train.epochs={options.epochs}"] if options.epochs else []
    return recipe.with_overrides([f"labels.legend={LEGEND}", *SMALL, *epochs, *options.set])


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Simulate, train, judge."""
    recipe = recipe_of(options)
    areas = {
        name: earth(options.folder / FOLDERS[which], places, options.threads)
        for name, which, places in (("learned", "learned", LEARNED), ("judged", options.judged, JUDGED[options.judged]))
    }
    area, catalog = areas["learned"]
    product = Product.load("clouds").with_overrides(_GRID)
    request = MapRequest(product, area, Period.parse(f"{MONTHS['learned']}/acquisition"), str(catalog))
    started = time.process_time()
    made = train_model(
        request, str(catalog.parent / "clouds.gpkg"), options.folder / f"training-{Path(options.recipe).stem}",
        recipe=recipe.with_overrides([f"train.threads={options.threads}"]), cluster="inline", replace=True,
        on_epoch=lambda told: print(epoch_line(told, recipe.train.epochs), flush=True), say=print,
    )  # fmt: skip
    seconds = time.process_time() - started
    package, chips = Package.open(made.package.folder), ChipSet.open(made.out.url("chips"))
    return {
        "recipe": options.recipe,
        "judged": options.judged,
        "epochs": recipe.train.epochs,
        "cpu_seconds": seconds,
        "sensors": judge(package, recipe, chips, areas, options),
    }


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--folder", type=Path, help="where archives, chips and the model stay; by default nothing does")
    made.add_argument("--recipe", default="clouds", help="name of a recipe that ships, or a YAML file")
    made.add_argument(
        "--judged", choices=tuple(JUDGED), default="second", help="places that are held against the truth"
    )
    made.add_argument("--set", nargs="*", default=[], metavar="FIELD=VALUE", help="fields of the recipe")
    made.add_argument("--epochs", type=int)
    made.add_argument("--sensors", nargs="*", default=[], help="those that are judged; all by default")
    made.add_argument("--series", action="store_true", help="a peer that knows the place's other acquisitions too")
    made.add_argument("--seed", type=int, default=0, help="of the trees")
    made.add_argument("--threads", type=int, default=2)
    made.add_argument("--json", type=Path, help="write the readings here")
    return made


def main() -> None:
    """Run, print the table, and write JSON if asked."""
    options = parser().parse_args()
    with tempfile.TemporaryDirectory(prefix="swath-bench-") as made:
        options.folder = options.folder or Path(made)
        report = {"what": "clouds of a simulated Earth", "design": "transfer", **run(options)}
    print("| Sensor | Peer | Measure | of the peer | Network | Difference (95 %) | Verdict |")
    print("|---|---|---|---|---|---|---|")
    for sensor, reading in report["sensors"].items():
        print("\n".join(table_rows(reading, sensor)))
    if options.json:
        options.json.write_text(json.dumps(report) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
