"""Land cover on the real Sentinel-2 scene from OpenStreetMap's polygons: the shipped recipe beside LightGBM.

    python -m tests.bench.landcover --data ../shared/data [--folds 0 1 2 3 4] [--boxes 3 7 15 31]
        [--recipe landcover] [--set train.epochs=12 …] [--erode 10] [--json FILE]

Eight classes as OpenStreetMap names them, whole polygons to blocks of 1 km, five folds, training pixels within 100 m of
what is held out dropped, at most 250 px a polygon: chips are cut by `swath.training`, once for all folds. Each fold is
held out once (`design: transfer`):

- `network`: the recipe `landcover` that ships (or `--recipe`, `--set`), its last epoch, calibrated as the recipe says
  on what the networks of other folds say of labels that they have not seen: a map's classes follow from that;
- `plain`: the same network without calibration;
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
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tests.bench.landcover_trees import PEERS, WIDE, Scene, pixels, trees

from swath.grid import Area, Period
from swath.planning import MapRequest
from swath.products import Product
from swath.training import ChipSet, ChipSettings, SplitSpec, cut_chips, read_labels
from swath.training.calibration.calibrate import calibrated_folds
from swath.training.cube_of import chips_product
from swath.training.fit import Fitted, fit
from swath.training.metrics import MEASURES, Measure, compare
from swath.training.recipe import Recipe
from swath.training.release import by_chip
from swath.training.scores import ClassScore

Array = NDArray[Any]
AREA = "12.4943,52.4530,12.7240,52.5264"
PERIOD = "2017-02-16/P1D"
CLASSES = ("meadow", "wetland", "farm", "scrub", "forest", "water", "residential", "grass")
OURS = ("network", "plain")
WAYS = (*OURS, *PEERS)
MEASURED: tuple[Measure, ...] = ("overall_accuracy", "macro_f1", "mean_iou")
FOLDS = 5


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
    cube = chips_product(Product.load("landcover"), recipe.bands).with_overrides(["output.grid.tile_size=768"])
    cut_chips(
        MapRequest(cube, area, period, str(scene / "collection.json")), labels, folder,
        settings=ChipSettings(size=recipe.chips.size, margin=recipe.chips.margin, per_polygon=250, split=split),
        cluster="inline",
    )  # fmt: skip
    return ChipSet.open(folder)


def _recipe(options: argparse.Namespace) -> Recipe:
    return Recipe.load(options.recipe).with_overrides(options.set)


def trained(
    chips: ChipSet, folder: Path, options: argparse.Namespace
) -> tuple[list[Fitted], list[Fitted], list[float]]:
    """A network a fold, as the recipe calibrates it and without that, and the seconds of each."""
    recipe = _recipe(options)
    config = recipe.train.model_copy(update={"threads": options.threads, "seed": options.seed})
    sources = [chips.holding_out(test=fold) for fold in range(FOLDS)]
    plain, seconds = [], []
    for fold, source in enumerate(sources):
        started = time.perf_counter()
        plain.append(fit(config, source, folder / f"fold-{fold}"))
        seconds.append(time.perf_counter() - started)
    settings = recipe.calibrate
    return plain if settings is None else calibrated_folds(plain, sources, settings), plain, seconds


def one_fold(
    chips: ChipSet, scene: Scene, fold: int, ours: dict[str, Fitted], options: argparse.Namespace
) -> dict[str, Any]:
    """Confusion matrices of all ways by block, on the test pixels of a fold."""
    source = chips.holding_out(test=fold)
    found, seconds = {}, {}
    for way, fitted in ours.items():
        indices, scores = by_chip(fitted.best, source)
        found[way] = {
            int(chip): score.matrix
            for chip, score in zip(indices, scores, strict=True)
            if isinstance(score, ClassScore)
        }
    samples = pixels(chips, scene, source)
    for peer in PEERS:
        started = time.perf_counter()
        found[peer] = trees(samples, scene.columns[peer], len(CLASSES), options)
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
        "calibration": ours["network"].calibration,
        **{way: [of[block].tolist() for block in order] for way, of in blocks.items()},
    }


def _none() -> Array:
    return np.zeros((len(CLASSES), len(CLASSES)), np.int64)


def summary(folds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Figures over the folds, and the paired difference to each peer with its interval and verdict."""
    ways = {way: np.array([block for fold in folds for block in fold[way]], np.int64) for way in WAYS}
    report: dict[str, Any] = {"blocks": len(ways["wide"]), "pixels": int(ways["wide"].sum())}
    for our, peer in product(OURS, PEERS):
        assert (ways[our].sum((1, 2)) == ways[peer].sum((1, 2))).all(), "all are scored on the same pixels"
        for measure in MEASURED:
            found = compare(ways[our], ways[peer], measure=measure)
            report.setdefault(our, {}).setdefault(peer, {})[measure] = {
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
    lines = [
        "| Ours | Measure | Peer | of the peer | of ours | Difference (95 %) | Verdict |",
        "|---|---|---|---|---|---|---|",
    ]
    for our, (peer, name), measure in product(OURS, PEERS.items(), MEASURED):
        row = report[our][peer][measure]
        off, low, high = row["difference"]
        lines.append(
            f"| {our} | {measure.replace('_', ' ')} | {name} | {row['peer']:.3f} | {row['network']:.3f} "
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
            calibrated, plain, seconds = trained(chips, Path(name), options)
            for fold in options.folds:
                made = one_fold(
                    chips, scene, fold, dict(zip(OURS, (calibrated[fold], plain[fold]), strict=True)), options
                )
                made["seconds"]["network"] = round(seconds[fold], 1)
                folds.append(made)
    report = {"what": "landcover", "design": "transfer", **summary(folds), "readings": folds}
    print(table(report))
    print(json.dumps(report["folds"]))
    if options.json:
        options.json.write_text(json.dumps(report) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
