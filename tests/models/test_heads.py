"""Heads: scores as losses take them, and the closing formula that makes a map's numbers of them."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from models.network_specs import drawn, spec_of, values
from models.specs import input_spec
from swath.errors import ModelError
from swath.models.features import Features
from swath.models.heads import head
from swath.models.network import Network, example_inputs


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def regression(outputs: int = 4, **settings: Any) -> Any:
    return head("regression", (8, 16), 16, outputs=outputs, **settings)


def closed(gives: str, scores: list[float], **settings: Any) -> list[float]:
    """What a map gets of one value's scores."""
    made = regression(len(gives.split(",")), gives=gives, **settings)
    return [float(v) for v in made.close(torch.tensor(scores).view(1, -1, 1, 1)).flatten()]


def test_a_point_is_its_score() -> None:
    scores = torch.randn(1, 2, 4, 4)
    assert regression(2).close(scores) is scores


def test_a_gaussian_closes_to_scipys() -> None:
    found = closed("mean,sd,median,q05,q975", [1.5, math.log(0.7)], form="gaussian")
    wanted = stats.norm(1.5, 0.7)
    np.testing.assert_allclose(found, [1.5, 0.7, 1.5, wanted.ppf(0.05), wanted.ppf(0.975)], rtol=1e-5)


def test_a_laplace_closes_to_scipys() -> None:
    found = closed("mean,sd,q05,q50,q90", [1.5, math.log(0.7)], form="laplace")
    wanted = stats.laplace(1.5, 0.7)
    np.testing.assert_allclose(found, [1.5, wanted.std(), wanted.ppf(0.05), 1.5, wanted.ppf(0.9)], rtol=1e-5)


def test_a_gaussian_of_logs_closes_to_scipys_lognormal() -> None:
    found = closed("mean,sd,median,q05,q95", [3.0, math.log(0.6)], form="gaussian", log=True, shift=2.0)
    wanted = stats.lognorm(0.6, loc=-2, scale=math.exp(3.0))
    np.testing.assert_allclose(
        found, [wanted.mean(), wanted.std(), wanted.median(), wanted.ppf(0.05), wanted.ppf(0.95)], rtol=1e-5
    )


def test_a_point_of_logs_comes_back_with_its_correction() -> None:
    found = closed("mean", [3.0], log=True, shift=1.0, correction=1.2)
    assert found[0] == pytest.approx(math.exp(3.0) * 1.2 - 1.0, rel=1e-6)


def test_a_laplace_of_logs_has_quantiles_and_no_deviation() -> None:
    found = closed("median,q95", [3.0, math.log(0.4)], form="laplace", log=True, shift=0.0)
    np.testing.assert_allclose(found, np.exp(stats.laplace(3.0, 0.4).ppf([0.5, 0.95])), rtol=1e-5)
    with pytest.raises(ModelError, match=r"'sd', which form laplace in log space does not give"):
        closed("sd", [3.0, 0.0], form="laplace", log=True)


def test_quantiles_close_to_themselves_and_to_the_mean_of_their_function() -> None:
    found = closed("mean,sd,q10,median,q90", [1.0, 2.0, 5.0], form="quantiles", levels="0.1,0.5,0.9")
    mean = np.interp(np.linspace(0, 1, 200_001), [0.1, 0.5, 0.9], [1, 2, 5]).mean()
    np.testing.assert_allclose(found, [mean, 4 / (2 * stats.norm.ppf(0.9)), 1, 2, 5], rtol=1e-4)


def test_quantiles_go_through_a_log_as_they_are() -> None:
    found = closed("q10,q90", [1.0, 2.0, 5.0], form="quantiles", levels="0.1,0.5,0.9", log=True, shift=1.0)
    np.testing.assert_allclose(found, np.exp([1.0, 5.0]) - 1, rtol=1e-5)


def features(seed: int = 0) -> Features:
    random = torch.Generator().manual_seed(seed)
    return Features(
        [50 * torch.randn(2, c, 8 >> i, 8 >> i, generator=random) for i, c in enumerate((8, 16))], torch.zeros(2, 16)
    )


