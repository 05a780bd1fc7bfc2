"""ConvNeXt, weights by wavelength, and the perceptron: what each promises beside reach and graph."""

from typing import Any

import pytest
import torch
from torch import Tensor

from models.network_specs import SPECS, drawn, placed, spec_of
from models.specs import BANDS, dates, input_spec
from swath.errors import ModelError
from swath.models.encoders import encoder
from swath.models.encoders.wavelength import description
from swath.models.layers import DropPath
from swath.models.network import Network, example_inputs
from swath.models.reach import measured_reach
from swath.models.spec import BandInput, InputSpec, ModelSpec


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def sensor(*names: tuple[str, float], **fields: Any) -> InputSpec:
    bands = tuple(BandInput(name=name, wavelength=centre) for name, centre in names)
    return InputSpec(bands=bands, unit="reflectance", gsd=10, window=32, stride=32, **fields)


SENTINEL = sensor(("B02", 0.49), ("B03", 0.56), ("B04", 0.665), ("B8A", 0.865), ("B11", 1.61), ("B12", 2.19))
LANDSAT = sensor(("SR_B3", 0.562), ("SR_B4", 0.655), ("SR_B5", 0.865), ("SR_B6", 1.609))


@pytest.mark.parametrize("name", SPECS)
def test_a_network_gives_finite_outputs_of_the_spec(name: str) -> None:
    spec = SPECS[name]
    with torch.no_grad():
        out = drawn(spec).finished()(*example_inputs(spec.input, batch=2))
    assert out.shape == (2, len(spec.output.channels), 32, 32)
    assert torch.isfinite(out).all()


@pytest.mark.parametrize("name", SPECS)
def test_the_stated_reach_is_the_measured_one(name: str) -> None:
    network = Network.build(SPECS[name])
    assert network.reach == measured_reach(network)


