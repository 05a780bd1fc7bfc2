"""What a split says of itself."""

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from support.drawn_labels import AREA, drawn_labels
from support.small_world import small_world  # noqa: F401
from swath.cube import LayerFacts
from swath.grid import Period
from swath.grid.lonlat import from_lonlat
from swath.planning import MapRequest
from swath.products import Product
from swath.training import ChipSet, ChipSettings, Part, SplitSpec, cut_chips
from swath.training.flattery import flattery
from swath.training.split_report import split_report

PRODUCT = Product.load("mosaic").with_overrides(["inputs.0.bands=[B04,B08]", "output.grid.tile_size=192"])


@pytest.fixture(scope="module")
def chips(small_world, tmp_path_factory):  # noqa: F811
    folder = tmp_path_factory.mktemp("report")
    asked = MapRequest(PRODUCT, AREA, Period.parse("2023-06"), str(small_world.catalog))
    split = SplitSpec(folds=3, block_m=200, buffer_m=20, seed=4)
    cut_chips(asked, drawn_labels(folder), folder / "c", settings=ChipSettings(size=32, split=split), cluster="inline")
    return ChipSet.open(folder / "c")


def test_it_tells_parts_blocks_distance_and_what_serves_for_nothing(chips):
    held = chips.holding_out(test=0, validate=1)
    report = split_report(held)
    for part in Part:
        assert sum(report.labelled[part.name.lower()].values()) == held.counts(part).sum()
    assert report.smallest_distance_m == held.smallest_distance()
    assert report.unused == held.within_buffer
    found, index = held.read(range(len(held))), chips.index.to_pydict()
    for part in Part:
        n, rows, cols = np.nonzero(found["part"] == part)
        x, y = np.array(index["x"])[n] + (cols + 0.5) * 10, np.array(index["y"])[n] - (rows + 0.5) * 10
        lon, lat = from_lonlat(index["crs"][0]).transform(x, y, direction="INVERSE")
        assert report.blocks[part.name.lower()] == len(np.unique(chips.split.blocks(lon, lat), axis=0)) > 1
    text = str(report)
    assert "by blocks of 200 m into 3 folds (seed 4), buffer 20 m; held out: test fold 0, validation fold 1" in text
    assert f"lie {held.smallest_distance():.0f} m apart" in text
    assert "a random split would give" in text


def test_it_is_the_same_each_time_and_another_seed_draws_other_pixels(chips):
    held = chips.holding_out(test=0, validate=1)
    assert split_report(held).to_dict() == split_report(held).to_dict()
    assert flattery(held, seed=1) != flattery(held, seed=2)


def test_without_a_test_fold_nothing_is_compared(chips):
    report = split_report(chips.holding_out())
    assert report.flattery is None and report.smallest_distance_m is None
    assert "held out: test none" in str(report)


def test_a_random_split_says_so_with_its_reason_and_how_much_it_flatters(small_world, tmp_path):  # noqa: F811
    asked = MapRequest(PRODUCT, AREA, Period.parse("2023-06"), str(small_world.catalog))
    split = SplitSpec(by="random", reason="to compare with a paper", folds=3, block_m=200)
    settings = ChipSettings(size=32, split=split)
    cut_chips(asked, drawn_labels(tmp_path), tmp_path / "c", settings=settings, cluster="inline")
    report = split_report(ChipSet.open(tmp_path / "c").holding_out(test=0))
    assert "THIS SPLIT IS RANDOM (to compare with a paper)" in str(report)
    assert report.flattery is not None
    assert report.flattery.by == pytest.approx(report.flattery.random - report.flattery.apart)


@pytest.mark.parametrize("values", [False, True])
def test_where_labels_are_alike_within_blocks_alone_a_random_split_flatters(values):
    held = _patchwork(values)
    found = flattery(held)
    assert found.measure == ("R2" if values else "overall accuracy")
    assert found.by > 0.3
    assert found.random > 0.8


def _patchwork(values):
    """Forty blocks, each with numbers and a label of its own: only neighbours of a test pixel know its label."""
    draw = np.random.default_rng(3)
    chips, size = 40, 8
    level = draw.permutation(chips) * 200 + 1000
    label = draw.permutation(np.arange(chips) % 2 if not values else np.arange(chips) * 10.0)
    numbers = level[:, None, None, None, None] + draw.integers(0, 50, (chips, 1, 2, size, size))
    y = np.broadcast_to(label[:, None, None], (chips, size, size))
    part = np.where(np.arange(chips) % 4 == 0, int(Part.TEST), int(Part.TRAIN))
    return _Held(numbers.astype(np.uint16), y, np.broadcast_to(part[:, None, None], y.shape), values)


class _Held:
    """What `flattery` asks of chips with a fold held out."""

    def __init__(self, numbers, y, part, values):
        self._all = {"numbers": numbers, "y": y.astype(np.float32 if values else np.uint8), "part": part}
        self.facts = SimpleNamespace(layers=(LayerFacts("uint16", 0),) * 2, gsd=10.0, classes=0 if values else 2)
        n = len(numbers)
        index = pa.table({"x": np.arange(n) * 1e4 + 5e5, "y": np.full(n, 5.2e6), "crs": ["EPSG:32633"] * n})
        self.chips = SimpleNamespace(split=SplitSpec(), index=index)

    def counts(self, part):
        return (self._all["part"] == part).sum(axis=(1, 2))[:, None]

    def read(self, indices):
        return {name: array[indices] for name, array in self._all.items()}
