"""Land cover on the real Sentinel-2 scene from OpenStreetMap's polygons: the shipped recipe beside LightGBM.

    python -m tests.bench.landcover --data ../shared/data [--folds 0 1 2 3 4] [--boxes 3 7 15 31]
        [--recipe landcover] [--set train.epochs=12 …] [--erode 10] [--json FILE]

Eight classes as OpenStreetMap names them, whole polygons to blocks of 1 km, five folds, training pixels within 100 m of
what is held out dropped, at most 250 px a polygon: chips are cut by `swath.training`, once for all folds. Each fold is
held out once (`design: transfer`):

- `network`: the recipe `landcover` that ships (or `--recipe`, `--set`), by `fit` and `by_chip`; its last epoch;
- `narrow`: LightGBM, class-balanced, on 13 bands, 4 normalised differences, and mean and deviation of each in 3x3 and
  7x7 pixels;
- `wide`: the same with boxes of 3, 7, 15 and 31 pixels, or those of `--boxes`: it sees further than the network does.

All learn from the same labelled pixels and are scored on the same. Intervals are of the paired difference, 95 %, whole
blocks drawn. `--add` takes folds from readings of earlier runs, so that several processes can share the work.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import rasterio
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from swath.grid import Area, Period
from swath.planning import MapRequest
from swath.products import Product
from swath.training import ChipSet, ChipSettings, Part, SplitSpec, cut_chips, read_labels
from swath.training.cube_of import chips_product
from swath.training.fit import fit
from swath.training.metrics import MEASURES, compare, confusion
from swath.training.recipe import Recipe
from swath.training.release import by_chip

Array = NDArray[Any]
AREA = "12.4943,52.4530,12.7240,52.5264"
PERIOD = "2017-02-16/P1D"
CLASSES = ("meadow", "wetland", "farm", "scrub", "forest", "water", "residential", "grass")
PAIRS = (("B08", "B04"), ("B03", "B08"), ("B8A", "B11"), ("B11", "B12"))
NARROW = (3, 7)
WIDE = (3, 7, 15, 31)
PEERS = {"narrow": "LightGBM narrow", "wide": "LightGBM wide"}
WAYS = ("network", *PEERS)
MEASURED = ("overall_accuracy", "macro_f1", "mean_iou")
FOLDS = 5
GSD = 10.0


class Scene:
    """Features of the peers over the whole scene, on its own lattice of 10 m.

    Args:
        folder: Of the scene's files.
        boxes: Edges of the boxes of the wide peer, pixels.

    Attributes:
        features: (features, rows, columns) float32.
        columns: Places of the features that each peer learns from.
    """

    def __init__(self, folder: Path, boxes: Sequence[int]) -> None:
        bands = {}
        with rasterio.open(folder / "B04.tif") as file:
            self.left, self.top, self.shape = file.transform.c, file.transform.f, file.shape
        for path in sorted(folder.glob("B*.tif")):
            with rasterio.open(path) as file:
                times = round(file.transform.a / GSD)
                fine = np.kron(file.read(1), np.ones((times, times), np.uint16))
                row, col = round((file.transform.f - self.top) / GSD), round((self.left - file.transform.c) / GSD)
            bands[path.stem] = fine[row:, col:][: self.shape[0], : self.shape[1]].astype(np.float64) / 1e4
        base = [*bands.values(), *((bands[a] - bands[b]) / (bands[a] + bands[b] + 1e-6) for a, b in PAIRS)]
        made, self.columns = list(base), {"narrow": list(range(len(base))), "wide": list(range(len(base)))}
        for size in sorted({*NARROW, *boxes}):
            new = range(len(made), len(made) + 2 * len(base))
            for peer, wanted in (("narrow", NARROW), ("wide", boxes)):
                self.columns[peer] += new if size in wanted else ()
            for values in base:
                mean = uniform_filter(values, size)
                made += [mean, np.sqrt((uniform_filter(values * values, size) - mean * mean).clip(0))]
        self.features = np.stack(made).astype(np.float32)

    def at(self, x: float, y: float, rows: Array, cols: Array) -> Array:
        """Features of pixels of a chip whose corner lies at x, y, (n, features)."""
        row, col = round((self.top - y) / GSD), round((x - self.left) / GSD)
        return self.features[:, rows + row, cols + col].T


def cut(data: Path, folder: Path, options: argparse.Namespace) -> ChipSet:
    """The chips, once for all folds."""
    area, period = Area.parse(AREA), Period.parse(PERIOD)
    scene = data / "sentinel-2-l1c"
    labels = read_labels(
        scene / "osm_landuse_water.geojson",
        area=area, period=period, column="fclass", legend={name: name for name in CLASSES}, erode_m=options.erode,
    )  # fmt: skip
    recipe = _recipe(options)
    split = SplitSpec(folds=FOLDS, block_m=1000, buffer_m=100, seed=options.split)
    product = chips_product(Product.load("landcover"), recipe.bands)
    product = product.with_overrides(["output.grid.tile_size=768"])
    cut_chips(
        MapRequest(product, area, period, str(scene / "collection.json")), labels, folder,
        settings=ChipSettings(size=recipe.chips.size, margin=recipe.chips.margin, per_polygon=250, split=split),
        cluster="inline",
    )  # fmt: skip
    return ChipSet.open(folder)


def _recipe(options: argparse.Namespace) -> Recipe:
    return Recipe.load(options.recipe).with_overrides(options.set)


def one_fold(chips: ChipSet, scene: Scene, fold: int, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Confusion matrices of all ways by block, on the test pixels of a fold."""
    source = chips.holding_out(test=fold)
    config = _recipe(options).train.model_copy(update={"threads": options.threads, "seed": options.seed})
    started = time.perf_counter()
    fitted = fit(config, source, folder / f"fold-{fold}")
    seconds = {"network": time.perf_counter() - started}
    indices, scores = by_chip(fitted.best, source)
    found = {"network": {int(chip): score.matrix for chip, score in zip(indices, scores, strict=True)}}
    samples = pixels(chips, scene, source)
    for peer in PEERS:
        started = time.perf_counter()
        found[peer] = trees(samples, scene.columns[peer], options)
        seconds[peer] = time.perf_counter() - started
    blocks: dict[str, dict[tuple[int, int], Array]] = {way: defaultdict(_none) for way in WAYS}
    column = chips.index["block"].to_pylist()
    for way in WAYS:
        for chip, matrix in found[way].items():
            blocks[way][tuple(column[chip])] += matrix
    order = sorted(blocks["network"])
    return {
        "fold": fold,
        "seconds": {way: round(value, 1) for way, value in seconds.items()},
        **{way: [of[block].tolist() for block in order] for way, of in blocks.items()},
    }


