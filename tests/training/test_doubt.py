"""Labels that networks which have not seen them contradict are found, count less in training, and nowhere else."""

import csv
import pickle

import numpy as np
import pytest
from odc.geo import geom
from odc.geo.geobox import GeoBox
from scipy.spatial import cKDTree

from support.drawn_labels import AREA, PERIOD, saved, squares
from support.small_world import small_world  # noqa: F401
from swath.errors import LabelError
from swath.models.spec import PartSpec
from swath.planning import MapRequest
from swath.products import Product
from swath.store import Store
from swath.synthetic import World
from swath.training import ChipSet, ChipSettings, Part, SplitSpec, cut_chips, read_labels
from swath.training.doubt import Doubted, DoubtSettings, Verdicts, doubt
from training.toy import config

WORLD = 3
SPLIT = SplitSpec(folds=4, block_m=150, buffer_m=20, seed=14)
PRODUCT = Product.load("mosaic").with_overrides(["inputs.0.bands=[B03,B04,B08,B11]", "output.grid.tile_size=192"])
CONFIG = config(
    chip=32, epochs=6, batch=4, patience=None, encoder=PartSpec(name="statistics", settings={"width": 16}),
    head=PartSpec(name="segmentation"),
)  # fmt: skip


def verdicts(given, probabilities):
    number = len(given)
    return Verdicts(np.zeros(number, np.int64), np.arange(number) + 1, np.array(given), np.array(probabilities))


def test_the_threshold_of_a_class_is_what_its_own_labels_get_on_average():
    told = verdicts([0, 0, 1], [[0.9, 0.1, 0], [0.5, 0.5, 0], [0.2, 0.8, 0]])
    assert told.thresholds.tolist() == [0.7, 0.8, np.inf]


def test_a_label_is_in_doubt_where_another_class_reaches_its_threshold_and_is_the_likeliest_that_does():
    told = verdicts(
        [0, 0, 0, 1, 1],
        [[0.9, 0.1], [0.9, 0.1], [0.1, 0.9], [0.45, 0.55], [0.2, 0.8]],
    )
    assert told.doubted.tolist() == [False, False, True, False, False]
    assert told.likely.tolist() == [0, 0, 1, 1, 1]


def test_a_class_that_is_known_badly_is_not_suspected_for_it():
    # no label of class 1 ever gets half of the probability, and they are its labels all the same
    told = verdicts([0, 0, 1, 1], [[0.9, 0.1], [0.8, 0.2], [0.6, 0.4], [0.65, 0.35]])
    assert not told.doubted.any()


@pytest.fixture(scope="module")
def drawn():
    """Squares of the two commonest true classes; of every seventh the other one is told."""
    box = GeoBox.from_geopolygon(geom.box(*AREA.bbox, "EPSG:4326").to_crs("EPSG:32633"), resolution=10)
    truth = World(WORLD).landcover(box, 2023)
    frame = squares(spacing=80, edge=40)
    middle = frame.to_crs(32633).geometry.representative_point()
    cols, rows = (~box.transform) @ (middle.x.to_numpy(), middle.y.to_numpy())
    true = truth[rows.astype(int), cols.astype(int)]
    common = np.argsort(np.bincount(truth.ravel()))[-2:]
    wrong = np.arange(len(frame)) % 7 == 3
    frame["class"] = np.where((true == common[0]) ^ wrong, "crop", "tree")
    frame["wrong"] = wrong
    return frame[np.isin(true, common)].reset_index(drop=True)


@pytest.fixture(scope="module")
def found(small_world, drawn, tmp_path_factory):  # noqa: F811
    folder = tmp_path_factory.mktemp("doubt")
    labels = read_labels(saved(drawn[["class", "geometry"]], folder), area=AREA, period=PERIOD)
    asked = MapRequest(PRODUCT, AREA, PERIOD, str(small_world.catalog))
    cut_chips(asked, labels, folder / "chips", settings=ChipSettings(size=32, split=SPLIT), cluster="inline")
    held = ChipSet.open(folder / "chips").holding_out(test=0, validate=1)
    out = Store.open(folder / "out")
    return held, out, *doubt(CONFIG, held, out, DoubtSettings(weight=0.25))


