"""Peak memory of mapping with a model: at many units against few, and of one large unit against what was announced.

    python -m tests.bench.memory_model [--units 20 200] [--tile-size 384] [--dates 4] [--large 4096] [--json FILE]

Two readings, each of processes of their own:

- `growth`: as `tests.bench.memory`, for the shipped land cover by a U-Net of random weights on windows of 128 px;
- `large`: one unit of `--large` px at 15 m (4096 px of 10 m cut 20 m bands through), by a U-Net on windows of 512 px
  that gives 64 classes, the probability of each written. `announced` is what the runner is told that the unit takes;
  `before` is what the process held before the run began (packages imported, a plan made); `of_announced` is what the
  peak added over what was announced: at most 1 is wanted.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import tempfile
from pathlib import Path
from typing import Any

import psutil
from tests.bench import archive, memory
from tests.bench.mapping_model import request_with, write_package

from swath.mapping import carry_out, make_plan
from swath.mapping.run import plan_work
from swath.models import Package
from swath.products import Product
from swath.runs.budget import available_memory
from swath.store import Store
from swath.store.ledger import read_stats

CLASSES, RESOLUTION, WIDTH = 64, 15, 16
LEGEND = [
    {"code": number + 1, "name": f"class {number + 1}", "color": f"#{number * 4:02x}{255 - number * 4:02x}80"}
    for number in range(CLASSES)
]
PRODUCT = f"""
name: many
version: "1.0"
title: Many classes
inputs:
  - collection: auto
    bands: [model]
    mask: {{rules: default}}
    composite: {{method: median}}
model:
  kind: classes
  probabilities: [all]
  legend: {json.dumps({"classes": LEGEND})}
output:
  grid: {{name: auto}}
"""


def large(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Map one large unit in this process."""
    product = Product.parse(PRODUCT, where="bench")
    options.tiles, edge = 1, _edge(options)
    with tempfile.TemporaryDirectory(prefix="swath-bench-") as root:
        source, period = archive.write_items(
            folder, f"items-{os.getpid()}.json", tiles=1, tile_size=edge, dates=options.dates, steps=1
        )
        ask = request_with(product, Package.open(folder / "package-large"), resolution=RESOLUTION)
        plan = make_plan(ask(source, period, options), Store.open(root))
        unit = next(unit for unit in plan.units() if unit.scenes)
        work = plan_work(plan, len(os.sched_getaffinity(0)), available_memory())
        announced = work.size(unit)
        before = psutil.Process().memory_info().rss
        result = carry_out(plan, cluster="inline")
        stats = read_stats(plan.store, plan.root, plan.run)
        stages = {name: stats[name][0].as_py() for name in stats.column_names if name.startswith("seconds_")}
    if result.done != 1:
        raise SystemExit(f"The unit was not made: {result.failures[:1]}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {
        "tile_size": options.tile_size,
        "classes": CLASSES,
        "layers": len(plan.layers),
        "seconds": round(result.seconds, 1),
        "stages": stages,
        "before_mb": memory.megabytes(before),
        "announced_mb": memory.megabytes(announced),
        "peak_mb": memory.megabytes(peak),
        "of_announced": round((peak - before) / announced, 3),
    }


def _edge(options: argparse.Namespace) -> int:
    """Pixels of 10 m along the large tile."""
    return round(options.tile_size * RESOLUTION / 10)


def prepare(folder: Path, what: str, options: argparse.Namespace) -> dict[str, Any]:
    """Write a package. In a process of its own: a child begins with its parent's peak, and torch takes much."""
    if what == "small":
        model = Product.load("landcover").model
        assert model is not None and model.legend is not None
        names = tuple(c.name for c in model.legend.classes)
        package = write_package(folder / "package-small", names, window=128, width=8, levels=3)
    else:
        names = tuple(str(c["name"]) for c in LEGEND)
        package = write_package(folder / "package-large", names, gsd=RESOLUTION, window=512, width=WIDTH, levels=4)
        archive.write_files(folder, tiles=1, tile_size=_edge(options), dates=options.dates)
    return {"digest": package.digest}


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Both readings."""
    module = "tests.bench.memory_model"
    with tempfile.TemporaryDirectory(prefix="swath-bench-") as name:
        folder = options.folder or Path(name)

        def made(what: str) -> Path:
            inside: Path = folder / what
            inside.mkdir(parents=True, exist_ok=True)
            if not (inside / f"package-{what}").exists():
                memory.once(module, inside, f"prepare-{what}", options)
            return inside

        report: dict[str, Any] = {}
        if options.units:
            options.folder = made("small")
            report |= memory.run(options, module)
        if options.large:
            options.tile_size = options.large
            report["large"] = memory.once(module, made("large"), "large", options)
    return report | {"what": "memory_model"}


def main() -> None:
    """Run, print, and write JSON if asked."""
    parser = memory.parser(__doc__)
    parser.add_argument("--large", type=int, default=4096, help="edge of the large tile, pixels; 0: leave it out")
    parser.set_defaults(dates=4)
    options = parser.parse_args()
    if options.once and options.once.startswith("prepare-"):
        print(json.dumps(prepare(options.folder, options.once.removeprefix("prepare-"), options)))
        return
    if options.once == "large":
        print(json.dumps(large(options.folder, options)))
        return
    if options.once:
        ask = request_with(Product.load("landcover"), Package.open(options.folder / "package-small"))
        print(json.dumps(memory.measure(options.folder, options.units[0], options.once, options, ask)))
        return
    text = json.dumps(run(options), indent=1, default=str)
    print(text)
    if options.json:
        options.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
