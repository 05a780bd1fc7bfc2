"""Chips of a small simulated Earth, and a network that saw a part of them."""

import pytest

from support.drawn_labels import AREA, PERIOD, drawn_labels
from support.small_world import small_world  # noqa: F401
from swath.planning import MapRequest
from swath.products import Product
from swath.store import Store
from swath.training import ChipSet, ChipSettings, SplitSpec, cut_chips
from swath.training.config import TrainConfig
from swath.training.fit import fit

PRODUCT = Product.load("mosaic").with_overrides(["inputs.0.bands=[B04,B08]", "output.grid.tile_size=192"])
CONFIG = TrainConfig(chip=32, epochs=1, batch=8, threads=1, patience=None)


@pytest.fixture(scope="package")
def chips(small_world, tmp_path_factory):  # noqa: F811
    folder = tmp_path_factory.mktemp("seen")
    settings = ChipSettings(size=32, split=SplitSpec(folds=4, block_m=200, buffer_m=20, seed=4))
    request = MapRequest(PRODUCT, AREA, PERIOD, str(small_world.catalog))
    cut_chips(request, drawn_labels(folder), folder / "chips", settings=settings, cluster="inline")
    return ChipSet.open(folder / "chips")


@pytest.fixture(scope="package")
def held(chips):
    return chips.holding_out(test=0, validate=1)


@pytest.fixture(scope="package")
def fitted(held, tmp_path_factory):
    return fit(CONFIG, held, Store.open(tmp_path_factory.mktemp("fit")), name="small", cluster="inline")
