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
        relative: Whether the variances are of residuals over their spread, so that they are told in squared spreads.
    """

    nugget: float
    sills: tuple[float, ...]
    lengths: tuple[float, ...]
    noise: float = 0.0
    labels: int = 0
    relative: bool = False

    def covariance(self, distance: Array) -> Array:
        """Covariance of the errors of two places, any shape.

        Args:
            distance: Between them, metres; exactly 0 is the same place.
        """
        found = np.where(distance == 0.0, self.nugget, 0.0)
        for sill, length in zip(self.sills, self.lengths, strict=True):
            found = found + sill * np.exp(-distance / length)
        return np.asarray(found, np.float64)


def fit_variogram(
    residuals: Array, x: Array, y: Array, *, noise: Array | float, farthest: float, spread: Array | None = None,
    seed: int = 0,
) -> Variogram:  # fmt: skip
    """Fit a variogram to residuals at labels that the model has not seen.

    Semivariances are Matheron's (1963, doi:10.2113/gsecongeo.58.8.1246), in bins of distance that grow by a factor. Of
    each pair of lengths, sills and nugget follow by least squares that keeps them above zero, weighted by pairs over
    the squared distance (gstat's default weights); the best pair of lengths is kept. What
    labels tell wrongly by themselves is in the nugget and no error of the map: it is taken out, down to zero.

    With a spread, the residuals are divided by it first. A pair then counts by its labels' shares of variance that are
    no noise, squared: labels that tell little else would drown the others.

    Args:
        residuals: Label minus prediction, (n,), of folds that held the label out.
        x: Eastings of the labels, metres, (n,).
        y: Northings, metres, (n,).
        noise: Variance of the labels' own noise, squared units of the residuals, (n,) or one for all.
        farthest: Distance up to which pairs count, metres: about half of the extent of the labels.
        spread: Standard deviation of the map's errors at the labels, (n,): see `fit_spread`. None: the same everywhere.
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
    own, wide = np.asarray(noise, np.float64), np.asarray(1.0 if spread is None else spread, np.float64)
    if own.shape not in ((), values.shape) or wide.shape not in ((), values.shape):
        raise LabelError(f"noise {own.shape}, spread {wide.shape}, {len(values)} labels.", fix="Give one each a label.")
    own, wide = np.broadcast_to(own, values.shape), np.broadcast_to(wide, values.shape)
    bad = int((~np.isfinite(values) | ~np.isfinite(east) | ~np.isfinite(north)).sum())
    if bad:
        raise LabelError(f"{bad} of {len(values)} residuals or places are no numbers.", fix="Drop these labels.")
    if len(values) < LEAST:
        raise LabelError(f"{len(values)} labels are too few for a variogram.", fix=f"Give {LEAST} or more.")
    if not (np.isfinite(own).all() and (own >= 0.0).all() and np.isfinite(farthest) and farthest > 0.0):
        raise LabelError(
            f"noise {own.min():g} to {own.max():g}, farthest {farthest}.",
            fix="Give a variance of 0 or more, a distance above 0.",
        )
    if not (np.isfinite(wide).all() and (wide > 0.0).all()):
        raise LabelError("a spread that is not above 0.", fix="Give a standard deviation above 0 each label.")
    values, own = values / wide, own / wide**2
    trust = np.ones(len(values)) if spread is None else (1.0 + own) ** -2.0
    if len(values) > MOST:
        drawn = np.random.default_rng(seed).choice(len(values), MOST, replace=False)
        values, east, north, own, trust = (array[drawn] for array in (values, east, north, own, trust))
    first, second = np.triu_indices(len(values), 1)
    apart = np.hypot(east[first] - east[second], north[first] - north[second])
    near = (apart > 0.0) & (apart <= farthest)
    if int(near.sum()) < LEAST:
        raise LabelError(f"{int(near.sum())} pairs of labels within {farthest} m.", fix="Give a longer distance.")
    apart, first, second = apart[near], first[near], second[near]
    both = trust[first] * trust[second]
    mean_noise = float((trust * own).sum() / trust.sum())
    # the noise of a bin's own labels, so that bins of noisy ones do not look as if errors were larger at that distance
    half = 0.5 * (values[first] - values[second]) ** 2 - 0.5 * (own[first] + own[second]) + mean_noise
    # the shortest bin holds a thousandth of the pairs, so that its mean says something
    edges = np.geomspace(np.quantile(apart, 0.001), farthest, BINS)
    place = np.searchsorted(edges, apart)
    count = np.bincount(place, both, BINS + 1)
    full = count > 0
    lag = np.bincount(place, both * apart, BINS + 1)[full] / count[full]
    gamma = np.bincount(place, both * half, BINS + 1)[full] / count[full]
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
        max(float(parts[0]) - mean_noise, 0.0), (float(parts[1]), float(parts[2])), pair, mean_noise, len(values),
        spread is not None,
    )  # fmt: skip
