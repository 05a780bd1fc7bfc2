"""Two packages are compared on the same held-out labels."""

import dataclasses

import pytest

from swath.errors import ModelError
from swath.models.package import Package
from swath.models.provenance import Provenance
from swath.training.fit import fit
from swath.training.release import release
from swath.training.rivals import compare_packages
from training.toy import Toy, config

PROVENANCE = Provenance(licence="Apache-2.0", labels=("toy labels",))


@pytest.fixture(scope="module")
def toy():
    return Toy(12)


def packaged(toy, folder, **changes):
    fitted = fit(config(epochs=4, **changes), toy, folder / "fit", name="toy")
    return release(fitted, folder / "package", provenance=PROVENANCE, held_out={})


@pytest.fixture(scope="module")
def packages(toy, tmp_path_factory):
    good = packaged(toy, tmp_path_factory.mktemp("good"))
    return good, packaged(toy, tmp_path_factory.mktemp("poor"), optimiser={"lr": 1e-7})


def test_a_trained_package_is_above_one_that_learned_nothing(packages, toy):
    found = {one.measure: one for one in compare_packages(*packages, toy)}
    assert found["overall_accuracy"].first > found["overall_accuracy"].second + 0.1
    turned = {one.measure: one for one in compare_packages(*reversed(packages), toy)}
    assert turned["overall_accuracy"].difference == pytest.approx(-found["overall_accuracy"].difference)


def test_a_package_is_equal_to_itself(packages, toy):
    found = compare_packages(packages[0], packages[0], toy)
    assert found
    assert {(one.difference, one.verdict) for one in found} == {(0.0, "equal")}


def test_packages_of_other_outputs_are_not_compared(packages, toy):
    good, poor = packages
    output = poor.spec.output.model_copy(update={"classes": ("water", "tree", "rock")})
    other = dataclasses.replace(poor, spec=poor.spec.model_copy(update={"output": output}))
    with pytest.raises(ModelError, match="cannot stand for one another"):
        compare_packages(good, other, toy)


def test_a_package_without_weights_is_not_scored(packages, toy, tmp_path):
    good, _ = packages
    graph = Package.write(
        tmp_path / "graph", good.spec.model_copy(update={"network": None}), provenance=PROVENANCE,
        onnx=good.path("model.onnx"),
    )  # fmt: skip
    with pytest.raises(ModelError, match=r"no weights\.safetensors"):
        compare_packages(graph, good, toy)
