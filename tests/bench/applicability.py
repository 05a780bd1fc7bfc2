"""Area of applicability: what it adds to a map, what its points leave out, and whether unseen land is told apart.

    python -m tests.bench.applicability [--points 512] [--bands 10] [--window 512] [--width 16] [--repeats 3]
                                        [--windows 40] [--seed 3] [--json FILE]

`speed`, on one thread: `Predictor.strips` of a U-Net of four levels over a synthetic cube of one step, and the
dissimilarity index of the same pixels from the same cube. `added` is the second over the first, by CPU seconds of each
repeat: under 0.2 is wanted, and of a whole mapping, which reads and packs too, it is less.

`earth`: pixels of clear reflectance, three dates, of the simulated Earth. The model has seen `trained` (five folds of
windows); held against it are windows of the same region that it did not see and regions far away. Told of each: the
share where the model is not applicable, by the points of a map, and by all pixels of the training with their own
threshold (the rule of the paper), and how often the two agree.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj import Transformer
from scipy.spatial import cKDTree
from tests.bench.predict import FACTS, Folder, export

from swath.cube.lattice import Window
from swath.models.cubes import ModelCube
from swath.models.dissimilarity import Dissimilarity, features_of, projected
from swath.models.predictor import Predictor
from swath.models.spec import BandInput, ClassesOutput, InputSpec, ModelSpec, NetworkSpec, PartSpec
from swath.synthetic.world import World
from swath.training.validation.applicability import PixelTable, across_folds, fit_applicability, whisker

BANDS = ("B02", "B03", "B04", "B05", "B08", "B11", "B12")
MONTHS = (4, 7, 10)
#: Middle of a region (degrees), and half its extent.
REGIONS = {
    "trained": ((12.0, 47.5), 1.5),
    "Andalusia": ((-4.0, 38.0), 1.0),
    "Sahara": ((10.0, 25.0), 1.0),
    "Amazon": ((-60.0, -5.0), 1.0),
    "Siberia": ((100.0, 66.0), 1.0),
}
FOLDS = 5
SIZE, EACH = 48, 400  # pixels of a window, and drawn of it


def look(world: World, lon: float, lat: float, size: int = SIZE) -> np.ndarray:
    """Reflectance about a place, (T, C, H, W) float32."""
    zone = int((lon + 180) // 6) + 1
    crs = f"EPSG:{(32600 if lat >= 0 else 32700) + zone}"
    x, y = (round(v / 10) * 10 for v in Transformer.from_crs(4326, crs, always_xy=True).transform(lon, lat))
    box = GeoBox((size, size), Affine(10, 0, x, 0, -10, y), crs)
    return np.stack([world.reflectance(box, date(2023, month, 15), BANDS) for month in MONTHS])


def pixels(world: World, region: str, windows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Features (F, n) of some windows of a region, and the window of each pixel."""
    rng = np.random.default_rng(seed)
    (lon, lat), half = REGIONS[region]
    found, number = [], []
    for window in range(windows):
        x = look(world, lon + rng.uniform(-half, half), lat + rng.uniform(-half, half))
        features = features_of(x, np.ones((len(x), SIZE, SIZE), np.uint8), tuple(range(len(BANDS))), spread=False)
        chosen = rng.permutation(SIZE * SIZE)[:EACH]
        found.append(features.reshape(len(features), -1)[:, chosen])
        number.append(np.full(EACH, window))
    return np.concatenate(found, axis=1), np.concatenate(number)


