"""How a map's errors hang together over distance: a variogram of residuals at labels, without the labels' own noise."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from swath.errors import LabelError

Array = NDArray[np.float64]
LEAST = 30  #: labels that a variogram needs
MOST = 2_000  #: labels whose pairs are looked at: a draw where there are more
BINS = 16  #: of distance
_RANGES = 12  # tried, from the shortest bin to the longest


@dataclass(frozen=True)
class Variogram:
    """A nugget and exponential structures: `C(h) = nugget [h = 0] + sum of sill * exp(-h / length)`.

    Attributes:
        nugget: Variance of the errors at no distance, without the labels' noise, in squared units of the residuals.
        sills: Variance of each structure, the same units.
        lengths: Distance at which a structure's covariance is 1/e of its sill, metres.
        noise: Variance of the labels' noise that was taken out of the nugget.
        labels: Whose pairs were looked at.
    """

    nugget: float
    sills: tuple[float, ...]
    lengths: tuple[float, ...]
    noise: float = 0.0
    labels: int = 0

    def covariance(self, distance: Array) -> Array:
        """Covariance of the errors of two places, any shape.

        Args:
            distance: Between them, metres; exactly 0 is the same place.
        """
        found = np.where(distance == 0.0, self.nugget, 0.0)
        for sill, length in zip(self.sills, self.lengths, strict=True):
            found = found + sill * np.exp(-distance / length)
        return np.asarray(found, np.float64)


def fit_variogram(residuals: Array, x: Array, y: Array, *, noise: float, farthest: float, seed: int = 0) -> Variogram:
    """Fit a variogram to residuals at labels that the model has not seen.

    Semivariances are Matheron's (1963, doi:10.2113/gsecongeo.58.8.1246), in bins of distance that grow by a factor. Of
    each pair of lengths, sills and nugget follow by least squares that keeps them above zero, weighted by pairs over
    the squared distance (gstat's default weights); the best pair of lengths is kept. What
    labels tell wrongly by themselves is in the nugget and no error of the map: it is taken out, down to zero.

    Args:
        residuals: Label minus prediction, (n,), of folds that held the label out.
        x: Eastings of the labels, metres, (n,).
        y: Northings, metres, (n,).
        noise: Mean variance of the labels' own noise, squared units of the residuals.
        farthest: Distance up to which pairs count, metres: about half of the extent of the labels.
        seed: Of the draw of labels.

    Raises:
        LabelError: Of too few labels, numbers that are none, or no pairs within `farthest`.
    """
    from scipy.optimize import nnls

    values, east, north = (np.asarray(array, np.float64) for array in (residuals, x, y))
    if not values.ndim == east.ndim == north.ndim == 1 or not len(values) == len(east) == len(north):
        raise LabelError(
            f"residuals {values.shape} and places {east.shape}, {north.shape} do not match.",
            fix="Give one each a label.",
        )
    bad = int((~np.isfinite(values) | ~np.isfinite(east) | ~np.isfinite(north)).sum())
    if bad:
        raise LabelError(f"{bad} of {len(values)} residuals or places are no numbers.", fix="Drop these labels.")
    if len(values) < LEAST:
        raise LabelError(f"{len(values)} labels are too few for a variogram.", fix=f"Give {LEAST} or more.")
    if not (np.isfinite(noise) and noise >= 0.0 and np.isfinite(farthest) and farthest > 0.0):
        raise LabelError(
            f"noise {noise}, farthest {farthest}.", fix="Give a variance of 0 or more, a distance above 0."
        )
    if len(values) > MOST:
        drawn = np.random.default_rng(seed).choice(len(values), MOST, replace=False)
        values, east, north = values[drawn], east[drawn], north[drawn]
    first, second = np.triu_indices(len(values), 1)
    apart = np.hypot(east[first] - east[second], north[first] - north[second])
    near = (apart > 0.0) & (apart <= farthest)
    if int(near.sum()) < LEAST:
        raise LabelError(f"{int(near.sum())} pairs of labels within {farthest} m.", fix="Give a longer distance.")
    apart, half = apart[near], 0.5 * (values[first[near]] - values[second[near]]) ** 2
    # the shortest bin holds a thousandth of the pairs, so that its mean says something
    edges = np.geomspace(np.quantile(apart, 0.001), farthest, BINS)
    place = np.searchsorted(edges, apart)
    count = np.bincount(place, minlength=BINS + 1).astype(np.float64)
    full = count > 0
    lag = np.bincount(place, apart, BINS + 1)[full] / count[full]
    gamma = np.bincount(place, half, BINS + 1)[full] / count[full]
    weight = np.sqrt(count[full]) / lag
    lengths = np.geomspace(lag.min(), farthest, _RANGES)
    best: tuple[float, Array, tuple[float, float]] | None = None
    for short, long in combinations(lengths.tolist(), 2):
        shapes = np.stack([np.ones_like(lag), 1.0 - np.exp(-lag / short), 1.0 - np.exp(-lag / long)], axis=1)
        parts, lack = nnls(shapes * weight[:, None], gamma * weight)
        if best is None or lack < best[0]:
            best = float(lack), parts, (short, long)
    assert best is not None  # there are always pairs of lengths
    _, parts, pair = best
    return Variogram(
        max(float(parts[0]) - noise, 0.0), (float(parts[1]), float(parts[2])), pair, float(noise), len(values)
    )
