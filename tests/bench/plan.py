"""Plan of a continent: tiles x items from a frozen table, in seconds and peak memory.

    python -m tests.bench.plan [--items 3000000] [--area Africa] [--tile-size 1536 3072] [--json FILE]

Writes a frozen table of so many items (granules of one degree over the area's land, `--footprints` distinct outlines
each, a year of dates, hrefs of all bands), and plans the shipped mosaic at 10 m for one year from it, as `swath plan`
does: the table is copied, joined with the tiles, and each unit gets its items, key and price. Every reading is a
process of its own, from parsing the area to the committed plan; imports are not in the seconds, but in the peak memory.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import shapely

from swath.grid import Area, Period
from swath.mapping import make_plan
from swath.planning import MapRequest
from swath.products import Product
from swath.sources import collection
from swath.sources.frozen_rows import schema
from swath.store import Store

KEY = "earth-search-sentinel-2-l2a"


def granules(area: Area) -> np.ndarray:
    """Lower left corners of 1 degree granules over land, in the order of the frozen table's cells."""
    west, south, east, north = area.bbox
    lon, lat = np.meshgrid(np.arange(np.floor(west), east), np.arange(np.floor(south), north))
    corners = np.stack([lon.ravel(), lat.ravel()], axis=1)
    shapely.prepare(area.geometry)
    land = shapely.intersects(area.geometry, shapely.box(*corners.T, *(corners + 1.05).T))
    return corners[land]


def outlines(corner: np.ndarray, number: int) -> list[bytes]:
    """WKB of a granule's footprints: whole, and cut by the edges of its orbits' swaths."""
    x, y = corner
    box = shapely.box(x, y, x + 1.05, y + 1.0)
    made = [box]
    for cut in np.linspace(0.15, 0.9, number - 1):
        made.append(box & shapely.Polygon([(x, y), (x + cut, y), (x + cut - 0.12, y + 1), (x, y + 1)]))
    return [shapely.to_wkb(shape, byte_order=1) for shape in made]


