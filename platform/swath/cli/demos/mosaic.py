"""A clear mosaic, against the clear reflectance of the same dates."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from swath.cli.demos.maps import layer_file, read, window_of
from swath.cli.demos.stage import Shown, Stage
from swath.mapping import Plan
from swath.mapping.picture import Panel, draw, true_colour
from swath.products import Product

if TYPE_CHECKING:
    from swath.synthetic import Published, World

AREA = "12.53,47.725,12.66,47.79"  # two granules, and the edge of a swath through them
PERIOD = "2023-06/2023-07/P2M"
TILE_SIZE = 768
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


def run(stage: Stage) -> tuple[Shown, Published]:
    """Simulate, map, compare, draw; the archive serves others too."""
    made = stage.earth("earth", AREA, PERIOD, granule_px=1098)
    product = Product.load("mosaic").with_overrides([f"output.grid.tile_size={TILE_SIZE}", "index_of_composite=[NDVI]"])
    plan, result = stage.mapped(stage.request(product, AREA, PERIOD, made))
    stage.out.say("comparing with the truth")
    window = window_of(plan, AREA)
    compared = compare(plan, made.world, window)
    picture = picture_of(plan, made, stage.folder / "mosaic.png", compared, window)
    lines = [("compared with the truth", f"{compared.pixels:,} pixels, {compared.clear:.1%} of all were seen clear")]
    lines += [(b, f"bias {compared.bias[b]:+.4f}  RMSE {compared.rmse[b]:.4f} reflectance") for b in RGB]
    return Shown("mosaic", result.collection, picture, asdict(compared), lines), made


def compare(plan: Plan, world: World, window: GeoBox) -> Comparison:
    """Every mapped pixel of the window against the median of the clear reflectance of the same dates.

    The truth has no clouds, no haze, no noise, and no shift between dates: what remains is what the mask missed, and
    what the season moved between the dates that were clear and those that were not.
    """
    truth = truth_of(plan, world, window)
    count = read(layer_file(plan, "count"), window)
    seen = count > 0
    bias, rmse = {}, {}
    for number, band in enumerate(RGB):
        difference = (mosaic(plan, band, window) - truth[number])[seen].astype(np.float64)
        bias[band], rmse[band] = float(difference.mean()), float(np.sqrt((difference**2).mean()))
    return Comparison(int(seen.sum()), float(seen.mean()), bias, rmse)


def picture_of(plan: Plan, made: Published, path: Path, compared: Comparison, window: GeoBox) -> Path:
    """One raw pass, the mosaic, the count of clear observations, the truth."""
    passes = defaultdict(list)
    for scene in made.scenes:
        passes[scene.take.date, scene.take.orbit].append(scene.item.parent)
    colours = ((key[0], raw_colour(folders, window)) for key, folders in sorted(passes.items()))
    raw_day, raw = max(colours, key=lambda entry: _telling(entry[1]))
    count = read(layer_file(plan, "count"), window)
    rmse = max(compared.rmse.values())
    return draw(
        path,
        [
            Panel(f"One pass as it came, {raw_day}", raw, note="true colour; grey: outside the swath"),
            Panel(
                "The mosaic",
                true_colour(*(mosaic(plan, band, window) for band in RGB)),
                note=f"median of clear observations; differs from the truth by {rmse:.4f} reflectance (RMSE)",
            ),
            Panel(
                "Clear observations",
                count.astype(float),
                note=f"{len(passes)} passes with {len(made.scenes)} scenes",
                label="dates on which a pixel was seen clear",
            ),
            Panel(
                "The truth",
                true_colour(*truth_of(plan, made.world, window)),
                note="the simulated surface without a sky, median over the same dates",
            ),
        ],
        pixel_m=10,
        title="Swath: a clear mosaic of June and July 2023 on a simulated Earth",
    )


def mosaic(plan: Plan, band: str, window: GeoBox) -> NDArray[np.float32]:
    """Reflectance of the mosaic, NaN where it has none."""
    numbers = read(layer_file(plan, band), window).astype(np.float32)
    facts = plan.collection.bands[band]
    numbers[numbers == facts.nodata] = np.nan
    return numbers * np.float32(facts.scale) + np.float32(facts.offset)


def truth_of(plan: Plan, world: World, window: GeoBox) -> NDArray[np.float32]:
    """Median clear reflectance over the dates of the mosaic, (bands, rows, columns)."""
    rows = {row for unit in plan.units() for row in unit.items}
    days = sorted({scene.datetime.date() for scene in plan.items().scenes(sorted(rows))})
    return np.asarray(np.median([world.reflectance(window, day, RGB) for day in days], axis=0), dtype=np.float32)


def raw_colour(folders: list[Path], window: GeoBox) -> NDArray[np.float32]:
    """The scenes of one pass as they came: true colour, NaN outside of the swath."""
    bands = []
    for band in RGB:
        numbers = np.max([read(folder / f"{band}.tif", window) for folder in folders], axis=0).astype(np.float32)
        numbers[numbers == 0] = np.nan
        # some scenes carry an offset and some do not: for the eye each starts at its darkest
        dark = np.nanpercentile(numbers, 1) - 250 if np.isfinite(numbers).any() else 0
        bands.append((numbers - dark) / 10000)
    return true_colour(*bands)


def _telling(image: NDArray[np.float32]) -> float:
    """How well a scene shows what a mosaic is for: whole, and about a third under cloud."""
    seen = np.isfinite(image[..., 0])
    if not seen.any():
        return -1.0
    cloudy = float((image[seen].min(axis=-1) > 0.75).mean())
    return float(seen.mean()) - abs(cloudy - 0.35)
