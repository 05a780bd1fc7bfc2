"""Blocks, folds and what each must hold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from swath.errors import LabelError
from swath.training import SplitSpec
from swath.training.splits import check_blocks, check_folds, mix

PLACES = st.lists(
    st.tuples(st.floats(-179.9, 179.9), st.floats(-80, 80)), min_size=1, max_size=50
)  # fmt: skip


def folds(places, **how):
    spec = SplitSpec(**how)
    lon, lat = np.array(places).T
    return spec.folds_of(spec.blocks(lon, lat))


@given(PLACES, st.integers(0, 2**40), st.integers(2, 16))
def test_the_same_seed_gives_the_same_folds_in_any_order(places, seed, number):
    found = folds(places, seed=seed, folds=number)
    assert (found < number).all()
    assert (folds(places[::-1], seed=seed, folds=number) == found[::-1]).all()
    assert all(folds([place], seed=seed, folds=number)[0] == fold for place, fold in zip(places, found, strict=True))


@given(PLACES, st.floats(100, 50_000))
def test_places_of_one_block_share_a_fold(places, edge):
    spec = SplitSpec(block_m=edge)
    lon, lat = np.array(places).T
    blocks = spec.blocks(lon, lat)
    found = spec.folds_of(blocks)
    for block in np.unique(blocks, axis=0):
        assert len(set(found[(blocks == block).all(axis=1)])) == 1


def test_another_seed_gives_another_split():
    places = [(x / 10, y / 10) for x in range(20) for y in range(20)]
    assert 0.1 < (folds(places, seed=1) == folds(places, seed=2)).mean() < 0.3


def test_folds_are_even_and_neighbours_know_nothing_of_each_other():
    spec = SplitSpec(folds=5)
    blocks = np.stack(np.meshgrid(np.arange(-100, 100), np.arange(-100, 100)), axis=-1)
    found = spec.folds_of(blocks)
    share = np.bincount(found.ravel()) / found.size
    assert np.allclose(share, 0.2, atol=0.01)
    assert abs((found[:, 1:] == found[:, :-1]).mean() - 0.2) < 0.01
    assert abs((found[1:] == found[:-1]).mean() - 0.2) < 0.01


def test_blocks_have_the_area_that_was_asked_for():
    spec = SplitSpec(block_m=1000)
    blocks = spec.blocks(np.array([12.5, 12.5]), np.array([52.0, 52.02]))
    # 0.02 degrees are 2.2 km, of which a degree of latitude takes cos(52) / cos(30) = 0.71
    assert blocks[0, 0] == blocks[1, 0]
    assert 1 <= blocks[1, 1] - blocks[0, 1] <= 2


def test_all_labels_in_one_block_cannot_be_split():
    with pytest.raises(LabelError, match="All 3 labels lie in one block of 1000 m"):
        check_blocks(np.array([[1, 2]] * 3), SplitSpec())
    check_blocks(np.array([[1, 2]] * 3), SplitSpec(by="year"))


def test_a_fold_without_a_class_is_named_unless_it_is_never_held_out():
    counts = np.array([[3, 4], [2, 0], [5, 1]])
    with pytest.raises(LabelError, match="fold 1 has no label of 'water'"):
        check_folds(counts, ("tree", "water"))
    check_folds(counts, ("tree", "water"), folds=(0, 2))


def test_years_go_to_their_folds():
    spec = SplitSpec(by="year", years=((2008,), (2009,), (2012, 2013)))
    assert [spec.fold_of_year(year) for year in (2009, 2013)] == [1, 2]
    assert spec.number == 3
    with pytest.raises(LabelError, match="No fold has the year 2010"):
        spec.fold_of_year(2010)


@settings(max_examples=50)
@given(st.integers(0, 2**63), st.integers(0, 2**63), st.integers(0, 63))
def test_one_bit_changes_about_half_of_a_hash(a, b, bit):
    other = np.uint64(b) ^ np.uint64(1 << bit)
    changed = int(mix(np.uint64(a), np.uint64(b)) ^ mix(np.uint64(a), other)).bit_count()
    assert 8 <= changed <= 56


def test_a_random_split_is_refused_unless_it_says_why():
    with pytest.raises(ValidationError, match="a random split puts neighbours into training and test and flatters"):
        SplitSpec(by="random")
    spec = SplitSpec(by="random", reason="to show what it flatters", folds=4)
    keys = np.arange(4000, dtype=np.uint64)
    found = spec.folds_of_labels(np.zeros((4000, 2)), None, keys)
    assert np.allclose(np.bincount(found) / 4000, 0.25, atol=0.03)


def test_shares_give_a_test_a_validation_and_a_training_fold():
    spec = SplitSpec(shares=(0.7, 0.1, 0.2))
    blocks = np.stack(np.meshgrid(np.arange(-100, 100), np.arange(-100, 100)), axis=-1)
    assert spec.number == 3
    assert np.allclose(np.bincount(spec.folds_of(blocks).ravel()) / 40_000, [0.2, 0.1, 0.7], atol=0.01)
    with pytest.raises(ValidationError, match="must not be negative, and sum to 1"):
        SplitSpec(shares=(0.7, 0.2, 0.2))


def test_groups_go_whole_to_the_folds_that_name_them_or_to_one_by_their_name():
    groups = np.array(["north", "south", "east", "west", "north"], dtype=object)
    places = np.zeros((5, 2))
    named = SplitSpec(by="group", groups=(("north",), ("south", "east")))
    assert named.folds_of_labels(places, groups, None).tolist() == [0, 1, 1, 2, 0]
    assert named.number == 3
    hashed = SplitSpec(by="group", folds=4, seed=3).folds_of_labels(places, groups, None)
    assert hashed[0] == hashed[4]
    with pytest.raises(LabelError, match="Folds are by group, and the labels have none"):
        named.folds_of_labels(places, None, None)


def test_regions_are_folds_and_all_else_is_the_last():
    spec = SplitSpec(by="region", regions=("10,45,11,46", "10.5,45,12,46"))
    places = np.array([[10.2, 45.5], [10.7, 45.5], [11.5, 45.5], [13.0, 45.5]])
    assert spec.folds_of_labels(places, None, None).tolist() == [0, 0, 1, 2]
    assert spec.number == 3
    written = spec.frozen()
    assert all(text.startswith("{") for text in written.regions)
    assert written.folds_of_labels(places, None, None).tolist() == [0, 0, 1, 2]
    with pytest.raises(ValidationError, match="needs 1 to 15 `regions`, 0 are given"):
        SplitSpec(by="region")


@given(PLACES, st.integers(0, 100), st.integers(2, 8))
def test_no_track_and_no_block_is_learned_from_and_tested_on_at_once(places, seed, tracks):
    spec = SplitSpec(seed=seed, folds=3, block_m=50_000)
    at = np.array(places)
    groups = np.array([f"track {n % tracks}" for n in range(len(at))], dtype=object)
    folds, barred = spec.folds_of_labels(at, groups, None), spec.barred(at, groups)
    blocks = spec.blocks(*at.T)
    for fold in range(3):
        tested, trained = folds == fold, (folds != fold) & (barred & np.uint16(1 << fold) == 0)
        assert not set(groups[tested]) & set(groups[trained])
        assert not set(map(tuple, blocks[tested])) & set(map(tuple, blocks[trained]))


def test_labels_without_a_group_are_split_by_block_alone():
    spec = SplitSpec(folds=3, block_m=1000)
    at = np.column_stack([np.linspace(10, 11, 50), np.full(50, 45.0)])
    groups = np.full(50, "", dtype=object)
    assert (spec.folds_of_labels(at, groups, None) == spec.folds_of(spec.blocks(*at.T))).all()
    assert not spec.barred(at, groups).any()


def test_a_fold_without_a_value_says_what_tracks_have_to_do_with_it():
    with pytest.raises(LabelError, match=r"fold 1 has no label of 'agb'\. .*track and block are of different folds"):
        check_folds(np.array([[3], [0]]), ("agb",))
