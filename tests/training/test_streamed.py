"""Chips read from the cubes each time are those of the store."""

import pickle

import geopandas
import numpy as np
import pyarrow.parquet as pq
import pytest
import shapely

from support.drawn_labels import AREA, drawn_labels
from support.small_world import small_world  # noqa: F401
from support.value_plots import AGB, COLUMNS, plots, table
from swath.errors import LabelError
from swath.grid import Period
from swath.planning import MapRequest
from swath.products import Product
from swath.sources import collection
from swath.training import ChipSet, ChipSettings, Part, SplitSpec, band_labels, cut_chips, read_labels
from swath.training.batches import epoch_order, share
from swath.training.streamed import Streamed, stream_chips

PRODUCT = Product.load("mosaic").with_overrides(["inputs.0.bands=[B04,B08]", "output.grid.tile_size=192"])
SPLIT = SplitSpec(folds=3, block_m=200, buffer_m=20, seed=4)
SETTINGS = ChipSettings(size=48, margin=6, split=SPLIT)


@pytest.fixture(scope="module")
def both(small_world, tmp_path_factory):  # noqa: F811
    folder = tmp_path_factory.mktemp("streamed")
    labels = drawn_labels(folder)
    asked = MapRequest(PRODUCT, AREA, Period.parse("2023-06"), str(small_world.catalog))
    cut_chips(asked, labels, folder / "store", settings=SETTINGS, cluster="inline")
    return ChipSet.open(folder / "store"), stream_chips(asked, labels, folder / "stream", settings=SETTINGS)


@pytest.mark.parametrize("kept_bytes", [0, 1 << 30])
def test_streamed_chips_have_the_tensors_of_the_store_and_write_none(kept_bytes, both):
    stored, streamed = both[0], Streamed(both[1].store, kept_bytes=kept_bytes)
    place = {chip: n for n, chip in enumerate(streamed.index["chip"].to_pylist())}
    assert set(stored.index["chip"].to_pylist()) <= set(place)
    held, other = (chips.holding_out(test=0, validate=1) for chips in (stored, streamed))
    for n, chip in enumerate(stored.index["chip"].to_pylist()):
        expected, found = held.read([n]), other.read([place[chip]])
        assert expected.keys() == found.keys()
        for name, tensor in expected.items():
            assert found[name].dtype == tensor.dtype
            assert np.array_equal(found[name], tensor, equal_nan=name == "y" and tensor.dtype == np.float32), name
    assert not list(streamed.store.list("shards"))


def test_a_streamed_folder_opens_again_and_travels_as_an_address(both):
    _, streamed = both
    again = ChipSet.open(streamed.store.root)
    assert isinstance(again, Streamed)
    data = pickle.dumps(again.holding_out(test=0))
    assert len(data) < 600
    read = pickle.loads(data).read([3])
    assert all(np.array_equal(read[name], again.holding_out(test=0).read([3])[name]) for name in read)


def test_a_training_leaves_streamed_chips_as_they_are_and_cutting_may_write_them(both, small_world, tmp_path):  # noqa: F811
    asked = MapRequest(PRODUCT, AREA, Period.parse("2023-06"), str(small_world.catalog))
    labels = drawn_labels(tmp_path)
    stream_chips(asked, labels, tmp_path / "s", settings=SETTINGS)
    found = cut_chips(asked, labels, tmp_path / "s", settings=SETTINGS, cluster="inline")
    assert (found.done, found.found, found.chips) == (0, 0, len(both[1]))
    assert ChipSet.open(tmp_path / "s").is_streamed
    cut_chips(asked, labels, tmp_path / "s", settings=SETTINGS, cluster="inline", keep_streamed=False)
    assert not ChipSet.open(tmp_path / "s").is_streamed
    assert ChipSet.open(tmp_path / "s").index.equals(both[0].index)


def test_a_network_learns_from_streamed_chips(both, tmp_path):
    from swath.training.config import TrainConfig
    from swath.training.fit import fit

    stored, streamed = (chips.holding_out(test=0, validate=1) for chips in both)
    config = TrainConfig(
        encoder={"name": "statistics", "settings": {"width": 8}}, chip=60, epochs=1, batch=8, threads=1, seed=3,
        device="cpu",
    )  # fmt: skip
    one, other = (fit(config, chips, tmp_path / name) for chips, name in ((stored, "a"), (streamed, "b")))
    assert one.history[0]["loss"] == other.history[0]["loss"]


def test_counts_of_streamed_chips_are_of_what_is_painted(both):
    _, streamed = both
    held = streamed.holding_out(test=0, validate=1)
    assert held.counts(Part.TRAIN).sum() > 1000
    assert (held.counts(Part.TEST).sum(axis=0) == streamed.fold_counts[:, 0].sum(axis=0)).all()


