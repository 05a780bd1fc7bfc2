from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.tiny_models import REFLECTANCE, TinyPackage, model_spec, tiny_package, write_onnx
from swath.cube.lattice import Window
from swath.errors import ModelError
from swath.models.backends import make_backend
from swath.models.cubes import ModelCube
from swath.models.normalise import Normaliser
from swath.models.predictor import Predictor
from swath.models.spec import ClassesOutput, ValuesOutput
from swath.models.windows import WindowLattice, seam_step

RNG = np.random.default_rng(5)
#: A scene of the whole region that tiles are cut from; its pixel [0, 0] lies at this row and column of the lattice.
ORIGIN = (-64, 128)
SCENE = RNG.integers(1000, 6000, (2, 160, 192)).astype(np.uint16)


def cube_of(numbers, origin, *, steps=1, days=None, facts=REFLECTANCE):
    numbers = numbers if numbers.ndim == 4 else numbers[None]
    layers = tuple(tuple(np.ascontiguousarray(band) for band in step) for step in numbers)
    days = np.arange(1, len(layers) + 1, dtype=np.float32) * 30 if days is None else days
    return ModelCube(layers, (facts,) * numbers.shape[1], days, origin)


def tile_of(predictor, rows: slice, cols: slice, numbers=SCENE):
    """The tile's result, from a cube with just the halo that the predictor asks for."""
    origin = ORIGIN[0] + rows.start, ORIGIN[1] + cols.start
    shape = rows.stop - rows.start, cols.stop - cols.start
    halo = predictor.halo(origin, shape)
    top, left = max(0, rows.start - halo), max(0, cols.start - halo)
    cut = numbers[..., top : rows.stop + halo, left : cols.stop + halo]
    cube = cube_of(cut, (ORIGIN[0] + top, ORIGIN[1] + left))
    inner = Window(rows.start - top, rows.stop - top, cols.start - left, cols.stop - left)
    return predictor.predict(cube, inner)


def softmax(scores):
    scores = np.exp(scores - scores.max(axis=0))
    return scores / scores.sum(axis=0)


def whole_image(folder, spec, kind, numbers=SCENE):
    """The same weights over the whole scene at once, in plain numpy around a bare session."""
    import onnxruntime

    path = write_onnx(folder / "whole.onnx", spec, kind=kind, shape=numbers.shape[-2:])
    x, _ = Normaliser.of(spec.input, [REFLECTANCE] * 2).chips(numbers[None, None])
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return softmax(session.run(None, {"x": x[:, 0]})[0][0])


@pytest.fixture(scope="module", params=["conv", "pool"])
def touching(request, tmp_path_factory):
    """A predictor whose windows touch, and what a run over the whole image gives."""
    folder = tmp_path_factory.mktemp(request.param)
    spec = model_spec(window=32, stride=16, margin=8)
    package = tiny_package(folder, spec, kind=request.param)
    return Predictor(package, threads=1), whole_image(folder, spec, request.param)


@settings(max_examples=25, deadline=None)
@given(st.integers(8, 140), st.integers(8, 170), st.integers(1, 60), st.integers(1, 60))
def test_the_interior_of_any_tile_equals_a_run_over_the_whole_image(touching, top, left, height, width):
    predictor, whole = touching
    rows, cols = slice(top, min(152, top + height)), slice(left, min(184, left + width))
    made = tile_of(predictor, rows, cols)
    np.testing.assert_allclose(made, whole[:, rows, cols], atol=1e-5)


@pytest.mark.parametrize("stride", [8, 12, 28, 30])
def test_windows_that_overlap_equal_the_whole_image_too(tmp_path, stride):
    spec = model_spec(window=32, stride=stride, margin=0 if stride == 30 else 2)
    spec = spec.model_copy(update={"input": spec.input.model_copy(update={"margin": 2})}) if stride < 30 else spec
    predictor = Predictor(tiny_package(tmp_path, spec), threads=1)
    whole = whole_image(tmp_path, spec, "conv")
    made = tile_of(predictor, slice(40, 121), slice(50, 130))
    tolerance = 1e-5 if spec.input.margin else 1.0
    np.testing.assert_allclose(made, whole[:, 40:121, 50:130], atol=tolerance)


