"""Cube against bare decode: samples a second of the same files in one run.

    python tests/bench/cube.py [--json FILE] [--size 2048] [--dates 12] [--repeats 3]

Writes synthetic COG-like GeoTIFFs (uint16, smooth and noise, deflate with predictor 2), then times, with the same
threads: (a) a bare rasterio decode of the band files, (b) `swath.cube.compose` with mask and median, (c) odc-stac and
xarray's median, (d) stackstac and nanmedian. A sample is one pixel of one band and date. (a) decodes the bands only;
the others read the mask too. CPU seconds stand beside the clock's: they do not mind what else the machine does.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from rasterio.transform import array_bounds
from rasterio.warp import transform_bounds

from swath.cube import CubeSpec, compose
from swath.cube.gdal import gdal_env
from swath.grid.tiles import Tile
from swath.sources.facts import Band, BandKind, Collection, MaskRule
from swath.sources.scenes import Asset, Scene

CRS, EPSG = "EPSG:32633", 32633
DROP = (0, 1, 3, 8, 9, 10)


def write(folder: Path, *, dates: int, bands: int, size: int, block: int, compress: str) -> None:
    """The files: `<date>_<band>.tif`, and `<date>_SCL.tif` at half the resolution."""
    rng = np.random.default_rng(1)
    small = rng.normal(0, 1, (size // 32 + 2, size // 32 + 2))
    smooth = np.kron(small, np.ones((32, 32)))[:size, :size]
    for axis in (0, 1):
        smooth = sum(np.roll(smooth, shift, axis) for shift in range(-16, 17)) / 33
    transform = Affine(10, 0, 600000, 0, -10, 5800000)
    common = {"driver": "GTiff", "count": 1, "crs": CRS, "tiled": True, "compress": compress}
    for date in range(dates):
        for band in range(bands):
            values = 1500 + 150 * band + 900 * smooth + rng.normal(0, 25, (size, size))
            values = np.clip(np.rint(values), 1, 12000).astype(np.uint16)
            profile = {**common, "dtype": "uint16", "nodata": 0, "width": size, "height": size, "predictor": 2}
            with rasterio.open(
                folder / f"{date:02}_B{band:02}.tif",
                "w",
                **profile,
                transform=transform,
                blockxsize=block,
                blockysize=block,
            ) as target:
                target.write(values, 1)
        half = size // 2
        classes = np.where(np.roll(smooth, 97 * date, (0, 1))[::2, ::2] > 0.1, 9, 4).astype(np.uint8)
        profile = {**common, "dtype": "uint8", "nodata": 0, "width": half, "height": half}
        with rasterio.open(
            folder / f"{date:02}_SCL.tif", "w", **profile, transform=transform @ Affine.scale(2),
            blockxsize=min(block, 512), blockysize=min(block, 512),
        ) as target:  # fmt: skip
            target.write(classes, 1)


def facts(bands: int) -> Collection:
    """Facts of the synthetic collection."""
    reflectance = {
        f"B{b:02}": Band(asset=f"B{b:02}", kind=BandKind.REFLECTANCE, dtype="uint16", nodata=0, gsd=10, scale=0.0001)
        for b in range(bands)
    }
    scl = Band(asset="SCL", kind=BandKind.CLASSES, dtype="uint8", nodata=0, gsd=20)
    return Collection(
        key="bench", title="bench", source="made here", verified=True, sensor="other", ids=("bench",),
        bands={**reflectance, "SCL": scl}, masks=(MaskRule(band="SCL", drop=DROP),),
    )  # fmt: skip


def scenes(folder: Path, *, dates: int, names: list[str], size: int) -> list[Scene]:
    """One scene a date."""
    bounds = array_bounds(size, size, Affine(10, 0, 600000, 0, -10, 5800000))
    bbox = transform_bounds(CRS, "EPSG:4326", *bounds)
    return [
        Scene(
            row=d, id=f"s{d:02}", collection="bench", platform="bench", observation=f"o{d:02}", epsg=EPSG, bbox=bbox,
            datetime=datetime(2023, 5, 1, tzinfo=UTC) + timedelta(days=5 * d), dn_shift=0,
            assets={name: Asset(str(folder / f"{d:02}_{name}.tif")) for name in names},
        )
        for d in range(dates)
    ]  # fmt: skip


def bare(paths: list[Path], size: int, threads: int) -> None:
    """Decode whole files, one array a thread, used again."""

    def work(part: list[Path]) -> None:
        out = np.empty((size, size), np.uint16)
        with gdal_env():
            for path in part:
                with rasterio.open(path) as source:
                    source.read(1, out=out)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, [paths[i::threads] for i in range(threads)]))


def items(found: list[Scene], size: int) -> list[object]:
    """The scenes as STAC items with a projection."""
    import pystac
    from shapely.geometry import box, mapping

    made: list[object] = []
    for scene in found:
        item = pystac.Item(
            scene.id, mapping(box(*scene.bbox)), list(scene.bbox), scene.datetime,
            {"proj:epsg": EPSG, "proj:code": f"EPSG:{EPSG}"}, collection="bench",
            stac_extensions=["https://stac-extensions.github.io/projection/v1.1.0/schema.json"],
        )  # fmt: skip
        for name, asset in scene.assets.items():
            edge, step = (size // 2, 20) if name == "SCL" else (size, 10)
            extra = {
                "proj:shape": [edge, edge],
                "proj:transform": [step, 0, 600000, 0, -step, 5800000],
                "raster:bands": [{"data_type": "uint8" if name == "SCL" else "uint16", "nodata": 0}],
            }
            item.add_asset(name, pystac.Asset(asset.href, roles=["data"], media_type="image/tiff", extra_fields=extra))
        made.append(item)
    return made


def main() -> None:
    """Run, print, and write JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--size", type=int, default=2048)
    parser.add_argument("--dates", type=int, default=12)
    parser.add_argument("--bands", type=int, default=10)
    parser.add_argument("--block", type=int, default=1024)
    parser.add_argument("--compress", default="deflate")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only-ours", action="store_true", help="leave (c) and (d) out")
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory(prefix="swath-bench-") as name:
        report = measure(Path(name), options)
    print(json.dumps(report, indent=1))
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")


