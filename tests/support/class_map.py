"""Maps of classes and of values in a store, written by hand: small tiles with what a test has chosen."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rasterio.io import MemoryFile

from swath.grid import Area, Grid
from swath.store import Store

CLASSES = {10: "tree", 40: "crop", 80: "water"}
KEY = "0123456789ab"
ROOT, VALUES = "landcover/1.0", "biomass/1.0"


def class_map(
    folder: Path, draw, *, area="12.0,47.70,12.02,47.71", size=96, step="2023", key=KEY, classes=CLASSES,
    **options,
) -> Store:  # fmt: skip
    """Write a map over an area.

    Args:
        folder: Of the store.
        draw: Takes a tile and gives its codes, (rows, columns) uint8.
        area: As of `swath map`.
        size: Edge of a tile, pixels of 10 m.
        step: Its one time step.
        key: Of all its units.
        classes: Names by code.
        options: Of the GeoTIFFs, as compress="deflate".
    """
    legend = [{"value": code, "name": name} for code, name in classes.items()]
    facts = {"bands": [{"name": "class", "nodata": 0}], "classification:classes": legend}
    return _written(folder, draw, "class", facts, "uint8", 0, ROOT, area, size, step, key, options)


def value_map(
    folder: Path, draw, *, area="12.0,47.70,12.02,47.71", size=96, step="2023", key=KEY, layer="agb"
) -> Store:
    """Write a map of values, Mg/ha; NaN is no data.

    Args:
        folder: Of the store.
        draw: Takes a tile and gives its values, (rows, columns).
        area: As of `swath map`.
        size: Edge of a tile, pixels of 10 m.
        step: Its one time step.
        key: Of all its units.
        layer: Name of the values' layer.
    """
    facts = {"roles": ["data"], "bands": [{"name": layer, "nodata": "nan", "unit": "Mg/ha", "raster:scale": 1.0}]}
    return _written(folder, draw, layer, facts, "float32", float("nan"), VALUES, area, size, step, key, {})


def _written(folder, draw, layer, facts, dtype, nodata, root, area, size, step, key, options) -> Store:
    store = Store.open(folder)
    rows = []
    for tile in Grid.named("utm", tile_size=size).tiles(Area.parse(area)):
        with MemoryFile() as memory:
            with memory.open(
                driver="GTiff", width=tile.shape[1], height=tile.shape[0], count=1, dtype=dtype, nodata=nodata,
                crs=tile.crs, transform=tile.affine, **options,
            ) as file:  # fmt: skip
                file.write(np.asarray(draw(tile), dtype), 1)
            store.put_bytes(f"{root}/{step}/{tile.id}/{layer}.{key}.tif", memory.read())
        rows.append(
            {"swath:step": step, "swath:tile": tile.id, "swath:key": key, "swath:observations": 5, "swath:skipped": 0}
        )
    data = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows), data)
    store.put_bytes(f"{root}/items.parquet", data.getvalue().to_pybytes())
    west, south, east, north = (float(text) for text in area.split(","))
    product, _, version = root.partition("/")
    collection = {
        "title": "A map", "description": "Of a test.", "license": "CC0-1.0", "providers": [{"name": "Somebody"}],
        "swath:product": product, "swath:version": version, "summaries": {"gsd": [10.0]},
        "extent": {
            "spatial": {"bbox": [[west, south, east, north]]},
            "temporal": {"interval": [["2023-01-01T00:00:00Z", "2023-12-31T23:59:59Z"]]},
        },
        "item_assets": {layer: facts},
    }  # fmt: skip
    store.put_bytes(f"{root}/collection.json", json.dumps(collection).encode())
    return store


def stripes(tile):
    """Trees, crops, water and no data in bands of columns that do not end at tiles."""
    left = round(tile.bounds[0] / 10)
    column = (np.arange(tile.shape[1]) + left) % 100
    row = np.select([column < 50, column < 80, column < 90], [10, 40, 80], 0)
    return np.broadcast_to(row, tile.shape)