def earth(options: argparse.Namespace) -> dict[str, Any]:
    """Shares of regions where a model of one of them is not applicable."""
    world = World(options.seed)
    seen, window = pixels(world, "trained", options.windows, 1)
    apart = {"the same region, other windows": pixels(world, "trained", options.windows // 2, 2)[0]}
    apart |= {name: pixels(world, name, options.windows // 2, 3)[0] for name in REGIONS if name != "trained"}
    made = fit_applicability(
        PixelTable(seen, window % FOLDS), apart["the same region, other windows"],
        bands=tuple(range(len(BANDS))), spread=False, points=options.points,
    )  # fmt: skip
    told = made.told
    all_pixels = projected(seen, made.shift, made.factor, made.axes).T
    exact = whisker(across_folds(all_pixels, window % FOLDS, all_pixels, window % FOLDS) / told.mean_distance)
    tree, regions = cKDTree(all_pixels), {}
    for name, features in apart.items():
        outside = made.of_features(features) > told.threshold
        away, _ = tree.query(projected(features, made.shift, made.factor, made.axes).T)
        by_paper = away / told.mean_distance > exact
        regions[name] = {
            "not_applicable": round(float(outside.mean()), 3),
            "not_applicable_by_all_pixels": round(float(by_paper.mean()), 3),
            "agreement": round(float((outside == by_paper).mean()), 3),
        }
    return {
        "pixels": told.pixels, "points": told.points, "threshold": round(told.threshold, 3),
        "threshold_of_all_pixels": round(exact, 3), "regions": regions,
    }  # fmt: skip


def model(options: argparse.Namespace) -> ModelSpec:
    """The card of a U-Net."""
    bands = tuple(BandInput(name=f"B{number:02}", mean=0.15, std=0.08) for number in range(1, options.bands + 1))
    margin = 32
    given = InputSpec(
        bands=bands, unit="reflectance", gsd=10, window=options.window, stride=options.window - 2 * margin,
        margin=margin,
    )  # fmt: skip
    encoder = PartSpec(name="unet", settings={"width": options.width, "levels": 4})
    network = NetworkSpec(encoder=encoder, head=PartSpec(name="segmentation"))
    return ModelSpec(name="bench", input=given, network=network, output=ClassesOutput(classes=tuple("abcdefghijk")))


def speed(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """CPU seconds of network and index over the same pixels, on one thread."""
    spec = model(options)
    export(spec, folder / "model.onnx")
    predictor = Predictor(Folder(folder, spec), backend="onnx", threads=1)
    edge = 2 * spec.input.stride
    origin = predictor.lattice.start(0) + predictor.lattice.margin
    halo = predictor.halo((origin, origin), (edge, edge))
    size, rng = edge + 2 * halo, np.random.default_rng(0)
    layers = tuple(rng.integers(1000, 6000, (size, size), dtype=np.uint16) for _ in range(options.bands))
    cube = ModelCube((layers,), (FACTS,) * options.bands, np.float32([180]), (origin - halo, origin - halo))
    inner = Window(halo, halo + edge, halo, halo + edge)
    made = index_of(options)

    def network() -> None:
        for _ in predictor.strips(cube, inner):
            pass

    def index() -> None:
        made.of_cube(cube, inner, spec.input)

    for call in (network, index):
        call()
    readings = [(cpu(network), cpu(index)) for _ in range(options.repeats)]
    return {
        "network_mpx_a_second": [round(edge**2 / a / 1e6, 3) for a, _ in readings],
        "index_mpx_a_second": [round(edge**2 / b / 1e6, 3) for _, b in readings],
        "added": [round(b / a, 3) for a, b in readings],
    }


def index_of(options: argparse.Namespace) -> Dissimilarity:
    """An index of as many bands and points as asked for."""
    rng = np.random.default_rng(1)
    features = (rng.normal(size=(options.bands, options.bands)) @ rng.normal(size=(options.bands, 5000))).astype("f4")
    table = PixelTable(features, np.arange(5000) % FOLDS)
    return fit_applicability(table, None, bands=tuple(range(options.bands)), spread=False, points=options.points)


def cpu(call: Callable[[], None]) -> float:
    """CPU seconds of a call."""
    started = time.process_time()
    call()
    return time.process_time() - started


def main() -> None:
    """Run, print, and write JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=512)
    parser.add_argument("--bands", type=int, default=10)
    parser.add_argument("--window", type=int, default=512)
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--windows", type=int, default=40, help="of the trained region")
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    report: dict[str, Any] = {"what": "applicability", "load": os.getloadavg(), "earth": earth(options)}
    with tempfile.TemporaryDirectory(prefix="swath-bench-") as name:
        report["speed"] = speed(Path(name), options)
    print(json.dumps(report, indent=1))
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
