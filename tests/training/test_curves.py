"""A training leaves a picture, TensorBoard's files and JSON."""

import json

import matplotlib.image
import pytest
from tensorboardX.proto.event_pb2 import Event

from swath.store import Store
from swath.training.curves import Log, draw_curves, read_history


def reading(epoch, **figures):
    return {
        "epoch": epoch,
        "lr": 0.1,
        "loss": 1 / epoch,
        "validation_loss": 1.2 / epoch,
        "score": epoch * 0.1,
        "figures": figures or {"macro_f1": 0.1 * epoch, "mean_iou": None, "f1": {"water": 0.5, "tree": None}},
        "seconds": {"steps": 1.0, "wait": 0.1, "validation": 0.2},
    }


def events(folder):
    """Scalars of all event files: (name, step, value). A record is length, checksum, bytes, checksum."""
    found = []
    for file in sorted(folder.iterdir()):
        data, at = file.read_bytes(), 0
        while at < len(data):
            length = int.from_bytes(data[at : at + 8], "little")
            event = Event.FromString(data[at + 12 : at + 12 + length])
            found += [(value.tag, event.step, value.simple_value) for value in event.summary.value]
            at += 16 + length
    return found


def test_tensorboard_gets_each_epoch_once(tmp_path):
    log, history = Log(Store.open(tmp_path)), []
    for epoch in (1, 2, 3):
        history.append(reading(epoch))
        log.write(history)
    found = events(tmp_path / "tensorboard")
    assert [(step, pytest.approx(value)) for name, step, value in found if name == "loss/train"] == [
        (1, 1.0),
        (2, 1 / 2),
        (3, 1 / 3),
    ]
    names = {name for name, _, _ in found}
    assert {"validation/macro_f1", "f1/water", "seconds/wait", "optimiser/lr"} <= names
    assert not names & {"validation/mean_iou", "f1/tree"}


def test_the_history_is_json_at_any_time(tmp_path):
    assert read_history(Store.open(tmp_path)) == []
    Log(Store.open(tmp_path)).write([reading(1)])
    assert json.loads((tmp_path / "history.json").read_text()) == read_history(Store.open(tmp_path)) == [reading(1)]


def test_on_s3_history_and_events_lie_beside_each_other(s3):
    store = Store.open(f"{s3}/training")
    Log(store).write([reading(1)])
    assert read_history(store) == [reading(1)]
    assert [key.startswith("tensorboard/events.out") for key, _ in store.list("tensorboard")] == [True]


@pytest.mark.parametrize("figures", [{}, {"rmse": 3.0, "mae": 2.0, "bias": -1.0, "r2": 0.4}])
def test_the_picture_shows_loss_and_figures(tmp_path, figures):
    path = tmp_path / "curves.png"
    draw_curves([reading(n, **figures) for n in (1, 2, 3)], path, title="toy")
    image = matplotlib.image.imread(path)
    assert image.shape[0] > 300 and image.shape[1] > 800
    assert image[..., :3].std() > 0.01