@pytest.fixture(scope="module", params=[(32, 16, 8), (32, 24, 0), (32, 16, 2), (32, 10, 1)], ids=str)
def any_windows(request, tmp_path_factory):
    window, stride, margin = request.param
    spec = model_spec(window=window, stride=stride, margin=margin)
    return Predictor(tiny_package(tmp_path_factory.mktemp("any"), spec, kind="pool"), threads=1)


def test_neighbouring_tiles_agree_where_they_overlap(any_windows):
    left = tile_of(any_windows, slice(40, 90), slice(40, 100))
    right = tile_of(any_windows, slice(50, 110), slice(80, 140))
    np.testing.assert_allclose(left[:, 10:, 40:], right[:, :40, :20], atol=1e-4)


def test_a_mosaic_of_tiles_equals_one_large_tile(any_windows):
    whole = tile_of(any_windows, slice(32, 128), slice(32, 160))
    made = np.empty_like(whole)
    for top in range(0, 96, 32):
        for left in range(0, 128, 32):
            rows, cols = slice(32 + top, 64 + top), slice(32 + left, 64 + left)
            made[:, top : top + 32, left : left + 32] = tile_of(any_windows, rows, cols)
    np.testing.assert_allclose(made, whole, atol=1e-6)


def test_probabilities_sum_to_one_everywhere(any_windows):
    np.testing.assert_allclose(tile_of(any_windows, slice(0, 160), slice(0, 192)).sum(axis=0), 1, atol=1e-5)


def test_a_constant_network_gives_its_constant_however_windows_overlap(tmp_path):
    output = ValuesOutput(values=({"name": "agb", "unit": "Mg/ha", "scale": 10, "offset": -4},))
    for number, (window, stride, margin) in enumerate([(32, 16, 8), (32, 16, 3), (32, 6, 0), (32, 32, 0)]):
        spec = model_spec(window=window, stride=stride, margin=margin, output=output)
        predictor = Predictor(tiny_package(tmp_path / str(number), spec, kind="constant"), threads=1)
        np.testing.assert_allclose(tile_of(predictor, slice(3, 151), slice(7, 190)), 6, atol=1e-5)


def test_the_seam_of_a_global_network_is_measured_and_blending_lowers_it(tmp_path):
    smooth = np.broadcast_to(np.linspace(1000, 9000, 192).astype(np.uint16), (2, 160, 192))
    steps = {}
    for name, stride, margin in (("touching", 16, 8), ("blended", 8, 4)):
        spec = model_spec(window=32, stride=stride, margin=margin, is_global=True)
        predictor = Predictor(tiny_package(tmp_path / name, spec, kind="global"), threads=1)
        made = tile_of(predictor, slice(48, 112), slice(48, 144), smooth)
        steps[name] = seam_step(made, (ORIGIN[0] + 48, ORIGIN[1] + 48), WindowLattice.of(spec.input))
    assert steps["touching"] > 0.004
    assert steps["blended"] < steps["touching"] / 4


def test_threads_and_batches_do_not_change_the_result(tmp_path):
    spec = model_spec()
    one = Predictor(tiny_package(tmp_path / "one", spec), threads=1)
    three = Predictor(tiny_package(tmp_path / "three", spec, batch=3), threads=2)
    rows, cols = slice(20, 140), slice(10, 180)
    np.testing.assert_allclose(tile_of(three, rows, cols), tile_of(one, rows, cols), atol=1e-6)


def test_an_input_beyond_the_cube_counts_as_no_data(tmp_path):
    predictor = Predictor(tiny_package(tmp_path, model_spec()), threads=1)
    padded = np.zeros((2, 160, 192), np.uint16)
    padded[:, 20:120, 30:150] = SCENE[:, 20:120, 30:150]
    inner = Window(0, 100, 0, 120)
    alone = predictor.predict(cube_of(SCENE[:, 20:120, 30:150], (ORIGIN[0] + 20, ORIGIN[1] + 30)), inner)
    within = predictor.predict(cube_of(padded, ORIGIN), inner.moved(20, 30))
    np.testing.assert_array_equal(alone, within)


def test_no_data_in_is_no_data_out_and_nothing_else_is(tmp_path):
    numbers = SCENE.copy()
    gap = np.random.default_rng(2).random((160, 192)) < 0.3
    numbers[0][gap] = 0
    numbers[1, 100:130, 20:70] = 0
    gap[100:130, 20:70] = True
    made = tile_of(Predictor(tiny_package(tmp_path, model_spec()), threads=1), slice(0, 160), slice(0, 192), numbers)
    np.testing.assert_array_equal(np.isnan(made), np.broadcast_to(gap, made.shape))


