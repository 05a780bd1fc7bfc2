"""Which labels are learned from and which are held out: whole blocks, tracks, regions or years, never neighbours.

Neighbouring pixels are alike, so that a random split flatters. Blocks are cells of an equal-area grid (EPSG:6933); a
hash of a cell's index and the seed puts it into a fold, whatever else is labelled. Roberts et al. 2017
(doi:10.1111/ecog.02881); such scores measure transfer, not map accuracy (Wadoux et al. 2021).

Footprints of one track share the error of its place. Where labels have groups and folds are blocks, both are held out:
a label is tested with fold f if its block and its track are of f, learned from if neither is, and else serves for
nothing while f is held out.

Where labels are clustered and the map reaches far beyond them, blocks flatter too: `knndm` takes folds as far from what
is learned from as the map is (see `swath.training.validation.knndm`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Literal

import numpy as np
import shapely
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from swath.errors import LabelError
from swath.grid import Area
from swath.grid.lonlat import from_lonlat
from swath.training.validation.matching import Matching

BLOCK_CRS = "EPSG:6933"
MOST_FOLDS = 16  # their bits stand in a uint16 a pixel
#: Stands for the fold of a label that is never held out: its block and its track are of different folds.
TRAIN_ONLY = 254


class SplitSpec(BaseModel):
    """How labels are split."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    by: Literal["block", "year", "group", "region", "knndm", "random"] = Field(
        default="block",
        description="`block`: places; `year`: years of the images, for labels of acquisitions; `group`: tracks, plots "
        "or whatever the labels' column of groups names; `region`: those of `regions`; `knndm`: places, so that labels "
        "held out lie as far from training as the map does; `random`: each label by itself, which flatters, and needs "
        "a `reason`.",
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

    shares: tuple[float, float, float] | None = Field(
        default=None,
        description="Shares of blocks (or groups) for training, validation and test instead of equal folds: the test "
        "is then fold 0, validation fold 1, and training fold 2.",
        examples=[None],
    )
    groups: tuple[tuple[str, ...], ...] = Field(
        default=(), description="For `group`: the groups of each fold; all others make the last one. By default a hash."
    )
    regions: tuple[str, ...] = Field(
        default=(),
        description="For `region`: each a fold, as a file of polygons, west,south,east,north or a country's name; all "
        "else makes the last fold.",
    )
    reason: str | None = Field(default=None, min_length=1, description="For `random`: why, for the report.")
    mapped: str | None = Field(
        default=None,
        description="For `knndm`: the area that will be mapped, as `regions` names one; null: that of the training.",
    )
    matching: Matching | None = Field(
        default=None, description="For `knndm`: filled in when chips are cut; leave it null.", examples=[None]
    )

    @model_validator(mode="after")
    def _it_is_honest(self) -> SplitSpec:
        if self.by == "random" and self.reason is None:
            raise ValueError(
                "a random split puts neighbours into training and test and flatters; take by: block, or say in "
                "`reason` why it must be random"
            )
        if self.by == "region" and not 0 < len(self.regions) < MOST_FOLDS:
            raise ValueError(f"by: region needs 1 to {MOST_FOLDS - 1} `regions`, {len(self.regions)} are given")
        if len(self.groups) >= MOST_FOLDS:
            raise ValueError(f"`groups` makes {len(self.groups) + 1} folds, the most are {MOST_FOLDS}")
        if self.shares is not None and (min(self.shares) < 0 or abs(sum(self.shares) - 1) > 1e-6):
            raise ValueError(f"shares {self.shares} must not be negative, and sum to 1")
        return self

    def blocks(self, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.int64]:
        """Index (column, row) of the block of each place, (n, 2)."""
        x, y = from_lonlat(BLOCK_CRS).transform(np.asarray(lon, np.float64), np.asarray(lat, np.float64))
        return np.floor(np.stack([x, y], axis=-1) / self.block_m).astype(np.int64)

    def folds_of(self, blocks: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Fold of each block, (...,) of (..., 2): a hash of its index and the seed, so that no block knows another."""
        return self._drawn(
            mix(np.uint64(self.seed), blocks[..., 0].astype(np.uint64), blocks[..., 1].astype(np.uint64))
        )

    def _drawn(self, hashed: NDArray[np.uint64]) -> NDArray[np.uint8]:
        """Fold of each evenly spread number."""
        if self.shares is None:
            return (hashed % np.uint64(self.folds)).astype(np.uint8)
        _, validation, test = self.shares
        at = hashed.astype(np.float64) / 2.0**64
        return np.where(at < test, 0, np.where(at < test + validation, 1, 2)).astype(np.uint8)

    def folds_of_groups(self, groups: NDArray[np.object_]) -> NDArray[np.uint8]:
        """Fold of each group, by `groups` or by a hash of its name and the seed, (n,)."""
        names, where = np.unique(groups.astype(str), return_inverse=True)
        if self.by == "group" and self.groups:
            table = {name: fold for fold, several in enumerate(self.groups) for name in several}
            found = np.array([table.get(str(name), len(self.groups)) for name in names], np.uint8)
        else:
            words = [int.from_bytes(hashlib.sha256(str(name).encode()).digest()[:8], "little") for name in names]
            found = self._drawn(mix(np.uint64(self.seed), np.array(words, np.uint64)))
        return found[where]

    def folds_at(self, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.uint8]:
        """Fold of each place by its block, region or matching, (n,).

        Raises:
            LabelError: `knndm` before it was matched.
        """
        if self.by == "knndm":
            if self.matching is None:
                raise LabelError(
                    "Folds by knndm are matched to labels and a map when chips are cut, and these are not yet.",
                    fix="Cut chips first (swath chips), or take by: block.",
                )
            return self.matching.folds_at(lon, lat)
        if self.by != "region":
            return self.folds_of(self.blocks(lon, lat))
        out = np.full(np.shape(lon), len(self.regions), np.uint8)
        for fold in reversed(range(len(self.regions))):  # where two regions overlap, the first has the place
            out[shapely.intersects_xy(_region(self.regions[fold]), lon, lat)] = fold
        return out

    def folds_of_labels(
        self,
        places: NDArray[np.float64],
        groups: NDArray[np.object_] | None,
        keys: NDArray[np.uint64] | None,
    ) -> NDArray[np.uint8]:
        """Fold of each label; `TRAIN_ONLY` where its block is of one and its group of another.

        Args:
            places: Longitude and latitude, (n, 2).
            groups: Name of the group of each, "" for none.
            keys: A number of each label, for `random`.

        Raises:
            LabelError: `group` for labels without.
        """
        if self.by == "year":
            return np.zeros(len(places), np.uint8)  # it is that of the images
        if self.by == "random":
            assert keys is not None
            return self._drawn(mix(np.uint64(self.seed), keys))
        if self.by == "group":
            if groups is None or not (groups.astype(str) != "").all():
                raise LabelError(
                    "Folds are by group, and the labels have none.",
                    fix="Name the column of groups (labels.group), or take by: block.",
                )
            return self.folds_of_groups(groups)
        out = self.folds_at(places[:, 0], places[:, 1])
        if groups is None:
            return out
        disagree = (groups.astype(str) != "") & (self.folds_of_groups(groups) != out)
        return np.where(disagree, np.uint8(TRAIN_ONLY), out)

    def barred(self, places: NDArray[np.float64], groups: NDArray[np.object_] | None) -> NDArray[np.uint16]:
        """Bits of the folds in whose training a label must not serve, because its block or group is held out, (n,)."""
        out = np.zeros(len(places), np.uint16)
        if groups is None or not self.by_place:
            return out
        has = groups.astype(str) != ""
        by_place, by_group = self.folds_at(places[:, 0], places[:, 1]), self.folds_of_groups(groups)
        bits = (np.uint16(1) << by_place.astype(np.uint16)) | (np.uint16(1) << by_group.astype(np.uint16))
        out[has] = np.where(by_place != by_group, bits, np.uint16(0))[has]
        return out

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
        if self.by == "year" and self.years:
            return len(self.years)
        if self.by == "region":
            return len(self.regions) + 1
        if self.by == "group" and self.groups:
            return len(self.groups) + 1
        return self.folds if self.shares is None else 3

    def frozen(self) -> SplitSpec:
        """The same with its regions written out, so that it says itself where they lie.

        Raises:
            AreaError: A region that cannot be read.
        """
        told = {"regions": tuple(map(_written, self.regions))} if self.regions else {}
        return self.model_copy(update=told if self.mapped is None else {**told, "mapped": _written(self.mapped)})

    @property
    def unset(self) -> frozenset[str]:
        """Fields younger than stores of chips, where they stand at their default: digests leave them out."""
        return frozenset() if self.mapped is not None else frozenset({"mapped"})

    @property
    def is_spatial(self) -> bool:
        """Whether places are held out, so that a buffer lies round them."""
        return self.by_place or self.by == "group"

    @property
    def by_place(self) -> bool:
        """Whether a place alone tells its fold."""
        return self.by in ("block", "region", "knndm")


def _written(text: str) -> str:
    return json.dumps(Area.parse(text).to_geojson(), sort_keys=True)


@lru_cache(maxsize=MOST_FOLDS)
def _region(text: str) -> shapely.Geometry:
    geometry = Area.parse(text).geometry
    shapely.prepare(geometry)
    return geometry


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
            fix="Take fewer folds, smaller blocks or another seed"
            + (
                f", or merge {missing[0][1]!r} into another class by a legend."
                if len(classes) > 1
                else "; a label whose track and block are of different folds is in none."
            ),
            missing=[list(pair) for pair in missing],
        )