@pytest.mark.parametrize("levels", ["0.05,0.25,0.5,0.75,0.95", "0.1,0.9", "0.5", "0.6,0.7"])
def test_quantiles_rise_whatever_the_features(levels: str) -> None:
    torch.manual_seed(1)
    made = regression(
        2, form="quantiles", levels=levels, gives=f"q{round(100 * float(levels[-3:].strip(','))):02d}"
    ).train()
    scores = made(features()).unflatten(1, (2, -1))
    assert scores.shape[2] == len(levels.split(","))
    assert (scores.diff(dim=2) >= 0).all()


def test_values_keep_their_order() -> None:
    made = regression(4, form="gaussian", gives="mean,sd")
    scores = torch.tensor([1.0, math.log(2.0), 3.0, math.log(4.0)]).view(1, 4, 1, 1)
    assert made.close(scores).flatten().tolist() == pytest.approx([1, 2, 3, 4])


def test_a_fresh_head_begins_where_it_is_told() -> None:
    torch.manual_seed(0)
    plain = regression(2, form="gaussian", gives="mean,sd").eval()
    torch.manual_seed(0)
    told = regression(2, form="gaussian", gives="mean,sd", start=4.5).eval()
    off = told(features()) - plain(features())
    assert torch.allclose(off[:, 0], torch.tensor(4.5), atol=1e-4)
    assert off[:, 1].abs().max() < 1e-5


@pytest.mark.parametrize("form", ["gaussian", "laplace", "quantiles", "point"])
@pytest.mark.parametrize("log", [False, True])
def test_scores_far_off_close_to_finite_numbers(form: str, log: bool) -> None:
    made = regression(1, form=form, gives="mean", log=log)
    for size in (-500.0, 0.0, 500.0):
        assert torch.isfinite(made.close(torch.full((1, made.form.scores, 2, 2), size))).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"form": "student"}, "Setting form of a network is 'student'. Choices: point, gaussian"),
        ({"gives": "sd"}, r"names 'sd', which form point does not give. It gives mean"),
        ({"form": "gaussian", "gives": "mean,mode"}, "names 'mode'"),
        ({"form": "gaussian", "gives": "mean,mean"}, "Name each thing once"),
        ({"form": "gaussian", "gives": "mean,sd,q05"}, "4 outputs, and the head gives mean, sd, q05 of each value"),
        ({"form": "quantiles", "gives": "q33"}, r"does not give.*its levels 0.05, 0.25, 0.5"),
        ({"form": "quantiles", "levels": "0.9,0.1"}, "Setting levels of a network is '0.9,0.1'"),
        ({"form": "quantiles", "levels": "a"}, "Setting levels"),
        ({"correction": 1.2}, "without log there is no way back"),
        ({"form": "quantiles", "log": True, "correction": 1.2}, "quantiles go through a log as they are"),
        ({"log": 1}, "Setting log of a network is 1"),
        ({"shift": -1.0}, "Setting shift"),
    ],
)
def test_a_setting_of_values_that_is_wrong_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        regression(4, **settings)


@pytest.mark.parametrize("form", ["gaussian", "laplace"])
def test_the_own_loss_is_the_negative_likelihood_of_scipy(form: str) -> None:
    made = regression(1, form=form, gives="mean")
    scores, target = torch.tensor([[0.5, math.log(0.8)]]).view(1, 2, 1, 1), torch.full((1, 1, 1, 1), 1.7)
    law, constant = (stats.norm, 0.5 * math.log(2 * math.pi)) if form == "gaussian" else (stats.laplace, math.log(2))
    assert float(made.loss(scores, target)) == pytest.approx(-law(0.5, 0.8).logpdf(1.7) - constant, rel=1e-5)


def test_the_own_loss_of_logs_takes_values() -> None:
    made = regression(1, log=True, shift=1.0)
    target = torch.tensor([9.0, float("nan")]).view(1, 1, 1, 2)
    scores = torch.tensor([math.log(10.0) + 0.4, 7.0]).view(1, 1, 1, 2)
    assert float(made.loss(scores, target)) == pytest.approx(0.08, rel=1e-4)


def test_quantiles_are_learned() -> None:
    torch.manual_seed(0)
    made = head("regression", (2,), 2, outputs=3, form="quantiles", levels="0.1,0.5,0.9", gives="q10,median,q90")
    optimiser = torch.optim.Adam(made.parameters(), lr=0.1)
    zeros, target = Features([torch.zeros(1, 2, 40, 40)], torch.zeros(1, 2)), torch.randn(1, 1, 40, 40)
    for _ in range(150):
        optimiser.zero_grad()
        made.loss(made(zeros), target).backward()
        optimiser.step()
    found = made.close(made(zeros))[0, :, 0, 0].tolist()
    assert found == pytest.approx(np.quantile(target.numpy(), [0.1, 0.5, 0.9]).tolist(), abs=0.1)


