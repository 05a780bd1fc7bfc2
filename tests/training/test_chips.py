"""Chips: what is cut is what is mapped, whole, once, and the same each time."""

import hashlib
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely

from support.drawn_labels import AREA, CLASSES, PERIOD, drawn_labels, saved, squares
from support.small_world import mapped, small_world  # noqa: F401
from swath.errors import GridError, LabelError, StoreMismatchError
from swath.grid import Period, parse_tile
from swath.grid.lonlat import from_lonlat
from swath.planning import MapRequest
from swath.products import Product
from swath.sources import collection
from swath.store import Store
from swath.training import (
    IGNORED,
    ChipSet,
    ChipSettings,
    Reason,
    SplitSpec,
    band_labels,
    cut_chips,
    raster_labels,
    read_labels,
)
from swath.training.chip_work import ChipWork
from swath.training.cube_of import chips_product, known_classes, other_names

SPLIT = SplitSpec(folds=3, block_m=200, buffer_m=20, seed=4)
SETTINGS = ChipSettings(size=32, per_polygon=None, split=SPLIT)
PRODUCT = Product.load("mosaic").with_overrides(["inputs.0.bands=[B04,B08]", "output.grid.tile_size=192"])


def request(world, *, period=PERIOD, source=None):
    return MapRequest(PRODUCT, AREA, period, str(source or world.catalog))


