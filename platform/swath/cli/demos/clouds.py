"""Clouds of four kinds of scenes by one network: optical, before and after correction, thermal by day and by night."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from swath.cli.demos.maps import read, read_values
from swath.cli.demos.stage import Shown, Stage
from swath.grid import Area, parse_tile
from swath.mapping import Plan
from swath.mapping.picture import Panel, draw, true_colour
from swath.mapping.vrt import zone_name
from swath.products import Product
from swath.products.model import CLASS, NO_CLASS

if TYPE_CHECKING:
    from swath.models import Package
    from swath.synthetic import Published

AREA = "12.52,47.70,12.62,47.77"
LEARNED, MAPPED = "2023-06/2023-07/acquisition", "2023-08/acquisition"
PERIOD = "2023-06/2023-08/P3M"  # without snow, which would lie in one fold alone
EVERY_DAYS = {"optical": 5, "l1c": 5}
TILE_SIZE, METRES = 256, 30
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


def run(stage: Stage) -> Shown:
    """Simulate, train on June and July, map August sensor by sensor, compare, draw."""
    from swath.synthetic import Labels, Simulated
    from swath.training.recipe import Recipe

    made = stage.earth(
        "earth-clouds", AREA, PERIOD,
        collections=(Simulated.OPTICAL, Simulated.L1C, Simulated.THERMAL), labels=(Labels.CLOUDS,),
        every_days={Simulated(name): days for name, days in EVERY_DAYS.items()},
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
        clear = sum(int((one.truth == 1)[one.seen].sum()) for one in scenes) / pixels
        figures[name] = {"pixels": pixels, "accuracy": right / pixels, "clear": clear, "scenes": len(scenes)}
        lines.append(
            (name, f"{right / pixels:.1%} of {pixels:,} pixels in {len(scenes)} scenes; {clear:.0%} are clear")
        )
        best = min(scenes, key=lambda one: abs(float((one.truth == 1)[one.seen].mean()) - 0.5))
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
    """Map one sensor's acquisitions, each beside its truth."""
    data = product.model_dump(mode="json")
    data["name"] = f"{product.name}-{sensor}-{where.get('sat:orbit_state', 'all')}"
    data["inputs"][0] |= {"collection": f"swath-simulated-{sensor}", "where": where}
    request = stage.request(Product.model_validate(data), AREA, MAPPED, made, package)
    plan, result = stage.mapped(request)
    window, zone = tile_window(plan)
    published: dict[str, list[Path]] = defaultdict(list)
    for scene in made.scenes:
        when = scene.take.time.replace(tzinfo=None)
        published[step_name(when)].append(scene.item.parent)
    scenes = []
    for step in sorted({unit.step for unit in plan.units(items=False)}):
        folders = [f for f in published[step] if f.parent.name == f"swath-simulated-{sensor}"]
        truth = np.max([read(made.truth.parent / "truth-sky" / f.name / "clouds.tif", window) for f in folders], axis=0)
        found = read(plan.store.url(f"{plan.root}/{step}/{CLASS}.{zone}.vrt"), window, fill=NO_CLASS)
        one = Scene(step[:10], picture_of(folders, bands, window), found, truth.astype(np.uint8))
        if one.seen.mean() > 0.3:
            scenes.append(one)
    return result.collection, scenes


def tile_window(plan: Plan) -> tuple[GeoBox, str]:
    """The tile that has the middle of the area, and its zone."""
    middle = Area.parse(AREA).geometry.centroid
    tiles = [parse_tile(name) for name in sorted({unit.tile for unit in plan.units(items=False)})]
    tile = min(tiles, key=lambda one: one.footprint.distance(middle))
    return tile.geobox, zone_name(tile.crs)


def step_name(when: datetime) -> str:
    """Of an acquisition, as a store names it."""
    return when.strftime("%Y-%m-%dT%H%M%S")


def picture_of(folders: list[Path], bands: tuple[str, ...], window: GeoBox) -> NDArray[Any]:
    """What a person would look at: true colour, or temperature."""
    values = []
    for band in bands:
        parts = [read_values(folder / f"{band}.tif", window) for folder in folders]
        if len(bands) == 1:  # the item tells how numbers become kelvin
            told = json.loads((folders[0] / f"{folders[0].name}.json").read_text())["assets"][band]
            parts = [part * told["raster:scale"] + told["raster:offset"] for part in parts]
        values.append(np.nanmax(np.where(np.isnan(parts), -np.inf, parts), axis=0))
    stack = np.where(np.isinf(values), np.nan, values)
    if len(bands) == 1:
        return np.asarray(stack[0])
    low = np.nanpercentile(stack, 0.5)
    return true_colour(
        *((layer - low).astype(np.float32) for layer in stack), white=float(np.nanpercentile(stack, 99) - low)
    )


def _legend(product: Product) -> Any:
    assert product.model is not None and product.model.legend is not None
    return product.model.legend.classes
