"""Chips of several folders as those of one."""

import pickle

import numpy as np
import pytest

from support.drawn_labels import AREA, PERIOD, drawn_labels
from support.small_world import small_world  # noqa: F401
from swath.errors import LabelError, StoreMismatchError
from swath.models.spec import BandInput, ClassesOutput
from swath.planning import MapRequest
from swath.products import Product
from swath.store import Store
from swath.training import IGNORED, ChipFacts, ChipSet, ChipSettings, Part, SplitSpec, cut_chips
from swath.training.united import near_blocks, unite
from swath.training.united_bands import united_bands, united_facts

SPLIT = SplitSpec(folds=4, block_m=150, buffer_m=60, seed=14)
BANDS = {"one": "[B04,B08]", "two": "[B08,B11]"}


def cut(world, folder, bands, *, size=32):
    product = Product.load("mosaic").with_overrides([f"inputs.0.bands={bands}", "output.grid.tile_size=192"])
    settings = ChipSettings(size=size, per_polygon=20, split=SPLIT)
    asked = MapRequest(product, AREA, PERIOD, str(world.catalog))
    cut_chips(asked, drawn_labels(folder.parent), folder, settings=settings, cluster="inline")
    return str(folder)


@pytest.fixture(scope="module")
def folders(small_world, tmp_path_factory):  # noqa: F811
    root = tmp_path_factory.mktemp("several")
    return [cut(small_world, root / name, bands) for name, bands in BANDS.items()]


@pytest.fixture(scope="module")
def united(folders, tmp_path_factory):
    return unite(folders, Store.open(tmp_path_factory.mktemp("united")))


def test_all_bands_are_there_and_those_that_some_lack_are_optional(united):
    assert [(band.name, band.optional) for band in united.facts.bands] == [("B04", True), ("B08", False), ("B11", True)]


def test_numbers_are_physical_values_and_no_data_where_the_sensor_has_no_such_band(united, folders):
    member = ChipSet.open(folders[1])
    number = len(united) - len(member)  # the first chip of the second folder
    found, own = united.read([number])["numbers"], member.read([0])["numbers"]
    facts = member.facts.layers[0]
    values = np.where(own == facts.nodata, np.nan, own * np.float32(facts.scale) + np.float32(facts.offset))
    assert np.isnan(found[:, :, 0]).all()
    np.testing.assert_allclose(found[:, :, 1:], values, rtol=1e-6)


def test_chips_of_several_folders_come_in_the_order_asked_for(united):
    order = [len(united) - 1, 0, len(united) - 1, 2]
    found = united.read(order)
    for place, number in enumerate(order):
        alone = united.read([number])
        for name, values in alone.items():
            np.testing.assert_array_equal(found[name][place], values[0])


def test_labels_are_counted_over_all_folders(united, folders):
    assert united.labelled.sum() == sum(ChipSet.open(folder).labelled.sum() for folder in folders)


def test_no_training_pixel_of_any_folder_lies_within_the_buffer_of_a_test_pixel(united):
    held = united.holding_out(test=1, validate=2)
    assert held.counts(Part.TRAIN).sum() and held.counts(Part.TEST).sum()
    assert held.smallest_distance() >= SPLIT.buffer_m


def test_a_place_bars_the_fold_of_a_block_within_the_buffer_and_of_none_farther():
    lon = np.linspace(12.5, 12.6, 400)
    lat = np.full_like(lon, 47.7)
    fold = SPLIT.folds_at(lon, lat)
    bits = near_blocks(SPLIT, lon, lat, fold)
    alone = near_blocks(SPLIT.model_copy(update={"buffer_m": 0.0}), lon, lat, fold)
    own = np.uint16(1) << fold.astype(np.uint16)
    assert not (bits & own).any() and not alone.any()
    assert (bits != 0).mean() > 0.5


def test_it_pickles_by_its_address_and_opens_again(united):
    again = pickle.loads(pickle.dumps(united))
    assert type(ChipSet.open(united.store)) is type(united) is type(again)
    np.testing.assert_array_equal(again.read([0])["numbers"], united.read([0])["numbers"])


def test_the_same_folders_are_found_again_and_others_are_refused(united, folders):
    assert len(unite(folders, united.store)) == len(united)
    with pytest.raises(StoreMismatchError, match="other chips"):
        unite(folders[:1], united.store)


def test_the_same_chips_twice_are_refused(folders, tmp_path):
    with pytest.raises(LabelError, match="same chips"):
        unite([folders[0], folders[0]], Store.open(tmp_path))


def test_chips_of_another_size_are_refused_with_both_sizes(folders, small_world, tmp_path):  # noqa: F811
    other = cut(small_world, tmp_path / "large", "[B11]", size=64)
    with pytest.raises(LabelError, match=r"size 32, those of .* 64"):
        unite([folders[0], other], Store.open(tmp_path / "out"))


def facts(*bands, unit="reflectance", classes=("clear", "cloud"), level="any"):
    output = ClassesOutput(name="clouds", classes=classes)
    return ChipFacts(bands=bands, layers=(), unit=unit, gsd=30, size=32, steps=1, output=output, level=level)


def test_a_band_is_anothers_by_common_name_and_one_of_its_name_elsewhere_in_the_spectrum_is_not():
    sentinel = facts(BandInput(name="B05", common_name="rededge071", wavelength=0.704),
                     BandInput(name="B8A", common_name="nir08", wavelength=0.865))  # fmt: skip
    landsat = facts(BandInput(name="B05", common_name="nir08", wavelength=0.864),
                    BandInput(name="B06", common_name="swir16", wavelength=1.61))  # fmt: skip
    bands, places = united_bands([sentinel, landsat])
    assert places == ((0, 1), (1, 2))
    assert [band.name for band in bands] == ["B05", "B8A", "B06"]


def test_a_name_that_is_taken_gives_way_to_the_common_name():
    first = facts(BandInput(name="B05", common_name="rededge071", wavelength=0.704))
    other = facts(BandInput(name="B05", common_name="nir08", wavelength=0.864))
    assert [band.name for band in united_bands([first, other])[0]] == ["B05", "nir08"]


def test_a_night_of_temperatures_keeps_its_unit_beside_reflectance():
    day = facts(BandInput(name="red", wavelength=0.66), BandInput(name="lwir11", wavelength=10.9, unit="K"))
    night = facts(BandInput(name="lwir11", wavelength=10.9), unit="K")
    made = united_facts([day, night])
    assert [(band.name, band.unit, band.optional) for band in made.bands] == [
        ("red", None, True),
        ("lwir11", "K", False),
    ]


def test_classes_are_those_of_all_and_levels_that_differ_are_any():
    made = united_facts([
        facts(BandInput(name="red"), classes=("clear", "cloud"), level="surface"),
        facts(BandInput(name="red"), classes=("cloud", "shadow"), level="top-of-atmosphere"),
    ])  # fmt: skip
    assert made.output.channels == ("clear", "cloud", "shadow") and made.level == "any"


def test_what_has_no_label_stays_without_one(united):
    found = united.read([0])
    assert (found["y"][found["fold"] == IGNORED] == IGNORED).all() and (found["y"] != IGNORED).any()
