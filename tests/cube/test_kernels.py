from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from swath.cube import choosing, kernels
from swath.cube.geomedian import ITERATIONS, TOLERANCE, geomedian

QUIET = settings(max_examples=40, deadline=None)


@st.composite
def stacks(draw, dtype=np.uint16):
    slots, bands, pixels = draw(st.integers(1, 9)), draw(st.integers(1, 2)), draw(st.integers(1, 7))
    top = int(np.iinfo(dtype).max)
    few = st.sampled_from([0, 1, 2, 3, 7, top // 2, top - 1, top])
    values = draw(hnp.arrays(dtype, (slots, bands, pixels), elements=few))
    keep = draw(hnp.arrays(np.uint8, (slots, pixels), elements=st.integers(0, 1)))
    return values, keep


def clear(values, keep):
    return np.where(keep[:, None, :] != 0, values.astype(np.float64), np.nan)


def run(loop, values, keep, *more):
    slots = np.arange(values.shape[0])
    nodata = np.zeros(values.shape[1], values.dtype)
    out = np.empty(values.shape[1:], values.dtype)
    count = keep.sum(0).astype(np.uint8)
    absent = kernels.largest(values.dtype)
    loop(values, keep, slots, len(slots), count, nodata, absent, kernels.network(len(slots)), 0, *more, out)
    return out


def rounded(values, dtype):
    return np.where(np.isnan(values), 0, np.rint(values)).astype(dtype)


@pytest.mark.parametrize("length", [1, 2, 3, 5, 8, 12, 13, 31, 48, 100])
def test_network_sorts_any_length(length):
    rows = np.random.default_rng(length).integers(0, 50, (length, 20))
    for low, high in kernels.network(length):
        rows[[low, high]] = np.sort(rows[[low, high]], axis=0)
    assert (np.diff(rows, axis=0) >= 0).all()


@pytest.mark.filterwarnings("ignore:All-NaN")
@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.uint8])
def test_median_equals_numpy_rounded_half_to_even(dtype):
    @QUIET
    @given(stacks(dtype=dtype))
    def holds(case):
        values, keep = case
        want = rounded(np.nanmedian(clear(values, keep), axis=0), dtype)
        np.testing.assert_array_equal(run(kernels.median_integers, values, keep), want)

    holds()


@pytest.mark.filterwarnings("ignore:All-NaN")
@QUIET
@given(stacks())
def test_median_holds_at_the_ends_of_the_dtype(case):
    values, keep = case
    want = rounded(np.nanmedian(clear(values, keep), axis=0), np.uint16)
    np.testing.assert_array_equal(run(kernels.median_integers, values, keep), want)


def test_negative_medians_round_half_to_even():
    values = np.array([[[-3, -2, -1]], [[-2, -1, 0]]], np.int16)
    out = run(kernels.median_integers, values, np.ones((2, 3), np.uint8))
    np.testing.assert_array_equal(out, [[-2, -2, 0]])


@pytest.mark.filterwarnings("ignore:All-NaN")
@QUIET
@given(stacks(), st.sampled_from([0.0, 10.0, 25.0, 33.3, 50.0, 90.0, 100.0]))
def test_percentiles_equal_numpy(case, percent):
    values, keep = case
    want = rounded(np.nanpercentile(clear(values, keep), percent, axis=0), np.uint16)
    got = run(kernels.percentiles, values, keep, np.array([percent / 100]), True)
    np.testing.assert_array_equal(got, want)


@pytest.mark.filterwarnings("ignore:Mean of empty")
@QUIET
@given(stacks())
def test_mean_is_exact_and_rounded_half_to_even(case):
    values, keep = case
    out = np.empty(values.shape[1:], np.uint16)
    nodata = np.zeros(values.shape[1], np.uint16)
    kernels.mean_integers(values, keep, keep.sum(0).astype(np.uint8), nodata, 0, out)
    np.testing.assert_array_equal(out, rounded(np.nanmean(clear(values, keep), axis=0), np.uint16))


