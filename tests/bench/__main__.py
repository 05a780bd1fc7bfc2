"""All benchmarks with short settings, as a table for docs/benchmarks.md.

    python -m tests.bench [--only assess cube mapping mapping_model memory memory_model plan plan_actual predict
                                 train] [--full] [--json FILE]

Each runs in a process of its own, one after the other, a few minutes in all; `--full` takes the settings of each
module's own defaults. Ratios are of readings of the same run: absolute times depend on the machine and on who else uses
it, and the load average stands beside them. `by CPU` are ratios of CPU seconds, which a busy machine disturbs less.
`clouds_simulated`, which trains, runs when it is named.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import psutil

from swath.training.metrics import compare

SHORT = {
    "clouds_simulated": [],
    "assess": ["--repeats", "1"],
    "cube": ["--size", "1536", "--repeats", "3"],
    "mapping": ["--tile-size", "1536", "--steps", "2", "--repeats", "3", "--ray", "1"],
    "mapping_model": ["--repeats", "3", "--ray", "1"],
    "memory": ["--repeats", "1"],
    "memory_model": ["--repeats", "1"],
    "plan": ["--repeats", "1", "--tile-size", "1536"],
    "plan_actual": ["--repeats", "1"],
    "predict": ["--windows", "2", "--repeats", "3"],
    "train": ["--repeats", "2"],
}
LONG = {"clouds_simulated"}  #: not unless they are named
PACKAGES = ("numpy", "numba", "onnxruntime", "torch", "rasterio", "pyarrow", "shapely", "ray", "odc-stac", "stackstac")


def machine() -> dict[str, Any]:
    """CPU, cores, memory, and versions of what the readings depend on."""
    import rasterio

    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = [line.split(":", 1) for line in info.read_text().splitlines() if ":" in line]
        model = next((value.strip() for name, value in lines if name.strip() == "model name"), model)
    return {
        "cpu": model,
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(psutil.virtual_memory().total / 2**30),
        "system": f"{platform.system()} {platform.release()}",
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "versions": {
            "swath": version("swath"),
            "python": platform.python_version(),
            "gdal": rasterio.__gdal_version__,
            **{name: version(name) for name in PACKAGES},
        },
    }


def spread(values: Iterable[float], digits: int = 2) -> str:
    """Median, and the range where there is one."""
    numbers = sorted(values)
    middle = f"{median(numbers):.{digits}f}"
    if len(numbers) == 1:
        return middle
    return f"{middle} ({numbers[0]:.{digits}f} to {numbers[-1]:.{digits}f})"


Row = tuple[str, str, str, str]


def cube_rows(report: dict[str, Any]) -> list[Row]:
    """Samples a second of each way, over those of a bare decode."""
    rows = []
    for way, of in report["ways"].items():
        if way == "bare":
            continue
        bound = "at least 0.6" if way == "swath" else ""
        by_cpu = f"by CPU {spread(of['of_bare_by_cpu_seconds'])}; {of['million_samples_a_second']} million samples/s"
        rows.append((f"Cube, {way}: rate over bare decode", bound, spread(of["of_bare"]), by_cpu))
    return rows


def mapping_rows(report: dict[str, Any], name: str = "Mapping") -> list[Row]:
    """Time of each way over the sum of its bare parts."""
    rows = []
    for way, of in report["ways"].items():
        more = f"by CPU {spread(of['of_parts_by_cpu'])}; {report['units']} units, {report['threads']} threads"
        if way != "inline":
            more += f"; over inline, starts left out: {spread(of['of_inline_by_steady'])}"
        bound = "at most 1.15" if way == "inline" else ""
        rows.append((f"{name}, {way}: time over bare parts", bound, spread(of["of_parts_by_wall"]), more))
    return rows


def mapping_model_rows(report: dict[str, Any]) -> list[Row]:
    """The same with a model, and the network's share of the second stage."""
    share = report["network_of_compute"]
    more = f"by CPU {spread(report['network_of_compute_by_cpu'], 3)}; with classes and confidence"
    return [
        *mapping_rows(report, "Mapping with a model"),
        ("Mapping with a model: bare network over the second stage", "", spread(share, 3), more),
    ]


def memory_rows(report: dict[str, Any], name: str = "Peak memory") -> list[Row]:
    """Growth of peak memory."""
    few, many = min(report["options"]["units"]), max(report["options"]["units"])
    rows = []
    for who, growth in report["growth"].items():
        way, part = who.split()
        peaks = [median(one[f"{part}_peak_mb"] for one in report["readings"][way][str(units)]) for units in (few, many)]
        what = f"{name}, {way}, {part}: {many} units over {few}"
        rows.append((what, "at most 1.10", f"{growth:.2f}", f"{peaks[0]:.0f} MB, {peaks[1]:.0f} MB"))
    return rows


def memory_model_rows(report: dict[str, Any]) -> list[Row]:
    """The same with a model, and one large unit against what was announced."""
    large = report["large"]
    what = f"Peak memory, one unit of {large['tile_size']} px, {large['classes']} classes: added over announced"
    before, announced, peak = (f"{large[f'{name}_mb']:.0f} MB" for name in ("before", "announced", "peak"))
    more = f"{before} before, {announced} announced, peak {peak}"
    return [
        *memory_rows(report, "Peak memory with a model"),
        (what, "at most 1", f"{large['of_announced']:.2f}", more),
    ]


