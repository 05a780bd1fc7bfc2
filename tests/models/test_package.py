import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from models.specs import input_spec, model_spec
from swath.errors import ModelError, StoreFullError
from swath.models import package as module
from swath.models.files import facts_of
from swath.models.network import Network
from swath.models.package import Package, digest_of, weight_shapes
from swath.models.provenance import Provenance

PROVENANCE = Provenance(licence="Apache-2.0", metrics={"macro_f1": 0.8})
EXTRAS = {"metrics.json": b'{"macro_f1": 0.8}'}


@pytest.fixture(scope="module")
def network() -> Network:
    torch.manual_seed(0)
    return Network.build(model_spec())


@pytest.fixture
def written(network: Network, tmp_path: Path) -> Package:
    return Package.write(
        tmp_path / "model", model_spec(), provenance=PROVENANCE, weights=network.state_dict(), extras=EXTRAS
    )


def edited(package: Package, **properties: Any) -> Path:
    card = json.loads((package.folder / "model.json").read_text())
    card["properties"] |= properties
    (package.folder / "model.json").write_text(json.dumps(card))
    return package.folder


def test_what_is_written_is_read_back(written: Package, network: Network) -> None:
    package = Package.open(written.folder)
    assert package == written
    assert package.spec == model_spec()
    assert sorted(p.name for p in package.folder.iterdir()) == ["metrics.json", "model.json", "weights.safetensors"]
    assert package.has("weights.safetensors")
    assert not package.has("model.onnx")
    weights = load_file(package.path("weights.safetensors"))
    assert all(torch.equal(weights[name], tensor) for name, tensor in network.state_dict().items())


def test_nothing_is_left_beside_a_package(written: Package) -> None:
    assert [path.name for path in written.folder.parent.iterdir()] == ["model"]


def test_a_file_that_it_has_not_is_named(written: Package) -> None:
    with pytest.raises(ModelError, match=r"has no model\.onnx\. It has metrics\.json, weights\.safetensors"):
        written.path("model.onnx")


@pytest.mark.parametrize("name", ["weights.safetensors", "metrics.json"])
@pytest.mark.parametrize("place", [0, 9, -1])
def test_a_changed_byte_is_refused(written: Package, name: str, place: int) -> None:
    data = bytearray(written.path(name).read_bytes())
    data[place] ^= 1
    written.path(name).write_bytes(data)
    with pytest.raises(ModelError, match=rf"{name} was changed: its sha256"):
        Package.open(written.folder)


def test_a_file_cut_short_is_refused_with_both_sizes(written: Package) -> None:
    data = written.path("weights.safetensors").read_bytes()
    written.path("weights.safetensors").write_bytes(data[:-4])
    with pytest.raises(ModelError, match=rf"has {len(data) - 4} bytes, the card says {len(data)}"):
        Package.open(written.folder)


def test_a_missing_file_is_refused(written: Package) -> None:
    written.path("weights.safetensors").unlink()
    with pytest.raises(ModelError, match=r"weights\.safetensors is missing"):
        Package.open(written.folder)


def test_a_changed_spec_is_refused(written: Package) -> None:
    spec = model_spec().model_dump(mode="json")
    spec["input"]["bands"][0]["mean"] = 0.2
    with pytest.raises(ModelError, match="the digest differs"):
        Package.open(edited(written, **{"swath:model": spec}))


def test_a_spec_that_is_none_is_refused_with_its_field(written: Package) -> None:
    spec = model_spec().model_dump(mode="json")
    del spec["input"]["unit"]
    with pytest.raises(ModelError, match=r"input\.unit: this field is needed"):
        Package.open(edited(written, **{"swath:model": spec}))


def test_a_changed_title_is_not_refused_and_keeps_the_digest(written: Package) -> None:
    package = Package.open(edited(written, title="Another title"))
    assert package.digest == written.digest


def test_other_files_are_ignored(written: Package) -> None:
    (written.folder / "notes.py").write_text("raise SystemExit")
    assert Package.open(written.folder) == written


def test_a_link_that_leaves_the_folder_is_refused(written: Package, tmp_path: Path) -> None:
    written.path("weights.safetensors").rename(tmp_path / "elsewhere")
    written.path("weights.safetensors").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ModelError, match="is a link that leaves the folder"):
        Package.open(written.folder)


