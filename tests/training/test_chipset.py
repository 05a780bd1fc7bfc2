"""Chips opened, with folds held out."""

import pickle
import shutil

import numpy as np
import pytest
from scipy.spatial import cKDTree

from support.drawn_labels import AREA, PERIOD, drawn_labels, saved, squares
from support.small_world import small_world  # noqa: F401
from swath.errors import LabelError
from swath.grid import Area, Period
from swath.planning import MapRequest
from swath.products import Product
from swath.training import IGNORED, ChipSet, ChipSettings, Part, SplitSpec, Statistics, cut_chips, read_labels

SPLIT = SplitSpec(folds=4, block_m=150, buffer_m=60, seed=14)
MONTH = Period.parse("2023-06")
PRODUCT = Product.load("mosaic").with_overrides(["inputs.0.bands=[B04,B08]", "output.grid.tile_size=192"])


@pytest.fixture(scope="module")
def chips(small_world, tmp_path_factory):  # noqa: F811
    folder = tmp_path_factory.mktemp("chips")
    asked = MapRequest(PRODUCT, AREA, PERIOD, str(small_world.catalog))
    settings = ChipSettings(size=32, per_polygon=20, split=SPLIT)
    labels = drawn_labels(folder)
    cut_chips(asked, labels, folder / "chips", settings=settings, cluster="inline")
    return ChipSet.open(folder / "chips")


@pytest.fixture(scope="module")
def held(chips):
    return chips.holding_out(test=1, validate=2)


def test_they_are_read_in_the_order_asked_for(chips):
    order = [5, 0, 5, 3]
    found = chips.read(order)
    for place, number in enumerate(order):
        alone = chips.read([number])
        assert all((found[name][place] == alone[name][0]).all() for name in alone)
    assert found["numbers"].shape == (4, 1, 2, 32, 32)
    assert found["numbers"].dtype == np.uint16


def test_parts_are_the_folds_without_the_buffer(chips, held):
    raw, found = chips.read(range(len(chips))), held.read(range(len(chips)))
    part, fold = found["part"], raw["fold"]
    assert (part[fold == 1] == Part.TEST).all()
    assert set(np.unique(part[fold == 2])) <= {Part.VALIDATE, IGNORED}
    assert set(np.unique(part[(fold == 0) | (fold == 3)])) == {Part.TRAIN, IGNORED}
    assert (part[fold == IGNORED] == IGNORED).all()
    assert int((part == IGNORED).sum() - (fold == IGNORED).sum()) == held.within_buffer > 0


def test_counts_are_those_of_the_pixels(held):
    found = held.read(range(len(held)))
    for part in Part:
        expected = [
            [int(((found["part"][n] == part) & (found["y"][n] == c)).sum()) for c in range(3)] for n in range(len(held))
        ]
        assert held.counts(part).tolist() == expected


def test_the_smallest_distance_is_that_of_the_pixels_and_beyond_the_buffer(chips, held):
    found = held.read(range(len(held)))
    x, y = (chips.index[name].to_numpy()[:, None, None] for name in "xy")
    rows, cols = np.indices((32, 32))
    places = np.stack(np.broadcast_arrays(x + (cols + 0.5) * 10, y - (rows + 0.5) * 10), axis=-1)
    train, test = (places[found["part"] == part] for part in (Part.TRAIN, Part.TEST))
    expected = cKDTree(test).query(train)[0].min()
    assert held.smallest_distance() == pytest.approx(expected, rel=1e-3)
    assert held.smallest_distance() >= SPLIT.buffer_m


def test_statistics_are_of_training_pixels_alone(held):
    found = held.read(range(len(held)))
    n, rows, cols = np.nonzero(found["part"] == Part.TRAIN)
    values = found["numbers"][n, 0, :, rows, cols] * 0.0001 - 0.1
    told = held.statistics()
    assert told.pixels == len(values)
    assert np.allclose(told.mean, values.mean(axis=0), rtol=1e-9)
    assert np.allclose(told.std, values.std(axis=0), rtol=1e-9)
    assert np.allclose(Statistics.of(held, clip=(0.0, 0.05)).mean, values.clip(0, 0.05).mean(axis=0), rtol=1e-9)


