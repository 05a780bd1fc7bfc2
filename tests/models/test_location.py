"""What the place tells: harmonics held to scipy, the lattice to each pixel, and the network to what it sees."""

from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import sph_harm_y
from torch import Tensor

from models.network_specs import SPECS, drawn, placed, spec_of
from models.specs import dates, input_spec
from swath.errors import ModelError
from swath.models.features import Features
from swath.models.location import Harmonics, spherical_harmonics
from swath.models.network import Network, example_inputs
from swath.models.spec import InputSpec, ModelSpec


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def column(values: Any, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.as_tensor(np.asarray(values), dtype=dtype).view(1, 1, -1, 1)


@pytest.mark.parametrize(
    ("degree", "dtype", "off"),
    [(1, torch.float64, 1e-14), (10, torch.float32, 5e-6), (40, torch.float64, 1e-12), (64, torch.float32, 3e-4)],
)
def test_harmonics_are_those_of_scipy(degree: int, dtype: torch.dtype, off: float) -> None:
    random = np.random.default_rng(0)
    longitude = np.concatenate([random.uniform(-180, 180, 50), [0, 180, -180, 90]])
    latitude = np.concatenate([np.degrees(np.arcsin(random.uniform(-1, 1, 50))), [90, -90, 0, 45]])
    found = spherical_harmonics(column(longitude, dtype), column(latitude, dtype), degree)[0, :, :, 0].numpy()
    theta, phi = np.radians(90 - latitude), np.radians(longitude)
    cosines, sines = [], []
    for n in range(degree + 1):
        for m in range(n + 1):
            value = sph_harm_y(n, m, theta, phi) * (-1) ** m  # scipy has the phase of Condon and Shortley
            cosines.append(value.real * (np.sqrt(2) if m else 1))
            sines += [value.imag * np.sqrt(2)] if m else []
    np.testing.assert_allclose(found, [*cosines, *sines], atol=off)


def test_harmonics_are_the_same_on_both_sides_of_the_date_line() -> None:
    a, b = (spherical_harmonics(column([x]), column([-17.0]), 10) for x in (180.0, -180.0))
    assert torch.allclose(a, b, atol=1e-12)


def at(longitude: float, latitude: float, *, size: int = 32, steps: int = 1, gsd: float = 10) -> Tensor:
    """(1, T, 2, size, size): degrees of pixels north up."""
    step = gsd / 111_320
    x = longitude + np.arange(size) * step / np.cos(np.radians(latitude))
    x = (x + 180) % 360 - 180
    y = latitude - np.arange(size) * step
    grid = np.stack(np.broadcast_arrays(x[None, :], y[:, None])).astype(np.float32)
    return torch.from_numpy(grid).expand(1, steps, 2, size, size).clone()


def part(spec: ModelSpec) -> Harmonics:
    found = drawn(spec).location
    assert found is not None
    return found


def added(location: Harmonics, place: Tensor, channels: tuple[int, ...]) -> Features:
    """What a place adds to features of nothing."""
    n, size = len(place), place.shape[-1]
    nothing = Features(
        [torch.zeros(n, c, size >> level, size >> level) for level, c in enumerate(channels)],
        torch.zeros(n, channels[-1]),
    )
    with torch.no_grad():
        return location(nothing, place)


CHANNELS = (8, 16, 32)


@pytest.mark.parametrize(("longitude", "latitude"), [(20.0, 48.0), (179.999, -17.0), (-60.0, 79.9)])
@pytest.mark.parametrize("degree", [10, 40])
def test_the_lattice_gives_what_each_pixel_would(longitude: float, latitude: float, degree: int) -> None:
    location = part(spec_of("unet", given=placed(), location={"degree": degree}))
    with torch.no_grad():
        location.sines[0].weight.mul_(5)  # livelier than a fresh one
    place = at(longitude, latitude)
    assert location.step == 4
    coarse = added(location, place, CHANNELS)
    location.step = 1
    fine = added(location, place, CHANNELS)
    for a, b in zip((*coarse.pyramid, coarse.vector), (*fine.pyramid, fine.vector), strict=True):
        assert (a - b).abs().max() < 1e-4 * max(1, float(b.abs().max()))
        assert b.abs().max() > 1e-2


@pytest.mark.parametrize(
    ("gsd", "settings", "step"),
    [(10, {}, 4), (100, {}, 4), (200, {}, 2), (1000, {}, 1), (10, {"degree": 64, "frequency": 1000.0}, 1)],
)
def test_cells_are_as_large_as_is_exact_and_no_larger_than_the_coarsest_pixel(
    gsd: float, settings: dict[str, Any], step: int
) -> None:
    assert part(spec_of("unet", given=placed(gsd=gsd), location=settings)).step == step


def test_a_network_of_single_pixels_computes_each() -> None:
    assert part(SPECS["place by pixel"]).step == 1


def test_far_places_are_told_apart_and_near_ones_are_alike() -> None:
    location = part(spec_of("unet", given=placed(), location={}))
    here, near, far = (added(location, at(*p), CHANNELS).vector for p in ((20, 48), (20.01, 48), (60, -20)))
    assert (here - near).abs().max() < 0.02 * (here - far).abs().max()


def test_a_fresh_location_says_nothing_and_learns() -> None:
    torch.manual_seed(0)
    network = Network.build(spec_of("unet", given=placed(), location={})).train()
    plain = Network.build(spec_of("unet")).train()
    plain.load({name: w for name, w in network.state_dict().items() if not name.startswith("location.")})
    x = torch.cat([torch.randn(2, 1, 32, 32), at(20, 48)[0].expand(2, 2, 32, 32), torch.randn(2, 1, 32, 32)], dim=1)
    scores = network(x)
    assert torch.equal(scores, plain(x[:, [0, 3]]))
    scores.square().sum().backward()
    assert network.location is not None
    assert all(level.weight.grad.abs().max() > 0 for level in network.location.levels)


def test_a_head_of_whole_windows_is_told_the_place_too() -> None:
    spec = spec_of("unet", "classification", given=placed(), location={})
    network = drawn(spec)
    assert network.location is not None and len(network.location.levels) == 1
    x = example_inputs(spec.input)[0]
    results = []
    for longitude in (20.0, 120.0):
        x[:, 1:3] = at(longitude, 10)[:, 0]
        with torch.no_grad():
            results.append(network(x))
    assert (results[0] - results[1]).abs().max() > 1e-2


def test_the_encoder_does_not_see_the_place() -> None:
    network = Network.build(spec_of("unet", given=placed(), location={}))
    assert [band.name for band in network.encoder.spec.bands] == ["B04", "B08"]


def test_without_a_location_encoder_the_place_is_a_band() -> None:
    network = Network.build(spec_of("unet", given=placed()))
    assert len(network.encoder.spec.bands) == 4


def test_the_place_changes_the_scores() -> None:
    network, x = drawn(SPECS["place"]), example_inputs(placed())[0]
    results = []
    for longitude in (20.0, 120.0):
        x[:, 1:3] = at(longitude, 10)[:, 0]
        with torch.no_grad():
            results.append(network(x))
    assert (results[0] - results[1]).abs().max() > 1e-2


def test_windows_agree_wherever_they_begin() -> None:
    network = drawn(SPECS["place"])
    reach, multiple = network.reach or 0, network.multiple
    wide = torch.cat([torch.randn(1, 1, 96, 96), at(20, 48, size=96)[0], torch.randn(1, 1, 96, 96)], dim=1)
    top, left, size = multiple, 3 * multiple, 64
    with torch.no_grad():
        whole, cut = network(wide), network(wide[..., top : top + size, left : left + size])
    inner = slice(reach, size - reach)
    a = whole[..., top : top + size, left : left + size]
    assert (a - cut)[..., inner, inner].abs().max() < 1e-5


def test_the_place_may_be_missing_at_dates_and_pixels() -> None:
    location = part(SPECS["place of dates"])
    place = at(20, 48, steps=2)
    wanted = added(location, place, CHANNELS)
    place[:, 0] = 0  # the fill: the second date has the place
    place[:, 1, :, 5:9, 5:9] = 0  # some corners of cells lack it on both
    found = added(location, place, CHANNELS)
    scale = float(wanted.pyramid[0].abs().max())
    assert (found.pyramid[0] - wanted.pyramid[0]).abs().max() < 1e-2 * scale
    nowhere = added(location, torch.zeros_like(place), CHANNELS)
    assert all(not level.any() for level in nowhere.pyramid)


def test_normalised_degrees_are_turned_back() -> None:
    given = placed()
    scaled = [b.model_copy(update={"mean": 7.0, "std": 3.0}) if b.input else b for b in given.bands]
    one = part(spec_of("unet", given=given, location={}))
    other = part(spec_of("unet", given=given.model_copy(update={"bands": tuple(scaled)}), location={}))
    other.load_state_dict(one.state_dict())
    place = at(20, 48)
    a, b = added(one, place, CHANNELS), added(other, (place - 7) / 3, CHANNELS)
    assert torch.allclose(a.vector, b.vector, atol=1e-4)


def test_half_precision_leaves_the_place_as_it_is() -> None:
    location = part(spec_of("unet", given=placed(), location={}))
    place = at(20, 48)
    whole = added(location, place, CHANNELS)
    with torch.autocast("cpu", torch.bfloat16):
        half = added(location, place, CHANNELS)
    assert torch.equal(whole.pyramid[0], half.pyramid[0])


def only(spec: InputSpec, *inputs: str | None) -> InputSpec:
    return spec.model_copy(update={"bands": tuple(b for b in spec.bands if b.input in inputs)})


@pytest.mark.parametrize(
    ("given", "settings", "message"),
    [
        (input_spec(), {}, r"does not take longitude and latitude\. Add both as bands of the input location"),
        (only(placed(), "location"), {}, "and no other band"),
        (placed(), {"degree": 0}, "Setting degree of a network is 0"),
        (placed(), {"degree": 65}, "Setting degree of a network is 65"),
        (placed(), {"frequency": "a"}, "Setting frequency"),
        (placed(), {"depht": 2}, r"harmonics has no setting 'depht'\. Settings: degree, width, depth, frequency"),
    ],
)
def test_a_location_that_does_not_fit_is_refused(given: InputSpec, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        Network.build(spec_of("unet", given=given, location=settings))


def test_one_of_two_coordinates_is_refused() -> None:
    given = placed()
    given = given.model_copy(update={"bands": (given.bands[0], given.bands[1])})
    with pytest.raises(ModelError, match="does not take longitude and latitude"):
        Network.build(spec_of("unet", given=given, location={}))


def test_an_unknown_location_encoder_is_refused_with_the_choices() -> None:
    spec = spec_of("unet", given=placed(), location={})
    assert spec.network is not None and spec.network.location is not None
    wrong = spec.network.model_copy(update={"location": spec.network.location.model_copy(update={"name": "grid"})})
    with pytest.raises(ModelError, match=r"no location encoder 'grid'\. Choices: harmonics"):
        Network.build(spec.model_copy(update={"network": wrong}))


def test_dates_and_place_go_together() -> None:
    spec = SPECS["place of dates"]
    network = drawn(spec)
    x, day, valid = example_inputs(spec.input)
    assert len(spec.input.bands) == 4 and dates().steps == 3
    with torch.no_grad():
        assert network(x, day, valid).shape == (1, 3, 32, 32)
