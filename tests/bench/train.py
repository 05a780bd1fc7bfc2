"""Training by workers against bare DDP with chips in memory, in one run, on the same network and cores.

    python -m tests.bench.train [--workers 2] [--chips 64] [--chip 128] [--batch 4] [--epochs 2] [--repeats 3]

A U-Net (width 16, four levels, 7 bands, 11 classes). A repeat measures, one after the other and after an epoch to warm
up each,

- `bare`: processes with torch's DistributedDataParallel over gloo, one thread each, whose batches are tensors in
  memory, normalised already: forward, loss, backward, AdamW;
- `memory`: `fit` by Ray Train on a cluster of this machine, chips in the workers' memory as integers: normalised,
  turned and brightened in the background;
- `shards`: the same, chips read from shards on disk.

`of_bare` is chips a second over those of `bare` in the same repeat: at least 0.93 is wanted of `memory`; by CPU seconds
of a worker too, which neighbours on the machine disturb less. `wait` is the share of the steps' time in which a step
waited for its batch: at most 0.05 is wanted of `shards`.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Sequence
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from torch.multiprocessing.spawn import start_processes
from torch.nn.parallel import DistributedDataParallel

from swath.cube import LayerFacts
from swath.models.network import Network
from swath.models.spec import BandInput, ClassesOutput, PartSpec
from swath.store import Store
from swath.training.batches import Preparer
from swath.training.config import TrainConfig
from swath.training.fit import fit, prepare
from swath.training.loop import Job
from swath.training.losses import segmentation_loss
from swath.training.shards import Shard, pack, shard_key
from swath.training.source import IGNORED, ChipFacts, Chips, Part

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


def config(options: argparse.Namespace) -> TrainConfig:
    """The same for all ways."""
    return TrainConfig(
        encoder=PartSpec(name="unet", settings={"width": options.width, "levels": 4}),
        head=PartSpec(name="segmentation"),
        chip=options.chip,
        batch=options.batch,
        epochs=1 + options.epochs,
        workers=options.workers,
        threads=1,
        patience=None,
        device="cpu",
    )


def _bare(rank: int, job: Job, port: int, epochs: int, out: str) -> None:
    """One process of bare DDP."""
    torch.set_num_threads(1)
    world = job.config.workers
    torch.distributed.init_process_group(
        "gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=world, timeout=timedelta(seconds=120)
    )
    preparer, batch = Preparer(job.source, job.spec), job.config.batch
    mine = np.flatnonzero(job.source.counts(Part.TRAIN).sum(1))[rank::world]
    batches = [preparer.batch(part.tolist(), Part.TRAIN) for part in np.array_split(mine, -(-len(mine) // batch))]
    torch.manual_seed(0)
    model = DistributedDataParallel(Network.build(job.spec))
    optimiser = torch.optim.AdamW(model.parameters())
    weights = torch.tensor(job.weights)
    seconds = []
    for _ in range(1 + epochs):
        torch.distributed.barrier()
        started, used = time.perf_counter(), time.process_time()
        for made in batches:
            loss = segmentation_loss(model(*made.inputs), made.target, weights=weights)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
        seconds.append({"steps": time.perf_counter() - started, "cpu": time.process_time() - used})
    if rank == 0:
        Path(out).write_text(json.dumps(seconds[1:]))
    torch.distributed.destroy_process_group()


def bare(job: Job, folder: Path, options: argparse.Namespace) -> list[dict[str, float]]:
    """Seconds of each epoch: wall time and CPU of worker 0."""
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    out = folder / "bare.json"
    start_processes(_bare, (job, port, options.epochs, str(out)), nprocs=options.workers, start_method="spawn")
    return list(json.loads(out.read_text()))


def measure(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Chips a second of each way, ratios of the same repeat, and shares of waiting."""
    memory = Memory(options.chips, options.chip, options.workers)
    sources = {"memory": memory, "shards": Shards(memory, folder / "chips")}
    job = prepare(config(options), memory, folder / "bare", name="bench")
    wall: dict[str, list[float]] = {"bare": [], **{way: [] for way in sources}}
    cpu: dict[str, list[float]] = {"bare": [], **{way: [] for way in sources}}
    waits: dict[str, list[float]] = {way: [] for way in sources}
    loads = []

    def take(way: str, epochs: list[dict[str, float]]) -> None:
        wall[way].append(median(one["steps"] for one in epochs))
        cpu[way].append(median(one["cpu"] for one in epochs))
        if way in waits:
            waits[way].append(sum(one["wait"] for one in epochs) / sum(one["steps"] for one in epochs))

    for repeat in range(options.repeats):
        loads.append(round(os.getloadavg()[0], 1))
        take("bare", bare(job, folder, options))
        for way, source in sources.items():
            fitted = fit(config(options), source, folder / f"{way}-{repeat}", name="bench", cluster="local")
            take(way, [reading["seconds"] for reading in fitted.history[1:]])
    return {
        "what": "train",
        "options": {k: v for k, v in vars(options).items() if k != "json"},
        "load": loads,
        "chips_a_second": {way: [round(options.chips / v, 2) for v in values] for way, values in wall.items()},
        "of_bare": {way: _of(wall["bare"], wall[way]) for way in sources},
        "of_bare_by_cpu": {way: _of(cpu["bare"], cpu[way]) for way in sources},
        "wait": {way: [round(v, 4) for v in values] for way, values in waits.items()},
    }


def _of(bare: list[float], way: list[float]) -> list[float]:
    return [round(a / b, 3) for a, b in zip(bare, way, strict=True)]


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--json", type=Path, help="write the readings here too")
    made.add_argument("--workers", type=int, default=2)
    made.add_argument("--chips", type=int, default=64)
    made.add_argument("--chip", type=int, default=128)
    made.add_argument("--batch", type=int, default=4)
    made.add_argument("--width", type=int, default=16)
    made.add_argument("--epochs", type=int, default=2, help="that are measured")
    made.add_argument("--repeats", type=int, default=3)
    return made


def main() -> None:
    """Run, print, and write JSON if asked."""
    # workers import the chips by the name of this module, which is not __main__ there
    from tests.bench.train import measure

    options = parser().parse_args()
    with tempfile.TemporaryDirectory(prefix="swath-bench-") as name:
        report = measure(Path(name), options)
    text = json.dumps(report, indent=1, default=str)
    print(text)
    if options.json:
        options.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