def write_table(path: Path, items: int, area: Area, footprints: int) -> None:
    """A frozen table of so many items, with hrefs of all bands, in the form that `freeze` writes."""
    facts = collection(KEY)
    form = schema(list(facts.bands))
    corners = granules(area)
    per = -(-items // len(corners))
    rng = np.random.default_rng(1)
    with pq.ParquetWriter(
        path, form.with_metadata({**form.metadata, b"swath:digest": b"bench"}), compression="zstd"
    ) as out:
        left = items
        for number, corner in enumerate(corners):
            n = min(per, left)
            if not n:
                break
            left -= n
            days = np.sort(rng.integers(0, 365 * 86400, n)) * 1_000_000 + 1_672_531_200_000_000
            ids = pa.array([f"S2A_{number:05d}_{i:06d}_0_L2A" for i in range(n)])
            base = pc.binary_join_element_wise(
                "https://sentinel-cogs.s3.us-west-2.amazonaws.com/sentinel-s2-l2a-cogs", ids, "/"
            )
            orbit = pa.array(rng.integers(0, footprints, n))
            day = pa.array(days // 86_400_000_000).cast(pa.string())
            digests = [i.to_bytes(16, "big") for i in range(number * per, number * per + n)]
            shapes = pa.array(outlines(corner, footprints))
            nothing = pa.nulls(n, pa.string())
            assets = pa.StructArray.from_arrays(
                [
                    pa.StructArray.from_arrays(
                        [pc.binary_join_element_wise(base, f"{band}.tif", "/"), nothing], ["href", "file:checksum"]
                    )
                    for band in facts.bands
                ],
                list(facts.bands),
            )
            box = [np.full(n, v) for v in (corner[0], corner[1], corner[0] + 1.05, corner[1] + 1.0)]
            columns = {
                "type": pa.array(["Feature"] * n),
                "stac_version": pa.array(["1.1.0"] * n),
                "id": ids,
                "collection": pa.array(["sentinel-2-l2a"] * n),
                "geometry": shapes.take(orbit),
                "bbox": pa.StructArray.from_arrays([pa.array(v) for v in box], ["xmin", "ymin", "xmax", "ymax"]),
                "links": pa.array([[]] * n, form.field("links").type),
                "assets": assets,
                "datetime": pa.array(days, pa.timestamp("us", tz="UTC")),
                "platform": pa.array(["sentinel-2a"] * n),
                "eo:cloud_cover": pa.array(rng.uniform(0, 100, n)),
                "proj:epsg": pa.array(np.full(n, 32633, np.int32)),
                "swath:collection": pa.array([KEY] * n),
                "swath:observation": pc.binary_join_element_wise("sentinel-2a", day, "/"),
                "swath:dn_shift": pa.array(np.full(n, 1000, np.int32)),
                "swath:digest": pa.array(digests, pa.binary(16)),
            }
            arrays = [columns[f.name].cast(f.type) if f.name in columns else pa.nulls(n, f.type) for f in form]
            out.write_table(pa.Table.from_arrays(arrays, schema=form), row_group_size=5000)


def measure(table: Path, area_name: str, tile_size: int) -> dict[str, Any]:
    """Plan in this process, as `swath plan` does: seconds, peak memory, sums."""
    started, worked = time.perf_counter(), time.process_time()
    product = Product.load("mosaic").with_overrides([f"output.grid.tile_size={tile_size}"])
    request = MapRequest(product, Area.parse(area_name), Period.parse("2023/P1Y"), str(table))
    with tempfile.TemporaryDirectory(prefix="swath-bench-") as folder:
        plan = make_plan(request, Store.open(folder))
        size = next(Path(folder).rglob("tiles.parquet")).stat().st_size
    return {
        "tiles": plan.totals.tiles,
        "units": plan.totals.units,
        "scenes": plan.totals.scenes,
        "seconds": round(time.perf_counter() - started, 1),
        "cpu_seconds": round(time.process_time() - worked, 1),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "tiles_parquet_mb": round(size / 1e6, 1),
        "load": round(os.getloadavg()[0], 1),
    }


def once(table: Path, area: str, tile_size: int) -> dict[str, Any]:
    """`measure` in a process of its own: peak memory is the process's."""
    command = [sys.executable, "-m", "tests.bench.plan", "--once", "--table", str(table), "--area", area]
    done = subprocess.run([*command, "--tile-size", str(tile_size)], check=True, capture_output=True, text=True)
    reading: dict[str, Any] = json.loads(done.stdout)
    return reading


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--json", type=Path, help="write the readings here too")
    made.add_argument("--items", type=int, default=3_000_000)
    made.add_argument("--footprints", type=int, default=12, help="distinct footprints a granule")
    made.add_argument("--area", default="Africa")
    made.add_argument("--tile-size", type=int, nargs="*", default=[1536, 3072])
    made.add_argument("--repeats", type=int, default=3)
    made.add_argument("--table", type=Path, help="keep the table here, and take it up if it is there")
    made.add_argument("--once", action="store_true", help=argparse.SUPPRESS)
    return made


def main() -> None:
    """Run, print, and write JSON if asked."""
    options = parser().parse_args()
    if options.once:
        print(json.dumps(measure(options.table, options.area, options.tile_size[0])))
        return
    report = run(options)
    text = json.dumps(report, indent=1, default=str)
    print(text)
    if options.json:
        options.json.write_text(text + "\n")


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Readings of each tile size, a process each."""
    with tempfile.TemporaryDirectory(prefix="swath-bench-") as folder:
        table = options.table or Path(folder, "items.parquet")
        if not table.exists():
            write_table(table, options.items, Area.parse(options.area), options.footprints)
        sizes = {
            str(size): [once(table, options.area, size) for _ in range(options.repeats)] for size in options.tile_size
        }
        return {
            "what": "plan",
            "options": {k: v for k, v in vars(options).items() if k not in {"json", "table", "once"}},
            "table_mb": round(table.stat().st_size / 1e6, 1),
            "tile_sizes": sizes,
        }


if __name__ == "__main__":
    main()
