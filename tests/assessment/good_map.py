"""A map in which nothing is wrong, as `swath map` leaves it: plan, frozen items, COGs, items, table, collection.

Nine tiles of 192 px with classes, how sure they are, quantiles, applicability and counts, made of places on the ground,
so that tiles meet as pixels do. Tests copy it and break it in one way.
"""

import hashlib
import json
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely

from swath.grid import Tile
from swath.grid.lonlat import from_lonlat
from swath.grid.tiles import tile_at
from swath.mapping.cog import encode_cog
from swath.mapping.collection import Summaries, make_collection, table_asset, write_items_table
from swath.mapping.item import unit_item
from swath.mapping.units import Unit, UnitWriter
from swath.products import Layer, LayerKind, Legend, LegendClass, Product
from swath.sources import collection
from swath.sources.frozen import FrozenItems, freeze
from swath.store import Progress, Store, names

ROOT, STEP, KEY, RUN = "mosaic/1.0", "2023", "0123456789ab", "abcdef012345"
LEGEND = Legend(
    classes=tuple(
        LegendClass(code=code, name=name, color=color)
        for code, name, color in ((10, "tree", "#006400"), (40, "crop", "#f096ff"), (80, "water", "#0064c8"))
    )
)
NAN = float("nan")
THRESHOLD = 80  #: number of `dissimilarity` up to which the model of this map is applicable
LAYERS = (
    Layer("class", LayerKind.CLASSES, "Class", "uint8", nodata=0, overviews="mode", legend=LEGEND),
    Layer("confidence", LayerKind.CONTINUOUS, "Confidence", "uint8", nodata=255, scale=0.004),
    Layer("probability_tree", LayerKind.CONTINUOUS, "Of trees", "uint8", nodata=255, scale=0.004),
    Layer("probability_water", LayerKind.CONTINUOUS, "Of water", "uint8", nodata=255, scale=0.004),
    *(
        Layer(name, LayerKind.CONTINUOUS, name, "float32", nodata=NAN, unit="Mg/ha")
        for name in ("agb", "q05", "q95")
    ),
    Layer("entropy", LayerKind.CONTINUOUS, "Entropy", "uint8", nodata=255, scale=0.004),
    Layer("margin", LayerKind.CONTINUOUS, "Margin", "uint8", nodata=255, scale=0.004),
    Layer("set", LayerKind.CODES, "Likely classes", "uint16", nodata=0, overviews="nearest", bits=("t", "c", "w")),
    Layer("dissimilarity", LayerKind.CONTINUOUS, "Dissimilarity", "uint8", nodata=255, scale=0.01),
    Layer("applicable", LayerKind.CODES, "Applicable", "uint8", nodata=255, overviews="mode"),
    Layer("count", LayerKind.COUNT, "Observations", "uint8", nodata=None, overviews="nearest"),
)  # fmt: skip
TILES = [tile_at("utm33n", 10, 192, x, y) for x in (160, 161, 162) for y in (2747, 2748, 2749)]


PRODUCT, FACTS = Product.load("mosaic"), collection("swath-simulated-optical")


@dataclass(frozen=True)
class Recipe:
    """What an item needs of a plan."""

    product: Product = PRODUCT
    layers: tuple[Layer, ...] = LAYERS
    collections: tuple = (FACTS,)


def places(tile: Tile):
    """Number of column and row of each pixel on the ground."""
    left, top = round(tile.bounds[0] / 10), -round(tile.bounds[3] / 10)
    return np.meshgrid(left + np.arange(tile.shape[1]), top + np.arange(tile.shape[0]))


def noise(x, y, seed):
    """Uniform from -1 to 1, of the place alone."""
    mixed = (x * 73856093 ^ y * 19349663 ^ seed * 83492791) & 0xFFFFFFFF
    mixed = (mixed ^ (mixed >> 13)) * 0x5BD1E995 & 0xFFFFFFFF
    return ((mixed ^ (mixed >> 15)) & 0xFFFF) / 32767.5 - 1


