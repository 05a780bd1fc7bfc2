"""Boosted trees on the neighbourhood of labelled pixels of one sensor: the peer of a network of clouds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from swath.grid import Tile
from swath.mapping import Plan
from swath.mapping.work import MapWork
from swath.models import Predictor
from swath.models.cubes import ReadCube
from swath.training.chipset import HeldOut
from swath.training.source import Part

Array = NDArray[Any]
BOXES = (3, 5, 9, 17)
QUARTILES = (0.25, 0.5, 0.75)


@dataclass(frozen=True)
class Scene:
    """One acquisition over one tile.

    Attributes:
        key: Tile and time step.
        tile: That was read, with a halo.
        inner: Rows and columns of the tile asked for.
        values: Of the sensor's bands, float32 (C, H, W), NaN where there is no data.
        scores: Of the network by class, (K, rows, columns) of `inner`; None where it was not asked.
        items: Ids.
    """

    key: tuple[str, str]
    tile: Tile
    inner: tuple[slice, slice]
    values: Array
    scores: Array | None
    items: tuple[str, ...]


def scenes(plan: Plan, predictor: Predictor | None) -> Iterator[Scene]:
    """All acquisitions of a plan, read by the code that maps."""
    work = MapWork(plan.store.root, plan.root, plan.run, threads=1)
    for unit in plan.units():
        made = work.read(unit)
        cube = made.data
        assert isinstance(cube, ReadCube)
        values = np.stack([_physical(*pair) for pair in zip(cube.cube.layers[-1], cube.cube.facts, strict=True)])
        inner = cube.inner
        scores = None if predictor is None else predictor.predict(cube.cube, inner)
        yield Scene(
            (unit.tile, unit.step), cube.tile, (slice(inner.top, inner.bottom), slice(inner.left, inner.right)),
            values, scores, tuple(scene.id for scene in made.scenes),
        )  # fmt: skip


def _physical(numbers: Array, facts: Any) -> Array:
    values = numbers.astype(np.float32) * np.float32(facts.scale) + np.float32(facts.offset)
    return values if facts.nodata is None else np.where(numbers == facts.nodata, np.float32(np.nan), values)


def quartiles_of(several: Sequence[Scene], bands: Sequence[int]) -> dict[str, Array]:
    """Quartiles of a sensor's acquisitions by tile, (Q, C, H, W)."""
    by_tile = defaultdict(list)
    for one in several:
        by_tile[one.key[0]].append(one.values[list(bands)])
    found = {}
    for tile, mine in by_tile.items():
        ordered = np.sort(np.stack(mine), axis=0)  # NaN last
        count = np.isfinite(ordered).sum(0)
        at = [np.clip((share * count).astype(int), 0, np.maximum(count - 1, 0)) for share in QUARTILES]
        found[tile] = np.stack([np.take_along_axis(ordered, where[None], 0)[0] for where in at])
    return found


def features(values: Array) -> Array:
    """(F, H, W) of the bands of a scene (C, H, W): themselves, and statistics of the neighbourhood."""
    seen = np.isfinite(values)
    filled = np.where(seen, values, 0).astype(np.float64)
    made = [values]
    for edge in BOXES:
        share, mean, square = (uniform_filter(v, (1, edge, edge)) for v in (seen.astype(float), filled, filled**2))
        share[share < 1e-6] = np.nan
        mean, square = mean / share, square / share
        made += [mean, np.sqrt((square - mean**2).clip(0))]
    return np.concatenate(made).astype(np.float32)


@dataclass(frozen=True)
class Labelled:
    """Pixels of one sensor that are learned from.

    Attributes:
        bands: Places of the bands that the sensor has.
        rows: (n, F) `features`.
        classes: (n,).
        places: Tile, time step, easting and northing of each.
    """

    bands: list[int]
    rows: Array
    classes: Array
    places: list[tuple[tuple[str, str], float, float]]


def labelled(source: HeldOut, member: int) -> Labelled:
    """The pixels of one sensor's chips from which the network learns."""
    index = source.chips.index
    mine = np.flatnonzero(index["member"].to_numpy() == member)
    gsd = source.facts.gsd
    facts = index.select(["tile", "step", "x", "y"]).to_pylist()
    bands: list[int] = []
    rows, classes, places = [], [], []
    for number in mine.tolist():
        read = source.read([number])
        values = read["numbers"][0, -1]
        bands = bands or np.flatnonzero(np.isfinite(values).any((1, 2))).tolist()
        i, j = np.nonzero(read["part"][0] == Part.TRAIN)
        if not len(i):
            continue
        rows.append(features(values[bands])[:, i, j].T)
        classes.append(read["y"][0][i, j])
        told_ = facts[number]
        places += [
            ((told_["tile"], told_["step"]), told_["x"] + (c + 0.5) * gsd, told_["y"] - (r + 0.5) * gsd)
            for r, c in zip(i.tolist(), j.tolist(), strict=True)
        ]
    return Labelled(bands, np.concatenate(rows), np.concatenate(classes), places)


def differences(pixels: Labelled, several: Sequence[Scene]) -> Array:
    """Of labelled pixels to the quartiles of their place's acquisitions, (n, Q x C)."""
    quartiles = quartiles_of(several, pixels.bands)
    lattices = {one.key[0]: ~one.tile.affine for one in several}
    out = np.empty((len(pixels.rows), len(QUARTILES) * len(pixels.bands)), np.float32)
    for number, ((tile, _), east, north) in enumerate(pixels.places):
        col, row = (int(np.floor(v)) for v in lattices[tile] * (east, north))
        values = pixels.rows[number, : len(pixels.bands)]
        out[number] = (values - quartiles[tile][:, :, row, col]).ravel()
    return out


def grown(rows: Array, classes: Array, seed: int) -> lightgbm.LGBMClassifier:
    """Boosted trees."""
    trees = lightgbm.LGBMClassifier(
        n_estimators=200, learning_rate=0.05, num_leaves=31, colsample_bytree=0.5, subsample=0.8, subsample_freq=1,
        min_child_samples=20, n_jobs=1, random_state=seed, verbose=-1,
    )  # fmt: skip
    return trees.fit(rows, classes)


def told(trees: lightgbm.LGBMClassifier, rows: Array) -> Array:
    """Classes of rows."""
    # without scikit-learn's wrapper, which warns of names that nobody gave
    return np.asarray(trees.classes_[np.asarray(trees.booster_.predict(rows, num_threads=1)).argmax(1)])