def test_it_travels_as_an_address(held):
    data = pickle.dumps(held)
    assert len(data) < 500
    again = pickle.loads(data)
    assert (again.read([2])["part"] == held.read([2])["part"]).all()
    assert again.names([2]) == held.names([2])


def test_nothing_held_out_leaves_all_for_training(chips):
    everything = chips.holding_out()
    assert everything.counts(Part.TRAIN).sum() == chips.fold_counts.sum()
    assert everything.smallest_distance() is None


def test_folds_that_cannot_be_held_out_are_refused(chips):
    with pytest.raises(LabelError, match=r"Folds \[1, 1\] cannot be held out of 4"):
        chips.holding_out(test=1, validate=1)
    with pytest.raises(LabelError, match=r"Folds \[4\] cannot be held out of 4"):
        chips.holding_out(test=4)


def test_a_buffer_that_leaves_no_training_pixel_of_a_class_is_refused(small_world, tmp_path):  # noqa: F811
    asked = MapRequest(PRODUCT, AREA, PERIOD, str(small_world.catalog))
    split = SPLIT.model_copy(update={"buffer_m": 5000.0})
    cut_chips(
        asked, drawn_labels(tmp_path), tmp_path / "chips", settings=ChipSettings(size=32, split=split), cluster="inline"
    )
    with pytest.raises(LabelError, match=r"buffer of 5000 m no training pixel of 'crop', 'tree', 'water' is left"):
        ChipSet.open(tmp_path / "chips").holding_out(test=0)


def test_a_folder_that_is_not_done_is_refused(tmp_path):
    with pytest.raises(LabelError, match="holds no chips that are done"):
        ChipSet.open(tmp_path)


def test_a_bucket_gives_the_same_chips(small_world, s3, tmp_path):  # noqa: F811
    asked = MapRequest(PRODUCT, Area.parse("12.5005,47.7005,12.507,47.7095"), MONTH, str(small_world.catalog))
    settings = ChipSettings(size=96, per_polygon=20, split=SPLIT.model_copy(update={"folds": 2}))
    labels = read_labels(saved(squares(), tmp_path), area=asked.area, period=MONTH)
    for out in (f"{s3}/chips", tmp_path / "chips"):
        cut_chips(asked, labels, out, settings=settings, cluster="inline")
    ours, theirs = ChipSet.open(tmp_path / "chips"), ChipSet.open(f"{s3}/chips")
    assert ours.index.equals(theirs.index)
    order = [len(ours) - 1, 0]
    assert all((ours.read(order)[name] == found).all() for name, found in theirs.read(order).items())
    assert (theirs.holding_out(test=1).counts(Part.TEST) == ours.holding_out(test=1).counts(Part.TEST)).all()


@pytest.mark.ray
def test_workers_on_ray_give_the_same_bytes(chips, small_world, ray_cluster, tmp_path):  # noqa: F811
    asked = MapRequest(PRODUCT, AREA, PERIOD, str(small_world.catalog))
    settings = ChipSettings(size=32, per_polygon=20, split=SPLIT)
    result = cut_chips(asked, drawn_labels(tmp_path), tmp_path / "chips", settings=settings, cluster="auto")
    assert result.done == len(set(chips.index["file"].to_pylist()))
    for file in ("index.parquet", *set(chips.index["file"].to_pylist())):
        assert (tmp_path / "chips" / file).read_bytes() == chips.store.read_bytes(file)


def test_a_shard_that_is_none_is_named(chips, tmp_path):
    shutil.copytree(chips.store.root, tmp_path / "chips")
    broken = ChipSet.open(tmp_path / "chips")
    path = tmp_path / "chips" / broken.index["file"][0].as_py()
    path.write_bytes(b"\x10" + bytes(7) + b"no header at all" + bytes(100))
    with pytest.raises(LabelError, match=f"{path.name} is no shard of chips"):
        broken.read([0])
