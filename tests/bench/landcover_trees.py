"""The peers of land cover: boosted trees on bands, indices and statistics over boxes about each pixel."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import rasterio
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from swath.training import ChipSet, Part
from swath.training.metrics import confusion

Array = NDArray[Any]
PAIRS = (("B08", "B04"), ("B03", "B08"), ("B8A", "B11"), ("B11", "B12"))
NARROW = (3, 7)
WIDE = (3, 7, 15, 31)
PEERS = {"narrow": "LightGBM narrow", "wide": "LightGBM wide"}
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


def trees(samples: Pixels, columns: Sequence[int], classes: int, options: argparse.Namespace) -> dict[int, Array]:
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
        int(chip): confusion(truth[chip_of == chip], found[chip_of == chip], classes) for chip in np.unique(chip_of)
    }
