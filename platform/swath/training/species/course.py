"""A training of species from records to a released package: read, sample as a map reads, hold out, fit, write."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from swath.errors import LabelError, ModelError, RunStoppedError
from swath.models import Package
from swath.models.files import CARD
from swath.planning import MapRequest, Said
from swath.registry.packages import write_into
from swath.store import Store
from swath.training.occurrences import Occurrences, read_occurrences
from swath.training.places import random_places
from swath.training.species.config import SpeciesConfig
from swath.training.species.fit import fit_species
from swath.training.species.predictors import Predictors, Sampled
from swath.training.species.records import Records
from swath.training.species.transfer import Transfer, transfer
from swath.training.splits import SplitSpec
from swath.training.tables.schema import TableSchema
from swath.training.tables.table import Table

PACKAGE, ITEMS, FIGURES = "package", "items.parquet", "transfer.json"
LON, LAT, SPECIES = "longitude", "latitude", "species"
NO_DATA, ABSENT = "records without data of all predictors", "records of absence"
_SPARE = 3  # random places drawn for each that is wanted: some lie in the sea, some in one pixel


@dataclass(frozen=True)
class TrainedSpecies:
    """A training of species that came to its end.

    Attributes:
        package: The released model.
        url: Where the package lies: its folder, or its `s3://` prefix.
        records: Number of records that were learned from.
        presences: Places of each species that is fitted, each pixel once.
        few: Presences of species that have fewer than the recipe asks for.
        left_out: Species that are not fitted, and how many presences they have.
        background: Number of random places.
        dropped: What was left out, by reason.
        transfer: Figures of blocks held out.
        gsd: Pixel, metres.
    """

    package: Package
    url: str
    records: int
    presences: dict[str, int]
    few: dict[str, int]
    left_out: dict[str, int]
    background: int
    dropped: dict[str, int]
    transfer: Transfer
    gsd: float

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "package": self.url,
            "digest": self.package.digest,
            "gsd": self.gsd,
            "records": self.records,
            "presences": self.presences,
            "few": self.few,
            "left_out": self.left_out,
            "background": self.background,
            "dropped": self.dropped,
            "transfer": {**self.transfer.figures, "species": told_of(self.transfer)},
        }


def train_species(
    request: MapRequest,
    labels: str,
    out: str | os.PathLike[str],
    *,
    config: SpeciesConfig,
    replace: bool = False,
    should_stop: Callable[[], bool] = lambda: False,
    say: Said = lambda _: None,
) -> TrainedSpecies:
    """Train a model of many species for a product.

    Args:
        request: Product, area, period of one step, source.
        labels: Records in Darwin Core columns, see `read_occurrences`.
        out: Folder or `s3://` prefix: `items.parquet` (frozen), `transfer.json`, `package`.
        config: The recipe.
        replace: Put the package in the place of one that stands there.
        should_stop: Asked before each tile that is read, and before each fit.
        say: Told what is being done, a line a stage.

    Raises:
        LabelError: Records that cannot be read, split or learned from.
        ModelError: A package stands there already.
        NoItemsError, ProductError, SourceError, StoreError: As in mapping.
        RunStoppedError: `should_stop` said so.
    """

    def check() -> None:
        if should_stop():
            raise RunStoppedError("Stopped before the species were fitted.", fix="The same command begins again.")

    store = Store.open(out if isinstance(out, str) else Path(out))
    store.check_writable()
    if not replace and store.exists(f"{PACKAGE}/{CARD}"):
        raise ModelError(f"{store.url(PACKAGE)} holds a package already.", fix="Add --replace, or train elsewhere.")
    found = read_occurrences(labels, area=request.area, rules=config.records)
    say(f"{len(found)} records of {len(found.names)} species; left out: {found.dropped}")
    with tempfile.TemporaryDirectory(prefix="swath-species-") as folder:
        path = Path(folder, ITEMS)
        predictors = Predictors.of(request, config, path, say=say)
        store.put_file(ITEMS, path)
    config = config.model_copy(update={"gsd": predictors.spec.gsd})
    presences, background, dropped = _tables(request, found, predictors, config, check=check, say=say)
    records = Records.of(presences, background, config)  # before anything is fitted: it may refuse
    check()
    say(f"holding fold {config.test} of {config.split.number} out")
    # a species that has enough in all may have too few where blocks are held out: that refuses nothing
    apart = config.model_copy(update={"few": "flag" if config.few == "refuse" else config.few})
    held = transfer(presences, background, apart, split=config.split, test=config.test)
    store.put_bytes(FIGURES, json.dumps(told_of(held), indent=1).encode())
    check()
    say(f"fitting {len(records.names)} species on all of {len(presences)} records")

    def write(folder: Path, replace: bool) -> Package:
        return fit_species(
            presences, background, folder,
            config=config, name=request.product.name, units=predictors.units, inputs=predictors.sources,
            citations=(found.citation,), dropped=dropped, replace=replace,
            figures={f"transfer {name}": value for name, value in held.figures.items()},
            partition=f"fold {config.test} of {config.split.number} of {_parts_of(config.split)} with a buffer of "
            f"{config.split.buffer_m:g} m, held out for the figures, which are transfer to places that were not "
            "learned from; the model itself learns from all records",
        )  # fmt: skip

    package, url = write_into(store, PACKAGE, name=request.product.name, replace=replace, write=write)
    few = {name: number for name, number in records.few.items() if name not in records.left_out}
    left_out = {name: records.few[name] for name in records.left_out} | found.rare
    return TrainedSpecies(
        package, url, len(presences), records.presences, few, left_out, len(background), dropped, held,
        predictors.spec.gsd,
    )  # fmt: skip


def told_of(held: Transfer) -> dict[str, Any]:
    """Figures by species, JSON-ready: null where a figure has no value, and why one has none at all."""
    told: dict[str, Any] = {
        name: {
            "presences": number,
            "auc": _finite(held.auc[name]),
            "auc_target_group": _finite(held.auc_target_group[name]),
            "boyce": _finite(held.boyce[name]),
        }
        if name in held.auc
        else {"presences": number, "reason": held.not_scored[name]}
        for name, number in held.presences.items()
    }
    return told


def _parts_of(split: SplitSpec) -> str:
    return "regions" if split.by == "region" else f"blocks of {split.block_m:g} m"


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _tables(
    request: MapRequest,
    found: Occurrences,
    predictors: Predictors,
    config: SpeciesConfig,
    *,
    check: Callable[[], None],
    say: Said,
) -> tuple[Table, Table, dict[str, int]]:
    """Records and random places with the predictors of their pixels, and what was left out."""
    random = random_places(request.area, _SPARE * config.background.places, seed=config.seed)
    lon, lat = found.lon[found.present], found.lat[found.present]
    say(f"reading {', '.join(predictors.names)} at {len(lon)} records and {len(random)} random places")
    sampled = predictors.at(
        np.concatenate([lon, random[:, 0]]), np.concatenate([lat, random[:, 1]]), threads=config.threads, check=check
    )
    mine, rest = _part(sampled, slice(len(lon))), _part(sampled, slice(len(lon), None))
    names = np.array(found.names, dtype=object)[found.codes[found.present]]
    if not mine.there.any() or not rest.there.any():
        raise LabelError(
            f"Of {len(lon)} records {mine.there.sum()} lie where all predictors have data, of {len(random)} random "
            f"places {rest.there.sum()}.",
            fix="Check that the source covers the area.",
        )
    chosen = np.flatnonzero(rest.there)
    _, first = np.unique(rest.xy[chosen], axis=0, return_index=True)
    chosen = chosen[np.sort(first)]
    dropped = {
        **found.dropped.to_dict(),
        ABSENT: int((~found.present).sum()),
        NO_DATA: int((~mine.there).sum()),
    }
    chosen = chosen[: config.background.places]
    say(f"{len(chosen)} random places, each in a pixel of its own, of {config.background.places} wanted")
    schema = TableSchema(features=predictors.names, x=LON, y=LAT)
    frame = _frame(mine, predictors.names)
    frame[SPECIES] = names
    presences = Table.of(
        frame[mine.there], schema.model_copy(update={"target": SPECIES}), source=f"records of {found.source}"
    )
    background = Table.of(_frame(rest, predictors.names).iloc[chosen], schema, source="random places")
    return presences, background, {reason: number for reason, number in dropped.items() if number}


def _part(sampled: Sampled, rows: slice) -> Sampled:
    return Sampled(sampled.values[rows], sampled.xy[rows], sampled.there[rows])


def _frame(sampled: Sampled, names: tuple[str, ...]) -> pd.DataFrame:
    frame = pd.DataFrame(sampled.values, columns=list(names))
    frame[LON], frame[LAT] = sampled.xy[:, 0], sampled.xy[:, 1]
    return frame