@pytest.mark.parametrize(
    "href", ["../weights.safetensors", "/etc/passwd", "https://e.org/a.safetensors", None, "./model.json"]
)
def test_a_path_that_leaves_the_folder_is_refused(written: Package, href: Any) -> None:
    card = json.loads((written.folder / "model.json").read_text())
    card["assets"]["weights.safetensors"]["href"] = href
    (written.folder / "model.json").write_text(json.dumps(card))
    with pytest.raises(ModelError, match="not a file of the package"):
        Package.open(written.folder)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"type": "Feature"}', "[" * 100_000, '{"stac_extensions": 3}', b"\xff"]
)
def test_a_card_that_is_none_is_refused(written: Package, text: str | bytes) -> None:
    (written.folder / "model.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ModelError):
        Package.open(written.folder)


def test_a_huge_card_is_refused_unread(written: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CARD_LIMIT", 100)
    with pytest.raises(ModelError, match="and 100 are allowed"):
        Package.open(written.folder)


def test_a_folder_without_card_is_no_package(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no model package: there is no model\.json"):
        Package.open(tmp_path)


def test_an_onnx_file_is_told_the_way_in(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="swath models import"):
        Package.open(tmp_path / "x.onnx")


def test_weights_of_another_shape_are_refused(tmp_path: Path, network: Network) -> None:
    with pytest.raises(ModelError, match=r"weight' with shape \(8, 2, 3, 3\), the network needs \(16, 2, 3, 3\)"):
        Package.write(tmp_path / "m", model_spec(width=16), provenance=PROVENANCE, weights=network.state_dict())
    assert not list(tmp_path.iterdir())


def test_weights_of_another_shape_are_refused_when_opened(written: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    # a package that somebody made with all its checksums right
    path = written.path("weights.safetensors")
    weights = load_file(path)
    name = "head.score.weight"
    weights[name] = torch.zeros(4, *weights[name].shape[1:])
    save_file(weights, path)
    facts = facts_of(path)
    card = json.loads((written.folder / "model.json").read_text())
    card["assets"][path.name] |= {"file:size": facts.size, "file:checksum": "1220" + facts.sha256}
    card["properties"]["swath:digest"] = digest_of(written.spec, {path.name: facts})
    (written.folder / "model.json").write_text(json.dumps(card))
    with pytest.raises(
        ModelError, match=r"'head\.score\.weight' with shape \(4, 8, 1, 1\), the network needs \(3, 8, 1, 1\)"
    ):
        Package.open(written.folder)


def test_weights_without_a_network_are_refused(tmp_path: Path, network: Network) -> None:
    bare = model_spec().model_copy(update={"network": None})
    with pytest.raises(ModelError, match="the spec names no network"):
        Package.write(tmp_path / "m", bare, provenance=PROVENANCE, weights=network.state_dict())


def test_a_pickle_is_refused(tmp_path: Path, network: Network) -> None:
    torch.save(network.state_dict(), tmp_path / "weights.pt")
    with pytest.raises(ModelError, match="no safetensors file"):
        weight_shapes(tmp_path / "weights.pt")


def test_building_the_network_for_a_check_leaves_the_random_numbers_alone(written: Package) -> None:
    torch.manual_seed(3)
    wanted = torch.rand(1)
    torch.manual_seed(3)
    Package.open(written.folder)
    assert torch.equal(torch.rand(1), wanted)


def test_a_package_without_weights_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="has no weights"):
        Package.write(tmp_path / "m", model_spec(), provenance=PROVENANCE)


@pytest.mark.parametrize("name", ["../x.json", "model.json", "run.py", ".hidden.json", "a/b.png"])
def test_a_file_of_another_kind_is_not_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError, match="cannot hold a file"):
        Package.write(tmp_path / "m", model_spec(), provenance=PROVENANCE, onnx=b"x", extras={name: b""})


def test_a_package_is_not_overwritten_unless_asked(written: Package, network: Network) -> None:
    with pytest.raises(ModelError, match="exists already"):
        Package.write(written.folder, model_spec(), provenance=PROVENANCE, weights=network.state_dict())
    new = model_spec().model_copy(update={"version": "2"})
    Package.write(written.folder, new, provenance=PROVENANCE, weights=network.state_dict(), replace=True)
    assert Package.open(written.folder).spec.version == "2"
    assert [path.name for path in written.folder.parent.iterdir()] == ["model"]


def test_a_folder_that_is_no_package_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ModelError, match="is not a model package, and is not replaced"):
        Package.write(tmp_path, model_spec(), provenance=PROVENANCE, onnx=b"x", replace=True)
    assert (tmp_path / "thesis.txt").exists()


def test_a_full_disk_leaves_the_old_package(
    written: Package, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch, pytest.raises(StoreFullError, match="No space left"):
        patch.setattr(os, "fsync", full)
        Package.write(written.folder, model_spec(), provenance=PROVENANCE, weights=network.state_dict(), replace=True)
    assert Package.open(written.folder) == written
    assert [path.name for path in written.folder.parent.iterdir()] == ["model"]


def test_the_digest_is_of_what_decides_a_result(written: Package, network: Network, tmp_path: Path) -> None:
    def digest(spec: Any, name: str, **more: Any) -> str:
        return Package.write(tmp_path / name, spec, weights=network.state_dict(), **more).digest

    other = Provenance(licence="MIT", title="Other words", metrics={"macro_f1": 0.1})
    assert digest(model_spec(), "a", provenance=other) == written.digest
    assert digest(model_spec(input_spec(fill=1)), "b", provenance=PROVENANCE) != written.digest


def test_a_field_at_its_default_changes_no_digest() -> None:
    assert digest_of(model_spec(input_spec(fill=0.0)), {}) == digest_of(model_spec(), {})


@given(mean=st.floats(-1e6, 1e6), std=st.floats(1e-6, 1e6), gsd=st.floats(0.1, 1e4))
def test_a_spec_survives_its_card(mean: float, std: float, gsd: float) -> None:
    from swath.models.mlm import model_item
    from swath.models.spec import BandInput, ModelSpec

    spec = model_spec(input_spec().model_copy(update={"bands": (BandInput(name="a", mean=mean, std=std),), "gsd": gsd}))
    card = json.loads(json.dumps(model_item(spec, PROVENANCE, {}, "")))
    assert ModelSpec.model_validate(card["properties"]["swath:model"]) == spec


def test_models_of_one_input_keep_the_digest_that_they_had_before_there_were_several() -> None:
    assert digest_of(model_spec(), {}) == "f146c062975f724c23b67acbfb45ec2c11165636d05c87f81da34a18d2e6a99e"