def measure(folder: Path, options: argparse.Namespace) -> dict[str, object]:
    """Times of each way, samples a second, and ratios to the bare decode of the same repeat."""
    size, dates, threads = options.size, options.dates, options.threads
    write(folder, dates=dates, bands=options.bands, size=size, block=options.block, compress=options.compress)
    collection = facts(options.bands)
    names = list(collection.bands)
    bands = [n for n in names if n != "SCL"]
    found = scenes(folder, dates=dates, names=names, size=size)
    tile = Tile("bench", CRS, Affine(10, 0, 600000, 0, -10, 5800000), (size, size))
    spec = CubeSpec(bands=tuple(bands), masks=collection.masks)
    paths = [folder / f"{d:02}_{b}.tif" for d in range(dates) for b in bands]
    nbytes = sum(path.stat().st_size for path in paths)

    def ours() -> None:
        compose(found, tile, spec, collection=collection, threads=threads)

    def odc() -> None:
        import dask
        import odc.stac

        cube = odc.stac.load(items(found, size), bands=names, geobox=tile.geobox, chunks={"x": 1024, "y": 1024})
        clear = ~cube["SCL"].isin(list(DROP))
        median = cube[bands].where(clear & (cube[bands] != 0)).chunk({"time": -1}).median("time")
        with dask.config.set(scheduler="threads", num_workers=threads):
            median.compute()

    def stacked() -> None:
        import dask
        import stackstac
        from rasterio.enums import Resampling

        left, bottom, right, top = tile.bounds
        cube = stackstac.stack(
            items(found, size), assets=names, epsg=EPSG, resolution=10, bounds=(left, bottom, right, top),
            snap_bounds=False, dtype=np.dtype("uint16"), fill_value=np.uint16(0), rescale=False, chunksize=1024,
            resampling=Resampling.nearest, xy_coords="center",
        )  # fmt: skip
        scl = cube.sel(band="SCL")
        values = cube.sel(band=bands)
        kept = values.where(~scl.isin(list(DROP)) & (values != 0))
        median = kept.chunk({"time": -1, "band": 1}).reduce(np.nanmedian, "time")
        with dask.config.set(scheduler="threads", num_workers=threads):
            median.compute()

    ways: dict[str, Callable[[], None]] = {"bare": lambda: bare(paths, size, threads), "swath": ours}
    if not options.only_ours:
        ways |= {"odc-stac + xarray median": odc, "stackstac + nanmedian": stacked}
    ways["bare"]()
    ways["swath"]()
    samples = len(paths) * size * size
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    busy: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(options.repeats):
        for way, call in ways.items():
            started, worked = time.perf_counter(), time.process_time()
            call()
            seconds[way].append(time.perf_counter() - started)
            busy[way].append(time.process_time() - worked)
    return {
        "what": "cube",
        "machine": {"cpu": platform.processor() or platform.machine(), "cores": os.cpu_count()},
        "options": {k: v for k, v in vars(options).items() if k not in {"json", "only_ours"}},
        "samples": samples,
        "compressed_bytes_a_sample": round(nbytes / samples, 3),
        "ways": {
            way: {
                "seconds": [round(s, 3) for s in times],
                "million_samples_a_second": round(samples / statistics.median(times) / 1e6, 1),
                "cpu_seconds": [round(s, 3) for s in busy[way]],
                "of_bare_by_cpu_seconds": [round(b / s, 3) for b, s in zip(busy["bare"], busy[way], strict=True)],
                "of_bare": [round(b / s, 3) for b, s in zip(seconds["bare"], times, strict=True)],
            }
            for way, times in seconds.items()
        },
    }


if __name__ == "__main__":
    main()
