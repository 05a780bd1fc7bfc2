"""Figures of presence are scikit-learn's, with ties and in parts; Boyce follows suitability."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn import metrics as sk

from swath.training.metrics import PresenceRows, RankSums, auc, average_precision, boyce, tss


def rows(seed=0, n=400, species=3):
    rng = np.random.default_rng(seed)
    logits = rng.normal(-1, 2, (n, species))
    truth = (rng.random((n, species)) < expit(logits + rng.normal(0, 1, logits.shape))).astype(np.float32)
    truth[rng.random(truth.shape) < 0.1] = np.nan
    return truth, logits.astype(np.float32)


@given(st.integers(0, 10_000), st.booleans())
@settings(max_examples=20, deadline=None)
def test_exact_figures_are_those_of_scikit_learn_with_and_without_ties(seed, ties):
    truth, logits = rows(seed, species=1)
    y, s = truth[:, 0], logits[:, 0].round(0 if ties else 6)
    known = np.isfinite(y)
    false, true, _ = sk.roc_curve(y[known], s[known])
    assert auc(y, s) == pytest.approx(sk.roc_auc_score(y[known], s[known]))
    assert average_precision(y, s) == pytest.approx(sk.average_precision_score(y[known], s[known]))
    assert tss(y, s) == pytest.approx((true - false).max())


def test_tss_at_a_threshold_is_sensitivity_and_specificity_less_one():
    y, s = np.array([1, 1, 1, 0, 0]), np.array([0.9, 0.6, 0.2, 0.3, 0.5])
    assert tss(y, s, threshold=0.5) == pytest.approx(2 / 3 + 1 / 2 - 1)
    assert tss(y, s, threshold=0.5) == pytest.approx(sk.balanced_accuracy_score(y, s >= 0.5, adjusted=True))


@pytest.mark.parametrize("figure", [auc, average_precision, tss])
def test_a_species_that_is_everywhere_or_nowhere_has_no_figure(figure):
    for y in (np.ones(5), np.zeros(5), np.full(5, np.nan)):
        assert np.isnan(figure(y, np.arange(5.0)))


def test_a_score_that_is_the_same_everywhere_is_a_coin():
    y = np.array([1.0, 0, 0, 1, 0])
    assert auc(y, np.ones(5)) == 0.5 and tss(y, np.ones(5)) == 0.0


@given(st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_sums_by_bin_add_up_and_give_nearly_the_exact_figures(seed):
    truth, logits = rows(seed)
    cut = 100
    both = RankSums.of(truth[:cut], logits[:cut]) + RankSums.of(truth[cut:], logits[cut:])
    assert (both.sums == RankSums.of(truth, logits).sums).all()
    exact = PresenceRows(truth, logits)
    told = both.by_species()
    assert told["auc"] == pytest.approx(exact.by_species("auc"), abs=0.003)
    assert told["tss"] == pytest.approx(exact.by_species("tss"), abs=0.03)
    assert told["average_precision"] == pytest.approx(exact.by_species("average_precision"), abs=0.03)


def test_sums_by_bin_are_exact_where_scores_lie_in_bins_of_their_own():
    truth, logits = rows(4)
    logits = logits.round(0)
    told, exact = RankSums.of(truth, logits).by_species(), PresenceRows(truth, logits)
    for name in ("auc", "tss", "average_precision"):
        assert told[name] == pytest.approx(exact.by_species(name))


def test_rows_of_parts_are_joined():
    truth, logits = rows(5)
    joined = PresenceRows(truth[:50], logits[:50]) + PresenceRows(truth[50:], logits[50:])
    assert joined.by_species("auc") == pytest.approx(PresenceRows(truth, logits).by_species("auc"))


@pytest.mark.parametrize("made", [PresenceRows, RankSums.of])
def test_a_species_without_presences_is_left_out_of_the_mean_told_as_none_and_counted(made):
    truth, logits = rows(6)
    truth[:, 1] = 0
    figures = made(truth, logits).figures(("a", "b", "c"))
    assert figures["species"]["b"]["auc"] is None and figures["species"]["b"]["presences"] == 0
    assert figures["without"] == 1
    kept = [figures["species"][name]["auc"] for name in "ac"]
    assert figures["auc"] == pytest.approx(np.mean(kept))


def test_species_of_few_presences_are_left_out_if_asked_and_counted():
    truth, logits = rows(7)
    truth[np.flatnonzero(truth[:, 2] == 1)[3:], 2] = 0
    figures = PresenceRows(truth, logits).figures(("a", "b", "c"), least=5)
    assert figures["without"] == 1 and figures["species"]["c"]["auc"] is not None
    assert figures["auc"] == pytest.approx(np.mean([figures["species"][name]["auc"] for name in "ab"]))


def test_presence_of_nothing_is_none():
    figures = RankSums.of(np.empty((0, 2)), np.empty((0, 2))).figures(("a", "b"))
    assert figures["auc"] is None and figures["boyce"] is None and figures["rows"] == 0


def test_boyce_is_1_where_presences_grow_with_suitability_and_minus_1_where_they_shrink():
    rng = np.random.default_rng(0)
    area = rng.random(20_000)
    seen = area[rng.random(20_000) < 0.2 * area]
    assert boyce(seen, area) > 0.97
    assert boyce(1 - seen, area) < -0.97


def test_boyce_of_presences_that_are_anywhere_is_near_0_on_average():
    found = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        area = rng.random(5000)
        found.append(boyce(rng.choice(area, 300), area))
    assert abs(np.mean(found)) < 0.25


def reference(fit, obs):
    """R's ecospat.boyce (3.5), line by line."""
    width = (max(fit) - min(fit)) / 10
    low, high = min(fit.min(), obs.min()), max(fit.max(), obs.max())
    starts = np.arange(101) * ((high - width - low) / 100) + low
    upper = starts + width
    upper[100] += 1
    quotients = []
    for start, end in zip(starts, upper, strict=True):
        p, e = ((part >= start) & (part <= end) for part in (obs, fit))
        quotients.append(round(p.mean() / e.mean(), 10) if e.any() else np.nan)
    f = np.array(quotients)
    kept = np.flatnonzero(~np.isnan(f))
    f = f[kept]
    r = np.flatnonzero(np.append(f[1:] != f[:-1], True))
    from pandas import Series

    return Series(f[r]).corr(Series(starts[kept][r]), method="spearman")


@pytest.mark.parametrize("seed", range(5))
def test_boyce_is_that_of_ecospat(seed):
    rng = np.random.default_rng(seed)
    area = rng.beta(1, 3, 800)
    seen = rng.choice(area, 60, p=area / area.sum())
    assert boyce(seen, area) == pytest.approx(reference(area, seen), abs=1e-9)


def test_boyce_without_presences_or_of_one_suitability_has_no_meaning():
    assert np.isnan(boyce(np.array([]), np.random.default_rng(0).random(100)))
    assert np.isnan(boyce(np.ones(5), np.ones(100)))