def sums(folder):
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(Path(folder).rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def labels(tmp_path_factory):
    return drawn_labels(tmp_path_factory.mktemp("labels"))


@pytest.fixture(scope="module")
def cut(small_world, labels, tmp_path_factory):  # noqa: F811
    out = tmp_path_factory.mktemp("chips") / "chips"
    return cut_chips(request(small_world), labels, out, settings=SETTINGS, cluster="inline"), ChipSet.open(out)


def test_numbers_are_those_of_the_map(cut, mapped):  # noqa: F811
    _, chips = cut
    seen = 0
    for number, row in enumerate(chips.index.to_pylist()):
        numbers = chips.read([number])["numbers"][0, 0]
        for band, name in zip(numbers, ("B04", "B08"), strict=True):
            (path,) = mapped.rglob(f"{row['step']}/{row['tile']}/{name}.*.tif")
            with rasterio.open(path) as file:
                left, top = ~file.transform @ (row["x"], row["y"])
                window = rasterio.windows.Window(round(left), round(top), 32, 32)
                assert (file.read(1, window=window) == band).all()
                seen += 1
    assert seen == 2 * len(chips) > 40


def test_labels_are_those_of_a_point_in_polygon_test(cut, labels):
    _, chips = cut
    for number, row in enumerate(chips.index.to_pylist()):
        found = chips.read([number])
        rows, cols = np.indices((32, 32))
        x, y = row["x"] + (cols + 0.5) * 10, row["y"] - (rows + 0.5) * 10
        lon, lat = from_lonlat(row["crs"]).transform(x, y, direction="INVERSE")
        expected = np.full((32, 32), IGNORED, np.uint8)
        for shape, code in zip(labels.shapes, labels.codes, strict=True):
            expected[shapely.contains_xy(shape, lon, lat)] = code
        expected[~(found["numbers"][0, 0] != 0).all(axis=0)] = IGNORED
        assert (found["y"][0] == expected).all()


def test_chips_lie_on_multiples_of_their_size_and_hold_every_label_once(cut, labels):
    result, chips = cut
    table = chips.index.to_pydict()
    assert all(top % 32 == 0 for top in table["top"])
    assert all(left % 32 == 0 for left in table["left"])
    places = set(zip(table["tile"], table["step"], table["top"], table["left"], strict=True))
    assert len(places) == len(chips)
    assert sum(result.classes.values()) == int(chips.fold_counts.sum())
    # two months, less what has no data
    area = sum(shape.area for shape in labels.shapes) * 111_320.0**2 * np.cos(np.radians(47.705)) / 100
    total = sum(result.classes.values()) + result.dropped.get(Reason.NO_DATA.value, 0)
    assert total == pytest.approx(2 * area, rel=0.02)


def test_a_margin_shows_what_lies_around_and_labels_nothing_of_it(cut, small_world, labels, tmp_path):  # noqa: F811
    settings = SETTINGS.model_copy(update={"margin": 8})
    cut_chips(request(small_world), labels, tmp_path / "wide", settings=settings, cluster="inline")
    plain, wide = cut[1], ChipSet.open(tmp_path / "wide")
    assert wide.facts.size == 48
    assert len(wide) == len(plain)
    assert (wide.fold_counts == plain.fold_counts).all()
    index, numbers = plain.index.to_pylist(), plain.read(range(len(plain)))
    # pixels by their place on the lattice: those of neighbouring chips, across the edges of tiles too
    known = {}
    for n, row in enumerate(index):
        for r, c in np.ndindex(32, 32):
            known[row["step"], row["top"] + r, row["left"] + c] = numbers["numbers"][n, 0, :, r, c].tolist()
    around = 0
    for n, row in enumerate(wide.index.to_pylist()):
        found = wide.read([n])
        assert (row["top"] + 8, row["left"] + 8) == (index[n]["top"], index[n]["left"])
        assert row["x"] == index[n]["x"] - 80
        for name in ("y", "fold", "near"):
            assert (found[name][0, 8:-8, 8:-8] == numbers[name][n]).all()
        framed = found["y"][0].copy()
        framed[8:-8, 8:-8] = IGNORED
        assert (framed == IGNORED).all()
        assert (found["numbers"][0, ..., 8:-8, 8:-8] == numbers["numbers"][n]).all()
        for r, c in ((0, 0), (3, 20), (20, 45), (47, 47), (44, 2)):
            told = known.get((row["step"], row["top"] + r, row["left"] + c))
            if told is not None:
                assert found["numbers"][0, 0, :, r, c].tolist() == told
                around += 1
    assert around > len(wide)
    held = [chips.holding_out(test=0, validate=1) for chips in (plain, wide)]
    assert held[0].smallest_distance() == held[1].smallest_distance()


def test_the_same_call_again_makes_nothing_and_changes_nothing(cut, small_world, labels):  # noqa: F811
    result, chips = cut
    before = sums(chips.store.root)
    again = cut_chips(request(small_world), labels, chips.store, settings=SETTINGS, cluster="inline")
    assert (again.done, again.found) == (0, result.done)
    assert sums(chips.store.root) == before


def test_another_folder_gets_the_same_bytes(cut, small_world, labels, tmp_path):  # noqa: F811
    cut_chips(request(small_world), labels, tmp_path / "other", settings=SETTINGS, cluster="inline")
    assert sums(tmp_path / "other") == sums(cut[1].store.root)


def test_a_folder_of_other_chips_is_refused(cut, small_world, labels):  # noqa: F811
    settings = SETTINGS.model_copy(update={"least": 9})
    with pytest.raises(StoreMismatchError, match="holds chips of another request"):
        cut_chips(request(small_world), labels, cut[1].store, settings=settings, cluster="inline")


def test_which_folds_are_held_out_may_change_later(cut, small_world, labels):  # noqa: F811
    settings = SETTINGS.model_copy(update={"split": SPLIT.model_copy(update={"held": (0,)})})
    assert cut_chips(request(small_world), labels, cut[1].store, settings=settings, cluster="inline").done == 0


def test_an_unreadable_file_fails_its_unit_and_is_named(small_world, labels, tmp_path):  # noqa: F811
    world = small_world.copy(tmp_path)
    scene = world.scenes[0]
    (scene / "B04.tif").unlink()
    out = tmp_path / "chips"
    result = cut_chips(request(world), labels, out, settings=SETTINGS, cluster="inline")
    assert result.failed
    assert [Path(href).parent.name for href in result.hrefs] == [scene.name]
    assert result.chips > 0
    assert len(ChipSet.open(out).content["failed"]) == result.failed
    (scene / "B04.tif").write_bytes((small_world.scenes[0] / "B04.tif").read_bytes())
    mended = cut_chips(request(world), labels, out, settings=SETTINGS, cluster="inline")
    assert (mended.done, mended.failed) == (result.failed, 0)
    assert mended.chips > result.chips


def test_parts_of_a_step_are_the_maps_of_those_parts(small_world, labels, tmp_path, cut):  # noqa: F811
    settings = SETTINGS.model_copy(update={"steps": 2})
    period = Period.parse("2023-06/2023-07")
    cut_chips(request(small_world, period=period), labels, tmp_path / "two", settings=settings, cluster="inline")
    chips = ChipSet.open(tmp_path / "two")
    assert chips.facts.steps == 2
    # 61 days: the middle lies in the first hour of July's first day but one
    day = chips.read([0])["day"][0]
    assert day.tolist() == [167.0, 197.0]


def test_acquisitions_come_with_their_neighbours_in_their_places(small_world, labels, tmp_path):  # noqa: F811
    period = Period.parse("2023-06/2023-07/acquisition")
    settings = SETTINGS.model_copy(update={"steps": 3, "target": 1})
    cut_chips(request(small_world, period=period), labels, tmp_path / "a", settings=settings, cluster="inline")
    cut_chips(request(small_world, period=period), labels, tmp_path / "b", settings=SETTINGS, cluster="inline")
    three, one = ChipSet.open(tmp_path / "a"), ChipSet.open(tmp_path / "b")
    single = {row["chip"]: n for n, row in enumerate(one.index.to_pylist())}
    steps = sorted(set(one.index["step"].to_pylist()))
    compared = 0
    for number, row in enumerate(three.index.to_pylist()):
        found, at = three.read([number]), steps.index(row["step"])
        assert (found["numbers"][0, 1] == one.read([single[row["chip"]]])["numbers"][0, 0]).all()
        for place, step in ((0, at - 1), (2, at + 1)):
            name = row["chip"].replace(row["step"], steps[step]) if 0 <= step < len(steps) else None
            if name in single:
                assert (found["numbers"][0, place] == one.read([single[name]])["numbers"][0, 0]).all()
                compared += 1
    assert compared


def test_acquisitions_of_several_steps_need_a_target(small_world, labels, tmp_path):  # noqa: F811
    for period, settings in (
        ("2023-06/acquisition", {"steps": 3}), ("2023-06", {"steps": 3, "target": 1}), ("2023-06", {"target": 0}),
    ):  # fmt: skip
        with pytest.raises(LabelError, match="acquisitions need a target"):
            cut_chips(
                request(small_world, period=Period.parse(period)), labels, tmp_path,
                settings=SETTINGS.model_copy(update=settings), cluster="inline",
            )  # fmt: skip


def test_a_size_that_does_not_divide_the_tiles_is_refused(small_world, labels, tmp_path):  # noqa: F811
    with pytest.raises(GridError, match=r"Chips of 50 px do not divide tiles of 192 px\. Take 32, 48, 64 px"):
        cut_chips(
            request(small_world), labels, tmp_path, settings=SETTINGS.model_copy(update={"size": 50}), cluster="inline"
        )


def test_labels_in_one_block_are_refused_before_any_work(small_world, labels, tmp_path):  # noqa: F811
    settings = SETTINGS.model_copy(update={"split": SPLIT.model_copy(update={"block_m": 1e5})})
    with pytest.raises(LabelError, match="lie in one block of 100000 m"):
        cut_chips(request(small_world), labels, tmp_path / "out", settings=settings, cluster="inline")
    assert not (tmp_path / "out").exists()


def test_a_fold_without_a_class_is_refused_before_any_work(small_world, tmp_path):  # noqa: F811
    frame = squares()
    frame.loc[3:, "class"] = "tree"
    labels = read_labels(saved(frame, tmp_path), area=AREA, period=PERIOD)
    with pytest.raises(LabelError, match="has no label of 'crop'"):
        cut_chips(request(small_world), labels, tmp_path / "out", settings=SETTINGS, cluster="inline")
    assert not (tmp_path / "out").exists()


def test_a_raster_of_codes_gives_the_labels_of_its_pixels(small_world, cut, tmp_path):  # noqa: F811
    tile = parse_tile(cut[1].index["tile"][0].as_py())
    affine = tile.affine @ type(tile.affine).translation(-100, -100)
    codes = (np.indices((500, 500)).sum(axis=0) // 7 % 3 + 1).astype(np.uint8)
    with rasterio.open(
        tmp_path / "codes.tif", "w", driver="GTiff", width=500, height=500, count=1, dtype="uint8",
        crs=tile.crs, transform=affine, nodata=0,
    ) as file:  # fmt: skip
        file.write(codes, 1)
    labels = raster_labels(tmp_path / "codes.tif", area=AREA, legend={1: "a", 2: "b", 3: None})
    result = cut_chips(request(small_world), labels, tmp_path / "out", settings=SETTINGS, cluster="inline")
    assert not result.agreement
    chips = ChipSet.open(tmp_path / "out")
    for number, row in enumerate(chips.index.to_pylist()):
        y = chips.read([number])["y"][0]
        left, top = (round(place) for place in ~affine @ (row["x"], row["y"]))
        here = codes[top : top + 32, left : left + 32]
        given = y != IGNORED
        assert (y[given] == here[given] - 1).all()
        assert (y[here == 3] == IGNORED).all()
    assert chips.fold_counts.sum() > 5000
    assert chips.holding_out(test=0, validate=1).smallest_distance() >= SPLIT.buffer_m


def test_a_quality_band_gives_agreement_and_says_so(small_world, tmp_path):  # noqa: F811
    facts = collection("swath-simulated-optical")
    legend = {**dict.fromkeys(range(1, 12), "clear"), 3: "shadow", 8: "cloud", 9: "cloud", 10: "cloud", 1: None}
    product = PRODUCT.with_overrides(["inputs.0.mask.rules=none", "inputs.0.composite.method=first"])
    asked = MapRequest(product, AREA, Period.parse("2023-06/2023-07/acquisition"), str(small_world.catalog))
    split = SplitSpec(by="year", years=((2023,), (2024,)), held=())
    settings = ChipSettings(size=64, split=split)
    labels = band_labels("asset:SCL", facts, legend=legend)
    result = cut_chips(asked, labels, tmp_path / "out", settings=settings, cluster="inline")
    assert result.agreement
    chips = ChipSet.open(tmp_path / "out")
    assert chips.is_agreement
    assert chips.content["title"] == "agreement with an algorithm's labels"
    row = chips.index.to_pylist()[0]
    path = next((small_world.archive).rglob(f"{row['items'][0]}/SCL.tif"))
    with rasterio.open(path) as file:
        rows, cols = np.indices((64, 64))
        x, y = row["x"] + (cols + 0.5) * 10, row["y"] - (rows + 0.5) * 10
        codes = np.array([code[0] for code in file.sample(zip(x.ravel(), y.ravel(), strict=True))]).reshape(64, 64)
    told = chips.read([0])["y"][0]
    names = np.array([*labels.classes])[told[told != IGNORED]]
    if len(row["items"]) == 1:
        assert names.tolist() == [legend[code] for code in codes[told != IGNORED].tolist()]
    with pytest.raises(LabelError, match=r"not cut into acquisitions\. Write 2023-06/acquisition"):
        cut_chips(
            MapRequest(product, AREA, Period.parse("2023-06"), str(small_world.catalog)), labels, tmp_path / "x",
            settings=settings,
        )  # fmt: skip


def test_codes_without_a_class_are_named(tmp_path):
    with pytest.raises(LabelError, match=r"no band of classes called 'SCLX'.*Did you mean 'SCL'"):
        band_labels("asset:SCLX", collection("swath-simulated-optical"), legend={1: "a", 2: "b"})
    with rasterio.open(
        tmp_path / "codes.tif", "w", driver="GTiff", width=50, height=50, count=1, dtype="uint8",
        crs=4326, transform=rasterio.transform.from_bounds(*AREA.geometry.bounds, 50, 50), nodata=0,
    ) as file:  # fmt: skip
        file.write(np.arange(2500, dtype=np.uint8).reshape(50, 50) % 4, 1)
    with pytest.raises(LabelError, match="1 values of the labels have no class: '3'"):
        raster_labels(tmp_path / "codes.tif", area=AREA, legend={1: "a", 2: "b"})
    with pytest.raises(LabelError, match="nothing says what its codes mean"):
        raster_labels(tmp_path / "codes.tif", area=AREA)


def test_work_travels_as_an_address():
    work = pickle.loads(pickle.dumps(ChipWork("/somewhere", threads=2)))
    assert work.__getstate__()["_out"] == "/somewhere"
    assert len(pickle.dumps(work)) < 300


def test_a_product_with_a_model_gives_cube_classes_and_other_names():
    product = Product.load("landcover")
    cube = chips_product(product, ["red", "nir"])
    assert cube.model is None
    assert cube.cube_spec(collection("swath-simulated-optical")).bands == ("B04", "B08")
    assert cube.inputs[0].composite == product.inputs[0].composite
    assert known_classes(product)[80] == "water"
    assert other_names(product)["forest"] == "tree cover"


def test_what_was_asked_is_kept(cut):
    _, chips = cut
    content = json.loads(Store.open(chips.store.root).read_bytes("chips.json"))
    assert content["facts"]["classes"] == list(CLASSES)
    assert content["title"] == "transfer"
    assert content["dropped"] == {k: v for k, v in content["dropped"].items() if v}


def test_folds_by_knndm_are_matched_once_and_kept_with_the_chips(small_world, labels, tmp_path):  # noqa: F811
    split = SplitSpec(by="knndm", folds=2, buffer_m=20)
    settings = SETTINGS.model_copy(update={"split": split})
    cut_chips(request(small_world), labels, tmp_path / "chips", settings=settings, cluster="inline")
    found = ChipSet.open(tmp_path / "chips")
    kept = found.split.matching
    assert kept is not None
    assert found.fold_counts.sum(axis=(0, 2)).min() > 0
    again = cut_chips(request(small_world), labels, tmp_path / "chips", settings=settings, cluster="inline")
    assert again.done == 0
    assert ChipSet.open(tmp_path / "chips").split.matching == kept
