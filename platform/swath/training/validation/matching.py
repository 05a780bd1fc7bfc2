"""Folds whose distances to training match those of a map, as places: each has the fold of the nearest centre."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

EARTH_M = 6_371_007.2  #: radius of the sphere that has the area of WGS84, metres


class Matching(BaseModel):
    """What `knndm` found: where folds lie, and how well distances match."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    centres: tuple[tuple[float, float, int], ...] = Field(
        min_length=2, description="Longitude, latitude and fold: a place is of the fold of the nearest one."
    )
    w_m: float = Field(
        description="Wasserstein distance of the two distributions of distances to the nearest label learned from: of "
        "labels that are held out, and of places of the map. 0: each fold is as far from training as the map is."
    )
    w_random_m: float = Field(description="The same where each label is put into a fold by itself.")
    map_m: float = Field(description="Median distance from a place of the map to the nearest label, metres.")
    held_m: float = Field(description="Median distance from a label that is held out to the nearest other, metres.")
    clustered: bool = Field(
        description="Whether labels lie nearer to each other than the map to them (Kolmogorov-Smirnov, 5 %). Where "
        "not, a random split would match as well, and folds are many small cells."
    )

    def folds_at(self, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.uint8]:
        """Fold of each place, (n,)."""
        tree, folds = _tree(self.centres)
        _, at = tree.query(on_sphere(lon, lat))
        return np.asarray(folds[at], np.uint8)

    @property
    def text(self) -> str:
        """One line for people."""
        return (
            f"Labels held out lie {self.held_m:.0f} m from the nearest one learned from (median), places of the map "
            f"{self.map_m:.0f} m; W {self.w_m:.0f} m, {self.w_random_m:.0f} m of a random split."
        )


def on_sphere(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Places as points of a sphere, metres from its centre, (n, 3)."""
    east, north = np.radians(np.asarray(lon, np.float64)), np.radians(np.asarray(lat, np.float64))
    flat = np.cos(north)
    return EARTH_M * np.stack([flat * np.cos(east), flat * np.sin(east), np.sin(north)], axis=-1)


def along_sphere(chord: NDArray[np.float64]) -> NDArray[np.float64]:
    """Metres along the great circle, from those of the straight line."""
    return 2 * EARTH_M * np.arcsin(np.clip(chord / (2 * EARTH_M), 0, 1))


@lru_cache(maxsize=4)
def _tree(centres: tuple[tuple[float, float, int], ...]) -> tuple[Any, NDArray[np.uint8]]:
    from scipy.spatial import cKDTree

    lon, lat, folds = (np.array(column) for column in zip(*centres, strict=True))
    return cKDTree(on_sphere(lon, lat)), folds.astype(np.uint8)
