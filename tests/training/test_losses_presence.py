"""Losses of presence are what their formulas say; rare species are heard; background is no record."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from swath.training.losses import assume_negative_loss, site_loss, species_weights, weighted_logistic_loss


def records(seed=0, rows=40, species=3):
    rng = np.random.default_rng(seed)
    scores = torch.tensor(rng.normal(0, 2, (rows, species)), dtype=torch.float32)
    seen = np.eye(species)[rng.integers(0, species, rows)]
    background = rng.random(rows) < 0.4
    return scores, torch.tensor(seen, dtype=torch.float32), torch.tensor(background)


def parts(scores, target, background):
    p = torch.sigmoid(scores.double()).numpy()
    b = background.numpy()
    return p[~b], target.numpy()[~b], p[b]


def test_assume_negative_is_the_formula_of_cole_et_al():
    scores, target, background = records()
    p, seen, empty = parts(scores, target, background)
    expected = -(np.where(seen == 1, 5 * np.log(p), np.log(1 - p)).mean() + np.log(1 - empty).mean())
    got = assume_negative_loss(scores, target, background=background, positive=5.0)
    assert got.item() == pytest.approx(expected, rel=1e-5)


def test_the_weighted_logistic_loss_is_the_formula_of_zbinden_et_al():
    scores, target, background = records(1)
    w, assumed = np.array([2.0, 4.0, 10.0]), 0.8
    p, seen, empty = parts(scores, target, background)
    at_records = np.where(seen == 1, w * np.log(p), assumed / (1 - 1 / w) * np.log(1 - p))
    expected = -(at_records.mean() + (1 - assumed) * np.log(1 - empty).mean())
    species = torch.tensor(w, dtype=torch.float32)
    got = weighted_logistic_loss(scores, target, species=species, background=background, assumed=assumed)
    assert got.item() == pytest.approx(expected, rel=1e-5)


def test_balanced_weights_give_presences_and_absences_of_each_species_one_total():
    target = torch.tensor(np.eye(3)[[0] * 60 + [1] * 30 + [2] * 10], dtype=torch.float32)
    weights = species_weights(target.sum(0).long().numpy(), 100)
    scores = torch.zeros(100, 3, requires_grad=True)
    weighted_logistic_loss(scores, target, species=torch.tensor(weights), assumed=1.0).backward()
    # at p = 1/2 both pull alike, so that the pulls of a species cancel out, however rare it is
    assert scores.grad.sum(0).numpy() == pytest.approx(np.zeros(3), abs=1e-7)
    assert scores.grad.abs().sum(0).numpy() == pytest.approx(np.full(3, 1 / 3), rel=1e-5)


def test_a_species_without_presences_cannot_be_weighed():
    with pytest.raises(ValueError, match=r"species \[1\] have no presence"):
        species_weights(np.array([3, 0]), 10)


def test_the_site_loss_is_the_softmax_over_places_of_each_presence():
    scores, target, background = records(2)
    logs = torch.log_softmax(scores.double(), 0).numpy()
    seen = (target.numpy() == 1) & ~background.numpy()[:, None]
    got = site_loss(scores, target, background=background)
    assert got.item() == pytest.approx(-logs[seen].mean(), rel=1e-5)


def test_the_site_loss_finds_the_slope_of_a_point_process():
    rng = np.random.default_rng(3)
    places = rng.normal(0, 1, 20_000)
    seen = rng.random(20_000) < 0.02 * np.exp(0.8 * places)
    slope = torch.zeros(1, requires_grad=True)
    optimiser = torch.optim.LBFGS([slope], max_iter=30)
    x, y = torch.tensor(places[:, None], dtype=torch.float32), torch.tensor(seen[:, None], dtype=torch.float32)

    def step():
        optimiser.zero_grad()
        loss = site_loss(x * slope, y)
        loss.backward()
        return loss

    optimiser.step(step)
    assert slope.item() == pytest.approx(0.8, abs=0.1)


def test_a_place_of_weight_2_is_two_places():
    scores, target, _ = records(4, rows=10)
    weight = torch.ones(10)
    weight[3] = 2
    twice = [*range(10), 3]
    assert site_loss(scores, target, weight=weight).item() == pytest.approx(
        site_loss(scores[twice], target[twice]).item(), rel=1e-5
    )


def test_the_weighted_loss_learns_what_class_balanced_logistic_regression_learns():
    rng = np.random.default_rng(5)
    x = rng.normal(0, 1, (3000, 1))
    y = rng.random(3000) < 0.05 * np.exp(0.7 * x[:, 0]).clip(0, 15)
    peer = LogisticRegression(C=1e6, class_weight="balanced").fit(x, y)
    learned = torch.zeros(2, requires_grad=True)
    optimiser = torch.optim.LBFGS([learned], max_iter=50)
    weights = torch.tensor(species_weights(np.array([y.sum()]), 3000))
    rows, target = torch.tensor(x, dtype=torch.float32), torch.tensor(y[:, None], dtype=torch.float32)

    def step():
        optimiser.zero_grad()
        loss = weighted_logistic_loss(rows * learned[0] + learned[1], target, species=weights, assumed=1.0)
        loss.backward()
        return loss

    optimiser.step(step)
    assert learned.detach().numpy() == pytest.approx([peer.coef_[0, 0], peer.intercept_[0]], abs=0.01)


def call(loss, scores, target, **told):
    if loss is weighted_logistic_loss:
        told["species"] = torch.full((scores.shape[1],), 3.0)
    return loss(scores, target, **told)


LOSSES = [assume_negative_loss, weighted_logistic_loss, site_loss]


@pytest.mark.parametrize("loss", LOSSES)
def test_pixels_of_a_map_count_as_rows_do(loss):
    scores, target, background = records(6, rows=24)

    def laid(rows):
        return rows.view(2, 3, 4, -1).movedim(-1, 1)

    mark = background.view(2, 3, 4)
    rows = call(loss, scores, target, background=background)
    assert call(loss, laid(scores), laid(target), background=mark).item() == pytest.approx(rows.item(), rel=1e-6)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_row_of_weight_0_is_none(loss):
    scores, target, background = records(7)
    weight = torch.ones(len(scores))
    weight[::3] = 0
    kept = weight > 0
    expected = call(loss, scores[kept], target[kept], background=background[kept])
    assert call(loss, scores, target, background=background, weight=weight).item() == pytest.approx(expected.item())


@pytest.mark.parametrize("loss", LOSSES)
def test_a_record_that_says_nothing_of_a_species_has_no_gradient_for_it(loss):
    scores, target, _ = records(8)
    scores.requires_grad_()
    target[5, 1] = torch.nan
    call(loss, scores, target).backward()
    assert scores.grad[5, 1] == 0 and scores.grad[6, 1] != 0


@pytest.mark.parametrize("loss", LOSSES)
def test_a_batch_without_records_gives_zero_and_no_nan(loss):
    scores = torch.randn(3, 2, requires_grad=True)
    found = call(loss, scores, torch.full((3, 2), torch.nan))
    found.backward()
    assert found.item() == 0 and (scores.grad == 0).all()
