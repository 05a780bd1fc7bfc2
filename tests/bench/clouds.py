"""Clouds and shadows in the real Landsat series, by year: a temporal network beside LightGBM, in one run.

    python -m tests.bench.clouds --data ../shared/data [--folds 2008 2009 2010 2011 2012] [--json FILE] [--add FILE ...]

Classes are clear (Fmask's land, water, snow), shadow and cloud. The labels are an algorithm's, so that the figures are
agreement with Fmask, over all pixels and without those within 2 px of a border between classes. Each year is held out
once (2013 goes with 2012): `design: transfer`.

- `pixel`: LightGBM on three bands;
- `context`: LightGBM on the bands, their difference to the clear median of the training years, mean and deviation in
  3x3 and 9x9 pixels;
- `network`: the encoder `temporal` and the head `segmentation` on 9 acquisitions about the target, trained by the loop
  of `swath.training`. Neighbours in time of a training chip are of training years too.

Classes weigh 1 / square root of their training pixels in all three. Intervals are of the paired difference, 95 %, whole
acquisitions drawn. `--add` takes folds from readings of earlier runs, so that several processes can share the work.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import torch
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter, minimum_filter, uniform_filter

from swath.cube import LayerFacts
from swath.models.network import Network
from swath.models.spec import BandInput, ClassesOutput, PartSpec
from swath.training import ChipFacts, Chips, Part, checkpoint
from swath.training.batches import Preparer
from swath.training.config import Augment, Loss, Optimiser, TrainConfig
from swath.training.fit import fit
from swath.training.metrics import balanced_accuracy, class_f1, confusion
from swath.training.source import IGNORED

Array = NDArray[Any]
BANDS = (("b3", "red", 0.66), ("b4", "nir", 0.83), ("b5", "swir16", 1.65))
CLASSES = ("clear", "shadow", "cloud")
FMASK = {0: 0, 1: 0, 3: 0, 2: 1, 4: 2}  #: to the place in CLASSES
NODATA = -9999
FOLDS = {2008: (2008,), 2009: (2009,), 2010: (2010,), 2011: (2011,), 2012: (2012, 2013)}
WAYS = ("pixel", "context", "network")
RIM = 2  #: pixels beside a border between classes
MEASURES: dict[str, Callable[[Array], Any]] = {
    "F1 cloud": lambda matrix: class_f1(matrix)[..., 2],
    "F1 shadow": lambda matrix: class_f1(matrix)[..., 1],
    "balanced accuracy": balanced_accuracy,
}


@dataclass(frozen=True)
class Series:
    """Acquisitions in the order of time.

    Attributes:
        names: Of the items.
        numbers: (n, 3, rows, columns) int16.
        fmask: (n, rows, columns) uint8.
        labels: (n, rows, columns) place in CLASSES, 255 where nothing is known.
        years: (n,).
        days: (n,) of the year.
    """

    names: list[str]
    numbers: Array
    fmask: Array
    labels: Array
    years: Array
    days: Array

    @classmethod
    def read(cls, folder: Path) -> Series:
        """From the items in a folder."""
        scenes = []
        for path in folder.glob("*/*.json"):
            item = json.loads(path.read_text(encoding="utf-8"))
            files = [path.parent / f"{name}.tif" for name in (*(band[0] for band in BANDS), "fmask")]
            layers = [_layer(file) for file in files]
            scenes.append((datetime.fromisoformat(item["properties"]["datetime"]), item["id"], layers))
        scenes.sort(key=lambda scene: scene[:2])
        numbers = np.array([layers[:-1] for _, _, layers in scenes])
        fmask = np.array([layers[-1] for _, _, layers in scenes])
        codes = np.full(256, IGNORED, np.uint8)
        codes[list(FMASK)] = list(FMASK.values())
        labels = np.where((numbers != NODATA).all(1), codes[fmask], IGNORED)
        days = np.array([when.timetuple().tm_yday for when, _, _ in scenes], np.float32)
        years = np.array([when.year for when, _, _ in scenes])
        return cls([name for _, name, _ in scenes], numbers, fmask, labels, years, days)


@dataclass(frozen=True)
class Acquisitions:
    """A chip for each acquisition of a series, with those before and after it.

    Attributes:
        series: All acquisitions.
        parts: (n,) `Part` of each.
        steps: Of a chip, the target in the middle.
        size: Edge of a chip; a series is smaller, and the rest has no data.
    """

    series: Series
    parts: Array
    steps: int
    size: int = 64

    @property
    def facts(self) -> ChipFacts:
        """As `ChipSource` wants them."""
        return ChipFacts(
            bands=tuple(BandInput(name=name, common_name=common, wavelength=wave) for name, common, wave in BANDS),
            layers=(LayerFacts("int16", NODATA, 1e-4, unit="reflectance"),) * len(BANDS),
            unit="reflectance",
            gsd=30,
            size=self.size,
            steps=self.steps,
            output=ClassesOutput(name="clouds", classes=CLASSES),
            level="surface",
            target=self.steps // 2,
        )

    def __len__(self) -> int:
        return len(self.parts)

    def names(self, indices: Sequence[int]) -> list[str]:
        """Of the target's items."""
        return [self.series.names[i] for i in indices]

    def counts(self, part: Part) -> NDArray[np.int64]:
        """Labelled pixels of a part by class."""
        labels = self.series.labels
        found = np.stack([(labels == k).sum((1, 2)) for k in range(len(CLASSES))], axis=1)
        return np.where((self.parts == part)[:, None], found, 0)

    def read(self, indices: Sequence[int]) -> Chips:
        """Chips with their neighbours in time; a held-out acquisition is no neighbour of another part's."""
        shape, rows = (len(indices), self.steps), self.series.labels.shape[1]
        numbers = np.full((*shape, len(BANDS), self.size, self.size), NODATA, np.int16)
        day = np.ones(shape, np.float32)
        y = np.full((len(indices), self.size, self.size), IGNORED, np.uint8)
        for n, index in enumerate(indices):
            for step, other in enumerate(self.about(index)):
                if other is not None:
                    numbers[n, step, :, :rows, :rows] = self.series.numbers[other]
                    day[n, step] = self.series.days[other]
            y[n, :rows, :rows] = self.series.labels[index]
        part = np.where(y == IGNORED, IGNORED, self.parts[list(indices)][:, None, None]).astype(np.uint8)
        return Chips(numbers=numbers, day=day, y=y, part=part)

    def about(self, index: int) -> list[int | None]:
        """The acquisitions of a chip in the order of time; None beyond the ends of the series."""
        known = self.parts != Part.TEST if self.parts[index] != Part.TEST else np.ones(len(self), bool)
        half, pool = self.steps // 2, np.flatnonzero(known)
        before, after = pool[pool < index][-half:].tolist(), pool[pool > index][:half].tolist()
        return [*[None] * (half - len(before)), *before, index, *after, *[None] * (half - len(after))]


