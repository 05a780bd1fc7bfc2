"""Means from probability samples, and their variances, are those of the textbook."""

import numpy as np
import pytest

from swath.assessment import Survey
from swath.assessment.survey import geary, mean_of
from swath.errors import SampleError


def survey(n, strata=None, clusters=None, weights=None, left=None, **more):
    strata = np.zeros(n, np.int64) if strata is None else strata
    number = int(strata.max()) + 1
    names = tuple(f"s{one}" for one in range(number))
    weights = np.ones(n) if weights is None else weights
    return Survey(weights, strata, names, np.ones(number) if left is None else left, clusters, **more)


@pytest.fixture(scope="module")
def values():
    return np.random.default_rng(1).gamma(2.0, 30.0, 60)


def test_a_simple_sample_has_the_variance_over_n(values):
    found = mean_of(values, survey(60, left=np.array([0.9])))
    assert found.value == pytest.approx(values.mean())
    assert found.variance == pytest.approx(0.9 * values.var(ddof=1) / 60)


def test_a_stratified_sample_has_cochrans_variance(values):
    strata = np.repeat([0, 1], [20, 40])
    areas, n = np.array([300.0, 100.0]), np.array([20, 40])
    found = mean_of(values, survey(60, strata, weights=(areas / n)[strata]))
    shares = areas / areas.sum()
    parts = [values[strata == h] for h in (0, 1)]
    assert found.value == pytest.approx(sum(w * part.mean() for w, part in zip(shares, parts, strict=True)))
    assert found.variance == pytest.approx(
        sum(w**2 * part.var(ddof=1) / len(part) for w, part in zip(shares, parts, strict=True))
    )


def test_clusters_of_unequal_size_have_the_variance_of_a_ratio_to_size(values):
    # Ståhl et al. 2011: sum over tracks of (t - mean m)^2 / (k (k - 1) mean(m)^2)
    track = np.repeat(np.arange(6), [3, 5, 8, 12, 14, 18])
    total, size = np.bincount(track, values), np.bincount(track)
    mean = total.sum() / size.sum()
    found = mean_of(values, survey(60, clusters=track))
    assert found.value == pytest.approx(mean)
    assert found.variance == pytest.approx(((total - mean * size) ** 2).sum() / (6 * 5 * size.mean() ** 2))
    assert (found.units, found.clusters) == (60, 6)


def test_a_region_varies_as_its_units_do_and_by_how_many_they_are(values):
    inside = np.arange(60) < 15
    found = mean_of(values, survey(60), inside)
    own = values[inside]
    # Cochran 1977, equation 2.71 for the mean of a domain, n / (n - 1) for 1
    assert found.variance == pytest.approx(60 / 59 * ((own - own.mean()) ** 2).sum() / 15**2)


def test_a_region_of_one_unit_has_a_mean_and_no_variance(values):
    found = mean_of(values, survey(60), np.arange(60) == 7)
    assert found.value == pytest.approx(values[7])
    assert np.isnan(found.variance)


def test_a_stratum_of_one_unit_is_refused():
    with pytest.raises(SampleError, match="Stratum 's1' has 1 unit"):
        survey(3, np.array([0, 0, 1]))


def test_a_stratum_of_one_cluster_is_refused():
    with pytest.raises(SampleError, match="Stratum 's0' has 1 cluster"):
        survey(3, clusters=np.zeros(3, np.int64))


def lattice(side=12):
    y, x = (axis.ravel().astype(float) for axis in np.mgrid[:side, :side])
    return x, y


def test_a_local_variance_is_smaller_where_neighbours_are_alike():
    x, y = lattice()
    smooth = np.sin(x / 4) + np.cos(y / 5)
    placed = survey(len(x), x=x, y=y)
    assert mean_of(smooth, placed, how="local").variance < 0.2 * mean_of(smooth, placed).variance


def test_a_local_variance_of_noise_is_the_simple_one():
    x, y = lattice(40)
    noise = np.random.default_rng(2).normal(size=len(x))
    assert geary(noise, survey(len(x), x=x, y=y)) == pytest.approx(1.0, abs=0.08)


def test_a_local_variance_is_near_what_systematic_samples_really_vary_by():
    rows, cols = np.mgrid[:60, :60]
    field = np.sin(rows / 9) * 20 + np.cos(cols / 7) * 20 + np.random.default_rng(3).normal(0, 10, rows.shape)
    means, told = [], []
    for top in range(6):
        for left in range(6):
            part = field[top::6, left::6].ravel()
            x, y = (axis[top::6, left::6].ravel().astype(float) for axis in (cols, rows))
            means.append(part.mean())
            told.append(mean_of(part, survey(len(part), x=x, y=y), how="local").variance)
    real = np.var(means)
    simple = field.var() / 100
    assert np.mean(told) == pytest.approx(real, rel=0.2)
    assert simple > 2 * real, "the simple one is far from it"


def test_a_local_variance_of_strata_is_refused(values):
    with pytest.raises(SampleError, match="without strata"):
        mean_of(values, survey(60, np.arange(60) % 2, x=values, y=values), how="local")