@pytest.mark.filterwarnings("ignore:All-NaN", "ignore:Mean of empty")
def test_float_median_and_mean_equal_numpy():
    rng = np.random.default_rng(0)
    values = rng.normal(0, 1, (7, 2, 700)).astype(np.float32)
    keep = (rng.random((7, 700)) < 0.5).astype(np.uint8)
    want = np.nanmedian(clear(values, keep), axis=0)
    got = run(kernels.median_floats, values, keep)
    np.testing.assert_array_equal(got, np.where(np.isnan(want), 0, want).astype(np.float32))
    out = np.empty_like(got)
    kernels.mean_floats(values, keep, keep.sum(0).astype(np.uint8), np.zeros(2, np.float32), 0, out)
    mean = np.nanmean(clear(values, keep), axis=0)
    np.testing.assert_allclose(out, np.where(np.isnan(mean), 0, mean), rtol=1e-6)


@QUIET
@given(
    hnp.arrays(np.uint8, (5, 6), elements=st.integers(0, 1)), hnp.arrays(np.uint8, (5, 6), elements=st.integers(0, 1))
)
def test_an_observation_counts_once_and_its_first_scene_decides(data, drop):
    slots = np.array([0, 0, 1, 2, 2])
    keep, taken, count = data.copy(), np.empty((3, 6), np.uint8), np.empty(6, np.uint8)
    seen = np.empty(6, np.uint8)
    choosing.settle(keep, drop, slots, 0, taken, count, seen)
    for pixel in range(6):
        wins = []
        for observation in range(3):
            has = [s for s in range(5) if slots[s] == observation and data[s, pixel]]
            wins += [s for s in has[:1] if not drop[s, pixel]]
        assert list(np.flatnonzero(keep[:, pixel])) == wins
        assert count[pixel] == len(wins)
        assert seen[pixel] == len(set(slots[data[:, pixel] == 1]))


def test_best_takes_the_earliest_of_equal_scores_and_a_nan_only_where_all_are():
    keep = np.ones((3, 3), np.uint8)
    score = np.array([[1, np.nan, np.nan], [1, 2, np.nan], [0, 2, np.nan]], np.float32)
    np.testing.assert_array_equal(choosing.best_kept(keep, np.arange(3), score), [0, 1, 0])
    assert choosing.best_kept(np.zeros((1, 1), np.uint8), np.arange(1), score[:1, :1])[0] == -1


def test_present_sees_no_data_and_nan():
    stack = np.array([[[1.0, -9.0, np.nan]]], np.float32)
    keep = np.ones((1, 3), np.uint8)
    choosing.present(stack, np.array([-9.0], np.float32), 0, keep)
    np.testing.assert_array_equal(keep, [[1, 0, 0]])


def spectra(points):
    values = np.asarray(points, np.float32).T[None].transpose(2, 1, 0)
    out = np.empty((values.shape[1], 1), np.float32)
    geomedian(np.ascontiguousarray(values), np.ones((values.shape[0], 1), np.uint8), TOLERANCE, ITERATIONS, out)
    return out[:, 0]


def test_geomedian_minimises_the_sum_of_distances():
    from scipy.optimize import minimize

    points = np.random.default_rng(2).random((9, 4)) * 0.5
    best = minimize(
        lambda m: np.linalg.norm(points - m, axis=1).sum(),
        points.mean(0),
        method="Nelder-Mead",
        options={"xatol": 1e-9, "fatol": 1e-12, "maxiter": 10_000},
    )
    np.testing.assert_allclose(spectra(points), best.x, atol=2e-4)


def test_geomedian_stays_on_a_date_that_is_the_answer():
    points = [[0.1, 0.1], [0.1, 0.1], [0.1, 0.1], [0.9, 0.2]]
    np.testing.assert_allclose(spectra(points), [0.1, 0.1], atol=1e-4)


def test_geomedian_of_one_date_is_that_date():
    np.testing.assert_allclose(spectra([[0.3, 0.4, 0.5]]), [0.3, 0.4, 0.5], atol=1e-7)
