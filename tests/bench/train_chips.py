"""Chips that the benchmark of training learns from: random ones, or those of a training, in memory and in shards."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from swath.cube import LayerFacts
from swath.models.spec import BandInput, ClassesOutput
from swath.store import Store
from swath.training.chipset import ChipSet
from swath.training.ready import CHIPS
from swath.training.recipe import Recipe
from swath.training.shards import Shard, pack, shard_key
from swath.training.source import IGNORED, ChipFacts, Chips, ChipSource, Part

BANDS, CLASSES, A_SHARD = 7, 11, 64


@lru_cache(maxsize=1)
def arrays(chips: int, size: int, held: int) -> Chips:
    """Random chips; the last ones are for validation."""
    rng, number = np.random.default_rng(0), chips + held
    y = rng.integers(0, CLASSES, (number, size, size)).astype(np.uint8)
    numbers = rng.integers(1000, 6000, (number, 1, BANDS, size, size)).astype(np.uint16)
    part = np.where(np.arange(number) < chips, Part.TRAIN, Part.VALIDATE).astype(np.uint8)
    parts = np.where(rng.random(y.shape) < 0.3, part[:, None, None], np.uint8(IGNORED))
    known = parts != IGNORED
    return Chips(
        numbers=numbers, day=np.ones((number, 1), np.float32), y=y, part=parts,
        weight=known.astype(np.float32), object=known.astype(np.uint16), error=np.zeros(y.shape, np.float32),
    )  # fmt: skip


class Memory:
    """Chips that each process makes anew from a seed."""

    def __init__(self, chips: int, size: int, held: int) -> None:
        self.chips, self.size, self.held = chips, size, held
        self.facts = ChipFacts(
            bands=tuple(BandInput(name=f"B{n:02}") for n in range(BANDS)),
            layers=(LayerFacts("uint16", 0, 0.0001, -0.1),) * BANDS,
            unit="reflectance",
            gsd=10,
            size=size,
            steps=1,
            output=ClassesOutput(classes=tuple(f"class {n}" for n in range(CLASSES))),
        )

    def __len__(self) -> int:
        return self.chips + self.held

    @property
    def arrays(self) -> Chips:
        """All of them."""
        return arrays(self.chips, self.size, self.held)

    def names(self, indices: Sequence[int]) -> list[str]:
        """Ids."""
        return [str(index) for index in indices]

    def counts(self, part: Part) -> np.ndarray:
        """Labelled pixels by chip and class."""
        of_part = self.arrays["part"] == part
        return np.stack([(of_part & (self.arrays["y"] == k)).sum((1, 2)) for k in range(CLASSES)], axis=1)

    def read(self, indices: Sequence[int]) -> Chips:
        """Chips."""
        rows = list(indices)
        return Chips(**{name: array[rows] for name, array in self.arrays.items()})


class Shards(Memory):
    """The same chips in shards on disk, as `cut_chips` writes them."""

    def __init__(self, memory: Memory, folder: Path) -> None:
        super().__init__(memory.chips, memory.size, memory.held)
        self.shards: dict[int, Shard] = {}
        self.store = Store.open(folder)
        for first in range(0, len(memory), A_SHARD):
            rows = {name: array[first : first + A_SHARD] for name, array in memory.arrays.items()}
            self.store.put_bytes(shard_key(f"bench-{first:06}"), pack(rows, {}))

    def read(self, indices: Sequence[int]) -> Chips:
        """Chips, from disk."""
        found = [
            {name: self._shard(index // A_SHARD).rows(name, [index % A_SHARD]) for name in Chips.__annotations__}
            for index in indices
        ]
        return Chips(**{name: np.concatenate([chip[name] for chip in found]) for name in Chips.__annotations__})

    def _shard(self, number: int) -> Shard:
        return self.shards.setdefault(number, Shard(self.store, shard_key(f"bench-{number * A_SHARD:06}")))


class Loaded:
    """Chips of a source, read once by each process and kept in its memory.

    Args:
        source: Where they lie.
    """

    def __init__(self, source: ChipSource) -> None:
        self.source, self.facts = source, source.facts
        self._held: Chips | None = None

    def __reduce__(self) -> tuple[type[Loaded], tuple[ChipSource]]:
        return Loaded, (self.source,)

    def __len__(self) -> int:
        return len(self.source)

    def names(self, indices: Sequence[int]) -> list[str]:
        """Ids."""
        return self.source.names(indices)

    def counts(self, part: Part) -> np.ndarray:
        """Labelled pixels by chip and class."""
        return self.source.counts(part)

    def read(self, indices: Sequence[int]) -> Chips:
        """Chips, from memory."""
        if self._held is None:
            self._held = self.source.read(range(len(self)))
        rows = list(indices)
        return Chips(**{name: array[rows] for name, array in self._held.items()})


def of_training(folder: Path, recipe: Recipe) -> ChipSource:
    """The chips that a training has cut, with what its recipe holds out."""
    return ChipSet.open(Store.open(folder / CHIPS)).holding_out(test=recipe.test, validate=recipe.validate_on)
