"""Blocks, folds and what each must hold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
