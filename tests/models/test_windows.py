from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from swath.models.windows import WindowLattice, seam_step


@st.composite
def lattices(draw):
    margin = draw(st.integers(0, 12))
    stride = draw(st.integers(1, 40))
    overlap = 2 * draw(st.integers(0, 25))
    return WindowLattice(stride + overlap + 2 * margin, stride, margin)


@given(lattices(), st.integers(-500, 500), st.integers(1, 150))
def test_weights_of_all_windows_over_a_pixel_sum_to_one(lattice, start, size):
    total = np.zeros(size)
    for number in lattice.over(start, start + size):
        at = lattice.start(number) - start + np.arange(lattice.window)
        inside = (at >= 0) & (at < size)
        total[at[inside]] += lattice.weights[inside]
    np.testing.assert_allclose(total, 1, atol=1e-6)


@given(lattices(), st.integers(-500, 500), st.integers(1, 150))
def test_over_names_the_windows_whose_core_meets_and_no_other(lattice, start, size):
    def meets(number):
        first = lattice.start(number) + lattice.margin
        return first < start + size and first + lattice.core > start

    numbers = lattice.over(start, start + size)
    assert all(meets(number) for number in numbers)
    assert not meets(numbers[0] - 1) and not meets(numbers[-1] + 1)


@given(lattices(), st.tuples(st.integers(-300, 300), st.integers(-300, 300)), st.integers(1, 90), st.integers(1, 90))
def test_halo_completes_every_window_and_is_not_larger(lattice, origin, rows, cols):
    halo = lattice.halo(origin, (rows, cols))
    reaches = []
    for start, size in zip(origin, (rows, cols), strict=True):
        for number in lattice.over(start, start + size):
            reaches += [start - lattice.start(number), lattice.start(number) + lattice.window - start - size]
    assert halo == max(0, *reaches)


def test_weight_is_zero_in_the_margin_and_rises_over_the_overlap():
    lattice = WindowLattice(window=32, stride=16, margin=4)
    weights = lattice.weights
    assert (weights[:4] == 0).all() and (weights[-4:] == 0).all()
    assert (np.diff(weights[4:12]) > 0).all()
    np.testing.assert_allclose(weights[12:20], 1)
    np.testing.assert_allclose(weights, weights[::-1])


def test_touching_cores_begin_at_the_anchor_so_that_a_tile_needs_no_ring_of_windows():
    lattice = WindowLattice(window=512, stride=384, margin=64)
    assert [lattice.start(number) + lattice.margin for number in lattice.over(0, 768)] == [0, 384]
    assert lattice.halo((-768, 1536), (768, 768)) == 64


def test_overlapping_cores_need_one_window_more_than_a_tile_has_strides():
    lattice = WindowLattice(window=512, stride=384, margin=32)
    assert len(lattice.over(0, 768)) == 3


@given(st.integers(1, 12), st.integers(0, 4), st.integers(1, 4), st.integers(-9, 9))
def test_starts_of_overlapping_windows_are_multiples_of_the_strides_power_of_two(strides, margin, overlap, number):
    stride = 32 * strides
    lattice = WindowLattice(stride + 2 * overlap + 2 * margin, stride, margin)
    assert lattice.start(number) % math.gcd(stride, 64) == 0


def test_seams_lie_at_the_edges_of_cores():
    assert WindowLattice(32, 16, 8).seams(0, 48) == [16, 32]
    lattice = WindowLattice(window=32, stride=24, margin=0)
    edges = {lattice.start(number) for number in range(-3, 9)} | {lattice.start(number) + 32 for number in range(-3, 9)}
    assert lattice.seams(0, 96) == sorted(edge for edge in edges if 0 < edge < 96)


@pytest.mark.parametrize("axis", [1, 2])
def test_the_largest_step_is_looked_for_across_seams_only(axis):
    lattice = WindowLattice(32, 16, 8)
    values = np.zeros((2, 48, 48))
    values = np.moveaxis(values, axis, 0)
    values[30:] = 0.5  # within a core
    values[32:] += 0.25  # at a seam
    values = np.moveaxis(values, 0, axis)
    assert seam_step(values, (0, 0), lattice) == 0.25
    values[:] = np.nan
    assert seam_step(values, (0, 0), lattice) == 0