def lies(held, told, drawn):
    """Of each label that was judged: whether it is one that lies."""
    middle = drawn.to_crs(32633).geometry.representative_point()
    tree = cKDTree(np.column_stack([middle.x, middle.y]))
    found = []
    for chip, number in zip(told.chips.tolist(), told.numbers.tolist(), strict=True):
        rows, cols = np.nonzero(held.read([chip])["object"][0] == number)
        corner = [held.chips.index[name][chip].as_py() for name in "xy"]
        _, nearest = tree.query([corner[0] + 10 * (cols.mean() + 0.5), corner[1] - 10 * (rows.mean() + 0.5)])
        found.append(bool(drawn["wrong"][nearest]))
    return np.array(found)


def test_labels_that_lie_are_found_by_networks_that_have_not_seen_them(found, drawn):
    held, _, _, told = found
    wrong = lies(held, told, drawn)
    assert wrong[told.doubted].mean() > 3 * wrong.mean(), "of those in doubt, far more lie than of all"
    assert told.doubted[wrong].mean() > 0.6, "most of those that lie are found"


def test_no_label_of_the_test_fold_is_judged(found):
    held, _, _, told = found
    read = held.read(told.chips.tolist())
    part = [read["part"][row][read["object"][row] == number][0] for row, number in enumerate(told.numbers)]
    assert set(part) <= {Part.TRAIN, Part.VALIDATE, 255}


def test_a_label_in_doubt_counts_less_where_it_is_learned_from_and_nowhere_else(found):
    held, _, believed, told = found
    chips = sorted(set(told.chips[told.doubted].tolist()))
    before, after = held.read(chips), believed.read(chips)
    expected = before["weight"].copy()
    for chip, number in zip(told.chips[told.doubted].tolist(), told.numbers[told.doubted].tolist(), strict=True):
        row = chips.index(chip)
        expected[row][(before["object"][row] == number) & (before["part"][row] == Part.TRAIN)] *= 0.25
    assert (expected != before["weight"]).any()
    assert np.array_equal(after["weight"], expected)
    assert np.array_equal(after["y"], before["y"]) and np.array_equal(after["part"], before["part"])


def test_it_travels_to_workers(found):
    _, _, believed, told = found
    chips = told.chips[told.doubted].tolist()
    again = pickle.loads(pickle.dumps(believed))
    assert isinstance(again, Doubted)
    assert np.array_equal(again.read(chips)["weight"], believed.read(chips)["weight"])


def test_each_label_in_doubt_is_listed_with_its_place_and_the_likelier_class(found):
    _, out, _, told = found
    rows = list(csv.DictReader(out.read_bytes("doubted.csv").decode().splitlines()))
    assert len(rows) == told.doubted.sum()
    assert all(row["given"] != row["likely"] for row in rows)
    west, south, east, north = AREA.geometry.buffer(0.01).bounds
    assert all(west < float(row["longitude"]) < east and south < float(row["latitude"]) < north for row in rows)
    shares = [float(row["p_given"]) for row in rows]
    assert shares == sorted(shares), "the least likely comes first"


def test_the_same_call_judges_nothing_twice(found):
    held, out, _, told = found
    epochs = []
    _, again = doubt(CONFIG, held, out, DoubtSettings(weight=0.25), on_epoch=lambda *told: epochs.append(told))
    assert not epochs
    assert np.array_equal(again.probabilities, told.probabilities)


def test_without_three_folds_nobody_could_judge(found, tmp_path):
    chips = found[0].chips
    few = ChipSet.open(chips.store)
    few.content["split"] = {**few.content["split"], "folds": 2}
    held = object.__new__(type(found[0]))
    held.chips, held.test, held.validate = few, 0, None
    with pytest.raises(LabelError, match="in 1 folds beside the test"):
        doubt(CONFIG, held, Store.open(tmp_path), DoubtSettings())