def numbers_of(tile: Tile) -> dict[str, np.ndarray]:
    """Numbers of all layers."""
    x, y = places(tile)
    field = np.sin(x / 17) + np.sin(y / 23) + np.sin((x + y) / 41)
    field = field + 0.4 * noise(x, y, 1)
    agb = 140 + 30 * field + 4 * noise(x, y, 2)
    share = np.rint(125 + 25 * np.sin(x / 31) + 10 * noise(x, y, 3))
    made = {
        "class": np.select([field > 0.4, field > -1], [10, 40], 80),
        "confidence": np.maximum(share, 240 - share), "probability_tree": share, "probability_water": 240 - share,
        "margin": np.abs(2 * share - 240), "entropy": 250 - np.abs(2 * share - 240),
        "dissimilarity": np.rint(60 + 18 * np.sin(x / 29) + 15 * np.sin(y / 37) + 6 * noise(x, y, 7)),
        "agb": agb, "q05": agb - 25 - noise(x, y, 4), "q95": agb + 25 + noise(x, y, 5),
        "count": 9 + 2 * covered_twice(tile) + (noise(x, y, 6) > 0),
    }  # fmt: skip
    made["set"] = np.select([made["class"] == 10, made["class"] == 40], [1, 2], 4) | 1  # trees are likely everywhere
    made["applicable"] = made["dissimilarity"] <= THRESHOLD
    unseen = (x % 150 < 12) & (y % 130 < 9)
    made["count"] = np.where(unseen, 0, made["count"])
    for layer in LAYERS[:-1]:
        made[layer.name] = np.where(unseen, layer.nodata, made[layer.name])
    return {layer.name: made[layer.name].astype(layer.dtype) for layer in LAYERS}


BOUNDS = TILES[0].crs, shapely.union_all([shapely.box(*tile.bounds) for tile in TILES]).bounds


def swath_edge(tile: Tile):
    """Column of the edge of the second pass in each row of a tile; it is aslant, in the middle of the map."""
    _, (left, bottom, right, top) = BOUNDS
    rows = tile.bounds[3] - (np.arange(tile.shape[0]) + 0.5) * 10
    x = (left + right) / 2 + 0.2 * (rows - (top + bottom) / 2)
    return (x - tile.bounds[0]) / 10


def covered_twice(tile: Tile) -> np.ndarray:
    """Pixels that the second pass saw."""
    return np.arange(tile.shape[1])[None, :] + 0.5 < swath_edge(tile)[:, None]


def scenes_of() -> list[dict]:
    """Two passes: one covers the map, the edge of the other crosses it."""
    crs, (left, bottom, right, top) = BOUNDS
    middle, slope = (left + right) / 2, 0.2 * (top - bottom) / 2
    west, south, east, north = left - 2000, bottom - 2000, right + 2000, top + 2000
    shapes = {
        "A": [(west, north), (west, south), (east, south), (east, north)],
        "B": [(west, top), (west, bottom), (middle - slope, bottom), (middle + slope, top)],
    }  # fmt: skip
    made = []
    for number, (name, ring) in enumerate(shapes.items()):
        # many points, as the edge is straight on the ground and not in degrees
        dense = shapely.get_coordinates(shapely.segmentize(shapely.Polygon(ring), 200))
        lon, lat = from_lonlat(crs).transform(*dense.T, direction="INVERSE")
        shape = shapely.Polygon(np.column_stack([lon, lat]))
        made.append(
            {
                "type": "Feature", "stac_version": "1.1.0", "id": f"scene-{name}",
                "collection": "swath-simulated-optical", "geometry": shapely.geometry.mapping(shape),
                "bbox": list(shape.bounds), "links": [],
                "properties": {
                    "datetime": f"2023-05-0{number + 1}T10:00:00Z", "platform": "simulated-a", "proj:code": crs,
                    "swath:collection": "swath-simulated-optical", "swath:observation": f"pass-{name}",
                    "swath:dn_shift": 0,
                },
                "assets": {"B04": {"href": f"/nowhere/{name}.tif"}},
            }
        )  # fmt: skip
    return made


def unit_of(tile: Tile) -> Unit:
    return Unit(
        id=f"{tile.id}_{STEP}", tile=tile.id, step=STEP, start=datetime(2023, 1, 1, tzinfo=UTC),
        end=datetime(2024, 1, 1, tzinfo=UTC), bbox=tile.bbox, scenes=2, items=(0, 1), key=KEY, content="ba9876543210",
        km2=tile.km2, bytes=10, seconds=1.0,
    )  # fmt: skip


