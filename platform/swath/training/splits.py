"""Which labels are learned from and which are held out: whole blocks, never neighbours.

Neighbouring pixels are alike, so that a random split flatters. Blocks are cells of an equal-area grid (EPSG:6933); a
hash of a cell's index and the seed puts it into a fold, whatever else is labelled. Roberts et al. 2017
(doi:10.1111/ecog.02881); such scores measure transfer, not map accuracy (Wadoux et al. 2021).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
import shapely
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from swath.errors import LabelError
from swath.grid.lonlat import from_lonlat

BLOCK_CRS = "EPSG:6933"
MOST_FOLDS = 16  # their bits stand in a uint16 a pixel


class SplitSpec(BaseModel):
    """How labels are split."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    by: Literal["block", "year"] = Field(
        default="block", description="`block`: places; `year`: years of the images, for labels of acquisitions."
    )
    folds: int = Field(default=5, ge=2, le=MOST_FOLDS, description="Parts, of which one at a time is held out.")
    block_m: float = Field(default=1000.0, gt=0, description="Edge of a block in EPSG:6933, metres (equal area).")
    buffer_m: float = Field(
        default=100.0,
        ge=0,
        description="Training pixels nearer than this to a label that is held out are dropped. At least the network's "
        "receptive field makes them strangers.",
    )
    seed: int = Field(default=0, ge=0, lt=2**63, description="Names the split.")
    held: tuple[int, ...] | None = Field(
        default=None, description="Folds that will be held out, so that each must have every class; null: any may be."
    )
    years: tuple[tuple[int, ...], ...] = Field(
        default=(),
        description="For `year`: the years of each fold; by default every year in turn.",
        examples=[[[2008], [2009], [2010], [2011], [2012, 2013]]],
    )

    def blocks(self, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.int64]:
        """Index (column, row) of the block of each place, (n, 2)."""
        x, y = from_lonlat(BLOCK_CRS).transform(np.asarray(lon, np.float64), np.asarray(lat, np.float64))
        return np.floor(np.stack([x, y], axis=-1) / self.block_m).astype(np.int64)

    def folds_of(self, blocks: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Fold of each block, (...,) of (..., 2): a hash of its index and the seed, so that no block knows another."""
        mixed = mix(np.uint64(self.seed), blocks[..., 0].astype(np.uint64), blocks[..., 1].astype(np.uint64))
        return (mixed % np.uint64(self.folds)).astype(np.uint8)

    def fold_of_year(self, year: int) -> int:
        """Fold of the images of a year.

        Raises:
            LabelError: `years` is given and does not name it.
        """
        if not self.years:
            return year % self.folds
        for fold, years in enumerate(self.years):
            if year in years:
                return fold
        raise LabelError(f"No fold has the year {year}.", fix=f"`years` holds {list(self.years)}: add it to one.")

    @property
    def number(self) -> int:
        """Number of folds."""
        return len(self.years) if self.by == "year" and self.years else self.folds


def mix(*words: NDArray[np.uint64] | np.uint64) -> NDArray[np.uint64]:
    """One evenly spread number from several (splitmix64, Steele et al. 2014), by element."""
    with np.errstate(over="ignore"):
        state = np.asarray(0x9E3779B97F4A7C15, np.uint64)
        for word in words:
            state = np.asarray((state ^ word) + np.uint64(0x9E3779B97F4A7C15), np.uint64)
            state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            state = state ^ (state >> np.uint64(31))
    return np.asarray(state, np.uint64)


def representative(shapes: NDArray[np.object_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Longitude and latitude of a point in each shape: the block of this point takes the whole shape."""
    points = shapely.point_on_surface(shapes)
    return shapely.get_x(points), shapely.get_y(points)


def check_blocks(blocks: NDArray[np.int64], split: SplitSpec) -> None:
    """Refuse labels that blocks cannot split.

    Raises:
        LabelError: All labels lie in one block.
    """
    if split.by == "block" and len(np.unique(blocks, axis=0)) == 1:
        raise LabelError(
            f"All {len(blocks)} labels lie in one block of {split.block_m:g} m: nothing can be held out.",
            fix="Give labels of more places, or smaller blocks (not smaller than objects are alike).",
            block=blocks[0].tolist(),
        )


def check_folds(
    counts: NDArray[np.int64], classes: Sequence[str], *, folds: Iterable[int] | None = None, what: str = "label"
) -> None:
    """Refuse a fold without a class: its score would say nothing of that class.

    Args:
        counts: (folds, classes).
        classes: Names.
        folds: Those that will be held out; all by default.
        what: Is counted, for the message.

    Raises:
        LabelError: Names each fold and class.
    """
    chosen = range(len(counts)) if folds is None else folds
    missing = [(fold, classes[int(c)]) for fold in chosen for c in np.flatnonzero(counts[fold] == 0)]
    if missing:
        shown = "; ".join(f"fold {fold} has no {what} of {name!r}" for fold, name in missing[:6])
        raise LabelError(
            f"{shown}{f' and {len(missing) - 6} more' if len(missing) > 6 else ''}.",
            fix="Take fewer folds, smaller blocks or another seed, or merge "
            f"{missing[0][1]!r} into another class by a legend.",
            missing=[list(pair) for pair in missing],
        )
