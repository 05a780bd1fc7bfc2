"""From the pixels of a training to where its model may be applied; see `swath.models.applicability`.

The rule is that of Meyer and Pebesma (2021, doi:10.1111/2041-210X.13650). A map cannot hold each of its pixels against
all of the training: means of like pixels (k-means, within each fold) stand for them, and the threshold comes from the
same comparison that the map makes, across folds. What that changes is measured on pixels held out, where both rules are
tried.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from swath.errors import LabelError
from swath.models.applicability import DIMENSIONS, Applicability
from swath.models.dissimilarity import Dissimilarity, projected
from swath.models.nearest import nearest

Floats = NDArray[np.float32]
_PAIRED = 4000  # pixels whose distances to each other are averaged


class ApplicabilitySettings(BaseModel):
    """How a training finds out where its model may be applied."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pixels: int = Field(default=20_000, ge=100, description="Labelled pixels of training that it rests on, at most.")
    points: int = Field(
        default=512,
        ge=16,
        le=8192,
        description="Means of like pixels that maps are held against: twice as many take twice as long. As many as "
        "pixels: all of these themselves.",
    )
    spread: bool | None = Field(
        default=None,
        description="Whether the standard deviation of a band over the steps is a feature beside its mean; null: where "
        "there are four steps or more.",
    )
    weights: Literal["equal", "importance"] = Field(
        default="equal",
        description="Of features: `importance` is by how much what the network says changes when a band is taken from "
        "another chip.",
    )


@dataclass(frozen=True)
class PixelTable:
    """Pixels and their folds.

    Attributes:
        features: (F, n) float32, as `features_of` makes them.
        fold: Of each, (n,).
    """

    features: Floats
    fold: NDArray[np.int64]


def fit_applicability(
    train: PixelTable,
    held: Floats | None,
    *,
    bands: tuple[int, ...],
    spread: bool,
    weights: tuple[float, ...] | None = None,
    points: int = 512,
    seed: int = 0,
) -> Dissimilarity:
    """Where a model of these pixels may be applied.

    Args:
        train: Pixels that were learned from; two folds or more.
        held: Features (F, m) of pixels held out, on which the map's rule is held against the exact one.
        bands: See `Applicability`.
        spread: See `Applicability`.
        weights: Of each band; None: all alike.
        points: See `ApplicabilitySettings`.
        seed: Of k-means, and of the pixels whose distances are averaged.

    Raises:
        LabelError: All pixels are of one fold, or alike.
    """
    folds = np.unique(train.fold)
    if len(folds) < 2:
        raise LabelError(
            f"All {len(train.fold)} pixels of the training are of one fold: no threshold can be told.",
            fix="Split into more folds, so that two at least are learned from.",
        )
    mean, std = train.features.mean(axis=1, dtype=np.float64), train.features.std(axis=1, dtype=np.float64)
    weight = np.tile(weights or (1.0,) * len(bands), 2 if spread else 1)
    shift, factor = mean.astype(np.float32), np.where(std > 0, weight / np.where(std > 0, std, 1), 0).astype(np.float32)
    axes, variance = _axes(train.features, shift, factor)
    pixels = projected(train.features, shift, factor, axes).T
    distance = mean_distance(pixels, seed=seed)
    if not distance > 0:
        raise LabelError(
            f"All {len(pixels)} pixels of the training are alike.", fix="Check the chips: bands hold one number."
        )
    codes, of = _codes(pixels, train.fold, points, seed=seed)
    index = across_folds(pixels, train.fold, codes, of) / distance
    threshold = max(whisker(index), float(np.finfo(np.float32).eps))
    agreement, within = 1.0, None
    if held is not None and held.shape[1]:
        asked = projected(held, shift, factor, axes)
        inside = nearest(asked, codes) / distance <= threshold
        within = float(inside.mean())
        if len(codes) < len(pixels):
            exact = whisker(across_folds(pixels, train.fold, pixels, train.fold) / distance)
            agreement = float((inside == (_to_nearest(pixels, asked.T) / distance <= exact)).mean())
    told = Applicability(
        bands=bands, spread=spread, weights=weights or (1.0,) * len(bands), components=axes.shape[1],
        variance=variance, mean_distance=distance, threshold=threshold, pixels=len(pixels), folds=len(folds),
        points=len(codes), agreement=agreement, within=within,
    )  # fmt: skip
    return Dissimilarity(told, shift, factor, axes, codes)


def mean_distance(pixels: NDArray[Any], *, seed: int = 0) -> float:
    """Mean distance between pixels (n, d); of 4,000 of them where there are more."""
    from scipy.spatial.distance import pdist

    chosen = pixels
    if len(pixels) > _PAIRED:
        chosen = pixels[np.random.default_rng((seed, 2)).permutation(len(pixels))[:_PAIRED]]
    return float(pdist(chosen.astype(np.float64)).mean())


def across_folds(
    pixels: NDArray[Any], fold: NDArray[np.int64], points: NDArray[Any], of: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Distance of each pixel (n, d) to the nearest point (m, d) of another fold, (n,)."""
    out = np.empty(len(pixels))
    for one in np.unique(fold):
        out[fold == one] = _to_nearest(points[of != one], pixels[fold == one])
    return out


def whisker(index: NDArray[np.float64]) -> float:
    """The largest that is no outlier: at most the upper quartile and 1.5 times the range between quartiles."""
    low, high = np.quantile(index, [0.25, 0.75])
    return float(index[index <= high + 1.5 * (high - low)].max())


def _axes(features: Floats, shift: Floats, factor: Floats) -> tuple[Floats, float]:
    """Principal components of the weighted features (F, components), and the share of variance that they hold."""
    if len(features) <= DIMENSIONS:
        return np.empty((len(features), 0), np.float32), 1.0
    scaled = (features.astype(np.float64) - shift[:, None]) * factor[:, None]
    values, vectors = np.linalg.eigh(scaled @ scaled.T)
    first = np.argsort(values)[::-1][: DIMENSIONS - 1]
    return vectors[:, first].astype(np.float32), float(np.clip(values[first].sum() / values.sum(), 0, 1))


def _codes(pixels: Floats, fold: NDArray[np.int64], number: int, *, seed: int) -> tuple[Floats, NDArray[np.int64]]:
    """Means of like pixels, each of one fold, in shares of the folds' pixels; the pixels where they are no more."""
    if len(pixels) <= number:
        return pixels.astype(np.float32), fold
    from sklearn.cluster import MiniBatchKMeans

    codes, of = [], []
    for one in np.unique(fold):
        mine = pixels[fold == one]
        wanted = max(1, round(number * len(mine) / len(pixels)))
        if len(np.unique(mine, axis=0)) <= wanted:
            found = np.unique(mine, axis=0)
        else:
            found = MiniBatchKMeans(wanted, n_init=1, random_state=seed, batch_size=2048).fit(mine).cluster_centers_
        codes.append(found)
        of.append(np.full(len(found), one))
    return np.concatenate(codes).astype(np.float32), np.concatenate(of)


def _to_nearest(points: NDArray[Any], asked: NDArray[Any]) -> NDArray[np.float64]:
    from scipy.spatial import cKDTree

    away, _ = cKDTree(points.astype(np.float64)).query(asked.astype(np.float64))
    return np.asarray(away, np.float64)
