"""Losses of values: likelihoods are scipy's, the mean of an object is held against its label, errors add up."""

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.metrics import mean_pinball_loss

from swath.training.losses import Log, gaussian_loss, laplace_loss, pairs_of, quantile_loss, regression_loss

LEVELS = (0.05, 0.5, 0.95)


def batch(seed=0, channels=2, size=5, share=0.5):
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, 1, (2, channels, size, size)).astype(np.float32)
    target = rng.normal(0, 2, (2, size, size)).astype(np.float32)
    target[rng.random(target.shape) > share] = np.nan
    error = rng.uniform(0, 2, target.shape).astype(np.float32)
    weight = rng.uniform(0.5, 2, target.shape).astype(np.float32)
    return scores, target, error, weight


def tensors(*arrays):
    return [torch.tensor(array) for array in arrays]


def objects_of(target):
    """Two objects a chip over the labelled pixels, whose pixels have one label."""
    objects = np.zeros(target.shape, np.int64)
    for n, chip in enumerate(target):
        known = np.argwhere(np.isfinite(chip))
        for number, pixels in enumerate(np.array_split(known, 2), start=1):
            objects[n][tuple(pixels.T)] = number
            target[n][tuple(pixels.T)] = target[n][tuple(pixels[0])]
    return objects


def test_the_gaussian_loss_is_the_likelihood_with_the_label_s_variance_added():
    scores, target, error, weight = batch()
    known = np.isfinite(target)
    sd = np.hypot(np.exp(scores[:, 1]), error)
    each = -stats.norm.logpdf(target, scores[:, 0], sd) - 0.5 * np.log(2 * np.pi)
    expected = np.average(each[known], weights=weight[known])
    got = gaussian_loss(*tensors(scores, target), weight=torch.tensor(weight), error=torch.tensor(error))
    assert got.item() == pytest.approx(expected, rel=1e-5)


def test_the_laplace_loss_is_the_likelihood_with_the_label_s_variance_added():
    scores, target, error, weight = batch(1)
    known = np.isfinite(target)
    scale = np.sqrt(np.exp(2 * scores[:, 1]) + error**2 / 2)
    each = -stats.laplace.logpdf(target, scores[:, 0], scale)
    expected = np.average(each[known], weights=weight[known])
    got = laplace_loss(*tensors(scores, target), weight=torch.tensor(weight), error=torch.tensor(error))
    assert got.item() == pytest.approx(expected, rel=1e-5)


def test_the_quantile_loss_is_scikit_learn_s_mean_over_levels():
    scores, target, _, weight = batch(2, channels=3)
    known = np.isfinite(target)
    pairs = [(target[known], scores[:, q][known], level) for q, level in enumerate(LEVELS)]
    expected = np.mean([mean_pinball_loss(y, q, alpha=at, sample_weight=weight[known]) for y, q, at in pairs])
    got = quantile_loss(*tensors(scores, target), levels=LEVELS, weight=torch.tensor(weight))
    assert got.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("levels", [(0.5, 0.05, 0.95), (0.0, 0.5, 0.9), (0.1, 0.9)])
def test_levels_must_rise_within_0_and_1_one_a_channel(levels):
    scores, target, *_ = batch(2, channels=3)
    with pytest.raises(ValueError, match="3 channels and levels"):
        quantile_loss(*tensors(scores, target), levels=levels)


def test_at_beta_1_the_gradient_of_the_mean_is_that_of_squared_errors():
    scores, target, error, _ = batch(3)
    first, second = torch.tensor(scores, requires_grad=True), torch.tensor(scores[:, :1], requires_grad=True)
    gaussian_loss(first, torch.tensor(target), beta=1.0, error=torch.tensor(error)).backward()
    regression_loss(second, torch.tensor(target), kind="mse").backward()
    assert torch.allclose(2 * first.grad[:, 0], second.grad[:, 0], atol=1e-6)


