"""All benchmarks in turn, with settings of a few minutes: `python -m tests.bench [FOLDER]`.

Each writes its readings as JSON into the folder; docs/benchmarks.md says what they mean, and what was read where.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

RUNS = {
    "cube": ["--repeats", "3"],
    "mapping": ["--tile-size", "1536", "--repeats", "3"],
    "memory": ["--repeats", "1"],
    "plan": ["--items", "3000000", "--repeats", "1"],
}


def machine() -> str:
    """What the readings were made on, in a line."""
    cpus = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if "model name" in line
    ]
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{cpus[0] if cpus else platform.machine()}, {len(os.sched_getaffinity(0))} cores, {memory:.0f} GiB, "
        f"Python {platform.python_version()}, {time.strftime('%Y-%m-%d')}, load {os.getloadavg()[0]:.1f}"
    )


def main() -> None:
    """Run all; a benchmark that fails does not keep the others from running."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp(prefix="swath-bench-"))
    folder.mkdir(parents=True, exist_ok=True)
    print(machine(), flush=True)
    failed = []
    for name, options in RUNS.items():
        print(f"{name}: {folder / name}.json", flush=True)
        command = [sys.executable, "-m", f"tests.bench.{name}", "--json", str(folder / f"{name}.json"), *options]
        if subprocess.run(command, stdout=subprocess.DEVNULL).returncode:
            failed.append(name)
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
