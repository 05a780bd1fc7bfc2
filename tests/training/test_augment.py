"""Changes of chips keep pixel and label together, and depend on seed and chip alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swath.models.spec import BandInput, InputSpec
from swath.training.augment import Change, inputs_of
from swath.training.config import NO_CHANGE, Augment

SPEC = InputSpec(
    bands=(BandInput(name="a", mean=0.2, std=0.1), BandInput(name="b", mean=0.5, std=0.3)),
    unit="1",
    gsd=10,
    window=8,
    stride=8,
    fill=-9,
)


def draw(seed, steps=3, bands=2, **settings):
    return Change.draw(Augment(**settings), steps=steps, bands=bands, seed=(0, seed))


@given(st.integers(0, 1000))
@settings(max_examples=50, deadline=None)
def test_an_image_and_its_labels_turn_together(seed):
    labels = np.arange(36).reshape(6, 6)
    image = np.stack([labels, labels * 10])[None]
    change = draw(seed)
    assert (change.lay(image)[0, 1] == change.lay(labels) * 10).all()
    assert sorted(change.lay(labels).ravel()) == list(range(36))


def test_all_eight_ways_to_lay_a_square_occur_with_flips_and_turns_four_with_turns_and_four_with_flips():
    square = np.arange(9).reshape(3, 3)
    for asked, ways in (({}, 8), ({"flips": False}, 4), ({"turns": False}, 4), ({"flips": False, "turns": False}, 1)):
        seen = {draw(seed, **asked).lay(square).tobytes() for seed in range(200)}
        assert len(seen) == ways


def test_the_same_seed_gives_the_same_change_and_another_epoch_another():
    one, same, other = (
        Change.draw(Augment(), steps=4, bands=3, seed=seed) for seed in [(1, 2, 3), (1, 2, 3), (1, 3, 3)]
    )
    assert (one.gain == same.gain).all() and one.turns == same.turns
    assert (one.gain != other.gain).any()


def test_one_date_and_one_band_always_stay():
    for seed in range(100):
        change = draw(seed, drop_dates=0.95, drop_bands=0.95)
        assert change.dates.any() and change.bands.any()


def test_the_date_that_is_mapped_always_stays():
    for seed in range(100):
        change = Change.draw(Augment(drop_dates=0.9), steps=5, bands=1, seed=(0, seed), target=2)
        assert change.dates[2]


def test_a_date_that_is_taken_away_is_filled_and_told_to_have_no_data():
    x, valid = np.ones((3, 2, 4, 4), np.float32), np.ones((3, 4, 4), np.float32)
    change = next(c for c in map(lambda s: draw(s, drop_dates=0.5, brightness=0), range(50)) if not c.dates.all())
    change.fade(x, valid, SPEC)
    assert (x[~change.dates] == SPEC.fill).all() and (valid[~change.dates] == 0).all()
    assert (x[change.dates] == 1).all() and (valid[change.dates] == 1).all()


def test_the_last_date_with_data_is_not_taken_away():
    x, valid = np.ones((2, 2, 4, 4), np.float32), np.zeros((2, 4, 4), np.float32)
    valid[0] = 1
    change = Change(False, 0, np.array([False, True]), np.array([True, True]), np.ones(2, np.float32))
    change.fade(x, valid, SPEC)
    assert (valid[0] == 1).all() and (x[0] == 1).all()


def test_brightness_multiplies_physical_values_and_leaves_no_data_alone():
    physical = np.full((1, 2, 4, 4), 0.4, np.float32)
    mean, std = (np.array([getattr(b, k) for b in SPEC.bands], np.float32)[:, None, None] for k in ("mean", "std"))
    x, valid = ((physical - mean) / std).astype(np.float32), np.ones((1, 4, 4), np.float32)
    x[..., 0, 0], valid[..., 0, 0] = SPEC.fill, 0
    Change(False, 0, np.ones(1, bool), np.ones(2, bool), np.array([1.1], np.float32)).fade(x, valid, SPEC)
    assert (x * std + mean)[0, :, 1:] == pytest.approx(0.44, rel=1e-5)
    assert (x[..., 0, 0] == SPEC.fill).all()


def several(*inputs, unit="1"):
    """A spec whose bands are of these inputs."""
    names = [["longitude", "latitude"][n % 2] if name == "location" else f"b{n}" for n, name in enumerate(inputs)]
    bands = tuple(BandInput(name=n, input=i, unit=unit, mean=0.2) for n, i in zip(names, inputs, strict=True))
    return InputSpec(bands=bands, unit="reflectance", gsd=10, window=8, stride=8)


def test_an_input_is_taken_away_with_all_its_bands_and_one_input_always_stays():
    places = inputs_of(several("optical", "optical", "radar", "radar", "dem"))
    assert places == ((0, 1), (2, 3), (4,))
    seen = set()
    for seed in range(300):
        change = Change.draw(Augment(drop_inputs=0.6), steps=1, bands=5, seed=(seed,), inputs=places)
        stays = [bool(change.bands[list(part)].all()) for part in places]
        assert [bool(change.bands[list(part)].any()) for part in places] == stays and any(stays)
        seen.add(tuple(stays))
    assert len(seen) == 7


def test_an_input_that_stays_keeps_a_band():
    for seed in range(300):
        change = Change.draw(
            Augment(drop_inputs=0.5, drop_bands=0.9), steps=1, bands=4, seed=(seed,), inputs=((0, 1), (2, 3))
        )
        assert change.bands.any()


def test_the_location_is_never_taken_away_with_its_input():
    assert inputs_of(several("optical", "location", "location")) == ((0,),)


def test_draws_without_dropping_inputs_are_those_of_before():
    plain, other = (Change.draw(Augment(), steps=3, bands=4, seed=(7,), inputs=i) for i in ((), ((0, 1), (2, 3))))
    assert (plain.bands == other.bands).all() and (plain.gain == other.gain).all() and plain.turns == other.turns


@pytest.mark.parametrize(("unit", "brighter"), [("reflectance", True), ("K", False), ("m", False), ("degree", False)])
def test_only_light_is_brightened(unit, brighter):
    spec = several("a", "b", unit=unit)
    x, valid = np.full((1, 2, 4, 4), 0.3, np.float32), np.ones((1, 4, 4), np.float32)
    Change(False, 0, np.ones(1, bool), np.ones(2, bool), np.array([1.1], np.float32)).fade(x, valid, spec)
    assert (x != np.float32(0.3)).all() == brighter


def test_beside_another_quantity_light_is_brightened_alone():
    bands = (BandInput(name="r", unit="reflectance", mean=0.1, std=0.2), BandInput(name="t", unit="K", mean=290, std=9))
    spec = InputSpec(bands=bands, unit="reflectance", gsd=10, window=8, stride=8)
    x, valid = np.full((1, 2, 4, 4), 0.5, np.float32), np.ones((1, 4, 4), np.float32)
    Change(False, 0, np.ones(1, bool), np.ones(2, bool), np.array([1.1], np.float32)).fade(x, valid, spec)
    assert (x[0, 0] * 0.2 + 0.1) == pytest.approx(0.22) and (x[0, 1] == 0.5).all()


def test_no_change_changes_nothing():
    x, valid = np.random.default_rng(0).normal(size=(3, 2, 4, 4)).astype(np.float32), np.ones((3, 4, 4), np.float32)
    for seed in range(20):
        change, before = Change.draw(NO_CHANGE, steps=3, bands=2, seed=(seed,)), x.copy()
        change.fade(x, valid, SPEC)
        assert (change.lay(x) == before).all()
