import itertools
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from models.specs import dates, input_spec, model_spec
from swath.errors import ModelError
from swath.models.encoders import encoder, encoder_names
from swath.models.heads import head, head_names
from swath.models.network import Network, example_inputs
from swath.models.reach import measured_reach
from swath.models.spec import Layout, ModelSpec


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def built(spec: ModelSpec) -> Network:
    """With weights and statistics that are not those of a fresh network."""
    torch.manual_seed(0)
    network = Network.build(spec)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_mean, -0.5, 0.5)
            torch.nn.init.uniform_(module.running_var, 0.5, 2)
            torch.nn.init.uniform_(module.weight, 0.5, 2)
            torch.nn.init.uniform_(module.bias, -0.5, 0.5)
    return network.eval()


def test_parts_are_found_by_the_name_of_their_file() -> None:
    assert set(encoder_names()) >= {"unet", "temporal"}
    assert set(head_names()) >= {"segmentation", "regression", "classification"}


def test_an_unknown_encoder_is_refused_with_the_choices() -> None:
    with pytest.raises(ModelError, match=r"no encoder 'vit'.*Choices: .*temporal, unet"):
        encoder("vit", input_spec())


def test_an_unknown_head_is_refused_with_the_choices() -> None:
    with pytest.raises(ModelError, match=r"no head 'boxes'.*segmentation"):
        head("boxes", (8,), 8, outputs=2)


def test_an_unknown_setting_is_refused_with_those_that_exist() -> None:
    with pytest.raises(ModelError, match=r"unet has no setting 'widht'\. Settings: width, levels, depth"):
        encoder("unet", input_spec(), widht=3)


@pytest.mark.parametrize("value", [0, 2.5, True, "8", None])
def test_a_setting_of_another_kind_is_refused(value: Any) -> None:
    with pytest.raises(ModelError, match="Setting width"):
        encoder("unet", input_spec(), width=value)


def test_a_pyramid_halves_from_level_to_level() -> None:
    spec = input_spec()
    features = encoder("unet", spec, width=4, levels=3)(torch.zeros(2, 1, 2, 32, 32))
    assert [tuple(level.shape) for level in features.pyramid] == [(2, 4, 32, 32), (2, 8, 16, 16), (2, 16, 8, 8)]
    assert features.vector.shape == (2, 16)


def test_dates_are_joined_to_one_pyramid() -> None:
    spec = dates()
    features = encoder("temporal", spec, width=8, levels=3)(*example_inputs(spec, batch=2))
    assert [tuple(level.shape) for level in features.pyramid] == [(2, 8, 32, 32), (2, 16, 16, 16), (2, 32, 8, 8)]


CASES = {
    "unet": model_spec(),
    "unet with mask": model_spec(input_spec(valid=True)),
    "unet of dates": model_spec(input_spec(steps=3, layout=Layout.NTCHW)),
    "regression": model_spec(head="regression"),
    "temporal": model_spec(dates(), encoder="temporal"),
    "temporal without mask": model_spec(dates(valid=False), encoder="temporal"),
    "temporal without day": model_spec(dates(day_of_year=False), encoder="temporal"),
    "target": model_spec(dates(target=1), encoder="temporal"),
    "target without mask": model_spec(dates(target=1, valid=False), encoder="temporal"),
    "target alone": model_spec(dates(1, target=0), encoder="temporal"),
}


@pytest.mark.parametrize("spec", CASES.values(), ids=CASES)
def test_a_network_gives_one_score_an_output_and_pixel(spec: ModelSpec) -> None:
    scores = built(spec)(*example_inputs(spec.input, batch=2))
    assert scores.shape == (2, len(spec.output.channels), 32, 32)
    assert torch.isfinite(scores).all()


def test_a_classification_gives_one_score_an_output() -> None:
    spec = model_spec(head="classification")
    assert built(spec)(*example_inputs(spec.input, batch=2)).shape == (2, 3)


@pytest.mark.parametrize("levels", [1, 2, 3, 4])
@pytest.mark.parametrize("encoder_name", ["unet", "temporal"])
@pytest.mark.parametrize("depth", [1, 2])
def test_the_stated_reach_is_the_measured_one(encoder_name: str, levels: int, depth: int) -> None:
    given = dates(2) if encoder_name == "temporal" else input_spec()
    network = Network.build(model_spec(given, encoder=encoder_name, levels=levels, depth=depth))
    stated, measured = network.reach, measured_reach(network)
    assert stated is not None
    assert stated / 2 < measured <= stated