def _none() -> Array:
    return np.zeros((len(CLASSES), len(CLASSES)), np.int64)


@dataclass(frozen=True)
class Pixels:
    """Labelled pixels of a fold.

    Attributes:
        values: (n, features) float32.
        truth: (n,) class.
        chip: (n,) that each lies in.
        test: (n,) bool, held out.
    """

    values: Array
    truth: Array
    chip: Array
    test: Array


def pixels(chips: ChipSet, scene: Scene, source: Any) -> Pixels:
    """The labelled pixels of all chips that a fold learns from or is scored on."""
    x, y, where = [], [], []
    corner = list(zip(chips.index["x"].to_pylist(), chips.index["y"].to_pylist(), strict=True))
    for chip in range(len(chips)):
        read = source.read([chip])
        part, labels = read["part"][0], read["y"][0]
        rows, cols = np.nonzero(part <= int(Part.TEST))
        if not len(rows):
            continue
        x.append(scene.at(*corner[chip], rows, cols))
        y.append(labels[rows, cols])
        where.append(np.stack([np.full(len(rows), chip), part[rows, cols]], 1))
    place = np.concatenate(where)
    return Pixels(np.concatenate(x), np.concatenate(y), place[:, 0], place[:, 1] == int(Part.TEST))


def trees(samples: Pixels, columns: Sequence[int], options: argparse.Namespace) -> dict[int, Array]:
    """Boosted trees: confusion matrix by chip of the test pixels."""
    values, truth, learn = samples.values[:, columns], samples.truth[samples.test], ~samples.test
    grown = lightgbm.LGBMClassifier(
        n_estimators=200, learning_rate=0.05, num_leaves=31, class_weight="balanced", colsample_bytree=0.5,
        subsample=0.8, subsample_freq=1, min_child_samples=40, n_jobs=options.threads, random_state=options.seed,
        verbose=-1,
    )  # fmt: skip
    grown.fit(values[learn], samples.truth[learn])
    # without scikit-learn's wrapper, which warns of names that nobody gave
    found = np.asarray(grown.booster_.predict(values[samples.test])).argmax(1)
    found, chip_of = grown.classes_[found], samples.chip[samples.test]
    return {
        int(chip): confusion(truth[chip_of == chip], found[chip_of == chip], len(CLASSES))
        for chip in np.unique(chip_of)
    }


