"""A land-cover network trained on one part of the simulated Earth, mapped over another."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from swath.cli.demos.maps import layer_file, read, window_of
from swath.cli.demos.stage import Shown, Stage
from swath.cli.demos.trust import trusted
from swath.mapping.picture import Panel, draw
from swath.products import Product
from swath.products.model import CLASS, CONFIDENCE, NO_CLASS, NO_SHARE, SHARE_STEP

if TYPE_CHECKING:
    from swath.synthetic import Published

TRAIN_AREA = "12.595,47.705,12.70,47.767"
MAP_AREA = "12.605,47.769,12.69,47.795"
PERIOD = "2023-06/2023-07/P2M"
YEAR = 2023
TILE_SIZE = 768
RECIPE = "landcover-demo"


@dataclass(frozen=True)
class CoverScore:
    """The land-cover map against the truth, over all mapped pixels of the area that training never saw.

    Attributes:
        pixels: Compared.
        accuracy: Share of pixels with the true class.
        confident: The same over the half of the pixels with the higher confidence.
    """

    pixels: int
    accuracy: float
    confident: float


def run(stage: Stage, made: Published) -> Shown:
    """Train on one part, map the other, score it, draw it."""
    from swath.training.recipe import Recipe

    product = Product.load("landcover").with_overrides([f"output.grid.tile_size={TILE_SIZE}"])
    asked = stage.request(product, TRAIN_AREA, PERIOD, made)
    package = stage.trained(asked, made.labels, Recipe.load(RECIPE), "training")
    plan, result = stage.mapped(stage.request(product, MAP_AREA, PERIOD, made, package))
    window = window_of(plan, MAP_AREA)
    codes = read(layer_file(plan, CLASS), window, fill=NO_CLASS)
    confidence = read(layer_file(plan, CONFIDENCE), window, fill=NO_SHARE)
    truth = made.world.landcover(window, YEAR)
    score = score_of(codes, confidence, truth)
    drawn = picture(stage.folder / "landcover.png", product, codes, confidence, truth, score)
    told = f"{score.accuracy:.1%} of {score.pixels:,} pixels, of the surer half {score.confident:.1%}"
    trust = trusted(stage, product.name, made)
    figures = {**asdict(score), "trust": asdict(trust)}
    return Shown("landcover", result.collection, drawn, figures, [("true class", told), *trust.lines], package.folder)


def score_of(codes: NDArray[Any], confidence: NDArray[Any], truth: NDArray[Any]) -> CoverScore:
    """Every mapped pixel against the class that covers most of it in truth."""
    seen = (codes != NO_CLASS) & (truth != NO_CLASS)
    right = (codes == truth)[seen]
    sure = confidence[seen] >= np.median(confidence[seen])
    return CoverScore(int(seen.sum()), float(right.mean()), float(right[sure].mean()))


def picture(
    path: Path, product: Product, codes: NDArray[Any], confidence: NDArray[Any], truth: NDArray[Any], score: CoverScore
) -> Path:
    """Map, confidence and truth side by side."""
    assert product.model is not None and product.model.legend is not None
    legend = {c.code: (c.name, c.color) for c in product.model.legend.classes}
    shares = np.where(confidence == NO_SHARE, np.nan, confidence * SHARE_STEP)
    return draw(
        path,
        [
            Panel(
                "The map", codes, legend=legend,
                note=f"{score.accuracy:.1%} of {score.pixels:,} pixels have the true class",
            ),
            Panel(
                "Confidence", shares, label="probability of the class, as the model has it",
                note=f"of the surer half {score.confident:.1%} are right",
            ),
            Panel("The truth", truth, legend=legend, note="the class that covers most of each simulated pixel"),
        ],
        pixel_m=10,
        title="Swath: land cover of June and July 2023, by a network trained south of here",
        columns=3,
    )  # fmt: skip
