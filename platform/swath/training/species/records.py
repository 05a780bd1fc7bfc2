"""Records of species made ready: sites, who was seen there, and who else was looked for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from swath.errors import LabelError
from swath.training.species.config import SpeciesConfig
from swath.training.tables.table import Table

_SHOWN = 6


@dataclass(frozen=True)
class Records:
    """Places where species were recorded, each once, and background.

    Attributes:
        names: Of the species, by alphabet.
        groups: Group of each species, (S,) text.
        sites: A row a place; of records of one place and the same predictors.
        seen: (sites, S) bool.
        told: (sites, S) bool: somebody recorded the species' group there, so that not to see it says something.
        background: Random places.
        few: Presences of species that have fewer than the recipe asks for, by name.
        left_out: Those of them that are not fitted.
    """

    names: tuple[str, ...]
    groups: tuple[str, ...]
    sites: Table
    seen: NDArray[np.bool_]
    told: NDArray[np.bool_]
    background: Table
    few: dict[str, int]
    left_out: tuple[str, ...]

    @classmethod
    def of(cls, presences: Table, background: Table, config: SpeciesConfig) -> Records:
        """Join records to sites.

        Args:
            presences: A row a record; its target is the species, its group the group of species that share surveys
                (without a group: one for all).
            background: Random places of the region, of the same columns; its target is left aside.
            config: Says how many presences a species needs.

        Raises:
            LabelError: Tables of other columns, no species, or a species with too few presences, as `config.few` asks.
        """
        if presences.target is None:
            raise LabelError(
                f"{presences.source} does not say which species its rows are of.", fix="Name `target` in the schema."
            )
        mine, theirs = presences.schema, background.schema
        if (mine.columns, mine.categories, mine.crs) != (theirs.columns, theirs.categories, theirs.crs):
            raise LabelError(
                f"Presences have {', '.join(mine.columns)} in {mine.crs}, the background {', '.join(theirs.columns)} "
                f"in {theirs.crs}.",
                fix="Give both the same schema, but for target and group.",
            )
        species = presences.target.astype(str)
        group = np.full(len(species), "all", object) if presences.group is None else presences.group.astype(str)
        key = presences.values if presences.xy is None else presences.xy
        _, first, site = np.unique(key, axis=0, return_index=True, return_inverse=True)
        site = site.reshape(-1)
        names, code = np.unique(species, return_inverse=True)
        seen = np.zeros((len(first), len(names)), bool)
        seen[site, code] = True
        few = {str(n): int(k) for n, k in zip(names, seen.sum(0), strict=True) if k < config.least}
        if few and config.few == "refuse":
            raise LabelError(
                f"{len(few)} species have fewer than {config.least} presences: {_listed(few)}.",
                fix="Give more records, leave them out, or set few: flag.",
                species=list(few),
            )
        keep = np.array([config.few != "leave out" or name not in few for name in names.tolist()])
        if not keep.any():
            raise LabelError(
                f"No species has {config.least} presences: {_listed(few)}.", fix="Give more records.", species=list(few)
            )
        groups = _groups(species, group, names.tolist())
        recorded = {one: np.isin(np.arange(len(first)), site[group == one]) for one in set(groups)}
        told = np.stack([recorded[one] for one in groups], axis=1)
        kept = np.flatnonzero(keep)
        return cls(
            names=tuple(names[kept].tolist()),
            groups=tuple(groups[row] for row in kept),
            sites=presences.take(first),
            seen=seen[:, kept],
            told=told[:, kept],
            background=background,
            few=few,
            left_out=tuple(name for name in few if config.few == "leave out"),
        )

    @property
    def presences(self) -> dict[str, int]:
        """Sites with each species."""
        return dict(zip(self.names, self.seen.sum(0).tolist(), strict=True))


def layer_names(names: Sequence[str]) -> tuple[str, ...]:
    """Names of layers, in lower case without spaces, each once: `eucalyptus_pilularis`.

    Raises:
        LabelError: A name without a letter.
    """
    made: list[str] = []
    for name in names:
        plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
        if not plain:
            raise LabelError(f"{name!r} cannot be the name of a layer.", fix="Give names with Latin letters.")
        plain = plain if plain[0].isalpha() else f"s_{plain}"
        again = sum(one == plain or re.fullmatch(rf"{re.escape(plain)}_\d+", one) is not None for one in made)
        made.append(f"{plain}_{again + 1}" if again else plain)
    return tuple(made)


def _groups(species: NDArray[np.str_], group: NDArray[np.object_], names: Sequence[str]) -> list[str]:
    found = []
    for name in names:
        mine = sorted({str(one) for one in group[species == name]})
        if len(mine) > 1:
            raise LabelError(
                f"Species {name!r} is in several groups: {', '.join(mine)}.", fix="Give each species one group."
            )
        found.append(mine[0])
    return found


def _listed(few: dict[str, int]) -> str:
    shown = ", ".join(f"{name} ({count})" for name, count in list(few.items())[:_SHOWN])
    return shown + (f" and {len(few) - _SHOWN} more" if len(few) > _SHOWN else "")
