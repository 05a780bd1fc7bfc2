"""Plan of a continent: tiles x items from a frozen table, in seconds and peak memory.

python -m tests.bench.plan [--items 3000000] [--area Africa] [--tile-size 1536] [--json]
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import shapely

ORBITS = 12  # distinct footprints a granule: orbits that cross it, each cut in a few ways by the swath's edge
KEY = "earth-search-sentinel-2-l2a"


def granules(area) -> np.ndarray:
    """Lower left corners of 1 degree granules over land, in the order of the frozen table's cells."""
    west, south, east, north = area.bbox
    lon, lat = np.meshgrid(np.arange(np.floor(west), east), np.arange(np.floor(south), north))
    corners = np.stack([lon.ravel(), lat.ravel()], axis=1)
    shapely.prepare(area.geometry)
    land = shapely.intersects(area.geometry, shapely.box(*corners.T, *(corners + 1.05).T))
    return corners[land]


def footprints(corner: np.ndarray) -> list[bytes]:
    """WKB of a granule's footprints: whole, and cut by the edges of its orbits' swaths."""
    x, y = corner
    box = shapely.box(x, y, x + 1.05, y + 1.0)
    made = [box]
    for cut in np.linspace(0.15, 0.9, ORBITS - 1):
        made.append(box & shapely.Polygon([(x, y), (x + cut, y), (x + cut - 0.12, y + 1), (x, y + 1)]))
    return [shapely.to_wkb(shape, byte_order=1) for shape in made]


def write_table(path: Path, items: int, area) -> None:
    """A frozen table of so many items, with hrefs of all bands, in the form that `freeze` writes."""
    from swath.sources import collection
    from swath.sources.frozen_rows import schema

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
            left -= n
            days = np.sort(rng.integers(0, 365 * 86400, n)) * 1_000_000 + 1_672_531_200_000_000
            ids = pa.array([f"S2A_{number:05d}_{i:06d}_0_L2A" for i in range(n)])
            base = pc.binary_join_element_wise(
                "https://sentinel-cogs.s3.us-west-2.amazonaws.com/sentinel-s2-l2a-cogs", ids, "/"
            )
            shapes = pa.array(footprints(corner))
            nothing = pa.nulls(n, pa.string())
            assets = pa.StructArray.from_arrays(
                [pa.StructArray.from_arrays([pc.binary_join_element_wise(base, f"{band}.tif", "/"), nothing], ["href", "file:checksum"]) for band in facts.bands],
                list(facts.bands),
            )  # fmt: skip
            box = [np.full(n, v) for v in (corner[0], corner[1], corner[0] + 1.05, corner[1] + 1.0)]
            columns = {
                "type": pa.array(["Feature"] * n), "stac_version": pa.array(["1.1.0"] * n), "id": ids,
                "collection": pa.array(["sentinel-2-l2a"] * n), "geometry": shapes.take(pa.array(rng.integers(0, ORBITS, n))),
                "bbox": pa.StructArray.from_arrays([pa.array(v) for v in box], ["xmin", "ymin", "xmax", "ymax"]),
                "links": pa.array([[]] * n, form.field("links").type), "assets": assets,
                "datetime": pa.array(days, pa.timestamp("us", tz="UTC")), "platform": pa.array(["sentinel-2a"] * n),
                "eo:cloud_cover": pa.array(rng.uniform(0, 100, n)), "proj:epsg": pa.array(np.full(n, 32633, np.int32)),
                "swath:collection": pa.array([KEY] * n),
                "swath:observation": pc.binary_join_element_wise("sentinel-2a", pa.array(days // 86_400_000_000).cast(pa.string()), "/"),
                "swath:dn_shift": pa.array(np.full(n, 1000, np.int32)),
                "swath:digest": pa.array([i.to_bytes(16, "big") for i in range(number * per, number * per + n)], pa.binary(16)),
            }  # fmt: skip
            arrays = [columns[f.name].cast(f.type) if f.name in columns else pa.nulls(n, f.type) for f in form]
            out.write_table(pa.Table.from_arrays(arrays, schema=form), row_group_size=5000)


def measure(table: Path, area_name: str, tile_size: int) -> dict:
    """Plan in this process: seconds, peak memory, sums."""
    from swath.grid import Area, Grid, Period
    from swath.mapping.plan import write_units
    from swath.products import Product
    from swath.sources import FrozenItems, collection

    started = time.perf_counter()
    area = Area.parse(area_name)
    with tempfile.TemporaryDirectory() as folder:
        totals = write_units(
            FrozenItems.open(table), grid=Grid.named("utm", resolution=10, tile_size=tile_size), area=area,
            period=Period.parse("2023/P1Y"), product=Product.load("mosaic"), facts=collection(KEY), path=Path(folder, "tiles.parquet"),
        )  # fmt: skip
        size = Path(folder, "tiles.parquet").stat().st_size
    return {
        "tiles": totals.tiles,
        "units": totals.units,
        "scenes": totals.scenes,
        "seconds": round(time.perf_counter() - started, 1),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "tiles_parquet_mb": round(size / 1e6, 1),
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--items", type=int, default=3_000_000)
    options.add_argument("--area", default="Africa")
    options.add_argument("--tile-size", type=int, default=1536)
    options.add_argument("--runs", type=int, default=3)
    options.add_argument("--table", type=Path, help="keep the table here, and take it up if it is there")
    options.add_argument("--json", action="store_true")
    options.add_argument("--once", action="store_true", help=argparse.SUPPRESS)
    asked = options.parse_args()
    if asked.once:
        print(json.dumps(measure(asked.table, asked.area, asked.tile_size)))
        return
    with tempfile.TemporaryDirectory() as folder:
        table = asked.table or Path(folder, "items.parquet")
        if not table.exists():
            from swath.grid import Area

            write_table(table, asked.items, Area.parse(asked.area))
        # each reading in a process of its own: peak memory is the process's
        once = [
            sys.executable,
            __file__,
            "--once",
            "--table",
            str(table),
            "--area",
            asked.area,
            "--tile-size",
            str(asked.tile_size),
        ]
        readings = [
            json.loads(subprocess.run(once, check=True, capture_output=True, text=True).stdout)
            for _ in range(asked.runs)
        ]
    for reading in readings:
        print(json.dumps(reading))


if __name__ == "__main__":
    main()