def test_at_beta_1_the_gradient_of_laplace_s_mean_is_that_of_absolute_errors():
    scores, target, error, _ = batch(3)
    first, second = torch.tensor(scores, requires_grad=True), torch.tensor(scores[:, :1], requires_grad=True)
    laplace_loss(first, torch.tensor(target), beta=1.0, error=torch.tensor(error)).backward()
    regression_loss(second, torch.tensor(target), kind="l1").backward()
    assert torch.allclose(first.grad[:, 0], second.grad[:, 0], atol=1e-6)


def test_with_the_labels_errors_the_learned_spread_is_that_of_the_truth():
    rng = np.random.default_rng(5)
    error = rng.uniform(0, 3, 20_000).astype(np.float32)
    target = torch.tensor(rng.normal(1, 2, 20_000) + rng.normal(0, error), dtype=torch.float32)
    learned = torch.zeros(2, requires_grad=True)
    optimiser = torch.optim.LBFGS([learned], max_iter=50)

    def step():
        optimiser.zero_grad()
        loss = gaussian_loss(learned.expand(len(target), 2), target, error=torch.tensor(error))
        loss.backward()
        return loss

    optimiser.step(step)
    assert learned.detach().numpy() == pytest.approx([1, np.log(2)], abs=0.06)


def test_the_mean_over_an_object_is_held_against_its_label():
    scores, target, _, weight = batch(4, channels=1)
    objects = objects_of(target)
    each, heaviest = [], []
    for n in range(2):
        for number in (1, 2):
            inside = objects[n] == number
            mean = np.average(scores[n, 0][inside], weights=weight[n][inside])
            each.append((mean - target[n][inside][0]) ** 2)
            heaviest.append(weight[n][inside].max())
    expected = np.average(each, weights=heaviest)
    told = {"weight": torch.tensor(weight), "objects": torch.tensor(objects)}
    got = regression_loss(*tensors(scores, target), kind="mse", **told)
    assert got.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("correlation", [0.0, 0.4, 1.0])
def test_the_spread_of_a_mean_follows_from_how_errors_of_its_pixels_correlate(correlation):
    scores, target, _, weight = batch(6)
    objects = objects_of(target)
    told = {"weight": torch.tensor(weight), "objects": torch.tensor(objects), "correlation": correlation}
    pairs = pairs_of(*tensors(scores, target), form="gaussian", **told)
    inside = objects[0] == 1
    share, sd = weight[0][inside] / weight[0][inside].sum(), np.exp(scores[0, 1][inside])
    alike = correlation + (1 - correlation) * np.eye(len(sd))
    expected = np.sqrt((share * sd) @ alike @ (share * sd))
    assert pairs.scores[0, 1].exp().item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("form", ["point", "gaussian", "quantiles"])
def test_in_log_space_the_mean_of_an_object_is_that_of_its_values(form):
    scores, target, _, weight = batch(7)
    target = np.abs(target) * 50
    objects = objects_of(target)
    scores[:, 0] *= 40  # no exp overflows
    log = Log(shift=1.0)
    pairs = pairs_of(
        *tensors(scores, target), form=form, log=log, weight=torch.tensor(weight), objects=torch.tensor(objects)
    )
    inside = objects[1] == 2
    values = np.exp(scores[1, 0][inside].astype(np.float64)) - 1
    expected = np.log(np.average(values, weights=weight[1][inside]) + 1)
    assert pairs.scores[3, 0].item() == pytest.approx(expected, rel=1e-4, abs=1e-4)
    assert pairs.target[3].item() == pytest.approx(np.log(target[1][inside][0] + 1), rel=1e-5)


def test_in_log_space_the_spread_of_a_mean_is_led_by_its_largest_pixels():
    scores = torch.tensor([[[[0.0, 8.0]], [[0.0, -2.0]]]])
    pairs = pairs_of(scores, torch.full((1, 1, 2), 5.0), form="gaussian", objects=torch.ones(1, 1, 2), log=Log())
    assert pairs.scores[0, 1].item() == pytest.approx(-2, abs=0.01)


def test_objects_of_two_chips_with_one_number_stay_apart():
    scores, target = torch.zeros(2, 1, 1, 1), torch.tensor([[[1.0]], [[3.0]]])
    assert regression_loss(scores, target, kind="mse", objects=torch.ones(2, 1, 1)).item() == 5.0