# --- classes with an order


def ordinal(outputs: int = 4) -> Any:
    torch.manual_seed(2)
    made = head("ordinal", (8, 16), 16, outputs=outputs)
    with torch.no_grad():
        made.steps.uniform_(-3, 1)
    return made.eval()


def test_logits_of_ordered_classes_fall() -> None:
    scores = ordinal(5)(features())
    assert scores.shape == (2, 4, 8, 8)
    assert (scores.diff(dim=1) < 0).all()


def test_ordered_classes_close_to_probabilities_that_sum_to_one() -> None:
    made = ordinal(4)
    logs = made.close(made.forward(Features([f / 50 for f in features().pyramid], torch.zeros(2, 16))))
    assert logs.shape == (2, 4, 8, 8)
    assert torch.allclose(logs.exp().sum(1), torch.ones(2, 8, 8), atol=1e-5)
    assert torch.allclose(logs.softmax(1), logs.exp(), atol=1e-5)  # as a map takes them


def test_two_ordered_classes_are_a_logistic_regression() -> None:
    made = ordinal(2)
    assert torch.allclose(made.close(torch.tensor([0.7]).view(1, 1, 1, 1)).exp()[:, 1], torch.tensor(0.7).sigmoid())


def test_the_loss_of_ordered_classes_is_that_of_training() -> None:
    from swath.training.losses import ordinal_loss

    made, scores = ordinal(4), torch.randn(2, 3, 4, 4)
    target = torch.randint(0, 4, (2, 4, 4))
    target[0] = 255
    weights = torch.tensor([1.0, 2.0, 3.0, 4.0])
    assert torch.allclose(
        made.loss(scores, target, weights=weights), ordinal_loss(scores, target, weights=weights), rtol=1e-5
    )
    assert made.loss(scores, torch.full_like(target, 255)) == 0


def test_one_ordered_class_is_refused() -> None:
    with pytest.raises(ModelError, match="Head ordinal has 1 classes"):
        head("ordinal", (8,), 8, outputs=1)


# --- species


def test_species_do_not_exclude_each_other_and_richness_is_their_sum() -> None:
    made = head("presence", (8,), 8, outputs=3, richness=True)
    out = made.close(torch.tensor([2.0, 3.0]).view(1, 2, 1, 1)).flatten()
    assert torch.allclose(out[:2], torch.tensor([2.0, 3.0]).sigmoid())
    assert out[2] == out[0] + out[1]


def test_a_species_that_is_unknown_somewhere_adds_no_loss_there() -> None:
    made = head("presence", (8,), 8, outputs=2)
    scores = torch.zeros(1, 2, 1, 2, requires_grad=True)
    loss = made.loss(scores, torch.tensor([1.0, float("nan"), 0.0, 0.0]).view(1, 2, 1, 2))
    loss.backward()
    assert loss.item() == pytest.approx(math.log(2))
    assert scores.grad is not None
    assert [v == 0 for v in scores.grad.flatten().tolist()] == [False, True, False, False]


@pytest.mark.parametrize(
    ("outputs", "settings", "message"),
    [(1, {"richness": True}, "none of which is a species"), (2, {"richness": 1}, "Setting richness")],
)
def test_a_head_without_species_is_refused(outputs: int, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        head("presence", (8,), 8, outputs=outputs, **settings)


# --- what a map gets


def test_a_map_gets_the_outputs_and_training_the_scores() -> None:
    spec = spec_of(
        "unet", "regression", output=values("agb", "agb_sd"), head_settings={"form": "gaussian", "gives": "mean,sd"}
    )
    network = drawn(spec)
    inputs = example_inputs(input_spec())
    with torch.no_grad():
        scores: Tensor = network(*inputs)
        out = network.finished()(*inputs)
    assert torch.equal(out, network.close(scores))
    assert torch.allclose(out[:, 1], scores[:, 1].exp())


def test_a_network_without_closing_formula_is_its_own_graph() -> None:
    network = Network.build(spec_of("unet"))
    assert network.finished() is network