@pytest.mark.parametrize("levels", [1, 2, 4])
@pytest.mark.parametrize(("depth", "kernel"), [(1, 7), (2, 5), (3, 3)])
@pytest.mark.parametrize("name", ["convnext", "wavelength"])
def test_the_reach_of_a_pyramid_is_known_by_hand(name: str, levels: int, depth: int, kernel: int) -> None:
    network = Network.build(spec_of(name, levels=levels, depth=depth, kernel=kernel))
    assert network.encoder.reaches == tuple(
        1 + sum(depth * (kernel // 2) * 2**i for i in range(level + 1)) for level in range(levels)
    )
    assert network.reach == measured_reach(network)


@pytest.mark.parametrize("name", ["convnext", "wavelength with target", "place", "ordinal"])
def test_the_interior_equals_a_run_over_the_whole_image(name: str) -> None:
    spec = SPECS[name]
    network = drawn(spec).finished()
    reach = drawn(spec).reach or 0
    size, top, left = 2 * reach + 8 + -2 * reach % 8, 8, 16
    wide = tuple(
        torch.randn(*v.shape[:-2], size + 24, size + 24, generator=torch.Generator().manual_seed(3))
        if v.ndim > 2
        else v
        for v in example_inputs(spec.input)
    )
    part = tuple(v[..., top : top + size, left : left + size] if v.ndim > 2 else v for v in wide)
    with torch.no_grad():
        whole, cut = network(*wide), network(*part)
    inner = slice(reach, size - reach)
    a = whole[..., top : top + size, left : left + size][..., inner, inner]
    assert a.numel() and (a - cut[..., inner, inner]).abs().max() < 1e-4


@pytest.mark.parametrize("name", ["convnext", "wavelength of dates", "mlp with codes", "place of dates"])
def test_the_same_seed_gives_the_same_step(name: str) -> None:
    spec, results = SPECS[name], []
    for _ in range(2):
        torch.manual_seed(5)
        network = Network.build(spec).train()
        loss = network.head.loss(network(*example_inputs(spec.input, batch=4)), torch.ones(4, 32, 32, dtype=torch.long))
        loss.backward()
        results.append([loss, *(p.grad for p in network.parameters() if p.grad is not None)])
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("convnext", {"kernel": 4}, "Setting kernel of a network is 4. Give an odd number"),
        ("convnext", {"drop": 1}, "Setting drop of a network is 1"),
        ("convnext", {"expansion": 0}, "Setting expansion"),
        ("wavelength", {"patch": 2}, "Setting patch of a network is 2. Give an odd number"),
        ("wavelength", {"hidden": 2.5}, "Setting hidden"),
        ("mlp", {"depth": -1}, "Setting depth"),
        ("mlp", {"dropout": "a"}, "Setting dropout"),
        ("mlp", {"categories": "soil:3"}, r"names a band 'soil'.*Bands: B04, B08"),
        ("mlp", {"categories": "B04"}, r"Setting categories of a network is 'B04'"),
        ("mlp", {"categories": "B04:0"}, r"Setting categories of a network is 'B04:0'"),
        ("mlp", {"categories": "B04:3,B04:3"}, "names B04 twice"),
    ],
)
def test_a_setting_that_is_wrong_is_refused_with_its_value(name: str, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        encoder(name, input_spec(), **settings)


def test_a_layer_that_is_left_out_keeps_the_mean() -> None:
    torch.manual_seed(0)
    drop, x = DropPath(0.25), torch.ones(4000, 3)
    kept = drop.train()(x)
    assert kept.unique().tolist() == pytest.approx([0, 4 / 3])
    assert (kept.max(1).values == kept.min(1).values).all()
    assert kept.mean() == pytest.approx(1, abs=0.05)
    assert torch.equal(drop.eval()(x), x)


# --- weights by wavelength


def outputs(network: Network, x: Tensor) -> Tensor:
    with torch.no_grad():
        return network(x)


def test_weights_of_one_sensor_load_for_another() -> None:
    one = drawn(spec_of("wavelength", given=SENTINEL))
    other = Network.build(spec_of("wavelength", given=LANDSAT)).eval()
    other.load(one.state_dict())
    assert torch.isfinite(outputs(other, torch.randn(1, 4, 32, 32))).all()


def learned(given: InputSpec) -> Network:
    """A network that tells green leaves (near infrared above red) from bare ground."""
    torch.manual_seed(0)
    network = Network.build(spec_of("wavelength", given=given, levels=1, depth=1, width=16, kernel=3)).train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3)
    random = torch.Generator().manual_seed(1)
    for _ in range(60):
        x, y = scene(given, random)
        loss = network.head.loss(network(x), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return network.eval()


def scene(given: InputSpec, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Spectra of leaves (1) and bare ground (0) at any wavelengths, mean about 0, with noise and brightness."""
    y = (torch.rand(16, 8, 8, generator=random) < 0.5).long()
    centres = torch.tensor([band.wavelength for band in given.bands]).view(1, -1, 1, 1)
    leaf = 1.2 * ((centres > 0.72) & (centres < 1.4)).float() - 0.6 * (centres > 1.4).float() - 0.4
    bare = 0.5 * torch.log2(centres / 0.8)
    x = torch.where(y.bool().unsqueeze(1), leaf, bare) + 0.3 * torch.randn(16, len(given.bands), 8, 8, generator=random)
    return x + 0.5 * torch.randn(16, 1, 8, 8, generator=random), y


def accuracy(network: Network, given: InputSpec, *, without: tuple[int, ...] = ()) -> float:
    x, y = scene(given, torch.Generator().manual_seed(9))
    x[:, list(without)] = given.fill
    return float((outputs(network, x).argmax(1) == y).float().mean())


def test_what_was_learned_from_one_sensor_holds_for_another_and_without_bands() -> None:
    network = learned(SENTINEL)
    other = Network.build(spec_of("wavelength", given=LANDSAT, levels=1, depth=1, width=16, kernel=3)).eval()
    other.load(network.state_dict())
    assert accuracy(network, SENTINEL) > 0.95
    assert accuracy(other, LANDSAT) > 0.85
    assert accuracy(network, SENTINEL, without=(0, 5)) > 0.85


@pytest.mark.parametrize("nothing", [0.0, float("nan"), float("inf")])
def test_a_band_without_data_is_as_one_that_is_not_taken(nothing: float) -> None:
    network = drawn(spec_of("wavelength", given=SENTINEL))
    fewer = Network.build(spec_of("wavelength", given=sensor(*[(b.name, b.wavelength) for b in SENTINEL.bands[:4]])))
    fewer.load(network.state_dict())
    x = torch.randn(1, 6, 32, 32)
    x[:, 4:] = nothing
    assert torch.allclose(outputs(network, x), outputs(fewer.eval(), x[:, :4]), atol=1e-5)


def test_the_order_of_bands_makes_no_difference() -> None:
    order = [3, 0, 5, 1, 4, 2]
    network = drawn(spec_of("wavelength", given=SENTINEL))
    turned = Network.build(
        spec_of("wavelength", given=sensor(*[(SENTINEL.bands[n].name, SENTINEL.bands[n].wavelength) for n in order]))
    )
    turned.load(network.state_dict())
    x = torch.randn(1, 6, 32, 32)
    assert torch.allclose(outputs(network, x), outputs(turned.eval(), x[:, order]), atol=1e-5)


def test_a_window_without_any_data_has_a_finite_result() -> None:
    network = drawn(spec_of("wavelength", given=SENTINEL))
    assert torch.isfinite(outputs(network, torch.full((1, 6, 32, 32), float("nan")))).all()


def test_a_date_without_data_changes_nothing() -> None:
    network = drawn(SPECS["wavelength of dates"])
    x, day, valid = example_inputs(dates(3))
    valid[:, 1] = 0
    other = x.clone()
    other[:, 1] = 50
    with torch.no_grad():
        assert torch.allclose(network(x, day, valid), network(other, day, valid), atol=1e-5)


def test_the_target_is_told_from_the_other_dates() -> None:
    network = drawn(SPECS["wavelength with target"])
    x, day, valid = example_inputs(dates(3, target=1))
    with torch.no_grad():
        scores, others, swapped = (
            network(x[:, order], day[:, order], valid[:, order]) for order in ([0, 1, 2], [2, 1, 0], [1, 0, 2])
        )
    assert torch.allclose(scores, others, atol=1e-5)
    assert (scores - swapped).abs().max() > 1e-3


def test_weights_of_bands_are_made_once_for_a_map_and_again_in_training() -> None:
    network = drawn(spec_of("wavelength", given=SENTINEL))
    x = torch.randn(1, 6, 32, 32)
    made = network.finished()
    before = outputs(made, x)
    assert torch.allclose(before, outputs(network, x), atol=1e-6)
    with torch.no_grad():
        network.encoder.kernel.weight.normal_()
    assert torch.equal(outputs(made, x), before)
    assert (outputs(network, x) - before).abs().max() > 1e-3


def described(**fields: Any) -> list[float]:
    return description(BandInput(**{"name": "x", **fields}), SENTINEL)


def test_a_band_is_described_by_wavelength_not_by_name() -> None:
    assert described(name="B04", wavelength=0.66) == described(name="SR_B4", wavelength=0.66)
    assert described(name="B04", wavelength=0.66) != described(name="B04", wavelength=0.705)
    assert described(name="red", common_name="red") == described(name="B04", wavelength=0.66)


def test_bands_without_wavelength_are_told_apart_by_kind_and_name() -> None:
    radar = [described(name=n, wavelength=55_466.0, unit="dB") for n in ("VV", "VH")]
    others = [described(name=n, unit=u) for n, u in (("elevation", "m"), ("bio1", "K"), ("bio12", "mm"))]
    assert len({tuple(d) for d in (*radar, *others)}) == 5
    assert described(name="vv", wavelength=55_466.0, unit="gamma0") == radar[0]


# --- the perceptron


def test_a_row_is_a_window_of_one_pixel() -> None:
    spec = spec_of("mlp", categories="B08:4", depth=2)
    network = drawn(spec)
    x = torch.randn(1, 2, 32, 32)
    rows = x.permute(0, 2, 3, 1).reshape(-1, 2, 1, 1)
    with torch.no_grad():
        drawn_map, table = network(x), network(rows)
    assert torch.allclose(drawn_map.permute(0, 2, 3, 1).reshape(-1, 3), table[:, :, 0, 0], atol=1e-5)


def coded(codes: list[float]) -> Tensor:
    bands = (BANDS[0], BandInput(name="soil", mean=2.0, std=3.0))
    given = InputSpec(bands=bands, unit="1", gsd=10, window=32, stride=32)
    network = drawn(spec_of("mlp", given=given, categories="soil:4"))
    physical = torch.tensor(codes).view(-1, 1, 1, 1)
    return outputs(network, torch.cat([torch.zeros_like(physical), (physical - 2) / 3], dim=1))[:, :, 0, 0]


def test_each_code_has_a_vector_of_its_own() -> None:
    found = coded([0, 1, 2, 3])
    assert min(float((found[a] - found[b]).abs().max()) for a in range(4) for b in range(a)) > 1e-3


def test_codes_that_are_unknown_are_one() -> None:
    found = coded([-1, 4, 77, float("nan"), 1])
    assert all(torch.allclose(found[0], row, atol=1e-6) for row in found[1:4])
    assert (found[0] - found[4]).abs().max() > 1e-3


def test_rows_do_not_depend_on_each_other() -> None:
    network = drawn(spec_of("mlp", dropout=0)).train()
    x = torch.randn(6, 2, 1, 1)
    with torch.no_grad():
        features = network.encoder(x.unsqueeze(1)).pyramid[0]
        alone = network.encoder(x[:1].unsqueeze(1)).pyramid[0]
    assert torch.allclose(features[:1], alone, atol=1e-6)


def test_a_spec_without_numbers_takes_codes_alone() -> None:
    given = InputSpec(bands=(BandInput(name="soil"),), unit="1", gsd=10, window=8, stride=8)
    spec: ModelSpec = spec_of("mlp", given=given, categories="soil:4")
    assert outputs(drawn(spec), torch.ones(1, 1, 8, 8)).shape == (1, 3, 8, 8)


# --- what training on several workers asks for

WHOLE = {
    f"{name} of whole windows": spec_of(
        name, "classification", given=placed() if location is not None else None, location=location
    )
    for name, location in (("convnext", None), ("wavelength", None), ("mlp", None), ("unet", {}), ("convnext", {}))
}


@pytest.mark.parametrize("spec", [*SPECS.values(), *WHOLE.values()], ids=[*SPECS, *WHOLE])
def test_every_weight_has_a_part_in_the_scores(spec: ModelSpec) -> None:
    network = Network.build(spec).train()
    network(*example_inputs(spec.input, batch=2)).sum().backward()
    assert [name for name, p in network.named_parameters() if p.grad is None] == []


@pytest.mark.parametrize("name", SPECS)
def test_half_precision_gives_nearly_the_same(name: str) -> None:
    spec = SPECS[name]
    network, inputs = drawn(spec).finished(), example_inputs(spec.input, batch=2)
    with torch.no_grad():
        whole = network(*inputs)
        with torch.autocast("cpu", torch.bfloat16):
            half = network(*inputs).float()
    assert torch.isfinite(half).all()
    assert (half - whole).abs().mean() < 0.05 * whole.abs().mean() + 0.02
