"""`swath demo`: the main job on a simulated Earth, offline, compared with the truth that is known there."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import rasterio
import typer
from numpy.typing import NDArray
from rasterio.windows import from_bounds
from rich.console import Console

from swath.cli.maps import carry_out_shown, show_plan
from swath.cli.options import Cluster, ClusterName, Json
from swath.cli.output import Output, key_values, reported
from swath.errors import RunFailedError, StoreError
from swath.grid import Area, Period, Tile, parse_tile
from swath.mapping import MapRequest, Plan, RunResult, make_plan
from swath.mapping.picture import Panel, draw, true_colour
from swath.mapping.publish import published_units
from swath.products import Product
from swath.store import Store, names

if TYPE_CHECKING:
    from swath.synthetic import Published, World

AREA = "12.50,47.70,12.65,47.80"
PERIOD = "2023-06/2023-08/P3M"
TILE_SIZE = 768
MARK = ".swath-demo"  # a folder without it is not ours to delete
RGB = ("B04", "B03", "B02")


@dataclass(frozen=True)
class Comparison:
    """The mosaic against the truth, over all pixels with a clear observation.

    Attributes:
        pixels: Compared.
        clear: Share of the area's pixels with a clear observation.
        bias: Mean difference of reflectance by band.
        rmse: Root mean square difference of reflectance by band.
    """

    pixels: int
    clear: float
    bias: dict[str, float]
    rmse: dict[str, float]


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command(rich_help_panel="Try it")
    def demo(
        out_folder: Annotated[Path, typer.Option("--out", help="Folder of the demo; made anew each time.")] = Path(
            "demo"
        ),
        cluster: Cluster = ClusterName.LOCAL,
        as_json: Json = False,
    ) -> None:
        """The main job in two minutes, offline: simulate an archive, map a mosaic, compare it with the truth, draw it."""
        with reported(as_json) as out:
            started = time.monotonic()
            made, plan, result = run_demo(out, out_folder, cluster)
            compared = compare(plan, made.world)
            picture = picture_of(plan, made, out_folder / "mosaic.png", compared)
            values = {
                "map": result.collection,
                "picture": str(picture.resolve()),
                "units": result.to_dict()["units"],
                "comparison": vars(compared),
                "seconds": round(time.monotonic() - started, 1),
            }
            out.result(values, lambda console: _show(console, values, compared))


def run_demo(out: Output, folder: Path, cluster: ClusterName) -> tuple[Published, Plan, RunResult]:
    """Simulate, plan and map."""
    from swath.synthetic import publish

    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARK).exists():
            raise StoreError(
                f"{folder} is not empty and was not made by the demo.", fix="Give another folder with --out."
            )
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).touch()
    area, period = Area.parse(AREA), Period.parse(PERIOD)
    out.say(f"simulating an archive of optical scenes over {AREA}, {PERIOD}")
    made = publish(folder / "earth", area=area, period=period, seed=7, granule_px=1098)
    out.say(f"{len(made.scenes)} scenes in {len(made.granules)} granules: {made.catalog}")
    product = Product.load("mosaic").with_overrides([f"output.grid.tile_size={TILE_SIZE}", "index_of_composite=[NDVI]"])
    request = MapRequest(product=product, area=area, period=period, source=str(made.catalog))
    plan = make_plan(request, Store.open(folder / "store"), say=out.say)
    if not out.json:
        show_plan(out.console, plan)
    result = carry_out_shown(out, plan, cluster, None, None)
    if result.failed:
        raise RunFailedError(f"{result.failed} units failed: {result.failures[0]['error']['message']}")
    return made, plan, result


def compare(plan: Plan, world: World) -> Comparison:
    """Every mapped pixel against the median of the clear reflectance of the same dates.

    The truth has no clouds, no haze, no noise, and no shift between dates: what remains is what the mask missed, and
    what the season moved between the dates that were clear and those that were not.
    """
    items = plan.items()
    totals = {band: np.zeros(3) for band in RGB}
    mapped = everything = 0
    for unit in plan.units():
        tile = parse_tile(unit.tile)
        days = sorted({scene.datetime.date() for scene in items.scenes(unit.items)})
        truth = np.median([world.reflectance(tile.geobox, day, RGB) for day in days], axis=0)
        count = _layer(plan, unit.step, tile, "count")
        covered = np.isfinite(truth[0]) & (count > 0)
        mapped += int(covered.sum())
        everything += count.size
        for number, band in enumerate(RGB):
            difference = (_reflectance(plan, unit.step, tile, band) - truth[number])[covered].astype(np.float64)
            totals[band] += len(difference), difference.sum(), (difference**2).sum()
    bias = {band: float(s / n) for band, (n, s, _) in totals.items()}
    rmse = {band: float(np.sqrt(q / n)) for band, (n, _, q) in totals.items()}
    return Comparison(mapped, mapped / everything, bias, rmse)


def picture_of(plan: Plan, made: Published, path: Path, compared: Comparison) -> Path:
    """One raw scene, the mosaic, the count of clear observations, the truth; of the tile with most observations."""
    unit = max(plan.units(), key=lambda unit: (unit.scenes, unit.id))
    tile = parse_tile(unit.tile)
    scenes = plan.items().scenes(unit.items)
    raw = max((_scene_colour(scene.assets, tile) for scene in scenes), key=_telling)
    days = sorted({scene.datetime.date() for scene in scenes})
    truth = np.median([made.world.reflectance(tile.geobox, day, RGB) for day in days], axis=0)
    count = _layer(plan, unit.step, tile, "count")
    rmse = max(compared.rmse.values())
    return draw(
        path,
        [
            Panel("One scene, as it came", raw, note="true colour, reflectance 0 to 0.25; grey: outside the swath"),
            Panel(
                "The mosaic",
                true_colour(*(_reflectance(plan, unit.step, tile, band) for band in RGB)),
                note=f"median of clear observations; RMSE against the truth at most {rmse:.4f} reflectance",
            ),
            Panel(
                "Clear observations",
                count.astype(float),
                label="dates a pixel was seen clear",
                note=f"{len(days)} dates, {len(scenes)} scenes",
            ),
            Panel("The truth", true_colour(*truth), note="median of the simulated surface over the same dates, no sky"),
        ],
        pixel_m=tile.resolution,
        title=f"Swath mosaic, {PERIOD.rpartition('/')[0].replace('/', ' to ')}, simulated Earth",
    )


def _layer(plan: Plan, step: str, tile: Tile, layer: str) -> NDArray[Any]:
    key = published_units(plan.store, plan.root)[step, tile.id]
    with rasterio.open(plan.store.url(names.layer_key(plan.root, step, tile.id, layer, key))) as data:
        return np.asarray(data.read(1))


def _reflectance(plan: Plan, step: str, tile: Tile, band: str) -> NDArray[np.float32]:
    numbers = _layer(plan, step, tile, band).astype(np.float32)
    facts = plan.collection.bands[band]
    numbers[numbers == facts.nodata] = np.nan
    return numbers * np.float32(facts.scale) + np.float32(facts.offset)


def _scene_colour(assets: Any, tile: Tile) -> NDArray[np.float32]:
    """A scene over a tile as it came: true colour, NaN where it has no data."""
    bands = []
    for band in RGB:
        with rasterio.open(assets[band].href) as data:
            if data.crs.to_string() != tile.crs:
                return np.full((*tile.shape, 3), np.nan, np.float32)
            window = from_bounds(*tile.bounds, data.transform)
            numbers = data.read(1, window=window, boundless=True, fill_value=0).astype(np.float32)
        numbers[numbers == 0] = np.nan
        bands.append(numbers / 10000)
    # brightness of the offset variants differs by 0.1: for the eye each band starts at its darkest
    dark = [np.nanpercentile(band, 1) - 0.02 if np.isfinite(band).any() else 0 for band in bands]
    return true_colour(*(band - low for band, low in zip(bands, dark, strict=True)))


def _telling(image: NDArray[np.float32]) -> float:
    """How well a scene shows what a mosaic is for: whole, and about a third under cloud."""
    seen = np.isfinite(image[..., 0])
    if not seen.any():
        return -1.0
    cloudy = float((image[seen].min(axis=-1) > 0.75).mean())
    return float(seen.mean()) - abs(cloudy - 0.35)


def _show(console: Console, values: dict[str, Any], compared: Comparison) -> None:
    console.print(
        f"compared with the truth on {compared.pixels:,} pixels ({compared.clear:.1%} of the tiles were seen clear):"
    )
    key_values(
        console,
        [(band, f"bias {compared.bias[band]:+.4f}  RMSE {compared.rmse[band]:.4f} reflectance") for band in RGB],
    )
    key_values(
        console, [("map", values["map"]), ("picture", values["picture"]), ("took", f"{values['seconds']:.0f} s")]
    )
