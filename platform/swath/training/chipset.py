"""Chips in a folder: opened, read by number, with one choice of what is held out."""

from __future__ import annotations

import io
import json
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import TypeAdapter

from swath.cube.layers import LayerFacts
from swath.errors import LabelError
from swath.models.spec import BandInput, OutputSpec
from swath.store import Store
from swath.training.distances import blocks_by_part, smallest_distance
from swath.training.shards import Shard
from swath.training.source import IGNORED, ChipFacts, Chips, Part
from swath.training.splits import SplitSpec, check_folds
from swath.training.statistics import Statistics

INDEX, FACTS = "index.parquet", "chips.json"
UNITED = "united"  # entry of chips.json: the folders that hold the chips
_OPEN = 64  # shards that stay open
_SCANNED = 256  # chips looked at in one go


class ChipSet:
    """The chips of a folder. It pickles by its address.

    Args:
        store: The folder.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        if not store.exists(FACTS):
            raise LabelError(
                f"{store.root} holds no chips that are done.", fix="Cut them first; the same command goes on.",
                path=store.root,
            )  # fmt: skip
        self._open: OrderedDict[str, Shard] = OrderedDict()

    @classmethod
    def open(cls, folder: str | Path | Store) -> ChipSet:
        """Open a folder or s3:// prefix of chips: cut ones, streamed ones, or those of several folders.

        Raises:
            LabelError: There are none, or cutting them did not come to its end.
        """
        from swath.training.streamed import Streamed
        from swath.training.united import United

        chips = cls(folder if isinstance(folder, Store) else Store.open(folder))
        if UNITED in chips.content:
            return United(chips.store)
        return Streamed(chips.store) if chips.is_streamed else chips

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.store,)

    def __len__(self) -> int:
        return len(self.index)

    def __repr__(self) -> str:
        return f"ChipSet({self.store.root}, {len(self)} chips)"

    @cached_property
    def content(self) -> dict[str, Any]:
        """Of chips.json: facts, split, labels, what was dropped, units that failed, whether labels give agreement."""
        return dict(json.loads(self.store.read_bytes(FACTS)))

    @cached_property
    def index(self) -> pa.Table:
        """A row a chip: id, shard and row in it, place on lattice and Earth, block, fold, pixels by class, items."""
        return pq.read_table(io.BytesIO(self.store.read_bytes(INDEX)))

    @cached_property
    def facts(self) -> ChipFacts:
        """What all chips have in common."""
        told = self.content["facts"]
        return ChipFacts(
            bands=tuple(BandInput.model_validate(band) for band in told["bands"]),
            layers=tuple(LayerFacts(**layer) for layer in told["layers"]),
            unit=told["unit"], gsd=told["gsd"], size=told["size"], steps=told["steps"],
            output=TypeAdapter(OutputSpec).validate_python(told["output"]), level=told["level"], target=told["target"],
        )  # fmt: skip

    @cached_property
    def split(self) -> SplitSpec:
        """How labels are split."""
        return SplitSpec.model_validate(self.content["split"])

    @property
    def is_agreement(self) -> bool:
        """Labels were made by an algorithm: a score tells agreement with it, not accuracy."""
        return bool(self.content["agreement"])

    @property
    def is_streamed(self) -> bool:
        """Whether chips are read from the cubes: there are no shards."""
        return bool(self.content.get("streamed"))

    @cached_property
    def labelled(self) -> NDArray[np.int64]:
        """Labelled pixels by chip, fold and class, (chips, folds + 1, classes); the last fold is never held out."""
        pixels = np.array(self.index["pixels"].to_pylist(), np.int64)
        return pixels.reshape(len(self), self.split.number + 1, len(self.facts.output.channels))

    @property
    def fold_counts(self) -> NDArray[np.int64]:
        """Labelled pixels by chip, fold and class, (chips, folds, classes); one class where labels are values."""
        return self.labelled[:, :-1]

    def read(self, indices: Sequence[int]) -> dict[str, NDArray[Any]]:
        """Chips in the order of `indices`.

        Returns:
            numbers (n, T, C, S, S), day (n, T) float32, y (n, S, S) uint8 (255: no label) or float32 (NaN: no label),
            fold (n, S, S) uint8 (255: no label, 254: never held out), near (n, S, S) uint16 (bit f: not for training
            where fold f is held out), weight and error (n, S, S) float32, object (n, S, S) unsigned; see `Chips`.
        """
        return completed(self._read(indices, ("numbers", "day", *self.content["tensors"])))

    def labels(self, indices: Sequence[int]) -> dict[str, NDArray[Any]]:
        """y, fold and near of chips, as `read` gives them."""
        return self._read(indices, ("y", "fold", "near"))

    def _read(self, indices: Sequence[int], names: Sequence[str]) -> dict[str, NDArray[Any]]:
        files, rows = self._places
        chosen = np.asarray(indices, np.int64)
        out: dict[str, NDArray[Any]] = {}
        for file in dict.fromkeys(files[chosen].tolist()):
            here = np.flatnonzero(files[chosen] == file)
            shard = self._shard(file)
            for name in names:
                part = shard.rows(name, rows[chosen[here]].tolist())
                if name not in out:
                    out[name] = np.empty((len(chosen), *part.shape[1:]), part.dtype)
                elif part.dtype.itemsize > out[name].dtype.itemsize:  # objects of a chip with very many
                    out[name] = out[name].astype(part.dtype)
                out[name][here] = part
        return out

    @cached_property
    def _places(self) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
        return np.array(self.index["file"].to_pylist(), dtype=object), self.index["row"].to_numpy().astype(np.int64)

    def _shard(self, key: str) -> Shard:
        shard = self._open.pop(key, None) or Shard(self.store, key)
        self._open[key] = shard
        while len(self._open) > _OPEN:
            self._open.popitem(last=False)
        return shard

    def holding_out(self, *, test: int | None = None, validate: int | None = None) -> HeldOut:
        """These chips, with folds held out.

        Args:
            test: Fold that training never sees; None holds none out.
            validate: Fold for early stop; None holds none out.

        Raises:
            LabelError: No such fold, one fold for both, or a part without a class: named.
        """
        return HeldOut(self, test=test, validate=validate)


class HeldOut:
    """Chips with one choice of what is held out: a `ChipSource`. Pixels in the buffer round it serve for nothing.

    Args:
        chips: All of them.
        test: Fold.
        validate: Fold.
        every_class: What is held out must have all classes, as figures of it need.
    """

    def __init__(self, chips: ChipSet, *, test: int | None, validate: int | None, every_class: bool = True) -> None:
        self.chips, self.test, self.validate, self._every_class = chips, test, validate, every_class
        held = [fold for fold in (test, validate) if fold is not None]
        number = chips.split.number
        if any(not 0 <= fold < number for fold in held) or len(set(held)) < len(held):
            raise LabelError(
                f"Folds {held} cannot be held out of {number}.", fix=f"Name two different ones of 0 to {number - 1}."
            )
        folds, names = chips.fold_counts.sum(axis=0), chips.facts.output.channels
        if every_class:
            check_folds(folds, names, folds=held, what="labelled pixel")
        left = self.counts(Part.TRAIN).sum(axis=0)
        gone = [names[c] for c in np.flatnonzero(left == 0)]
        if gone:
            raise LabelError(
                f"Without folds {held} and the buffer of {chips.split.buffer_m:g} m no training pixel of "
                f"{', '.join(map(repr, gone))} is left.",
                fix="Take a smaller buffer, more labels or another seed.",
                missing=gone,
            )

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (self.chips, self.test, self.validate, self._every_class)

    def __len__(self) -> int:
        return len(self.chips)

    @property
    def facts(self) -> ChipFacts:
        """What all chips have in common."""
        return self.chips.facts

    def names(self, indices: Sequence[int]) -> list[str]:
        """Ids of chips."""
        return [str(self.chips.index["chip"][int(i)].as_py()) for i in indices]

    def counts(self, part: Part) -> NDArray[np.int64]:
        """Labelled pixels of a part, (chips, classes)."""
        return self._counts[:, int(part)]

    @cached_property
    def _counts(self) -> NDArray[np.int64]:
        out = np.zeros((len(self), len(Part), len(self.facts.output.channels)), np.int64)
        for first, chips in self._labels():
            here, rows, cols = np.nonzero(chips["part"] != IGNORED)
            part = chips["part"][here, rows, cols]
            y = chips["y"][here, rows, cols] if self.facts.classes else np.zeros(len(here), np.uint8)
            np.add.at(out, (here + first, part, y), 1)
        return out

    @property
    def within_buffer(self) -> int:
        """Labelled pixels that serve for nothing: too near to what is held out, or of its track."""
        return int(self.chips.labelled.sum() - self._counts.sum())

    def _labels(self) -> Iterator[tuple[int, dict[str, NDArray[Any]]]]:
        """First chip and y, part of some chips at a time."""
        for first in range(0, len(self), _SCANNED):
            indices = range(first, min(first + _SCANNED, len(self)))
            yield first, self._parted(self.chips.labels(indices))

    def _parted(self, chips: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        fold, near = chips.pop("fold"), chips.pop("near")
        part = np.where(fold == IGNORED, np.uint8(IGNORED), np.uint8(Part.TRAIN))
        held = 0
        for one, name in ((self.test, Part.TEST), (self.validate, Part.VALIDATE)):
            if one is not None:
                part[fold == one] = name
                held |= 1 << one
        part[(part == Part.TRAIN) & ((near & np.uint16(held)) != 0)] = IGNORED
        if self.test is not None:  # what stops training early must not lie beside the test either
            part[(part == Part.VALIDATE) & ((near & np.uint16(1 << self.test)) != 0)] = IGNORED
        return {**chips, "part": part}

    def read(self, indices: Sequence[int]) -> Chips:
        """Chips in the order of `indices`."""
        found = self._parted(self.chips.read(indices))
        return Chips(
            numbers=found["numbers"], day=found["day"], y=found["y"], part=found["part"], weight=found["weight"],
            object=found["object"], error=found["error"],
        )  # fmt: skip

    def statistics(self, clip: tuple[float, float] | None = None) -> Statistics:
        """Mean and standard deviation of each band's physical values over training pixels with data; streams."""
        return Statistics.of(self, clip=clip)

    def blocks(self) -> dict[Part, int]:
        """In how many blocks the labelled pixels of each part lie."""
        return blocks_by_part(self.chips.index, self.facts, self._labels(), self.chips.split)

    def smallest_distance(self) -> float | None:
        """Metres between the nearest centres of a training and a test pixel; None where either is missing.

        Folds by year hold the same places in other years: the distance is then one in time, and this is 0.
        """
        return smallest_distance(self.chips.index, self.facts, self._labels())


def completed(found: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Chips as they are stored, with what all labels of their folder lack: weight 1, error 0, each pixel a label."""
    labelled = found["fold"] != IGNORED
    if "weight" not in found:
        found["weight"] = labelled.astype(np.float32)
    if "error" not in found:
        found["error"] = np.zeros(labelled.shape, np.float32)
    if "object" not in found:
        numbers = labelled.reshape(len(labelled), -1).cumsum(axis=1).reshape(labelled.shape) * labelled
        small = numbers.max(initial=0) <= np.iinfo(np.uint16).max
        found["object"] = numbers.astype(np.uint16 if small else np.uint32)
    return found


def _again(chips: ChipSet, test: int | None, validate: int | None, every_class: bool) -> HeldOut:
    return HeldOut(chips, test=test, validate=validate, every_class=every_class)