def test_a_target_leaves_the_reach_as_it_is() -> None:
    for target in (0, 1):  # the changed date is the target, or one of the others
        network = Network.build(model_spec(dates(3, target=target), encoder="temporal"))
        assert network.reach == Network.build(CASES["temporal"]).reach
        assert measured_reach(network) <= (network.reach or 0)


def test_the_reach_of_a_unet_of_four_levels_is_known_by_hand() -> None:
    # encoder: 2 convolutions at 1, 2, 4, 8 px = 30; decoder: 2 at 1, 2, 4 px = 14, and 7 px to a block's far end
    network = Network.build(model_spec(levels=4))
    assert network.encoder.reaches == (2, 6, 14, 30)
    assert network.reach == measured_reach(network) == 51


@pytest.mark.parametrize("case", ["unet", "temporal", "target", "regression"])
def test_the_interior_equals_a_run_over_the_whole_image(case: str) -> None:
    spec = CASES[case]
    network = built(spec)
    reach = network.reach or 0
    wide = tuple(
        torch.nn.functional.interpolate(v.flatten(0, -3).unsqueeze(0), size=96).view(*v.shape[:-2], 96, 96)
        if v.ndim >= 4
        else v
        for v in example_inputs(spec.input)
    )
    top, left, size = 8, 12, 72
    part = tuple(v[..., top : top + size, left : left + size] if v.ndim >= 4 else v for v in wide)
    with torch.no_grad():
        whole, cut = network(*wide), network(*part)
    inner = slice(reach, size - reach)
    assert size - 2 * reach > 0
    a = whole[..., top : top + size, left : left + size][..., inner, inner]
    assert (a - cut[..., inner, inner]).abs().max() < 1e-5


def test_the_receptive_field_ends_where_the_reach_says() -> None:
    # one pixel nearer to the edge of the window the result does depend on what lies beyond
    network = built(model_spec(levels=2))
    x = torch.randn(1, 2, 64, 64)
    with torch.no_grad():
        whole, cut = network(x), network(x[..., :32, :32])
    off = (whole[..., :32, :32] - cut).abs().amax(dim=(0, 1))
    reach = network.reach or 0
    assert off[: 32 - reach, : 32 - reach].max() < 1e-5
    assert off[: 32 - reach + 4].max() > 1e-4


def attended(valid: Tensor, x: Tensor | None = None) -> Tensor:
    spec = CASES["temporal"]
    x = example_inputs(spec.input)[0] if x is None else x
    with torch.no_grad():
        return built(spec)(x, torch.tensor([[30.0, 150.0, 270.0]]), valid)


def test_a_date_without_data_does_not_change_the_result() -> None:
    x, valid = example_inputs(CASES["temporal"].input)[0], torch.ones(1, 3, 32, 32)
    valid[:, 1] = 0
    other = x.clone()
    other[:, 1] = 50.0
    assert torch.allclose(attended(valid, x), attended(valid, other), atol=1e-5)


def test_a_pixel_without_any_date_has_a_finite_result() -> None:
    assert torch.isfinite(attended(torch.zeros(1, 3, 32, 32))).all()


def test_the_order_of_dates_makes_no_difference() -> None:
    spec = CASES["temporal"]
    x, day, valid = example_inputs(spec.input)
    network, order = built(spec), [2, 0, 1]
    with torch.no_grad():
        assert torch.allclose(network(x, day, valid), network(x[:, order], day[:, order], valid[:, order]), atol=1e-5)


def test_the_target_is_told_from_the_other_dates() -> None:
    spec = CASES["target"]
    x, day, valid = example_inputs(spec.input)
    network = built(spec)
    with torch.no_grad():
        scores = network(x, day, valid)
        others, swapped = (network(x[:, order], day[:, order], valid[:, order]) for order in ([2, 1, 0], [1, 0, 2]))
    assert torch.allclose(scores, others, atol=1e-5)
    assert (scores - swapped).abs().max() > 1e-2


def test_a_target_is_mapped_where_no_other_date_has_data() -> None:
    x, day, valid = example_inputs(CASES["target"].input)
    valid[:, [0, 2]] = 0
    network, changed, moved = built(CASES["target"]), x.clone(), x.clone()
    changed[:, [0, 2]] = 50.0
    moved[:, 1] += 1.0
    with torch.no_grad():
        scores = network(x, day, valid)
        assert torch.allclose(scores, network(changed, day, valid), atol=1e-5)
        assert (scores - network(moved, day, valid)).abs().max() > 1e-2