def summary(folds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Figures over the folds, and the paired difference to each peer with its interval and verdict."""
    ways = {way: np.array([block for fold in folds for block in fold[way]], np.int64) for way in WAYS}
    report: dict[str, Any] = {"blocks": len(ways["wide"]), "pixels": int(ways["wide"].sum())}
    for peer in PEERS:
        assert (ways["network"].sum((1, 2)) == ways[peer].sum((1, 2))).all(), "all are scored on the same pixels"
        report[peer] = {}
        for measure in MEASURED:
            found = compare(ways["network"], ways[peer], measure=measure)
            report[peer][measure] = {
                "network": round(found.first, 4), "peer": round(found.second, 4),
                "difference": [round(v, 4) for v in (found.difference, found.low, found.high)],
                "verdict": found.verdict,
            }  # fmt: skip
    report["folds"] = {
        fold["fold"]: {
            way: {name: round(float(measure(np.array(fold[way]).sum(0))), 3) for name, measure in MEASURES.items()}
            for way in ways
        }
        for fold in folds
    }
    return report


def table(report: dict[str, Any]) -> str:
    """The readings as Markdown."""
    lines = ["| Measure | Peer | of the peer | Network | Difference (95 %) | Verdict |", "|---|---|---|---|---|---|"]
    for peer, name in PEERS.items():
        for measure in MEASURED:
            row = report[peer][measure]
            off, low, high = row["difference"]
            lines.append(
                f"| {measure.replace('_', ' ')} | {name} | {row['peer']:.3f} | {row['network']:.3f} "
                f"| {off:+.3f} ({low:+.3f} to {high:+.3f}) | {row['verdict']} |"
            )
    return "\n".join(lines)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the real scenes")
    made.add_argument("--folds", type=int, nargs="*", default=list(range(FOLDS)), choices=list(range(FOLDS)))
    made.add_argument("--boxes", type=int, nargs="+", default=list(WIDE), help="edges of the wide peer's boxes, pixels")
    made.add_argument("--recipe", default="landcover", help="name of a recipe that ships, or a YAML file")
    made.add_argument("--set", nargs="*", default=[], metavar="FIELD=VALUE", help="fields of the recipe")
    made.add_argument("--erode", type=float, default=10.0, help="metres that polygons shrink by")
    made.add_argument("--split", type=int, default=0, help="seed of the folds")
    made.add_argument("--seed", type=int, default=0, help="of network and trees")
    made.add_argument("--threads", type=int, default=2)
    made.add_argument("--json", type=Path, help="write the readings here")
    made.add_argument("--add", type=Path, nargs="*", default=[], help="readings of earlier runs with other folds")
    return made


def main() -> None:
    """Run, print the table, and write JSON if asked."""
    options = parser().parse_args()
    folds = [fold for path in options.add for fold in json.loads(path.read_text(encoding="utf-8"))["readings"]]
    with tempfile.TemporaryDirectory(prefix="swath-bench-") as name:
        if options.folds:
            (folder,) = (options.data / "sentinel-2-l1c").glob("S2A_*")
            scene, chips = Scene(folder, options.boxes), cut(options.data, Path(name, "chips"), options)
            folds += [one_fold(chips, scene, fold, Path(name), options) for fold in options.folds]
    report = {"what": "landcover", "design": "transfer", **summary(folds), "readings": folds}
    print(table(report))
    print(json.dumps(report["folds"]))
    if options.json:
        options.json.write_text(json.dumps(report) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