def test_a_band_of_the_items_cannot_be_streamed(small_world, tmp_path):  # noqa: F811
    facts = collection("swath-simulated-optical")
    legend = {**dict.fromkeys(range(1, 12), "clear"), 3: "shadow"}
    product = PRODUCT.with_overrides(["inputs.0.mask.rules=none", "inputs.0.composite.method=first"])
    asked = MapRequest(product, AREA, Period.parse("2023-06/acquisition"), str(small_world.catalog))
    settings = ChipSettings(size=64, split=SplitSpec(by="year", years=((2023,), (2024,)), held=()))
    with pytest.raises(LabelError, match=r"asset:SCL is read with the items.*Write the chips"):
        stream_chips(asked, band_labels("asset:SCL", facts, legend=legend), tmp_path, settings=settings)


def test_the_index_is_geoparquet_with_time_label_fold_and_items(both):
    stored, _ = both
    path = f"{stored.store.root}/index.parquet"
    frame = geopandas.read_parquet(path)
    assert frame.crs.to_epsg() == 4326 or frame.crs.to_string() == "OGC:CRS84"
    middle = shapely.centroid(frame.geometry.array)
    assert np.allclose(shapely.get_x(middle), frame.lon, atol=1e-6)
    assert np.allclose(shapely.area(frame.geometry.array) * 111_320**2 * np.cos(np.radians(47.7)), 600**2, rtol=0.01)
    assert str(frame.start[0]) == "2023-06-01 00:00:00+00:00" and str(frame.end[0]) == "2023-07-01 00:00:00+00:00"
    assert set(frame["class"]) == {"crop", "tree", "water"}
    assert (frame.labelled == stored.labelled.sum(axis=(1, 2))).all()
    assert (frame["items"].str.len() > 0).all()
    assert set(frame.fold) <= {-1, 0, 1, 2}
    assert pq.read_schema(path).metadata[b"geo"]


def test_over_all_workers_an_epoch_takes_each_chip_once_whatever_the_epoch(both):
    stored, _ = both
    chips = np.flatnonzero(stored.holding_out(test=0).counts(Part.TRAIN).sum(axis=1))
    seen = []
    for epoch in range(3):
        order = epoch_order(chips, seed=5, epoch=epoch)
        taken = np.concatenate([np.concatenate(share(order, rank=rank, world=3, batch=2)) for rank in range(3)])
        assert sorted(taken.tolist()) == chips.tolist()
        seen.append(order.tolist())
    assert seen[0] != seen[1] != seen[2]


def test_workers_read_a_store_in_a_bucket_in_parallel_each_chip_once(small_world, s3, tmp_path):  # noqa: F811
    from concurrent.futures import ThreadPoolExecutor

    asked = MapRequest(PRODUCT, AREA, Period.parse("2023-06"), str(small_world.catalog))
    labels = drawn_labels(tmp_path)
    cut_chips(asked, labels, f"{s3}/chips", settings=SETTINGS, cluster="inline")
    cut_chips(asked, labels, tmp_path / "chips", settings=SETTINGS, cluster="inline")
    address = pickle.dumps(ChipSet.open(f"{s3}/chips").holding_out(test=0))
    chips = np.arange(len(pickle.loads(address)))
    order = epoch_order(chips, seed=1, epoch=0)

    def work(rank):
        source = pickle.loads(address)  # each worker opens the store for itself
        return [
            (i, source.read([i])["numbers"][0]) for group in share(order, rank=rank, world=2, batch=4) for i in group
        ]

    with ThreadPoolExecutor(2) as pool:
        found = [chip for part in pool.map(work, range(2)) for chip in part]
    assert sorted(int(i) for i, _ in found) == chips.tolist()
    local = ChipSet.open(tmp_path / "chips")
    for i, numbers in found[::5]:
        assert (local.read([int(i)])["numbers"][0] == numbers).all()


def test_values_stream_like_classes(small_world, tmp_path):  # noqa: F811
    asked = MapRequest(PRODUCT, AREA, Period.parse("2023-06"), str(small_world.catalog))
    labels = read_labels(
        table(plots(tracks=30), tmp_path), area=AREA, period=asked.period, value=AGB, column="agb", columns=COLUMNS,
        footprint_m=15.0,
    )  # fmt: skip
    settings = ChipSettings(size=96, split=SPLIT)
    cut_chips(asked, labels, tmp_path / "store", settings=settings, cluster="inline")
    stored, streamed = ChipSet.open(tmp_path / "store"), stream_chips(asked, labels, tmp_path / "s", settings=settings)
    place = streamed.index["chip"].to_pylist().index(stored.index["chip"][0].as_py())
    expected, found = stored.read([0]), streamed.read([place])
    for name, tensor in expected.items():
        assert np.array_equal(found[name], tensor, equal_nan=tensor.dtype.kind == "f"), name