def by_trees(series: Series, held: Array, *, context: bool) -> Array:
    """Places in CLASSES of the held-out acquisitions by LightGBM."""
    import lightgbm

    given = (series.numbers != NODATA).all(1)
    bands = np.where(given[:, None], series.numbers, np.nan).astype(np.float32)
    features = [bands]
    if context:
        clear = given & np.isin(series.fmask, (0, 1)) & ~held[:, None, None]
        features.append(bands - np.nanmedian(np.where(clear[:, None], bands, np.nan), axis=0))
        features += [layer for size in (3, 9) for layer in _moments(bands, size)]
    table = np.moveaxis(np.concatenate(features, axis=1), 1, -1)
    learn = (series.labels != IGNORED) & ~held[:, None, None]
    x, y = table[learn], series.labels[learn]
    weight = np.bincount(y, minlength=len(CLASSES)) ** -0.5
    drawn = np.random.default_rng(0).permutation(len(y))[:100_000]
    trees = lightgbm.LGBMClassifier(
        n_estimators=200, num_leaves=31, learning_rate=0.05, n_jobs=1, random_state=0, verbose=-1
    )
    trees.fit(x[drawn], y[drawn], sample_weight=weight[y[drawn]])
    told = trees.booster_.predict(table[held].reshape(-1, table.shape[-1]), num_threads=1)
    return np.asarray(told).argmax(1).reshape(series.labels[held].shape)


def by_network(series: Series, held: Array, options: argparse.Namespace) -> Array:
    """Places in CLASSES of the held-out acquisitions by the network."""
    parts = np.where(held, Part.TEST, Part.TRAIN)
    # the loop wants a validation part: the curves need it, the choice here does not, since the last epoch is taken
    parts[np.flatnonzero(~held)[6::12]] = Part.VALIDATE
    source = Acquisitions(series, parts, options.steps)
    config = TrainConfig(
        encoder=PartSpec(name="temporal", settings={"width": options.width, "levels": 3, "groups": 4}),
        head=PartSpec(name="segmentation"),
        chip=source.size,
        epochs=options.epochs,
        batch=options.batch,
        optimiser=Optimiser(lr=5e-3),
        loss=Loss(dice=0),
        augment=Augment(drop_dates=0.1),
        patience=None,
        threads=1,
        device="cpu",
        seed=options.seed,
    )
    with tempfile.TemporaryDirectory(prefix="swath-bench-") as name:
        fitted = fit(config, source, Path(name), name="clouds")
        last = checkpoint.last(fitted.out)
        assert last is not None
        network = Network.build(fitted.spec)
        network.load(last.network())
    network.eval()
    preparer, edge = Preparer(source, fitted.spec), series.labels.shape[1]
    maps = []
    with torch.no_grad():
        for index in np.flatnonzero(held):
            scores = network(*preparer.batch([int(index)], Part.TEST).inputs)
            maps.append(scores[0, :, :edge, :edge].argmax(0).numpy())
    return np.array(maps)


