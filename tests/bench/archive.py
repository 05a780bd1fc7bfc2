"""An archive for the benchmarks: COGs of four 10 m and three 20 m bands and a mask, and items for them.

Files are made once; items of later steps name the same files, so that many units need little disk.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from rasterio.warp import transform_bounds
from shapely import segmentize, transform
from shapely.geometry import box, mapping

from swath.grid import Area
from swath.grid.lonlat import from_lonlat

CRS = "EPSG:32633"
KEY = "swath-simulated-optical"
BANDS = {"B02": 10, "B03": 10, "B04": 10, "B08": 10, "B05": 20, "B11": 20, "B12": 20, "SCL": 20}


def origin(tile_size: int) -> tuple[float, float]:
    """Upper left corner of the archive: a corner of the 10 m grid's tiles."""
    edge = tile_size * 10.0
    return np.ceil(420_000 / edge) * edge, np.floor(5_800_000 / edge) * edge


def _field(rng: np.random.Generator, size: int) -> np.ndarray:
    """A smooth field, about -1 to 1."""
    coarse = rng.normal(0, 1, (size // 64 + 3, size // 64 + 3))
    places = np.arange(size) / 64
    low = places.astype(int)
    part = (places - low)[:, None]
    rows = coarse[low] * (1 - part) + coarse[low + 1] * part
    return rows[:, low] * (1 - part.T) + rows[:, low + 1] * part.T


def write_files(folder: Path, *, dates: int, tiles: int, tile_size: int, block: int = 1024, threads: int = 2) -> None:
    """Write the files of `dates` scenes, `<date>_<band>.tif`, each over tiles x tiles tiles of the grid.

    Values are a smooth field with noise, uint16, deflate with predictor 2, as Sentinel-2's; a fifth is cloud.
    """
    left, top = origin(tile_size)
    size = tiles * tile_size
    rng = np.random.default_rng(1)
    field, cloud = _field(rng, size), _field(rng, size)
    noise = rng.normal(0, 25, (size, size)).astype(np.float32)

    def write(date: int, number: int, band: str) -> None:
        step = BANDS[band] // 10
        edge = size // step
        if band == "SCL":
            values = np.where(np.roll(cloud, 331 * date, 1) > 0.8, 9, 4).astype(np.uint8)[::step, ::step]
        else:
            grain = np.roll(noise, (97 * date + 13 * number, 53 * number), (0, 1))
            values = (2500 + 150 * number + 900 * field + grain)[::step, ::step]
            values = np.clip(np.rint(values), 1, 12000).astype(np.uint16)
        tiling = min(block, edge // 16 * 16)
        with rasterio.open(
            folder / f"{date:02}_{band}.tif", "w", driver="GTiff", count=1, crs=CRS, dtype=values.dtype, nodata=0,
            width=edge, height=edge, transform=Affine(10 * step, 0, left, 0, -10 * step, top), tiled=True,
            blockxsize=tiling, blockysize=tiling, compress="deflate", predictor=1 if band == "SCL" else 2, zlevel=6,
        ) as target:  # fmt: skip
            target.write(values, 1)

    with ThreadPoolExecutor(threads) as pool:
        jobs = [pool.submit(write, date, number, band) for date in range(dates) for number, band in enumerate(BANDS)]
        for job in jobs:
            job.result()


def write_items(
    folder: Path, name: str, *, dates: int, steps: int, tiles: int, tile_size: int, files: int | None = None
) -> tuple[Path, str]:
    """Items of `dates` scenes in each of `steps` months from January 2023, all of the same files.

    Args:
        folder: Of the files.
        name: Of the file of items.
        dates: A month.
        steps: Months.
        tiles: Along each edge of a scene.
        tile_size: Pixels.
        files: Dates that have files of their own, if they are fewer.

    Returns:
        The file of items, and the period as text.
    """
    left, top = origin(tile_size)
    edge = tiles * tile_size * 10.0
    bounds = transform_bounds(CRS, "OGC:CRS84", left, top - edge, left + edge, top, densify_pts=21)
    first = datetime(2023, 1, 1, tzinfo=UTC)
    months = [first.replace(year=first.year + n // 12, month=n % 12 + 1) for n in range(steps)]
    features = []
    for number, month in enumerate(months):
        for date in range(dates):
            when = month + timedelta(days=2 * (date % 13), minutes=date)
            features.append(
                {
                    "type": "Feature", "stac_version": "1.1.0", "stac_extensions": [], "id": f"{number:03}-{date:03}",
                    "collection": KEY, "geometry": mapping(box(*bounds)), "bbox": list(bounds),
                    "properties": {
                        "datetime": f"{when:%Y-%m-%dT%H:%M:%SZ}", "platform": "simulated-a", "proj:code": CRS,
                        "eo:cloud_cover": 20.0, "s2:processing_baseline": "05.00", "s2:mgrs_tile": "33UUU",
                        "s2:datatake_id": f"SIM_{number:03}_{date:03}",
                    },
                    "assets": {
                        band: {"href": f"{date % (files or dates):02}_{band}.tif", "type": "image/tiff"}
                        for band in BANDS
                    },
                    "links": [],
                }
            )  # fmt: skip
    path = folder / name
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    last = months[-1]
    return path, f"2023-01/{last:%Y-%m}/P1M"


def area(tiles: int, tile_size: int) -> Area:
    """What meets tiles x tiles tiles of the archive and no others."""
    left, top = origin(tile_size)
    edge, rim = tiles * tile_size * 10.0, 100.0
    inner = segmentize(box(left + rim, top - edge + rim, left + edge - rim, top - rim), 2000)
    return Area.of(
        transform(inner, lambda xy: np.column_stack(from_lonlat(CRS).transform(*xy.T, direction="INVERSE"))),
        name="archive",
    )
