"""A checkpoint is whole or not there, and belongs to one training."""

import errno
import json
from pathlib import Path

import pytest
import torch

from swath.errors import ModelError, StoreFullError, StoreWriteError
from swath.models.spec import PartSpec
from swath.store import Store
from swath.training import checkpoint
from swath.training.design import design
from swath.training.statistics import Statistics
from training.toy import Toy, config

TOY = Toy()
SPEC = design(config(), TOY.facts, Statistics.of(TOY), name="toy")


def history(*scores):
    return [{"epoch": number, "score": score} for number, score in enumerate(scores, 1)]


def save(out, *scores, spec=SPEC, asked=None, value=1.0):
    network = {"a.weight": torch.full((3, 2), value), "a.count": torch.tensor(7)}
    optimiser = {0: {"step": torch.tensor(4.0), "exp_avg": torch.full((3, 2), 0.5)}, 1: {"step": torch.tensor(4.0)}}
    return checkpoint.save(
        out, spec=spec, config=asked or config(), history=history(*scores), network=network, optimiser=optimiser
    )


def names(out):
    return sorted(path.name for path in (out / "checkpoints").iterdir())


def test_what_is_saved_comes_back(tmp_path):
    save(tmp_path, 0.2)
    held = checkpoint.last(tmp_path)
    assert (held.epoch, held.spec, held.config, list(held.history)) == (1, SPEC, config(), history(0.2))
    assert torch.equal(held.network()["a.weight"], torch.ones(3, 2)) and held.network()["a.count"] == 7
    assert held.optimiser()[0]["step"] == 4 and set(held.optimiser()) == {0, 1}


def test_no_file_is_a_pickle(tmp_path):
    held = save(tmp_path, 0.2)
    assert {file.suffix for file in Path(held.where).iterdir()} == {".safetensors", ".json"}


def test_only_the_last_and_the_best_stay(tmp_path):
    scores = [0.1, 0.5, 0.3, 0.4]
    for count in range(1, 5):
        save(tmp_path, *scores[:count], value=float(count))
    assert names(tmp_path) == ["epoch-00002", "epoch-00004"]
    assert checkpoint.best(tmp_path).network()["a.weight"][0, 0] == 2


def test_without_a_checkpoint_there_is_none(tmp_path):
    assert checkpoint.last(tmp_path) is None and checkpoint.best(tmp_path) is None


@pytest.mark.parametrize("fails", ["network.safetensors", "optimiser.safetensors", "state.json"])
def test_with_a_full_disk_the_last_good_checkpoint_stays_and_nothing_half_written(tmp_path, monkeypatch, fails):
    save(tmp_path, 0.2)
    whole = Path.write_bytes

    def full(path, data):
        if fails in path.name:
            whole(path, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")
        whole(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(StoreFullError, match="goes on from epoch 1"):
        save(tmp_path, 0.2, 0.9)
    assert names(tmp_path) == ["epoch-00001"]
    assert checkpoint.last(tmp_path).network()["a.count"] == 7


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "checkpoints").write_text("a file")
    with pytest.raises(StoreWriteError, match="checkpoints"):
        save(tmp_path, 0.2)


def test_a_checkpoint_of_another_network_is_refused_naming_both(tmp_path):
    held = save(tmp_path, 0.2)
    other = config(encoder=PartSpec(name="unet", settings={"width": 16, "levels": 3}))
    spec = design(other, TOY.facts, Statistics.of(TOY), name="toy")
    with pytest.raises(ModelError, match=r"unet \(width 8, levels 2, depth 1\).*unet \(width 16, levels 3\)"):
        held.check(spec, other)


def test_a_checkpoint_of_other_classes_is_refused_naming_both(tmp_path):
    held = save(tmp_path, 0.2)
    output = SPEC.output.model_copy(update={"classes": ("water", "land")})
    with pytest.raises(ModelError, match=r"water, tree, crop, this training makes .* water, land"):
        held.check(SPEC.model_copy(update={"output": output}), config())


def test_a_checkpoint_of_other_chips_is_refused_naming_what_differs(tmp_path):
    held = save(tmp_path, 0.2)
    other = SPEC.input.model_copy(update={"gsd": 20.0})
    with pytest.raises(ModelError, match=r"input\.gsd is 10\.0 there and 20\.0 here"):
        held.check(SPEC.model_copy(update={"input": other}), config())


def test_a_checkpoint_of_other_settings_is_refused_but_not_of_more_epochs(tmp_path):
    held = save(tmp_path, 0.2)
    held.check(SPEC, config(epochs=99, threads=2))
    with pytest.raises(ModelError, match=r"seed 0 \(here 5\)"):
        held.check(SPEC, config(seed=5))


@pytest.mark.parametrize("name", ["state.json", "network.safetensors", "optimiser.safetensors"])
def test_a_damaged_file_is_named(tmp_path, name):
    held = save(tmp_path, 0.2)
    file = Path(held.where, name)
    file.write_bytes(file.read_bytes()[:-3])
    with pytest.raises(ModelError, match=r"epoch-00001.*cannot be read"):
        found = checkpoint.Checkpoint.open(held.store, held.key)
        found.network()
        found.optimiser()


def test_the_state_is_readable_json(tmp_path):
    held = save(tmp_path, 0.2)
    assert json.loads(Path(held.where, "state.json").read_text())["spec"]["name"] == "toy"


@pytest.mark.parametrize("left", ["network.safetensors", "optimiser.safetensors"])
def test_an_epoch_without_its_state_is_not_there(tmp_path, left):
    save(tmp_path, 0.2)
    half = tmp_path / "checkpoints" / "epoch-00002"
    half.mkdir()
    (half / left).write_bytes(b"what a killed writer left")
    assert checkpoint.last(tmp_path).epoch == 1
    assert save(tmp_path, 0.2, 0.3).epoch == 2
    assert checkpoint.last(tmp_path).network()["a.count"] == 7


def test_on_s3_what_is_saved_comes_back_and_only_the_last_and_the_best_stay(s3):
    store = Store.open(f"{s3}/training")
    for count in range(1, 4):
        save(store, *[0.1, 0.5, 0.3][:count], value=float(count))
    held = checkpoint.last(store)
    assert (held.epoch, checkpoint.best(store).epoch) == (3, 2)
    assert held.network()["a.weight"][0, 0] == 3 and held.optimiser()[0]["step"] == 4
    assert {key.split("/")[1] for key, _ in store.list("checkpoints")} == {"epoch-00002", "epoch-00003"}