def one_fold(series: Series, years: Sequence[int], options: argparse.Namespace) -> dict[str, Any]:
    """Confusion matrices by acquisition of each way, whole and without rims; seconds of CPU."""
    held = np.isin(series.years, years)
    truth = series.labels[held]
    inner = np.where(_rim(truth), IGNORED, truth)
    report: dict[str, Any] = {"years": list(years), "seconds": {}}
    for way in WAYS:
        started = time.process_time()
        told = by_network(series, held, options) if way == "network" else by_trees(series, held, context=way != "pixel")
        report["seconds"][way] = round(time.process_time() - started, 1)
        for name, labels in (("all", truth), ("inner", inner)):
            matrices = [confusion(a, b, len(CLASSES)).tolist() for a, b in zip(labels, told, strict=True)]
            report.setdefault(name, {})[way] = matrices
    return report


def summary(folds: Sequence[dict[str, Any]], pixels: str) -> dict[str, Any]:
    """Figures over the folds, and the difference of the network to each peer with its interval."""
    matrices = {way: np.concatenate([np.array(fold[pixels][way]) for fold in folds]) for way in WAYS}
    count = len(matrices["network"])
    times = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), size=2000)
    report: dict[str, Any] = {"acquisitions": count}
    for name, measure in MEASURES.items():
        figures = {way: round(float(measure(matrices[way].sum(0))), 3) for way in WAYS}
        drawn = {way: measure(np.tensordot(times, matrices[way], 1)) for way in WAYS}
        for peer in WAYS[:-1]:
            low, high = np.nanquantile(drawn["network"] - drawn[peer], [0.025, 0.975])
            figures[f"network - {peer}"] = [round(float(v), 3) for v in (figures["network"] - figures[peer], low, high)]
        report[name] = figures
    return report


def table(report: dict[str, Any]) -> str:
    """The readings as Markdown."""
    lines = ["| Pixels | Measure | LightGBM, 3 bands | LightGBM, context | Network | Network - context (95 %) |"]
    lines.append("|---|---|---|---|---|---|")
    for pixels in ("all", "inner"):
        for name in MEASURES:
            row = report[pixels][name]
            off, low, high = row["network - context"]
            cells = [f"{row[way]:.3f}" for way in WAYS]
            lines.append(f"| {pixels} | {name} | {' | '.join(cells)} | {off:+.3f} ({low:+.3f} to {high:+.3f}) |")
    return "\n".join(lines)


def _layer(path: Path) -> Array:
    with rasterio.open(path) as file:
        return file.read(1)


def _moments(bands: Array, size: int) -> tuple[Array, Array]:
    """Mean and deviation of what has data in a square about each pixel."""
    seen = np.isfinite(bands)
    values = np.where(seen, bands, 0).astype(np.float64)
    share, mean, square = (uniform_filter(v, (1, 1, size, size)) for v in (seen.astype(float), values, values**2))
    share[share < 1e-6] = np.nan
    mean, square = mean / share, square / share
    return mean.astype(np.float32), np.sqrt((square - mean**2).clip(0)).astype(np.float32)


def _rim(labels: Array) -> Array:
    """Pixels near another class."""
    size = (1, 2 * RIM + 1, 2 * RIM + 1)
    known = labels != IGNORED
    return maximum_filter(np.where(known, labels, 0), size) != minimum_filter(np.where(known, labels, 9), size)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the real scenes")
    made.add_argument("--folds", type=int, nargs="*", default=list(FOLDS), choices=list(FOLDS))
    made.add_argument("--json", type=Path, help="write the readings here")
    made.add_argument("--add", type=Path, nargs="*", default=[], help="readings of earlier runs with other folds")
    made.add_argument("--steps", type=int, default=9, help="acquisitions that the network sees, an odd number")
    made.add_argument("--width", type=int, default=8)
    made.add_argument("--epochs", type=int, default=30)
    made.add_argument("--batch", type=int, default=4)
    made.add_argument("--seed", type=int, default=0)
    return made


def main() -> None:
    """Run, print the table, and write JSON if asked."""
    options = parser().parse_args()
    torch.set_num_threads(1)
    series = Series.read(options.data / "landsat-035032-series")
    folds = [fold for path in options.add for fold in json.loads(path.read_text(encoding="utf-8"))["folds"]]
    folds += [one_fold(series, FOLDS[first], options) for first in options.folds]
    asked = {name: getattr(options, name) for name in ("steps", "width", "epochs", "batch", "seed")}
    report = {"what": "clouds", "design": "transfer", "options": asked, "folds": folds}
    report |= {pixels: summary(folds, pixels) for pixels in ("all", "inner")}
    print(table(report))
    if options.json:
        options.json.write_text(json.dumps(report) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