def test_errors_and_labels_of_logs_follow_the_delta_method():
    pairs = pairs_of(torch.zeros(1, 1), torch.tensor([99.0]), error=torch.tensor([10.0]), log=Log(shift=1.0))
    assert pairs.target.item() == pytest.approx(np.log(100))
    assert pairs.error.item() == pytest.approx(0.1)


def test_a_label_that_has_no_log_makes_the_loss_no_number_so_that_its_chip_is_named():
    loss = regression_loss(torch.zeros(2, 1), torch.tensor([1.0, -5.0]), log=Log(shift=1.0))
    assert torch.isnan(loss)


@pytest.mark.parametrize("loss", [regression_loss, lambda *a, **k: quantile_loss(*a, levels=(0.5,), **k)])
def test_labels_of_large_error_weigh_less_where_the_spread_is_known(loss):
    scores, target, error = torch.zeros(2, 1), torch.tensor([1.0, -7.0]), torch.tensor([0.0, 2.0])
    both = [loss(scores[i : i + 1], target[i : i + 1]).item() for i in (0, 1)]
    got = loss(scores, target, error=error, spread=1.0).item()
    assert got == pytest.approx(np.average(both, weights=[1, 1 / 5]))


def test_a_weight_of_0_leaves_a_label_out_even_where_the_network_overflows():
    scores = torch.tensor([[1.0], [torch.inf]], requires_grad=True)
    loss = regression_loss(scores, torch.zeros(2), weight=torch.tensor([1.0, 0.0]))
    loss.backward()
    assert loss.item() == 0.5 and torch.isfinite(scores.grad).all()


@pytest.mark.parametrize("aggregated", [False, True])
@pytest.mark.parametrize("loss", ["regression", "gaussian", "laplace", "quantile"])
def test_values_without_a_label_give_zero_and_no_gradient(loss, aggregated):
    call = {
        "regression": regression_loss,
        "gaussian": gaussian_loss,
        "laplace": laplace_loss,
        "quantile": lambda *a, **k: quantile_loss(*a, levels=(0.1, 0.9), **k),
    }[loss]
    scores = torch.randn(1, 1 if loss == "regression" else 2, 4, 4, requires_grad=True)
    objects = torch.zeros(1, 4, 4, dtype=torch.int64) if aggregated else None
    found = call(scores, torch.full((1, 4, 4), torch.nan), objects=objects, log=Log())
    found.backward()
    assert found.item() == 0 and (scores.grad == 0).all()


@pytest.mark.parametrize("loss", [gaussian_loss, laplace_loss])
def test_scales_beyond_all_bounds_give_finite_losses(loss):
    scores = torch.tensor([[0.0, 1e4], [0.0, -1e4]], requires_grad=True)
    found = loss(scores, torch.ones(2))
    found.backward()
    assert torch.isfinite(found) and torch.isfinite(scores.grad).all()


@pytest.mark.parametrize("loss", [regression_loss, gaussian_loss, laplace_loss])
def test_losses_of_half_precision_values_are_made_in_float32(loss):
    scores, target, *_ = batch(8, channels=1 if loss is regression_loss else 2)
    half = torch.tensor(scores).bfloat16()
    found = loss(half, torch.tensor(target))
    assert found.dtype == torch.float32
    assert found.item() == pytest.approx(loss(half.float(), torch.tensor(target)).item())


def test_gradients_of_an_aggregated_log_loss_are_those_of_differences():
    scores, target, error, weight = batch(9, size=3)
    target = np.abs(target) + 1
    objects = objects_of(target)
    told = {"weight": weight, "objects": objects, "error": error}
    told = {name: torch.tensor(value) for name, value in told.items()}

    def loss(x):
        return gaussian_loss(x, torch.tensor(target), correlation=0.5, log=Log(), **told)

    x = torch.tensor(scores, requires_grad=True)
    loss(x).backward()
    step = 1e-2
    moved = torch.zeros_like(x)
    moved.view(-1)[torch.arange(0, moved.numel(), 3)] = step
    with torch.no_grad():
        rise = (loss(x + moved) - loss(x - moved)).item() / 2
    assert (x.grad * moved).sum().item() == pytest.approx(rise, rel=0.01)