def test_a_pixel_with_data_in_one_of_many_steps_is_predicted(tmp_path):
    spec = model_spec(steps=3, layout="NTCHW", day_of_year=True, valid=True)
    numbers = np.zeros((3, 2, 64, 64), np.uint16)
    numbers[1, :, 10:20, 10:20] = 3000
    numbers[2, :, 15:30, 15:30] = 2000
    numbers[0, 0, 40:50] = 3000  # one band of two: no data
    made = Predictor(tiny_package(tmp_path, spec), threads=1).predict(cube_of(numbers, (0, 0)), Window(0, 64, 0, 64))
    there = (numbers > 0).all(axis=1).any(axis=0)
    assert there.any()
    np.testing.assert_array_equal(~np.isnan(made), np.broadcast_to(there, made.shape))


def test_days_and_valid_pixels_reach_the_network(tmp_path):
    spec = model_spec(steps=2, layout="NTCHW", day_of_year=True, valid=True, fill=0.5)
    predictor = Predictor(tiny_package(tmp_path, spec), threads=1)
    numbers = np.stack([SCENE[:, :64, :64], SCENE[:, :64, 64:128]])
    inner = Window(0, 64, 0, 64)
    early = predictor.predict(cube_of(numbers, (0, 0), days=np.float32([10, 20])), inner)
    late = predictor.predict(cube_of(numbers, (0, 0), days=np.float32([10, 320])), inner)
    assert np.abs(early - late).max() > 0.01
    numbers[1] = 0  # the graph multiplies by valid: neither the fill nor the day of the second step may tell
    one = predictor.predict(cube_of(numbers, (0, 0), days=np.float32([10, 20])), inner)
    other = predictor.predict(cube_of(numbers, (0, 0), days=np.float32([10, 320])), inner)
    np.testing.assert_array_equal(one, other)


def test_windows_without_data_are_not_run(tmp_path, monkeypatch):
    predictor = Predictor(tiny_package(tmp_path, model_spec()), threads=1)
    ran = []
    start = predictor._backend.start
    monkeypatch.setattr(predictor._backend, "start", lambda inputs: ran.append(1) or start(inputs))
    numbers = np.zeros((2, 96, 96), np.uint16)
    made = predictor.predict(cube_of(numbers, (0, 0)), Window(0, 96, 0, 96))
    assert not ran and np.isnan(made).all()
    numbers[:, 16, 16] = 3000
    predictor.predict(cube_of(numbers, (0, 0)), Window(0, 96, 0, 96))
    assert len(ran) == 1


@pytest.mark.parametrize("activation", ["softmax", "sigmoid", "none"])
def test_activations_equal_plain_numpy(tmp_path, activation):
    plain = {"softmax": softmax, "sigmoid": lambda s: 1 / (1 + np.exp(-s)), "none": lambda s: s}[activation]
    output = ClassesOutput(classes=tuple("abcde"), activation=activation)
    spec = model_spec(output=output, window=64, stride=64, margin=0)
    package = tiny_package(tmp_path, spec)
    backend = make_backend(package, backend="onnx")
    inputs = backend.empty()
    numbers = (SCENE[:, :64, :64] * 9.0).clip(1, 60_000).astype(np.uint16)  # scores far from zero
    inputs["x"][:] = Normaliser.of(spec.input, [REFLECTANCE] * 2).chips(numbers[None, None])[0][:, 0]
    want = plain(backend.start(inputs)()[0].astype(np.float64))
    made = Predictor(package, threads=1).predict(cube_of(numbers, (0, 0)), Window(0, 64, 0, 64))
    np.testing.assert_allclose(made, want, rtol=2e-6, atol=2e-7)


def test_values_are_scaled_after_blending_and_kept_within_their_range(tmp_path):
    first = {"name": "agb", "unit": "Mg/ha", "scale": 100, "offset": 50, "low": 0, "high": 90}
    output = ValuesOutput(values=(first, {"name": "height", "unit": "m"}))
    plain = ValuesOutput(values=({"name": "agb", "unit": "1"}, {"name": "height", "unit": "m"}))
    rows, cols = slice(20, 100), slice(20, 100)
    given = {"window": 32, "stride": 20, "margin": 2}
    made = tile_of(Predictor(tiny_package(tmp_path / "a", model_spec(output=output, **given)), threads=1), rows, cols)
    bare = tile_of(Predictor(tiny_package(tmp_path / "b", model_spec(output=plain, **given)), threads=1), rows, cols)
    assert (made[0] == 0).any() and (made[0] == 90).any()
    np.testing.assert_allclose(made[0], np.clip(bare[0] * 100 + 50, 0, 90), atol=1e-3)
    np.testing.assert_array_equal(made[1], bare[1])