def test_the_day_of_the_year_makes_a_difference_and_the_year_closes() -> None:
    spec = CASES["temporal"]
    x, _, valid = example_inputs(spec.input)
    network = built(spec)
    with torch.no_grad():
        results = [network(x, torch.tensor([[first, 100.0, 200.0]]), valid) for first in (1.0, 366.0, 180.0)]
    assert (results[0] - results[1]).abs().max() < 0.2 * (results[0] - results[2]).abs().max()


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (model_spec(input_spec(window=30)), r"window is 30 px, which is no multiple of 4\. Use 32 px"),
        (model_spec(input_spec(stride=18)), r"stride is 18 px, which is no multiple of 4"),
        (model_spec(dates(valid=False)), "no use of the input day_of_year"),
        (model_spec(input_spec(layout=Layout.NHWC)), "channels last"),
        (model_spec(head="regression").model_copy(update={"task": "semantic-segmentation"}), "head is for regression"),
        (model_spec(input_spec()).model_copy(update={"network": None}), "graph of its own"),
        (model_spec(dates(), encoder="temporal", width=12), "groups 8 does not divide"),
    ],
)
def test_what_does_not_fit_is_refused(spec: ModelSpec, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        Network.build(spec)


def test_weights_of_another_shape_are_refused_with_tensor_and_both_shapes() -> None:
    narrow, wide = Network.build(model_spec()), Network.build(model_spec(width=16))
    with pytest.raises(
        ModelError, match=r"'encoder\.down\.levels\.0\.0\.weight' with shape \(16, 2, 3, 3\).*\(8, 2, 3, 3\)"
    ):
        narrow.load(wide.state_dict())


@pytest.mark.parametrize(("change", "message"), [("pop", "no tensor"), ("add", "does not have")])
def test_weights_that_lack_or_add_a_tensor_are_refused(change: str, message: str) -> None:
    network = Network.build(model_spec())
    weights = dict(network.state_dict())
    if change == "pop":
        weights.popitem()
    else:
        weights["more"] = torch.zeros(1)
    with pytest.raises(ModelError, match=message):
        network.load(weights)


def test_a_part_is_one_small_file(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import swath.models.heads as heads
    from swath.models import parts

    (tmp_path / "heads").mkdir()
    (tmp_path / "heads" / "flat.py").write_text(
        "from torch import nn\n"
        "from swath.models.features import Head\n"
        "class Flat(Head):\n"
        "    task, kind, metrics = 'semantic-segmentation', 'classes', ('miou',)\n"
        "    def __init__(self, channels, vector_size, outputs):\n"
        "        super().__init__(channels, vector_size, outputs)\n"
        "        self.score = nn.Conv2d(channels[0], outputs, 1)\n"
        "        self.reaches = (0,) * len(channels)\n"
        "    def forward(self, features):\n"
        "        return self.score(features.pyramid[0])\n"
    )
    monkeypatch.setattr(parts, "__file__", str(tmp_path / "parts.py"))
    monkeypatch.setattr(heads, "__path__", [str(tmp_path / "heads")])
    assert head_names() == ("flat",)
    assert head("flat", (8, 16), 16, outputs=3).reach == 0


@settings(max_examples=20, deadline=None)
@given(st.lists(st.sampled_from([0, 1, 2, 255]), min_size=16, max_size=16), st.booleans())
def test_the_loss_of_classes_is_the_mean_over_labelled_pixels(labels: list[int], weighted: bool) -> None:
    part = head("segmentation", (4, 8), 8, outputs=3)
    scores = torch.randn(1, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    target = torch.tensor(labels).view(1, 4, 4)
    weights = torch.tensor([1.0, 2.0, 5.0]) if weighted else None
    got = part.loss(scores, target, weights=weights)
    if all(label == 255 for label in labels):
        assert got == 0
    else:
        wanted = torch.nn.functional.cross_entropy(scores, target, weight=weights, ignore_index=255)
        assert torch.allclose(got, wanted, rtol=1e-4)


def test_a_pixel_without_value_adds_nothing_to_the_loss_nor_to_its_gradient() -> None:
    part = head("regression", (4, 8), 8, outputs=1)
    scores = torch.zeros(1, 1, 2, 2, requires_grad=True)
    loss = part.loss(scores, torch.tensor([[[[0.5, float("nan")], [3.0, float("nan")]]]]))
    loss.backward()
    assert loss.item() == pytest.approx((0.125 + 2.5) / 2)
    assert scores.grad is not None
    assert [v == 0 for v in scores.grad.flatten().tolist()] == [False, True, False, True]


def test_the_head_says_which_measures_fit() -> None:
    firsts = ("macro_f1", "macro_f1", "auc", "rmse", "macro_f1")
    for name, first in itertools.zip_longest(head_names(), firsts):
        assert head(name, (4, 8), 8, outputs=2).metrics[0] == first
