"""A map of land cover of a hundred million pixels, sampled and assessed: seconds and peak memory.

    python -m tests.bench.assess [--tiles 11] [--tile-size 3072] [--units 1000] [--repeats 1] [--json FILE]

The map is written once (deflated tiles, patches of eleven classes that hang together). Then each command's work runs in
a process of its own, imports left out of the seconds but not of the peak memory: a stratified sample of the map's
classes; accuracy and areas from what interpreters would find; areas of classes in four regions. Bounds: 60 s and 1 GB
for sample and assessment together.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import shapely
from scipy.ndimage import gaussian_filter

sys.path.insert(0, str(Path(__file__).parents[1]))
from support.class_map import class_map

AREA = "12.2,46.6,13.6,47.9"
CODES = (10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 100)
NAME = "bench"
PATCH = 768  # pixels that are made; the rest of a tile repeats them, turned


def patches() -> np.ndarray:
    """Classes that hang together, (PATCH, PATCH)."""
    random = np.random.default_rng(1)
    fields = np.stack([gaussian_filter(random.normal(size=(PATCH, PATCH)), 8, mode="wrap") for _ in CODES])
    rare = np.linspace(0, 0.035, len(CODES))[:, None, None]
    return np.array(CODES, np.uint8)[(fields - rare).argmax(axis=0)]


def write_map(folder: Path, tiles: int, size: int) -> int:
    """Write the map; returns its pixels."""
    base, written = patches(), 0

    def drawn(tile: Any) -> np.ndarray:
        nonlocal written
        written += 1
        if written > tiles:
            return np.zeros(tile.shape, np.uint8)
        times = -(-size // PATCH)
        made = np.roll(np.tile(np.rot90(base, written % 4), (times, times)), 97 * written, axis=1)[:size, :size].copy()
        made[: size // 50] = 0
        return made

    class_map(
        folder, drawn, area=AREA, size=size, classes={code: f"class {code}" for code in CODES}, compress="deflate",
        tiled=True, blockxsize=512, blockysize=512,
    )  # fmt: skip
    table = folder / "landcover" / "1.0" / "items.parquet"
    rows = pd.read_parquet(table).head(tiles)
    rows.to_parquet(table, index=False)
    west, south, east, north = (float(text) for text in AREA.split(","))
    x, y = (west + east) / 2, (south + north) / 2
    boxes = [shapely.box(a, c, b, d) for a, b in ((west, x), (x, east)) for c, d in ((south, y), (y, north))]
    geopandas.GeoDataFrame({"name": list("abcd")}, geometry=boxes, crs=4326).to_file(folder / "regions.gpkg")
    return tiles * size * size


def fill(folder: Path) -> None:
    """What interpreters would hand back: every tenth plot is another class."""
    from swath.assessment import PublishedMap, chosen_sample

    of = PublishedMap.open(folder)
    drawn = chosen_sample(of, NAME).drawn
    label = drawn["map_class"].to_numpy().copy()
    label[::10] = f"class {CODES[2]}"
    pd.DataFrame({"plot": drawn["plot"], "map": of.id, "class": label}).to_csv(folder / "plots.csv", index=False)


def work(part: str, folder: Path, units: int) -> dict[str, Any]:
    """One part, in this process."""
    from swath.assessment import PublishedMap, Zones, areas_by_region, assess_map, chosen_sample, draw_sample
    from swath.assessment.reference import Reference

    started, cpu = time.perf_counter(), time.process_time()
    of = PublishedMap.open(folder)
    if part == "sample":
        draw_sample(of, number=units, name=NAME)
    elif part == "assess":
        assess_map(of, folder / "plots.csv", sample=NAME)
    else:
        sample = chosen_sample(of, NAME)
        joined = Reference.read(folder / "plots.csv", sample).joined(sample)
        areas_by_region(of, sample, joined, Zones.read(folder / "regions.gpkg", column="name"))
    return {
        "seconds": time.perf_counter() - started, "cpu_seconds": time.process_time() - cpu,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }  # fmt: skip


def run(options: argparse.Namespace) -> dict[str, Any]:
    """All repeats, each on a map without a sample."""
    readings: dict[str, list[dict[str, Any]]] = {"sample": [], "assess": [], "regions": []}
    with tempfile.TemporaryDirectory(prefix="swath-assess-") as name:
        folder = Path(name)
        pixels = write_map(folder, options.tiles, options.tile_size)
        for _ in range(options.repeats):
            for part in readings:
                command = [sys.executable, "-m", "tests.bench.assess", "--part", part, "--folder", str(folder)]
                told = subprocess.run([*command, "--units", str(options.units)], check=True, capture_output=True)
                readings[part].append(json.loads(told.stdout))
                if part == "sample":
                    fill(folder)
            for path in (folder / "landcover" / "1.0" / "samples" / NAME).iterdir():
                path.unlink()
    both = [one["seconds"] + two["seconds"] for one, two in zip(readings["sample"], readings["assess"], strict=True)]
    asked = {"tiles": options.tiles, "tile_size": options.tile_size, "units": options.units}
    return {"options": asked, "pixels": pixels, "parts": readings, "seconds": both}


def main() -> None:
    """Run, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiles", type=int, default=11)
    parser.add_argument("--tile-size", type=int, default=3072)
    parser.add_argument("--units", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--part", choices=["sample", "assess", "regions"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--json", type=Path, help="write all readings here")
    options = parser.parse_args()
    if options.part:
        print(json.dumps(work(options.part, options.folder, options.units)))
        return
    report = run(options)
    print(f"{report['pixels'] / 1e6:.0f} million pixels, {options.units} units")
    for part, several in report["parts"].items():
        for one in several:
            print(f"{part}: {one['seconds']:.1f} s, {one['cpu_seconds']:.1f} CPU seconds, peak {one['peak_mb']:.0f} MB")
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