def test_channels_last_in_and_out_give_the_same(tmp_path):
    last = ClassesOutput(classes=("a", "b", "c"), order="NHWC")
    first = Predictor(tiny_package(tmp_path / "first", model_spec()), threads=1)
    turned = Predictor(tiny_package(tmp_path / "last", model_spec(output=last, layout="NHWC")), threads=1)
    rows, cols = slice(10, 60), slice(10, 60)
    np.testing.assert_allclose(tile_of(turned, rows, cols), tile_of(first, rows, cols), atol=1e-6)


def test_nan_from_the_network_where_there_is_data_is_an_error(tmp_path):
    spec = model_spec()
    predictor = Predictor(tiny_package(tmp_path, spec, kind="log"), threads=1)  # of values below the mean: NaN
    bright = np.full((2, 64, 64), 9000, np.uint16)
    made = predictor.predict(cube_of(bright, (0, 0)), Window(0, 64, 0, 64))
    assert np.isfinite(made).all()
    bright[:, 20, 21] = 1100
    with pytest.raises(ModelError, match=r"tiny: the network gives NaN or infinity at 1 pixels .* row 8, column 8 of"):
        predictor.predict(cube_of(bright, (0, 0)), Window(0, 64, 0, 64))


def test_nan_from_the_network_where_there_is_no_data_does_not_matter(tmp_path):
    spec = model_spec(fill=-1.0)
    predictor = Predictor(tiny_package(tmp_path, spec, kind="log"), threads=1)
    numbers = np.full((2, 64, 64), 9000, np.uint16)
    numbers[:, 20:30, 21] = 0
    made = predictor.predict(cube_of(numbers, (0, 0)), Window(0, 64, 0, 64))
    np.testing.assert_array_equal(np.isnan(made[0]), numbers[0] == 0)


def test_memory_is_that_of_a_row_of_windows_whatever_the_height(tmp_path):
    classes = ClassesOutput(classes=tuple(f"c{k}" for k in range(64)), activation="none")
    spec = model_spec(window=64, stride=48, margin=8, output=classes, channels=1)
    predictor = Predictor(tiny_package(tmp_path, spec, kind="constant"), threads=1)
    peaks = []
    for height in (96, 768):
        cube = ModelCube(((np.full((height, 512), 3000, np.uint16),),), (REFLECTANCE,), np.float32([1]), (0, 0))
        for _ in predictor.strips(cube, Window(0, 96, 0, 512)):
            pass
        tracemalloc.start()
        for _, strip in predictor.strips(cube, Window(0, height, 0, 512)):
            assert strip.shape[1] <= 48
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.02 * peaks[0]
    assert peaks[1] <= predictor.nbytes(512) < 64 * 64 * 512 * 4 * 1.3 < 64 * 768 * 512 * 4 / 8


def test_strips_come_from_top_to_bottom_without_gaps(any_windows):
    inner = Window(3, 150, 5, 170)
    next_row = 0
    for row, strip in any_windows.strips(cube_of(SCENE, ORIGIN), inner):
        assert row == next_row and strip.shape[::2] == (3, 165)
        next_row += strip.shape[1]
    assert next_row == 147


def test_a_cube_of_other_steps_or_bands_is_refused(tmp_path):
    predictor = Predictor(tiny_package(tmp_path, model_spec()), threads=1)
    with pytest.raises(ModelError, match="takes 1 steps of 2 bands, and the cube has 2 steps of 1 bands"):
        predictor.predict(cube_of(np.ones((2, 1, 40, 40), np.uint16), (0, 0)), Window(0, 8, 0, 8))


def test_a_model_of_whole_windows_has_no_map(tmp_path):
    spec = model_spec().model_copy(update={"task": "classification"})
    with pytest.raises(ModelError, match="one answer a window"):
        Predictor(TinyPackage(tmp_path, spec))
