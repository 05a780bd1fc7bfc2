"""Chips of several folders as those of one: of several sensors, areas or years, on the union of their bands.

A product of acquisitions has one sensor at a time. So that one network learns from all, each sensor's chips are cut by
themselves; here they become one source, in which a band that a chip's sensor does not have is no data.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from swath.errors import LabelError, StoreMismatchError
from swath.grid.lonlat import from_lonlat
from swath.planning import Said
from swath.store import Store
from swath.training.chipset import FACTS, INDEX, UNITED, ChipSet
from swath.training.dropped import Dropped
from swath.training.rasterise import METRES_A_DEGREE
from swath.training.source import IGNORED, ChipFacts
from swath.training.splits import SplitSpec
from swath.training.united_bands import united_bands, united_facts


class United(ChipSet):
    """The chips of several folders. It pickles by its address.

    Numbers are physical values, float32, NaN where there is no data and in bands that a chip's sensor lacks. The buffer
    round what is held out goes over all folders: what lies too near to a block that is held out serves for nothing,
    also where only another sensor has labels there.

    Args:
        store: With the index of them all, as `unite` writes it.
    """

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._near: dict[int, NDArray[np.uint16]] = {}

    @cached_property
    def members(self) -> tuple[ChipSet, ...]:
        """The folders, opened."""
        return tuple(ChipSet.open(url) for url in self.content[UNITED])

    @cached_property
    def _channels(self) -> tuple[tuple[int, ...], ...]:
        """Place of each band of each folder among those of all."""
        return united_bands([one.facts for one in self.members])[1]

    @cached_property
    def _codes(self) -> tuple[NDArray[np.uint8], ...]:
        """Class among those of all by class of each folder, (256,)."""
        return tuple(_codes(one.facts.output.channels, self.facts.output.channels) for one in self.members)

    @cached_property
    def _of(self) -> NDArray[np.int64]:
        """Folder of each chip and its number there, (chips, 2)."""
        return np.stack([self.index[name].to_numpy().astype(np.int64) for name in ("member", "place")], axis=1)

    def read(self, indices: Sequence[int]) -> dict[str, NDArray[Any]]:
        """See `ChipSet.read`."""
        return self._gathered(indices, whole=True)

    def labels(self, indices: Sequence[int]) -> dict[str, NDArray[Any]]:
        """See `ChipSet.labels`."""
        return self._gathered(indices, whole=False)

    def _gathered(self, indices: Sequence[int], *, whole: bool) -> dict[str, NDArray[Any]]:
        chosen = np.asarray(indices, np.int64)
        of = self._of[chosen]
        out: dict[str, NDArray[Any]] = {}
        for number in np.unique(of[:, 0]).tolist():
            here, one = np.flatnonzero(of[:, 0] == number), self.members[number]
            places = of[here, 1].tolist()
            found = one.read(places) if whole else one.labels(places)
            if self.facts.classes:
                found["y"] = self._codes[number][found["y"]]
            if whole:
                found["numbers"] = self._physical(found["numbers"], number)
            for name, part in found.items():
                if name not in out:
                    out[name] = np.empty((len(chosen), *part.shape[1:]), part.dtype)
                elif part.dtype.itemsize > out[name].dtype.itemsize:  # objects of a chip with very many
                    out[name] = out[name].astype(part.dtype)
                out[name][here] = part
        if self.split.by_place:
            for row, index in enumerate(chosen.tolist()):
                out["near"][row] |= self._near_blocks(index, out["fold"][row])
        return out

    def _physical(self, numbers: NDArray[Any], member: int) -> NDArray[np.float32]:
        """Numbers of a folder (n, T, c, S, S) as values of all bands (n, T, C, S, S)."""
        n, steps, _, height, width = numbers.shape
        out = np.full((n, steps, len(self.facts.bands), height, width), np.nan, np.float32)
        for c, (place, facts) in enumerate(zip(self._channels[member], self.members[member].facts.layers, strict=True)):
            mine = numbers[:, :, c]
            values = mine.astype(np.float32) * np.float32(facts.scale) + np.float32(facts.offset)
            out[:, :, place] = values if facts.nodata is None else np.where(mine == facts.nodata, np.nan, values)
        return out

    def _near_blocks(self, index: int, fold: NDArray[np.uint8]) -> NDArray[np.uint16]:
        """Bits of the folds whose blocks or regions lie nearer to labelled pixels than the buffer, (S, S)."""
        if index not in self._near:
            row = self.index.slice(index, 1).to_pylist()[0]
            rows, cols = np.nonzero(fold != IGNORED)
            east, north = row["x"] + (cols + 0.5) * self.facts.gsd, row["y"] - (rows + 0.5) * self.facts.gsd
            lon, lat = from_lonlat(row["crs"]).transform(east, north, direction="INVERSE")
            self._near[index] = near_blocks(self.split, np.asarray(lon), np.asarray(lat), fold[rows, cols])
        out = np.zeros(fold.shape, np.uint16)
        out[fold != IGNORED] = self._near[index]
        return out


def unite(folders: Sequence[str], out: Store, *, say: Said = lambda _: None) -> United:
    """Make one source of the chips of several folders; the same call finds it again.

    A band is the same as another where a model would take it for that (`same_band`). Bands that some lack are optional
    to a model. Classes are those of all.

    Args:
        folders: Of chips, one or more; cut with the same size, dates, sampling distance and split.
        out: Where the index of them all is written.
        say: Told what is united.

    Raises:
        LabelError: A folder without chips, chips that do not fit together, the same chips twice.
        StoreMismatchError: `out` holds other chips.
    """
    members = [ChipSet.open(folder) for folder in folders]
    if not members:
        raise LabelError("No folder of chips is named.", fix="Name one or more with --chips.")
    for one in members[1:]:
        _check_alike(members[0], one)
    digest = hashlib.sha256(
        json.dumps([[one.store.root, one.content["digest"], len(one)] for one in members]).encode()
    ).hexdigest()
    if out.exists(FACTS):
        there = ChipSet(out).content
        if there["digest"] != digest:
            raise StoreMismatchError(
                f"{out.root} holds other chips.", fix="Name another folder with --out, or remove this one."
            )
        return United(out)
    facts, split = united_facts([one.facts for one in members]), members[0].split
    table = _index(members, facts, split)
    data = io.BytesIO()
    pq.write_table(table, data, compression="zstd")
    out.put_bytes(INDEX, data.getvalue())
    content = {
        "chips": table.num_rows,
        UNITED: [one.store.root for one in members],
        "facts": {
            "bands": [band.model_dump(mode="json") for band in facts.bands],
            "layers": [layer.to_dict() for layer in facts.layers],
            "unit": facts.unit, "gsd": facts.gsd, "size": facts.size, "steps": facts.steps,
            "classes": list(facts.output.channels) if facts.classes else [],
            "output": facts.output.model_dump(mode="json"), "level": facts.level, "target": facts.target,
        },
        "streamed": False,
        "split": split.model_dump(mode="json"),
        "labels": [one.content["labels"] for one in members],
        "agreement": any(one.is_agreement for one in members),
        "dropped": Dropped.sum(Dropped.of(one.content["dropped"]) for one in members).to_dict(),
        "failed": [failure for one in members for failure in one.content["failed"]],
        "request": [one.content["request"] for one in members],
        "digest": digest,
    }  # fmt: skip
    out.put_bytes(FACTS, json.dumps(content, indent=1).encode())
    for one in members:
        say(f"{len(one)} chips of {one.store.root}: {', '.join(band.name for band in one.facts.bands)}")
    levels = {one.facts.level for one in members}
    if len(levels) > 1:
        say(f"reflectance of several levels ({', '.join(sorted(levels))}): the model takes any")
    return United(out)


def near_blocks(
    split: SplitSpec, lon: NDArray[np.float64], lat: NDArray[np.float64], fold: NDArray[np.uint8]
) -> NDArray[np.uint16]:
    """Bits of the other folds that have a block or region nearer than the buffer, (n,).

    Looked for on rings of eight places, no farther apart than half a block.

    Args:
        split: By block or region.
        lon: Of pixels, degrees, (n,).
        lat: Degrees.
        fold: Of their labels.
    """
    out = np.zeros(len(lon), np.uint16)
    rings = max(1, math.ceil(split.buffer_m / (split.block_m / 2))) if split.by != "region" else 1
    for radius in np.linspace(split.buffer_m / rings, split.buffer_m, rings):
        for angle in np.arange(8) * (math.pi / 4):
            north = radius * math.cos(angle) / METRES_A_DEGREE
            east = radius * math.sin(angle) / METRES_A_DEGREE / np.maximum(np.cos(np.radians(lat)), 0.01)
            there = split.folds_at(lon + east, lat + north).astype(np.uint16)
            out |= np.where(there != fold, np.uint16(1) << there, np.uint16(0))
    return out


def _codes(mine: Sequence[str], all_: Sequence[str]) -> NDArray[np.uint8]:
    codes = np.full(256, IGNORED, np.uint8)
    codes[: len(mine)] = [list(all_).index(name) for name in mine]
    return codes


def _index(members: Sequence[ChipSet], facts: ChipFacts, split: SplitSpec) -> pa.Table:
    """Rows of all; pixels by the classes of all, and chips named by the folder's first collection too."""
    tables = []
    for number, one in enumerate(members):
        table, count = one.index, len(one)
        pixels = np.zeros((count, split.number + 1, len(facts.output.channels)), np.int64)
        places = [list(facts.output.channels).index(name) for name in one.facts.output.channels]
        pixels[:, :, places] = one.labelled
        source = one.store.root.rstrip("/").rpartition("/")[2]
        columns = {
            "chip": pa.array([f"{source}/{name}" for name in table["chip"].to_pylist()]),
            "pixels": pa.array(pixels.reshape(count, -1).tolist()),
        }
        for name, column in columns.items():
            table = table.set_column(table.column_names.index(name), name, column)
        table = table.append_column("member", pa.array(np.full(count, number, np.uint16)))
        tables.append(table.append_column("place", pa.array(np.arange(count, dtype=np.uint32))))
    return pa.concat_tables(tables, promote_options="permissive").replace_schema_metadata(
        members[0].index.schema.metadata
    )


def _check_alike(first: ChipSet, other: ChipSet) -> None:
    """Refuse chips that one network cannot take, or that are held out differently.

    Raises:
        LabelError: Names what differs, with both values.
    """
    if first.store.root == other.store.root or first.content["digest"] == other.content["digest"]:
        raise LabelError(f"{other.store.root} holds the same chips as {first.store.root}.", fix="Name each once.")
    a, b = first.facts, other.facts
    values = {"output": (_output(a), _output(b)), "split": (_split(first), _split(other))}
    named = {name: (getattr(a, name), getattr(b, name)) for name in ("size", "gsd", "steps", "target")} | values
    for name, (mine, theirs) in named.items():
        if mine != theirs:
            raise LabelError(
                f"Chips of {first.store.root} have {name} {mine}, those of {other.store.root} {theirs}.",
                fix="Cut them by one recipe and at one resolution.",
            )


def _output(facts: ChipFacts) -> Any:
    return "classes" if facts.classes else facts.output.model_dump(mode="json")


def _split(chips: ChipSet) -> dict[str, Any]:
    return chips.split.model_dump(mode="json", exclude={"held"})
