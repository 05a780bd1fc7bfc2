"""A training config is checked field by field."""

import pytest
import yaml

from swath.errors import ModelError
from swath.training.config import TrainConfig


def test_the_template_is_a_config_and_names_every_field():
    template = TrainConfig.template()
    config = TrainConfig.parse(yaml.safe_load(template))
    assert config.encoder.settings == {"width": 32, "levels": 4}
    assert config.model_dump(exclude={"encoder", "head"}) == TrainConfig().model_dump(exclude={"encoder", "head"})
    assert all(f"{name}:" in template for name in TrainConfig.model_fields)


def test_a_file_is_read(tmp_path):
    (tmp_path / "t.yaml").write_text(
        "epochs: 3\nencoder: {name: unet, settings: {width: 8}}\naugment: {turns: false}\n"
    )
    config = TrainConfig.load(tmp_path / "t.yaml")
    assert (config.epochs, config.encoder.settings["width"], config.augment.turns) == (3, 8, False)


@pytest.mark.parametrize(
    ("told", "named"),
    [
        ({"epoch": 3}, "epoch: there is no such field. Did you mean 'epochs'"),
        ({"batch": 0}, "batch: 0"),
        ({"augment": {"drop_dates": 1}}, r"augment\.drop_dates: 1"),
        ({"optimiser": {"lr": "fast"}}, r"optimiser\.lr: 'fast'"),
        (["a"], "a training config is a mapping of fields, this holds list"),
    ],
)
def test_a_wrong_field_is_named(told, named):
    with pytest.raises(ModelError, match=named):
        TrainConfig.parse(told)


@pytest.mark.parametrize(("text", "told"), [("a: [", "not valid YAML"), (None, "cannot be read")])
def test_a_file_that_cannot_be_read_is_named(tmp_path, text, told):
    path = tmp_path / "t.yaml"
    if text:
        path.write_text(text)
    with pytest.raises(ModelError, match=rf"t\.yaml.*{told}"):
        TrainConfig.load(path)


def test_configs_differ_in_what_decides_the_network_only():
    one, other = TrainConfig(), TrainConfig(epochs=99, threads=3, seed=4)
    assert one.differences(other) == ["seed 4 (here 0)"]
