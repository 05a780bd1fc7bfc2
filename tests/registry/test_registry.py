import json
import threading
from pathlib import Path

import pystac
import pytest

from models.specs import input_spec, model_spec
from swath.cli import main
from swath.errors import ModelError
from swath.models import Package, Provenance
from swath.models.network import Network
from swath.models.spec import ClassesOutput, ModelSpec
from swath.registry import Reference, Registry, export, verify


def package(folder: Path, spec: ModelSpec | None = None, *, seed: int = 0, **told) -> Package:
    import torch

    torch.manual_seed(seed)
    spec = spec or model_spec()
    network = Network.build(spec)
    return Package.write(folder, spec, provenance=Provenance(licence="MIT", **told), weights=network.state_dict())


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two packages of one contract, and one of another legend."""
    folder = tmp_path_factory.mktemp("packages")
    other = model_spec().model_copy(update={"output": ClassesOutput(classes=("water", "tree", "rock"))})
    return package(folder / "one"), package(folder / "two", seed=1), package(folder / "other", other)


@pytest.fixture
def registry(tmp_path, monkeypatch):
    monkeypatch.setenv("SWATH_CACHE", str(tmp_path / "cache"))
    from swath.settings import settings

    settings.cache_clear()
    yield Registry.open(tmp_path / "registry")
    settings.cache_clear()


def test_versions_count_up_and_a_package_is_registered_once(registry, made):
    one, two, _ = made
    assert [str(registry.register(p)[0]) for p in (one, two, one)] == ["small@1", "small@2", "small@1"]
    assert registry.register(one)[1] is False
    assert registry.names() == ["small"]


def test_a_version_that_is_taken_is_refused(registry, made):
    registry.register(made[0], version="7")
    with pytest.raises(ModelError, match="small@7 is taken by another package"):
        registry.register(made[1], version="7")


def test_a_registration_that_was_killed_half_way_goes_on_under_its_version(registry, made):
    claim = {"digest": made[0].digest, "registered": "2026-01-01T00:00:00Z"}
    registry.store.put_bytes("small/1/claim.json", json.dumps(claim).encode())
    assert registry.versions("small") == []
    assert registry.register(made[0])[0].version == "1"


def test_a_fetched_package_has_the_bytes_that_were_registered(registry, made):
    registry.register(made[0])
    fetched = registry.fetch(Reference.parse("small@1"))
    for name in ("model.json", *made[0].files):
        assert (fetched.folder / name).read_bytes() == (made[0].folder / name).read_bytes()


def test_an_alias_moves_to_a_version_of_the_same_inputs_and_legend(registry, made):
    first, second = (registry.register(p)[0] for p in made[:2])
    assert registry.promote(first, "production") is None
    assert registry.promote(second, "production") == "1"
    assert registry.find(Reference.parse("small@production")).version == "2"


def test_a_model_of_another_legend_cannot_take_an_alias(registry, made):
    first, other = (registry.register(p)[0] for p in (made[0], made[2]))
    registry.promote(first, "production")
    with pytest.raises(ModelError, match=r"small@2 cannot take the alias 'production'.*without crop; new rock"):
        registry.promote(other, "production")
    assert registry.aliases("small") == {"production": "1"}


def test_a_model_of_other_inputs_cannot_take_an_alias(registry, made, tmp_path):
    coarse = model_spec(input_spec().model_copy(update={"gsd": 20.0}))
    first, other = registry.register(made[0])[0], registry.register(package(tmp_path / "coarse", coarse))[0]
    registry.promote(first, "production")
    with pytest.raises(ModelError, match=r"sampling distance 10.0 \(here 20.0\)"):
        registry.promote(other, "production")


def test_of_promotions_at_once_none_undoes_another(registry, made):
    version = registry.register(made[0])[0]
    aliases = [f"a{number}" for number in range(8)]
    threads = [threading.Thread(target=registry.promote, args=(version, alias)) for alias in aliases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(registry.aliases("small")) == set(aliases)


@pytest.mark.parametrize(
    ("text", "message", "choice"),
    [
        ("smal@1", "has no model 'smal'", "small"),
        ("small@9", "no version '9'", "1"),
        ("small@prod", "no alias 'prod'", "production"),
    ],
)
def test_what_is_not_there_is_refused_with_the_choices(registry, made, text, message, choice):
    registry.promote(registry.register(made[0])[0], "production")
    with pytest.raises(ModelError, match=message) as raised:
        registry.find(Reference.parse(text))
    assert choice in raised.value.fix


def test_verify_runs_a_good_version_and_names_a_changed_byte(registry, made):
    version = registry.register(made[0])[0]
    assert verify(registry, version).fault is None
    data = bytearray(registry.store.read_bytes("small/1/weights.safetensors"))
    data[-1] ^= 1
    registry.store.put_bytes("small/1/weights.safetensors", bytes(data))
    assert "weights.safetensors was changed" in verify(registry, version).fault


def test_a_package_that_was_swapped_for_another_is_refused(registry, made):
    registry.register(made[0])
    for name in (*made[1].files, "model.json"):
        registry.store.put_file(f"small/1/{name}", made[1].folder / name)
    with pytest.raises(ModelError, match="not what was registered"):
        registry.fetch(Reference.parse("small@1"))


def test_an_exported_tar_holds_plain_files_and_is_the_same_each_time(registry, made, tmp_path):
    import tarfile

    version = registry.register(made[0])[0]
    files = [export(registry, version, tmp_path / name) for name in ("a.tar", "b.tar")]
    assert files[0].read_bytes() == files[1].read_bytes()
    with tarfile.open(files[0]) as tar:
        assert all(member.isfile() for member in tar)
        tar.extractall(tmp_path / "out", filter="data")
    assert Package.open(tmp_path / "out" / "small-1").digest == version.digest


def test_pystac_reads_the_models_as_a_collection_of_items(registry, made):
    for one in made[:2]:
        registry.promote(registry.register(one)[0], "production")
    collection = pystac.Collection.from_file(registry.store.url("small/collection.json"))
    assert [item.properties["swath:digest"] for item in collection.get_items()] == [p.digest for p in made[:2]]
    assert collection.extra_fields["swath:aliases"] == {"production": "2"}


def test_a_registry_on_s3_does_the_same(s3, made, tmp_path, monkeypatch):
    monkeypatch.setenv("SWATH_CACHE", str(tmp_path))
    from swath.settings import settings

    settings.cache_clear()
    registry = Registry.open(f"{s3}/models")
    versions = [registry.register(p)[0] for p in made[:2]]
    registry.promote(versions[1], "production")
    assert registry.fetch(Reference.parse("small@production")).digest == made[1].digest
    settings.cache_clear()


def test_the_command_line_registers_promotes_lists_and_writes_a_page(registry, made, tmp_path, capsys):
    where = ["--registry", registry.store.root]
    assert main(["models", "register", str(made[0].folder), *where]) == 0
    assert main(["models", "promote", "small@1", "production", *where]) == 0
    assert main(["models", "verify", *where]) == 0
    page = tmp_path / "card.html"
    assert main(["models", "show", "small@production", "--html", str(page), *where]) == 0
    assert "small@1" in page.read_text() and "production" in page.read_text()
    capsys.readouterr()
    assert main(["models", "list", "--json", *where]) == 0
    assert json.loads(capsys.readouterr().out)["models"][0]["aliases"] == ["production"]