def write_good_map(folder: Path) -> Store:
    """The whole store."""
    store, recipe = Store.open(folder), Recipe()
    run = folder / names.run_folder(ROOT, RUN)
    run.mkdir(parents=True)
    freeze(scenes_of(), run / "items.parquet")
    frozen = FrozenItems.open(run / "items.parquet")
    writer = UnitWriter(str(run / "tiles.parquet"))
    items = []
    for tile in TILES:
        unit = unit_of(tile)
        writer.add(unit, np.array(unit.items, np.int32))
        cogs, numbers = {}, numbers_of(tile)
        for layer in LAYERS:
            cog = encode_cog(numbers[layer.name], layer, affine=tile.affine, crs=tile.crs)
            store.put_bytes(names.layer_key(ROOT, STEP, tile.id, layer.name, KEY), cog.data)
            cogs[layer.name] = cog.without_data()
        items.append(unit_item(unit=unit, tile=tile, plan=recipe, cogs=cogs, scenes=frozen.scenes([0, 1])))
        store.put_bytes(names.item_key(ROOT, STEP, tile.id, KEY), json.dumps(items[-1]).encode())
    writer.close()
    progress = Progress(run=RUN, state="done", total=len(TILES), started=0.0, heartbeat=1.0)
    (run / "progress.json").write_text(progress.model_dump_json())
    (run / "run.json").write_text("{}")
    summaries = Summaries()
    table = folder / ROOT / "items.parquet"
    write_items_table(summaries.watch(sorted(items, key=lambda item: item["id"])), table)
    data = table.read_bytes()
    assets = {
        "items": table_asset("./items.parquet", size=len(data), multihash=f"1220{hashlib.sha256(data).hexdigest()}")
    }
    made = make_collection(recipe, summaries, assets=assets)
    store.put_bytes(names.collection_key(ROOT), json.dumps(made).encode())
    return store


@pytest.fixture(scope="session")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The map, made once for the run; copy it before changing it."""
    folder = tmp_path_factory.getbasetemp() / "good-map"
    if not folder.exists():
        write_good_map(folder)
    return folder


@dataclass(frozen=True)
class Broken:
    """A copy of the good map, to break."""

    folder: Path

    @classmethod
    def copy(cls, good: Path, folder: Path) -> "Broken":
        shutil.copytree(good, folder / "map")
        return cls(folder / "map")

    def path(self, tile: Tile, layer: str | None = None) -> Path:
        key = names.layer_key(ROOT, STEP, tile.id, layer, KEY) if layer else names.item_key(ROOT, STEP, tile.id, KEY)
        return self.folder / key

    def change_item(self, tile: Tile, change) -> None:
        item = json.loads(self.path(tile).read_text())
        change(item)
        self.path(tile).write_text(json.dumps(item))

    def change_collection(self, change) -> None:
        path = self.folder / names.collection_key(ROOT)
        told = json.loads(path.read_text())
        change(told)
        path.write_text(json.dumps(told))

    def put(self, tile: Tile, layer: str, data: bytes) -> None:
        """Other bytes, which the item knows."""
        self.path(tile, layer).write_bytes(data)

        def known(item):
            item["assets"][layer] |= {
                "file:size": len(data),
                "file:checksum": f"1220{hashlib.sha256(data).hexdigest()}",
            }

        self.change_item(tile, known)

    def redraw(self, tile: Tile, layer: str, change, *, affine=None, crs=None, **facts) -> None:
        """Another valid file of a layer, with numbers that `change` makes of the good ones."""
        (named,) = (one for one in LAYERS if one.name == layer)
        with rasterio.open(self.path(tile, layer)) as file:
            numbers = file.read(1)
        from dataclasses import replace

        made = replace(named, **facts)
        changed = np.asarray(change(numbers)).astype(made.dtype)
        self.put(tile, layer, encode_cog(changed, made, affine=affine or tile.affine, crs=crs or tile.crs).data)

    def touch(self, tile: Tile, layer: str) -> None:
        """Write into a COG in place: it is none any more."""
        with rasterio.open(self.path(tile, layer), "r+", IGNORE_COG_LAYOUT_BREAK="YES") as file:
            file.update_tags(EDITED="by hand")  # the directory moves to the end of the file
        self.put(tile, layer, self.path(tile, layer).read_bytes())
