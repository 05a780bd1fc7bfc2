"""Training by workers against bare DDP with chips in memory, in one run, on the same network and cores.

    python -m tests.bench.train [--workers 2] [--chips 64] [--chip 128] [--batch 4] [--epochs 2] [--repeats 3]
    python -m tests.bench.train --training FOLDER --recipe RECIPE

A U-Net (width 16, four levels, 7 bands, 11 classes) on random chips, or a recipe's network and loss on the chips that
`swath train` cut into a folder. A repeat measures, one after the other and after an epoch to warm up each,

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
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from tests.bench.train_chips import Loaded, Memory, Shards, of_training
from torch.multiprocessing.spawn import start_processes
from torch.nn.parallel import DistributedDataParallel

from swath.models.network import Network
from swath.models.spec import PartSpec
from swath.training.batches import Preparer
from swath.training.config import TrainConfig
from swath.training.fit import fit, prepare
from swath.training.loop import Job
from swath.training.objective import Objective
from swath.training.recipe import Recipe
from swath.training.source import ChipSource, Part


def config(options: argparse.Namespace) -> TrainConfig:
    """The same for all ways."""
    if options.recipe is not None:
        asked = {"epochs": 1 + options.epochs, "workers": options.workers, "threads": 1, "device": "cpu"}
        return Recipe.load(options.recipe).train.model_copy(update={**asked, "patience": None})
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
    objective = Objective(job.config, job.spec, model.module, job.weights, torch.device("cpu"))
    seconds = []
    for _ in range(1 + epochs):
        torch.distributed.barrier()
        started, used = time.perf_counter(), time.process_time()
        for made in batches:
            loss = objective(model(*made.inputs), made)
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
    sources: dict[str, ChipSource]
    if options.training is not None:
        held = of_training(options.training, Recipe.load(options.recipe))
        sources = {"memory": Loaded(held), "shards": held}
    else:
        memory = Memory(options.chips, options.chip, options.workers)
        sources = {"memory": memory, "shards": Shards(memory, folder / "chips")}
    job = prepare(config(options), sources["memory"], folder / "bare", name="bench")
    chips = int((job.source.counts(Part.TRAIN).sum(1) > 0).sum())
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
        "chips_a_second": {way: [round(chips / v, 2) for v in values] for way, values in wall.items()},
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
    made.add_argument("--training", type=Path, help="folder in which `swath train` has cut chips")
    made.add_argument("--recipe", help="its recipe: a name or a YAML file")
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
    if (options.training is None) != (options.recipe is None):
        parser().error("--training and --recipe go together")
    with tempfile.TemporaryDirectory(prefix="swath-bench-") as name:
        report = measure(Path(name), options)
    text = json.dumps(report, indent=1, default=str)
    print(text)
    if options.json:
        options.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
