"""Clouds of four kinds of scenes by one network: optical, before and after correction, thermal by day and by night."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from swath.cli.demos.maps import read, read_values
from swath.cli.demos.stage import Shown, Stage
from swath.errors import NoItemsError
from swath.grid import Area, parse_tile
from swath.mapping import Plan
from swath.mapping.picture import Panel, draw, true_colour
from swath.mapping.vrt import zone_name
from swath.products import Product
from swath.products.model import CLASS, NO_CLASS

if TYPE_CHECKING:
    from swath.models import Package
    from swath.synthetic import Published, PublishedScene

#: Within one tile, which one granule holds with what a network sees round it
AREA = "12.536,47.685,12.63,47.749"
LEARNED, MONTH = "2023-06/2023-07/acquisition", 8  # the month that is mapped comes after those that are learned
PERIOD = "2023-06/2023-08/P3M"  # without snow, which would lie in one fold alone
EVERY_DAYS = {"optical": 5, "l1c": 5}
GRANULE_PX = 1014
TILE_SIZE, METRES = 256, 30
SCENES = 3  # of each kind, of the mapped month
CLOUDY = 0.2, 0.6  # under so much cloud a scene shows most
RECIPE = "clouds-demo"
#: Name, collection, what its items must be, and what is shown of a scene
KINDS: tuple[tuple[str, str, dict[str, str], tuple[str, ...]], ...] = (
    ("optical, L2A", "optical", {}, ("B04", "B03", "B02")),
    ("optical, L1C", "l1c", {}, ("B04", "B03", "B02")),
    ("thermal by day", "thermal", {"sat:orbit_state": "descending"}, ("red", "green", "blue")),
    ("thermal by night", "thermal", {"sat:orbit_state": "ascending"}, ("lwir11",)),
)


@dataclass(frozen=True)
class Scene:
    """A scene over the window: what it shows, the map, the truth.

    Attributes:
        when: Time of the acquisition.
        image: Colours (H, W, 3), or kelvin (H, W).
        found: Codes of the map.
        truth: Codes of the truth.
    """

    when: str
    image: NDArray[Any]
    found: NDArray[np.uint8]
    truth: NDArray[np.uint8]

    @property
    def seen(self) -> NDArray[np.bool_]:
        """Pixels that both tell of."""
        return np.asarray((self.found != NO_CLASS) & (self.truth != NO_CLASS))

    @property
    def right(self) -> float:
        """Share of these whose class is the true one."""
        return float((self.found == self.truth)[self.seen].mean())

    @property
    def variety(self) -> float:
        """Entropy of the true classes: the scene with the most shows all of them."""
        shares = np.bincount(self.truth[self.seen]) / max(1, int(self.seen.sum()))
        return float(-(shares[shares > 0] * np.log(shares[shares > 0])).sum())


def run(stage: Stage) -> Shown:
    """Simulate, train on June and July, map cloudy scenes of August sensor by sensor, compare, draw."""
    from swath.synthetic import Cloud, Labels, Simulated
    from swath.training.recipe import Recipe

    made = stage.earth(
        "earth-clouds", AREA, PERIOD,
        collections=(Simulated.OPTICAL, Simulated.L1C, Simulated.THERMAL), labels=(Labels.CLOUDS,),
        every_days={Simulated(name): days for name, days in EVERY_DAYS.items()},
        granule_px=GRANULE_PX, overlap_px=0,
    )  # fmt: skip
    grid = [f"output.grid.tile_size={TILE_SIZE}", f"output.grid.resolution={METRES}"]
    product = Product.load("clouds").with_overrides(grid)
    asked = stage.request(product, AREA, LEARNED, made)
    package = stage.trained(asked, made.files[Labels.CLOUDS], Recipe.load(RECIPE), "training-clouds")
    figures: dict[str, Any] = {}
    panels, lines, collection = [], [], ""
    legend = {c.code: (c.name, c.color) for c in _legend(product)}
    for name, sensor, where, bands in KINDS:
        collection, scenes = mapped_scenes(stage, made, package, product, sensor, where, bands)
        right = sum(int((one.found == one.truth)[one.seen].sum()) for one in scenes)
        pixels = sum(int(one.seen.sum()) for one in scenes)
        clear = sum(int((one.truth == Cloud.CLEAR)[one.seen].sum()) for one in scenes) / pixels
        figures[name] = {"pixels": pixels, "accuracy": right / pixels, "clear": clear, "scenes": len(scenes)}
        lines.append(
            (name, f"{right / pixels:.1%} of {pixels:,} pixels in {len(scenes)} scenes; {clear:.0%} are clear")
        )
        best = max(scenes, key=lambda one: one.variety)
        panels += [
            Panel(f"{name}, {best.when}", best.image, label="K" if best.image.ndim == 2 else ""),
            Panel("The map", best.found, legend=legend, note=f"{best.right:.1%} right"),
            Panel("The truth", best.truth, legend=legend),
        ]
    drawn = draw(
        stage.folder / "clouds.png", panels, pixel_m=METRES, columns=3,
        title="Swath: clouds of August 2023 by one network for all sensors, learned in June and July",
    )  # fmt: skip
    return Shown("clouds", collection, drawn, {"sensors": figures}, lines, package.folder)


def mapped_scenes(
    stage: Stage, made: Published, package: Package, product: Product, sensor: str, where: dict[str, str],
    bands: tuple[str, ...],
) -> tuple[str, list[Scene]]:  # fmt: skip
    """Map cloudy acquisitions of one sensor, each beside its truth."""
    data = product.model_dump(mode="json")
    data["name"] = f"{product.name}-{sensor}-{where.get('sat:orbit_state', 'all')}"
    data["inputs"][0] |= {"collection": f"swath-simulated-{sensor}", "where": where}
    asked = Product.model_validate(data)
    scenes, collection = [], ""
    for published in cloudy(made, sensor, where):
        day = f"{published.take.time:%Y-%m-%d}"
        plan, result = stage.mapped(stage.request(asked, AREA, f"{day}/{day}/acquisition", made, package))
        window, zone = tile_window(plan)
        step = step_name(published.take.time.replace(tzinfo=None))
        found = read(plan.store.url(f"{plan.root}/{step}/{CLASS}.{zone}.vrt"), window, fill=NO_CLASS)
        picture, truth = picture_of(published.item.parent, bands, window), read(truth_of(made, published), window)
        scenes.append(Scene(day, picture, found, truth.astype(np.uint8)))
        collection = result.collection
    return collection, scenes


def cloudy(made: Published, sensor: str, where: dict[str, str]) -> list[PublishedScene]:
    """Scenes of the mapped month whose cloud covers are nearest to what shows most, in the order of time.

    Raises:
        NoItemsError: The sensor has no scene in that month.
    """
    from swath.synthetic import Cloud

    away: dict[str, float] = {}
    scenes = [
        one for one in made.scenes if one.collection == f"swath-simulated-{sensor}" and one.take.time.month == MONTH
    ]
    for one in scenes:
        told = json.loads(one.item.read_text())["properties"]
        with rasterio.open(truth_of(made, one)) as data:
            codes = data.read(1)
        known = codes[codes != Cloud.NODATA]
        if known.size < 0.9 * codes.size or any(told.get(name) != value for name, value in where.items()):
            continue
        cover = float(np.isin(known, (Cloud.THIN, Cloud.THICK)).mean())
        away[one.id] = max(CLOUDY[0] - cover, cover - CLOUDY[1], 0.0)
    if not away:
        raise NoItemsError(f"No whole scene of {sensor} lies in month {MONTH}.", fix="Ask for a longer period.")
    chosen = sorted(away, key=lambda name: away[name])[:SCENES]
    return [one for one in scenes if one.id in chosen]


def truth_of(made: Published, scene: PublishedScene) -> Path:
    """File of the true classes of a scene."""
    return made.truth.parent / "truth-sky" / scene.id / "clouds.tif"


def tile_window(plan: Plan) -> tuple[GeoBox, str]:
    """The tile that has the middle of the area, and its zone."""
    middle = Area.parse(AREA).geometry.centroid
    tiles = [parse_tile(name) for name in sorted({unit.tile for unit in plan.units(items=False)})]
    tile = min(tiles, key=lambda one: one.footprint.distance(middle))
    return tile.geobox, zone_name(tile.crs)


def step_name(when: datetime) -> str:
    """Of an acquisition, as a store names it."""
    return when.strftime("%Y-%m-%dT%H%M%S")


def picture_of(folder: Path, bands: tuple[str, ...], window: GeoBox) -> NDArray[Any]:
    """What a person would look at: true colour, or temperature."""
    stack = np.stack([read_values(folder / f"{band}.tif", window) for band in bands])
    stack = np.where(stack >= np.iinfo(np.uint16).max, np.nan, stack)  # saturated
    if len(bands) == 1:  # the item tells how numbers become kelvin
        told = json.loads((folder / f"{folder.name}.json").read_text())["assets"][bands[0]]
        return np.asarray(stack[0] * told["raster:scale"] + told["raster:offset"])
    low = np.nanpercentile(stack, 0.5)
    return true_colour(
        *((layer - low).astype(np.float32) for layer in stack), white=float(np.nanpercentile(stack, 99) - low)
    )


def _legend(product: Product) -> Any:
    assert product.model is not None and product.model.legend is not None
    return product.model.legend.classes
