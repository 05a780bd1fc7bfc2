"""Biomass from optical, radar, elevation and place, learned from lidar footprints on one part, mapped on another."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from swath.cli.demos.maps import layer_file, read_values, window_of
from swath.cli.demos.stage import Shown, Stage
from swath.mapping.picture import Panel, draw
from swath.products import Product

AREA = "13.47,50.965,13.66,51.065"
TRAIN_AREA, MAP_AREA = "13.47,50.965,13.575,51.065", "13.59,50.975,13.65,51.03"
PERIOD, YEAR = "2023-05/2023-08/P4M", 2023
EVERY_DAYS = {"optical": 30, "radar": 36}
TILE_SIZE = 768
RECIPE = "biomass-demo"
LAYERS = ("agb", "q05", "q95")


@dataclass(frozen=True)
class BiomassScore:
    """The map against the truth, over all mapped pixels of an area that training never saw.

    Attributes:
        pixels: Compared.
        rmse: Mg/ha.
        oracle_rmse: Of the best that anybody could say from what sensors tell, Mg/ha.
        mean: Of the map, Mg/ha.
        true_mean: Mg/ha.
        covered: Share of pixels whose truth lies between q05 and q95.
    """

    pixels: int
    rmse: float
    oracle_rmse: float
    mean: float
    true_mean: float
    covered: float


def run(stage: Stage) -> Shown:
    """Simulate, train, map, compare, draw."""
    from swath.synthetic import Labels, Simulated
    from swath.training.recipe import Recipe

    made = stage.earth(
        "earth-biomass", AREA, PERIOD,
        collections=(Simulated.OPTICAL, Simulated.RADAR, Simulated.ELEVATION), labels=(Labels.FOOTPRINTS,),
        every_days={Simulated(name): days for name, days in EVERY_DAYS.items()},
    )  # fmt: skip
    product = Product.load("biomass").with_overrides([f"output.grid.tile_size={TILE_SIZE}"])
    asked = stage.request(product, TRAIN_AREA, PERIOD, made)
    package = stage.trained(asked, made.files[Labels.FOOTPRINTS], Recipe.load(RECIPE), "training-biomass")
    plan, result = stage.mapped(stage.request(product, MAP_AREA, PERIOD, made, package))
    window = window_of(plan, MAP_AREA)
    agb, low, high = (read_values(layer_file(plan, layer), window) for layer in LAYERS)
    truth = made.world.biomass(window, YEAR)
    score = score_of(agb, low, high, truth.agb, truth.expected)
    span = (0.0, float(np.quantile(truth.agb, 0.995)))
    drawn = draw(
        stage.folder / "biomass.png",
        [
            Panel("The map", agb, label="Mg/ha", span=span, note=f"mean {score.mean:.1f} Mg/ha, RMSE {score.rmse:.1f}"),
            Panel(
                "How unsure it is", high - low, label="q95 - q05, Mg/ha",
                note=f"{score.covered:.0%} of the pixels lie within their interval of 90 %",
            ),
            Panel(
                "The truth", truth.agb, label="Mg/ha", span=span,
                note=f"mean {score.true_mean:.1f} Mg/ha; who knew what sensors tell: RMSE {score.oracle_rmse:.1f}",
            ),
        ],
        pixel_m=10, columns=3,
        title="Swath: above-ground biomass of 2023, from lidar footprints west of here",
    )  # fmt: skip
    lines = [
        ("against the truth", f"RMSE {score.rmse:.1f} Mg/ha over {score.pixels:,} pixels"),
        ("who knew what sensors tell", f"RMSE {score.oracle_rmse:.1f} Mg/ha"),
        ("mean", f"{score.mean:.1f} Mg/ha, true {score.true_mean:.1f}"),
        ("90 % intervals", f"cover {score.covered:.1%}"),
    ]
    return Shown("biomass", result.collection, drawn, asdict(score), lines, package.folder)


def score_of(
    agb: NDArray[np.float64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    truth: NDArray[np.floating],
    expected: NDArray[np.floating],
) -> BiomassScore:
    """Every mapped pixel against the biomass that stands there."""
    seen = np.isfinite(agb)
    found, true, best = agb[seen], truth[seen].astype(np.float64), expected[seen].astype(np.float64)
    inside = (true >= low[seen]) & (true <= high[seen])
    return BiomassScore(
        int(seen.sum()), float(np.sqrt(((found - true) ** 2).mean())), float(np.sqrt(((best - true) ** 2).mean())),
        float(found.mean()), float(true.mean()), float(inside.mean()),
    )  # fmt: skip