def plan_rows(report: dict[str, Any]) -> list[Row]:
    """Seconds and peak memory of a plan."""
    rows = []
    for size, readings in report["tile_sizes"].items():
        name = f"Plan of {report['options']['area']}, {report['options']['items'] / 1e6:g} million items, {size} px"
        units = f"{readings[0]['units']} units; CPU {spread((one['cpu_seconds'] for one in readings), 0)} s"
        rows.append((name, "under 60 s", f"{spread((one['seconds'] for one in readings), 0)} s", units))
        rows.append(
            (f"{name}: peak memory", "under 1000 MB", f"{spread((one['peak_mb'] for one in readings), 0)} MB", "")
        )
    return rows


def plan_actual_rows(report: dict[str, Any]) -> list[Row]:
    """Actual over planned, of areas that were not calibrated on."""
    rows = []
    for what, name in (("bytes_in", "bytes read"), ("bytes_out", "bytes written"), ("cpu_s", "CPU seconds")):
        ratios = [one["of_plan"][what] for readings in report["areas"].values() for one in readings]
        areas = "; ".join(
            f"{area} {spread(one['of_plan'][what] for one in of)}" for area, of in report["areas"].items()
        )
        rows.append((f"Plan, calibrated elsewhere: actual {name} over planned", "0.75 to 1.25", spread(ratios), areas))
    return rows


def predict_rows(report: dict[str, Any]) -> list[Row]:
    """Rate of the network inside the predictor over the bare session."""
    more = (
        f"by CPU {spread(report['of_bare_by_cpu'], 3)}; the rest alone {spread(report['around_of_bare'], 3)} of bare; "
        f"{report['million_window_pixels_a_second']} Mpx/s, {report['options']['threads']} threads"
    )
    return [("Predictor: network rate over bare ONNX Runtime", "at least 0.95", spread(report["of_bare"], 3), more)]


def train_rows(report: dict[str, Any]) -> list[Row]:
    """Chips a second over bare DDP, and the share of waiting."""
    rows = []
    for way, of in report["of_bare"].items():
        bound = "at least 0.93" if way == "memory" else ""
        more = f"by CPU {spread(report['of_bare_by_cpu'][way], 3)}; {report['options']['workers']} workers"
        rows.append((f"Training, chips in {way}: rate over bare DDP", bound, spread(of, 3), more))
    wait = spread(report["wait"]["shards"], 3)
    rows.append(("Training, chips in shards: share of waiting", "at most 0.05", wait, ""))
    return rows


def assess_rows(report: dict[str, Any]) -> list[Row]:
    """Seconds and peak memory of sampling and assessing a map."""
    parts, name = report["parts"], f"Map of {report['pixels'] / 1e6:.0f} million pixels"
    cpu = sum(one["cpu_seconds"] for part in ("sample", "assess") for one in parts[part]) / len(parts["sample"])
    peak = max(one["peak_mb"] for several in parts.values() for one in several)
    regions = f"areas by region {spread((one['seconds'] for one in parts['regions']), 0)} s more"
    return [
        (
            f"{name}: sampled and assessed",
            "under 60 s",
            f"{spread(report['seconds'], 0)} s",
            f"CPU {cpu:.1f} s; {regions}",
        ),
        (f"{name}: peak memory", "under 1000 MB", f"{peak:.0f} MB", "areas by region included"),
    ]


def clouds_rows(report: dict[str, Any]) -> list[Row]:
    """Network and trees by sensor, against the truth."""
    rows = []
    for sensor, reading in report["sensors"].items():
        for measure in ("overall_accuracy", "macro_f1"):
            found = compare(np.array(reading["network"]), np.array(reading["scene"]), measure=measure)
            more = f"{found.first:.3f} against {found.second:.3f}, {found.units} scenes; {found.verdict}"
            name = f"Clouds, {sensor}: {measure.replace('_', ' ')} over LightGBM"
            rows.append((name, "above", f"{found.difference:+.3f} ({found.low:+.3f} to {found.high:+.3f})", more))
    return rows


ROWS: dict[str, Callable[[dict[str, Any]], list[Row]]] = {
    "clouds_simulated": clouds_rows,
    "assess": assess_rows,
    "cube": cube_rows,
    "mapping": mapping_rows,
    "mapping_model": mapping_model_rows,
    "memory": memory_rows,
    "memory_model": memory_model_rows,
    "plan": plan_rows,
    "plan_actual": plan_actual_rows,
    "predict": predict_rows,
    "train": train_rows,
}


def main() -> None:
    """Run, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", choices=list(ROWS), default=[name for name in ROWS if name not in LONG])
    parser.add_argument("--full", action="store_true", help="the settings of each module's defaults")
    parser.add_argument("--json", type=Path, help="write all readings here")
    options = parser.parse_args()
    about = machine()
    reports, rows, loads = {}, [], {}
    with tempfile.TemporaryDirectory(prefix="swath-bench-") as folder:
        for name in options.only:
            print(f"{name} ...", file=sys.stderr, flush=True)
            out = Path(folder, f"{name}.json")
            settings = [] if options.full else SHORT[name]
            command = [sys.executable, "-m", f"tests.bench.{name}", *settings, "--json", str(out)]
            before = os.getloadavg()[0]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            loads[name] = round(before, 1)
            reports[name] = json.loads(out.read_text())
            rows += ROWS[name](reports[name])
    versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
    print(f"{about['date']}, {about['cpu']}, {about['cores']} cores, {about['memory_gb']} GB, {about['system']}.")
    print(f"Load average before each: {', '.join(f'{name} {load}' for name, load in loads.items())}.")
    print(f"{versions}.\n")
    print("| What | Bound | Reading | Beside it |\n|---|---|---|---|")
    for row in rows:
        print(f"| {' | '.join(row)} |")
    if options.json:
        options.json.write_text(json.dumps({"machine": about, "load": loads, "reports": reports}, indent=1) + "\n")


if __name__ == "__main__":
    main()
