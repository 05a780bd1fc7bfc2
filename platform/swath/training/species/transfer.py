"""How well suitability carries over to blocks of land that training never saw."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from swath.errors import LabelError
from swath.grid.lonlat import from_lonlat
from swath.training.metrics import auc, boyce
from swath.training.species.config import SpeciesConfig
from swath.training.species.fit import fit_species, suitability
from swath.training.species.records import Records
from swath.training.splits import BLOCK_CRS, SplitSpec
from swath.training.tables.table import Table

LEAST_HELD = 5  #: presences in held-out blocks below which a figure of a species says nothing


@dataclass(frozen=True)
class Transfer:
    """Figures of held-out blocks, by species.

    Attributes:
        auc: Held-out presences against random places of the held-out blocks.
        auc_target_group: The same against held-out records of other species of the group, which share the surveys'
            bias (Phillips et al. 2009, doi:10.1890/07-2153.1); NaN where there is none.
        boyce: Continuous Boyce index; NaN where suitability has too few levels.
        presences: Those held out, of every species.
        not_scored: Species without figures, and why.
        near: Records left out of training as they lie within the buffer of a held-out block's records.
    """

    auc: dict[str, float]
    auc_target_group: dict[str, float]
    boyce: dict[str, float]
    presences: dict[str, int]
    not_scored: dict[str, str]
    near: int

    @property
    def figures(self) -> dict[str, float]:
        """Means over species, those without a value left out; what has no value at all is not named."""
        told = {"auc": self.auc, "auc_target_group": self.auc_target_group, "boyce": self.boyce}
        finite = {name: [v for v in one.values() if np.isfinite(v)] for name, one in told.items()}
        return {name: float(np.mean(values)) for name, values in finite.items() if values}


def transfer(
    presences: Table, background: Table, config: SpeciesConfig, *, split: SplitSpec | None = None, test: int = 0
) -> Transfer:
    """Fit without a fold of blocks, and score its records.

    Args:
        presences: As for `fit_species`, in longitude and latitude.
        background: Random places of the region.
        config: The recipe.
        split: Blocks; of 20 km without a buffer unless told.
        test: Fold that is held out.

    Raises:
        LabelError: Tables without species or degrees, no such fold, or nothing on one side of the split.
    """
    split = split or SplitSpec(block_m=20_000.0, buffer_m=0.0)
    if presences.target is None or presences.xy is None or background.xy is None or not presences.schema.is_lonlat:
        raise LabelError(
            f"{presences.source} cannot be split into blocks.", fix="Name target, x and y of degrees in the schema."
        )
    if not 0 <= test < split.number:
        raise LabelError(f"There is no fold {test} of {split.number}.", fix=f"Name one of 0 to {split.number - 1}.")
    held = split.folds_at(presences.xy[:, 0], presences.xy[:, 1]) == test
    apart = split.folds_at(background.xy[:, 0], background.xy[:, 1]) == test
    near = ~held & _near(presences.xy, held, split.buffer_m)
    if not (held.any() and apart.any() and (~held & ~near).any() and (~apart).any()):
        raise LabelError(
            f"Fold {test} holds {held.sum()} of {len(held)} records and {apart.sum()} of {len(apart)} random places.",
            fix="Take smaller blocks, a narrower buffer or a larger area.",
        )
    seen, random = presences.take(held), background.take(apart)
    learned, rest = presences.take(~held & ~near), background.take(~apart)
    names = Records.of(learned, rest, config).names
    with tempfile.TemporaryDirectory() as folder:
        package = fit_species(learned, rest, Path(folder) / "held", config=config)
        there, region = suitability(package, seen), suitability(package, random)
    return _scored(presences, seen, there, region, names, near=int(near.sum()))


def _near(xy: NDArray[np.float64], held: NDArray[np.bool_], buffer_m: float) -> NDArray[np.bool_]:
    """Which records lie within the buffer of one that is held out, (n,)."""
    if not buffer_m or not held.any():
        return np.zeros(len(xy), bool)
    from scipy.spatial import KDTree

    metres = np.stack(from_lonlat(BLOCK_CRS).transform(xy[:, 0], xy[:, 1]), axis=1)
    distance, _ = KDTree(metres[held]).query(metres)
    return np.asarray(distance < buffer_m)


def _scored(
    presences: Table,
    seen: Table,
    there: NDArray[np.float32],
    region: NDArray[np.float32],
    names: Sequence[str],
    *,
    near: int,
) -> Transfer:
    assert presences.target is not None and seen.target is not None and seen.xy is not None
    species = seen.target.astype(str)
    group = np.full(len(species), "all", object) if seen.group is None else seen.group.astype(str)
    _, site = np.unique(seen.xy, axis=0, return_inverse=True)
    site = site.reshape(-1)
    made: dict[str, dict[str, float]] = {"auc": {}, "auc_target_group": {}, "boyce": {}}
    number: dict[str, int] = {}
    not_scored: dict[str, str] = {}
    for name in np.unique(presences.target.astype(str)).tolist():
        mine = species == name
        _, first = np.unique(site[mine], return_index=True)
        number[name] = len(first)
        if name not in names:
            not_scored[name] = "not fitted: no or too few records outside the held-out blocks"
            continue
        if len(first) < LEAST_HELD:
            not_scored[name] = f"{len(first)} presences held out, {LEAST_HELD} are needed"
            continue
        column = names.index(name)
        hits = there[mine, column][first]
        others = (group == group[mine][0]) & ~np.isin(site, site[mine])
        _, once = np.unique(site[others], return_index=True)
        made["auc"][name] = _auc(hits, region[:, column])
        made["auc_target_group"][name] = _auc(hits, there[others, column][once])
        made["boyce"][name] = float(boyce(hits, region[:, column]))
    return Transfer(**made, presences=number, not_scored=not_scored, near=near)


def _auc(hits: NDArray[np.float32], others: NDArray[np.float32]) -> float:
    if not len(others):
        return float("nan")
    return auc(np.repeat([1.0, 0.0], [len(hits), len(others)]), np.concatenate([hits, others]))
