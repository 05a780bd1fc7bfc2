"""Peak memory of driver and worker at many units against few: it must not grow with the units.

    python -m tests.bench.memory [--units 20 200] [--tile-size 384] [--dates 8] [--repeats 2] [--json FILE]

Maps the shipped mosaic over local COGs with so many units, each reading in a process of its own: in this process
(`inline`: driver and worker are one), and through a Ray cluster of this machine (`ray`: driver, and one worker of two
threads). Peak memory is what the kernel says of the process (`ru_maxrss`) at its end; a worker's comes with its last
unit. `last` is what it holds at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
from tests.bench import archive
from tests.bench.mapping import Ask, request
from tests.bench.watch import Watch

from swath.cluster import connect
from swath.mapping import carry_out, make_plan
from swath.store import Store
from swath.store.ledger import read_stats

TILES = 2


def measure(folder: Path, units: int, cluster: str, options: argparse.Namespace, ask: Ask = request) -> dict[str, Any]:
    """Map in this process, or from it: peaks in megabytes."""
    steps = units // TILES**2
    shape = {"tiles": TILES, "tile_size": options.tile_size, "dates": options.dates}
    with tempfile.TemporaryDirectory(prefix="swath-bench-") as root:
        source, period = archive.write_items(folder, f"items-{os.getpid()}.json", **shape, steps=steps)
        options.tiles = TILES
        plan = make_plan(ask(source, period, options), Store.open(root))
        worked = time.process_time()
        with Watch() as watch:
            if cluster == "ray":
                with connect("local", cpus=2):
                    result = carry_out(plan, cluster="auto", workers=1)
            else:
                result = carry_out(plan, cluster="inline")
        peaks = read_stats(plan.store, plan.root, plan.run)["peak_rss"].to_pylist()
    if result.done != steps * TILES**2:
        raise SystemExit(f"{result.done} of {units} units were made: {result.failures[:1]}")
    reading = {
        "units": result.done,
        "seconds": round(result.seconds, 1),
        "cpu_seconds": round(sum(watch.cpu.values()) or time.process_time() - worked, 1),
        "driver_peak_mb": megabytes(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024),
        "driver_last_mb": megabytes(psutil.Process().memory_info().rss),
    }
    if cluster == "ray":
        last = max(watch.last.values(), default=0)
        reading |= {"worker_peak_mb": megabytes(max(peaks)), "worker_last_mb": megabytes(last)}
    # how the peak grew: after a tenth of the units, half of them, all
    series = [peaks[int(share * (len(peaks) - 1))] for share in (0.1, 0.25, 0.5, 0.75, 1.0)]
    return reading | {"peak_mb_at_10_25_50_75_100_percent": [megabytes(peak) for peak in series]}


def megabytes(size: float) -> float:
    return round(size / 2**20, 1)


def run(options: argparse.Namespace, module: str = "tests.bench.memory") -> dict[str, Any]:
    """Readings of each way and number of units, and the growth from the fewest to the most.

    Args:
        options: Of the command line.
        module: Whose `--once` gives a reading.
    """
    with tempfile.TemporaryDirectory(prefix="swath-bench-") as name:
        folder = options.folder or Path(name)
        folder.mkdir(exist_ok=True)
        if not (folder / f"{options.dates - 1:02}_SCL.tif").exists():
            archive.write_files(folder, tiles=TILES, tile_size=options.tile_size, dates=options.dates)
        readings: dict[str, dict[str, list[dict[str, Any]]]] = {}
        for way in ("inline", "ray"):
            readings[way] = {
                str(units): [once(module, folder, way, options, units) for _ in range(options.repeats)]
                for units in options.units
            }
    few, many = str(min(options.units)), str(max(options.units))
    growth = {}
    for way, of in readings.items():
        for who in ("driver", "worker") if way == "ray" else ("driver",):
            peak = {units: statistics.median(one[f"{who}_peak_mb"] for one in of[units]) for units in (few, many)}
            growth[f"{way} {who}"] = round(peak[many] / peak[few], 3)
    return {
        "what": "memory",
        "options": {k: v for k, v in vars(options).items() if k not in {"json", "folder", "once"}},
        "growth": growth,
        "readings": readings,
    }


def once(module: str, folder: Path, way: str, options: argparse.Namespace, units: int = 1) -> dict[str, Any]:
    """A reading of a process of its own."""
    command = [
        sys.executable, "-m", module, "--once", way, "--units", str(units), "--folder", str(folder),
        "--tile-size", str(options.tile_size), "--dates", str(options.dates),
    ]  # fmt: skip
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    reading: dict[str, Any] = json.loads(done.stdout)
    return reading


def parser(about: str | None = __doc__) -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--json", type=Path, help="write the readings here too")
    made.add_argument("--folder", type=Path, help="keep the archive here, and take it up if it is there")
    made.add_argument("--units", type=int, nargs="*", default=[20, 200])
    made.add_argument("--tile-size", type=int, default=384)
    made.add_argument("--dates", type=int, default=8)
    made.add_argument("--repeats", type=int, default=2)
    made.add_argument("--once", help=argparse.SUPPRESS)
    made.set_defaults(set=[])
    return made


def main() -> None:
    """Run, print, and write JSON if asked."""
    options = parser().parse_args()
    if options.once:
        print(json.dumps(measure(options.folder, options.units[0], options.once, options)))
        return
    text = json.dumps(run(options), indent=1, default=str)
    print(text)
    if options.json:
        options.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
