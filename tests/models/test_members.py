"""Several networks of the same parts are one: the mean of what they say, with what they differ by in its spread."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from models.network_specs import CLASSES, drawn, placed, spec_of, values
from swath.models.export import export_onnx, input_names, run
from swath.models.mlm import model_item
from swath.models.network import Network, example_inputs
from swath.models.provenance import Provenance
from swath.models.spec import ModelSpec

GIVES = {"gaussian": "mean,sd,q05,q95", "laplace": "mean,sd,q05,q95", "quantiles": "mean,q05,q95", "point": "mean"}
NAMES = {"mean": "agb", "sd": "agb_sd", "q05": "q05", "q95": "q95"}


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def of_members(spec: ModelSpec, members: int = 3) -> ModelSpec:
    assert spec.network is not None
    return spec.model_copy(update={"network": spec.network.model_copy(update={"members": members})})


def of_values(form: str, encoder: str = "statistics", **more: Any) -> ModelSpec:
    names = [NAMES[word] for word in GIVES[form].split(",")]
    settings = {"form": form, "gives": GIVES[form]}
    return of_members(spec_of(encoder, "regression", output=values(*names), head_settings=settings, **more))


def each_of(network: Network, inputs: tuple[Tensor, ...]) -> list[Tensor]:
    """Scores of each member as a network of its own."""
    found = []
    for one in network.members:
        alone = Network(one.spec, one.encoder, one.head, one.location).eval()
        with torch.no_grad():
            found.append(alone(*inputs))
    return found


def told(network: Network) -> tuple[Tensor, list[Tensor]]:
    """What it says together, and what each member says."""
    inputs = example_inputs(network.spec, batch=2, seed=4)
    with torch.no_grad():
        together = network(*inputs)
    return together, each_of(network, inputs)


def test_members_begin_with_other_weights_and_the_first_with_those_that_it_would_have_alone() -> None:
    made = []
    for members in (1, 3):
        torch.manual_seed(0)
        made.append(Network.build(of_members(spec_of("statistics"), members)))
    alone, together = (network.state_dict() for network in made)
    assert all(torch.equal(together[name], alone[name]) for name in alone)
    first, second = (next(iter(one.head.parameters())) for one in made[1].members[:2])
    assert not torch.equal(first, second)


@pytest.mark.parametrize("form", GIVES)
def test_the_middle_of_members_is_the_mean_of_theirs(form: str) -> None:
    together, each = told(drawn(of_values(form)))
    place = slice(None) if form == "quantiles" else slice(0, 1)
    torch.testing.assert_close(together[:, place], torch.stack(each).mean(0)[:, place])


@pytest.mark.parametrize(("form", "ratio"), [("gaussian", 1.0), ("laplace", 2.0)])
def test_the_variance_of_members_is_that_of_their_mixture(form: str, ratio: float) -> None:
    together, each = told(drawn(of_values(form)))
    middle, scale = together[:, 0].double(), together[:, 1].double().exp()
    # the second moment of a mixture is the mean of the members'
    moments = torch.stack([one[:, 0].double() ** 2 + ratio * one[:, 1].double().exp() ** 2 for one in each])
    torch.testing.assert_close(middle**2 + ratio * scale**2, moments.mean(0), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("encoder", "head"), [("statistics", "segmentation"), ("unet", "classification")])
def test_the_probabilities_of_members_are_the_mean_of_theirs(encoder: str, head: str) -> None:
    together, each = told(drawn(of_members(spec_of(encoder, head, output=CLASSES))))
    torch.testing.assert_close(together.softmax(1), torch.stack([one.softmax(1) for one in each]).mean(0))


@pytest.mark.parametrize("where", ["statistics", "unet with place"])
def test_in_training_members_follow_one_another_as_further_windows(where: str) -> None:
    spec = spec_of("unet", given=placed(), location={}) if where == "unet with place" else spec_of("statistics")
    network = drawn(of_members(spec))
    inputs = example_inputs(network.spec, batch=2, seed=4)
    each = each_of(network, inputs)
    network.training = True  # of itself alone: normalisation and dropout stay as in a map
    with torch.no_grad():
        torch.testing.assert_close(network(*inputs), torch.cat(each))


@pytest.mark.parametrize("spec", [of_values("gaussian"), of_members(spec_of("wavelength"))], ids=["values", "settled"])
def test_one_graph_gives_what_members_say_together(spec: ModelSpec, tmp_path: Path) -> None:
    network = drawn(spec)
    export_onnx(network, spec.input, tmp_path / "model.onnx")
    inputs = example_inputs(spec.input, seed=7)
    with torch.no_grad():
        wanted = network.close(network(*inputs))
    got = torch.from_numpy(run(tmp_path / "model.onnx", input_names(spec.input), inputs))
    torch.testing.assert_close(got, wanted, rtol=1e-3, atol=1e-3)


def test_what_is_looked_up_in_a_window_is_looked_up_once_for_all_members(monkeypatch: pytest.MonkeyPatch) -> None:
    network = drawn(of_values("gaussian"))
    looked: list[int] = []

    def counted(fixed: Any) -> Any:
        def call(*x: Tensor) -> Tensor:
            looked.append(1)
            return fixed(*x)  # type: ignore[no-any-return]

        return call

    for one in network.members:
        monkeypatch.setattr(one.encoder, "fixed", counted(one.encoder.fixed))
    network(*example_inputs(network.spec))
    assert len(looked) == 1


def test_the_card_says_how_many_there_are() -> None:
    def architecture(spec: ModelSpec) -> str:
        told = model_item(spec, Provenance(licence="other"), {}, "0" * 64)
        return str(told["properties"]["mlm:architecture"])

    assert architecture(of_members(spec_of("statistics"))) == "3 of statistics with segmentation"
    assert architecture(spec_of("statistics")) == "statistics with segmentation"
