"""Pixels of chips as a map's features: those that were learned from, with their folds, and those held out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from swath.errors import LabelError
from swath.grid.lonlat import from_lonlat
from swath.models.dissimilarity import Dissimilarity, features_of
from swath.models.normalise import Normaliser
from swath.models.spec import LOCATION, ModelSpec
from swath.training.chipset import HeldOut
from swath.training.source import Part
from swath.training.splits import SplitSpec
from swath.training.validation.applicability import ApplicabilitySettings, PixelTable, fit_applicability

_CHIPS = 1000  # that are read, at most
_READ = 16
_HELD = 5000  # pixels held out, at most
_BLOCK_FOLDS = 5  # where all that was learned from is of one fold
_STEPS = 4  # from which on a spread over steps means something


@dataclass(frozen=True)
class _Drawn:
    """Pixels of some chips."""

    features: NDArray[np.float32]
    fold: NDArray[np.int64]
    places: NDArray[np.float64]


def applicability_of(
    spec: ModelSpec,
    held: HeldOut,
    settings: ApplicabilitySettings,
    *,
    weights: tuple[float, ...] | None = None,
    seed: int = 0,
) -> Dissimilarity:
    """Where a model that learned from some chips may be applied.

    Folds are those of the split, as far as they were learned from; blocks in five folds where that leaves only one.

    Args:
        spec: Of the model.
        held: Its chips, with what was held out.
        settings: How many pixels, which features.
        weights: Of each band that is a feature, in order; None: all alike.
        seed: Draws chips and pixels.

    Raises:
        LabelError: No pixels with data, none of a second fold, or all alike; the model takes places only.
    """
    bands = feature_bands(spec)
    spread = spec.input.steps >= _STEPS if settings.spread is None else settings.spread and spec.input.steps > 1
    draw = np.random.default_rng((seed, 0))
    train = _drawn(held, spec, (Part.TRAIN,), settings.pixels, bands, spread, draw)
    if len(train.fold) < 2:
        raise LabelError(
            f"{len(train.fold)} labelled pixels of the training have data: what the model has seen cannot be told.",
            fix="Check period, masks and labels.",
        )
    fold = train.fold
    if len(np.unique(fold)) < 2:
        blocks = SplitSpec(folds=_BLOCK_FOLDS, block_m=held.chips.split.block_m, seed=seed)
        fold = blocks.folds_at(train.places[:, 0], train.places[:, 1]).astype(np.int64)
    apart = _drawn(held, spec, (Part.VALIDATE, Part.TEST), _HELD, bands, spread, draw)
    return fit_applicability(
        PixelTable(train.features, fold), apart.features,
        bands=bands, spread=spread, weights=weights, points=settings.points, seed=seed,
    )  # fmt: skip


def feature_bands(spec: ModelSpec) -> tuple[int, ...]:
    """Places of the bands that are features: all but those that tell where a pixel lies.

    Raises:
        LabelError: There are none.
    """
    found = tuple(place for place, band in enumerate(spec.input.bands) if band.input != LOCATION)
    if not found:
        raise LabelError(f"Model {spec.name} takes places only: nothing tells how unlike a pixel is.")
    return found


def _drawn(
    held: HeldOut,
    spec: ModelSpec,
    parts: tuple[Part, ...],
    number: int,
    bands: tuple[int, ...],
    spread: bool,
    draw: np.random.Generator,
) -> _Drawn:
    """Labelled pixels with data, from as many chips as possible."""
    wanted = [int(part) for part in parts]
    used = np.flatnonzero(sum(held.counts(part).sum(axis=1) for part in parts))
    chosen = np.sort(draw.permutation(used)[:_CHIPS])
    each = max(4, -(-number // max(1, len(chosen))))
    normaliser = Normaliser.of(spec.input, held.facts.layers)
    corner = {name: held.chips.index[name].to_numpy() for name in ("x", "y")}
    crs = held.chips.index["crs"].to_pylist()
    made: list[tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float64]]] = []
    for first in range(0, len(chosen), _READ):
        indices = chosen[first : first + _READ].tolist()
        found, folds = held.read(indices), held.chips.labels(indices)["fold"]
        x, valid = normaliser.chips(found["numbers"])
        for n, index in enumerate(indices):
            there = np.isin(found["part"][n], wanted) & (valid[n].max(axis=0) > 0)
            rows, cols = np.nonzero(there)
            some = np.sort(draw.permutation(len(rows))[:each])
            rows, cols = rows[some], cols[some]
            features = features_of(x[n], valid[n], bands, spread=spread)[:, rows, cols]
            east = corner["x"][index] + (cols + 0.5) * held.facts.gsd
            north = corner["y"][index] - (rows + 0.5) * held.facts.gsd
            places = np.column_stack(from_lonlat(crs[index]).transform(east, north, direction="INVERSE"))
            made.append((features, folds[n][rows, cols].astype(np.int64), places))
    if not made:
        empty = np.empty((len(bands) * (1 + spread), 0), np.float32)
        return _Drawn(empty, np.empty(0, np.int64), np.empty((0, 2)))
    features = np.concatenate([one[0] for one in made], axis=1)
    fold, places = (np.concatenate([one[k] for one in made]) for k in (1, 2))
    kept = np.flatnonzero(np.isfinite(features).all(axis=0))
    kept = np.sort(draw.permutation(kept)[:number])
    return _Drawn(features[:, kept], fold[kept], places[kept])
