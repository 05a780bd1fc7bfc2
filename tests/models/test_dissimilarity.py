"""The dissimilarity index of a cube's pixels, and the part of a package that it comes from."""

import json

import numpy as np
import pytest
from pydantic import ValidationError

from models.specs import input_spec, model_spec
from support.tiny_models import write_onnx
from swath.cube import LayerFacts
from swath.cube.lattice import Window
from swath.errors import ModelError
from swath.models import Package, Provenance
from swath.models.applicability import ARRAYS, DIMENSIONS, Applicability
from swath.models.cubes import ModelCube
from swath.models.dissimilarity import Dissimilarity, features_of, projected

FACTS = LayerFacts("uint16", 0, 0.0001, -0.1, "1", "reflectance")


def applicability(**given) -> Applicability:
    told = {
        "bands": (0, 1), "spread": False, "weights": (1.0, 1.0), "components": 0, "variance": 1.0,
        "mean_distance": 2.0, "threshold": 0.5, "pixels": 3, "folds": 2, "points": 2, "agreement": 1.0,
    }  # fmt: skip
    return Applicability(**{**told, **given})


def of_two_points(**given) -> Dissimilarity:
    points = np.zeros((2, DIMENSIONS), np.float32)
    points[1, 0] = 4
    shift, factor, axes = np.zeros(2, np.float32), np.ones(2, np.float32), np.empty((2, 0), np.float32)
    return Dissimilarity(applicability(**given), shift, factor, axes, points)


def test_features_are_mean_and_spread_over_the_steps_with_data():
    x = np.array([1.0, 5.0, 9.0, 20.0], np.float32).reshape(4, 1, 1, 1)
    valid = np.array([1, 1, 0, 0], np.uint8).reshape(4, 1, 1)
    np.testing.assert_allclose(features_of(x, valid, (0,), spread=True)[:, 0, 0], [3.0, 2.0])
    assert np.isnan(features_of(x, valid * 0, (0,), spread=True)).all()


def test_numbers_of_steps_without_data_do_not_count_even_where_they_are_none():
    x = np.array([2.0, np.nan], np.float32).reshape(2, 1, 1, 1)
    valid = np.array([1, 0], np.uint8).reshape(2, 1, 1)
    assert features_of(x, valid, (0,), spread=False)[0, 0, 0] == 2.0


def test_components_and_what_they_leave_keep_lengths_and_never_lengthen_distances():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(12, 200)).astype(np.float32)
    axes = np.linalg.qr(rng.normal(size=(12, 7)))[0].astype(np.float32)
    shift, factor = np.zeros(12, np.float32), np.ones(12, np.float32)
    made = projected(features, shift, factor, axes)
    np.testing.assert_allclose(np.linalg.norm(made, axis=0), np.linalg.norm(features, axis=0), rtol=1e-4)
    whole = np.linalg.norm(features[:, :100] - features[:, 100:], axis=0)
    short = np.linalg.norm(made[:, :100] - made[:, 100:], axis=0)
    assert (short <= whole * (1 + 1e-5)).all()


def test_the_index_is_the_distance_to_the_nearest_point_over_the_mean_distance():
    x = np.array([[0, 3, 4, 7], [0, 0, 2, 4]], np.float32).reshape(1, 2, 1, 4)
    valid = np.array([[[1, 1, 1, 0]]], np.uint8)
    np.testing.assert_allclose(of_two_points().of_input(x, valid)[0], [0, 0.5, 1.0, np.nan])


def cube(rows=70, cols=50, steps=2, seed=0) -> ModelCube:
    rng = np.random.default_rng(seed)
    numbers = rng.integers(1, 6000, (steps, 2, rows, cols)).astype(np.uint16)
    numbers[:, :, 10:14, 20:30] = 0
    layers = tuple(tuple(step) for step in numbers)
    return ModelCube(layers, (FACTS, FACTS), np.ones(steps, np.float32), (0, 0))


def test_a_part_of_a_cube_gets_the_same_bytes_as_the_whole_on_any_number_of_threads():
    spec, given, made = input_spec(steps=2, layout="NTCHW"), cube(), of_two_points()
    whole = made.of_cube(given, Window(0, 70, 0, 50), spec)
    part = made.of_cube(given, Window(7, 60, 5, 41), spec, threads=2)
    np.testing.assert_array_equal(part, whole[7:60, 5:41])
    assert np.isnan(whole[10:14, 20:30]).all()
    assert np.isfinite(whole).mean() > 0.95


def test_strips_get_the_index_as_a_last_channel_without_data_where_they_have_none():
    spec, given, made = input_spec(steps=2, layout="NTCHW"), cube(), of_two_points()
    inner = Window(4, 44, 6, 46)
    strips = np.zeros((3, 40, 40), np.float32)
    strips[:, 20, 20] = np.nan
    parts = list(made.beside([(0, strips[:, :16]), (16, strips[:, 16:])], given, inner, spec))
    assert [row for row, _ in parts] == [0, 16]
    found = np.concatenate([part for _, part in parts], axis=1)
    assert np.isnan(found[3, 20, 20])
    wanted = made.of_cube(given, inner, spec)
    wanted[20, 20] = np.nan
    np.testing.assert_array_equal(found[3], wanted)


def written(folder, made: Dissimilarity | None) -> Package:
    spec = model_spec(input_spec(window=32)).model_copy(update={"network": None})
    onnx = write_onnx(folder / "model.onnx", spec)
    extras = {} if made is None else {ARRAYS: made.to_bytes()}
    told = spec if made is None else spec.model_copy(update={"applicability": made.told})
    licence = Provenance(licence="CC0-1.0")
    return Package.write(folder / "package", told, provenance=licence, onnx=onnx, extras=extras)


@pytest.fixture
def package(tmp_path):
    return written(tmp_path, of_two_points())


def test_a_package_gives_back_what_was_written(package):
    found, wanted = Dissimilarity.open(Package.open(package.folder)), of_two_points()
    assert found.told == wanted.told
    for name in ("shift", "factor", "axes", "points"):
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name))


def test_its_digest_depends_on_the_points_and_its_file_is_no_model(package, tmp_path):
    made = of_two_points()
    made.points[1, 0] = 5
    (tmp_path / "other").mkdir()
    assert written(tmp_path / "other", made).digest != package.digest
    asset = json.loads((package.folder / "model.json").read_text())["assets"][ARRAYS]
    assert asset["roles"] == ["metadata"]


def test_a_package_that_does_not_know_is_refused(tmp_path):
    with pytest.raises(ModelError, match="does not know where it is applicable"):
        Dissimilarity.open(written(tmp_path, None))


def test_a_card_without_its_arrays_is_refused(tmp_path):
    spec = model_spec(input_spec(window=32)).model_copy(update={"network": None, "applicability": applicability()})
    onnx = write_onnx(tmp_path / "model.onnx", spec)
    with pytest.raises(ModelError, match=r"has no applicability\.safetensors"):
        Package.write(tmp_path / "package", spec, provenance=Provenance(licence="CC0-1.0"), onnx=onnx)


def test_arrays_of_other_shapes_than_the_card_tells_are_refused(tmp_path):
    package = written(tmp_path, of_two_points(points=3))
    with pytest.raises(ModelError, match="its card tells of"):
        Dissimilarity.open(package)


def test_more_features_than_numbers_of_a_pixel_need_components():
    with pytest.raises(ValidationError, match="10 features need components"):
        applicability(bands=(0, 1, 2, 3, 4), weights=(1.0,) * 5, spread=True)
