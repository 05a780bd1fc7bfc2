"""By how much a random split would flatter: one simple peer learns and is tested under both.

The peer is the five nearest neighbours by the standardised means over time of a pixel's bands. It is no good model, but
like any it is helped by neighbours of its test pixels. Ploton et al. 2020 (doi:10.1038/s41467-020-18321-y).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from swath.grid.lonlat import from_lonlat
from swath.training.chipset import HeldOut
from swath.training.source import Part
from swath.training.splits import SplitSpec

NEIGHBOURS = 5
_CHIPS, _A_CHIP = 512, 64  # chips that are looked at, labelled pixels of each
_MOST_TRAIN, _MOST_TEST = 4000, 2000
_READ = 16


@dataclass(frozen=True)
class Flattery:
    """The peer under both splits.

    Attributes:
        measure: `overall accuracy` of classes, `R2` of values.
        apart: Where what is tested lies apart from what is learned from.
        random: Where the same pixels are split at random.
        train: Pixels learned from.
        test: Pixels tested.
    """

    measure: Literal["overall accuracy", "R2"]
    apart: float
    random: float
    train: int
    test: int

    @property
    def by(self) -> float:
        """How much better a random split lets the peer look."""
        return self.random - self.apart

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {**asdict(self), "by": self.by, "peer": f"{NEIGHBOURS} nearest neighbours"}


def flattery(held: HeldOut, *, seed: int = 0) -> Flattery | None:
    """The peer on labelled pixels of some chips, under the split of the chips and at random.

    Where the chips themselves are split at random, the honest side is a split by block of the same folds.

    Args:
        held: Chips with a fold held out for test.
        seed: Draws chips and pixels.

    Returns:
        None where training or test has fewer than 20 pixels with data.
    """
    x, y, part, places = _pixels(held, np.random.default_rng(seed))
    split = held.chips.split
    if split.by == "random":
        blocks = SplitSpec(folds=max(2, split.number), block_m=split.block_m, seed=split.seed)
        fold = blocks.folds_of(blocks.blocks(places[:, 0], places[:, 1]))
        part = np.where(fold == fold.min(initial=0), int(Part.TEST), int(Part.TRAIN))
    draw = np.random.default_rng((seed, 1))
    train = draw.permutation(np.flatnonzero(part == int(Part.TRAIN)))[:_MOST_TRAIN]
    test = draw.permutation(np.flatnonzero(part == int(Part.TEST)))[:_MOST_TEST]
    if min(len(train), len(test)) < 20:
        return None
    both = draw.permutation(np.concatenate([train, test]))
    classes = held.facts.classes
    return Flattery(
        "overall accuracy" if classes else "R2",
        _score(x, y, train, test, classes), _score(x, y, both[: len(train)], both[len(train) :], classes),
        len(train), len(test),
    )  # fmt: skip


def _pixels(
    held: HeldOut, draw: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[Any], NDArray[np.int64], NDArray[np.float64]]:
    """Means over time (n, bands), labels, parts, and longitude and latitude of labelled pixels with data."""
    used = np.flatnonzero(sum(held.counts(part).sum(axis=1) for part in (Part.TRAIN, Part.TEST)))
    chosen = np.sort(draw.permutation(used)[:_CHIPS])
    layers, gsd = held.facts.layers, held.facts.gsd
    corner = {name: held.chips.index[name].to_numpy() for name in ("x", "y")}
    crs = held.chips.index["crs"].to_pylist()
    xs, ys, parts, places = [], [], [], []
    for first in range(0, len(chosen), _READ):
        indices = chosen[first : first + _READ].tolist()
        found = held.read(indices)
        for n, index in enumerate(indices):
            rows, cols = np.nonzero(np.isin(found["part"][n], (int(Part.TRAIN), int(Part.TEST))))
            some = draw.permutation(len(rows))[:_A_CHIP]
            rows, cols = rows[some], cols[some]
            values = found["numbers"][n][:, :, rows, cols].astype(np.float64)
            for c, facts in enumerate(layers):
                gone = ~np.isfinite(values[:, c]) | (values[:, c] == (np.nan if facts.nodata is None else facts.nodata))
                values[:, c] = np.where(gone, np.nan, values[:, c] * facts.scale + facts.offset)
            dates = np.isfinite(values).sum(axis=0)
            xs.append((np.nansum(values, axis=0) / np.where(dates, dates, np.nan)).T)
            ys.append(found["y"][n][rows, cols])
            parts.append(found["part"][n][rows, cols].astype(np.int64))
            east = corner["x"][index] + (cols + 0.5) * gsd
            north = corner["y"][index] - (rows + 0.5) * gsd
            places.append(np.column_stack(from_lonlat(crs[index]).transform(east, north, direction="INVERSE")))
    if not xs:
        return np.empty((0, len(layers))), np.empty(0), np.empty(0, np.int64), np.empty((0, 2))
    x = np.concatenate(xs)
    keep = np.isfinite(x).all(axis=1)
    return x[keep], np.concatenate(ys)[keep], np.concatenate(parts)[keep], np.concatenate(places)[keep]


def _score(
    x: NDArray[np.float64], y: NDArray[Any], train: NDArray[np.int64], test: NDArray[np.int64], classes: int
) -> float:
    """Of the nearest neighbours: overall accuracy, or R2."""
    mean, std = x[train].mean(axis=0), x[train].std(axis=0)
    scaled = (x - mean) / np.where(std > 0, std, 1)
    learned, asked = scaled[train], scaled[test]
    away = (asked**2).sum(1)[:, None] - 2 * asked @ learned.T + (learned**2).sum(1)
    k = min(NEIGHBOURS, len(train))
    near = y[train][np.argpartition(away, k - 1, axis=1)[:, :k]]
    truth = y[test]
    if classes:
        votes = np.stack([(near == code).sum(axis=1) for code in range(classes)], axis=1)
        return float((votes.argmax(axis=1) == truth).mean())
    error = ((near.mean(axis=1) - truth) ** 2).sum()
    spread = ((truth - truth.mean()) ** 2).sum()
    return float(1 - error / spread) if spread else 0.0
