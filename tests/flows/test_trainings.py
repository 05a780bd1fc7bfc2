"""Flows of models: the options are the command's, an experiment compares, a release takes an alias by rule."""

import csv
import io

import pytest

from support.drawn_labels import saved, squares
from swath.flows.asked_models import ExperimentAsked, ReleaseAsked, TrainAsked, TuneAsked
from swath.flows.experiment import experiment
from swath.flows.trainings import decided, release_model
from swath.registry import Registry, Version

QUICK = [
    "chips.size=32", "chips.margin=0", "train.chip=32", "train.epochs=1", "train.batch=8", "train.threads=1",
    "labels.erode_m=0", "bands=[B04, B08]", "chips.split={folds: 3, block_m: 200, buffer_m: 20, seed: 4}",
    "calibrate=null", "applicability=null",
]  # fmt: skip


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    frame = squares()
    frame["class"] = frame["class"].map({"crop": "crops", "tree": "trees", "water": "water"})
    return saved(frame, tmp_path_factory.mktemp("labels"))


def told(world, labels, out, **more):
    return {
        "product": "landcover", "labels": str(labels), "area": world.area, "period": "2023-06/P1M",
        "source": str(world.catalog), "out": str(out), "tile_size": 192, "overrides": QUICK, "cluster": "inline",
    } | more  # fmt: skip


LEAST = {"product": "p", "labels": "l", "area": "a", "period": "2023", "source": "s", "out": "o"}
MOST = {
    "recipe": "r", "column": "c", "peer": "q", "chips": "k", "resolution": 20, "tile_size": 96, "workers": 2,
    "overrides": ["a=1", "b=2"], "product_overrides": ["c=3"], "folds": True, "replace": True,
}  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "command"),
    [
        (TrainAsked(**LEAST), "train"),
        (TrainAsked(**LEAST, **MOST), "train"),
        (TuneAsked(**LEAST, space="x", trials=3, workers=2), "tune"),
    ],
)
def test_arguments_are_options_that_the_command_has(asked, command):
    from typer.main import get_command

    from swath.cli.app import app

    assert asked.command == command
    found = get_command(app).commands[command].make_context(command, list(asked.arguments())).params
    assert (found["product"], found["labels"], found["out_store"]) == ("p", "l", "o")
    for option, field in {
        "recipe": "recipe",
        "column": "column",
        "tile_size": "tile_size",
        "workers": "workers",
    }.items():
        assert found[option] == getattr(asked, field)
    if command == "train":
        assert (found["folds"], found["replace"], found["chips"]) == (asked.folds, asked.replace, asked.chips)
        assert list(found["overrides"] or []) == asked.overrides
    else:
        assert (found["space"], found["trials"]) == ("x", 3)


@pytest.mark.slow
def test_an_experiment_trains_a_grid_and_compares_it(prefect, small_world, drawn, tmp_path):
    out = tmp_path / "out"
    asked = ExperimentAsked(
        **told(small_world, drawn, out, area=""),
        configs=[
            {"name": "slow", "overrides": ["train.optimiser.lr=1e-6"]},
            {"name": "broken", "overrides": ["train.epochz=1"]},
        ],
        regions=[{"name": "alps", "area": small_world.area}],
    )
    state = experiment(asked, return_state=True)
    assert state.is_failed()  # the broken one: told, and no end to the other
    assert "1 of 2 trainings" in state.message
    assert "epochz" in state.message
    rows = list(csv.DictReader(io.StringIO((out / "experiment.csv").read_text())))
    assert [(row["config"], row["region"], row["seed"]) for row in rows] == [
        ("slow", "alps", "0"),
        ("broken", "alps", "0"),
    ]
    assert 0 <= float(rows[0]["overall_accuracy"]) <= 1
    assert "epochz" in rows[1]["error"]
    assert (out / "experiment.png").read_bytes().startswith(b"\x89PNG")
    assert (out / "chips-alps" / "chips").is_dir()
    assert not (out / "alps" / "slow" / "seed-0" / "chips").exists()


@pytest.mark.slow
def test_a_release_takes_the_alias_and_the_next_one_only_when_it_is_not_below(prefect, small_world, drawn, tmp_path):
    registry = tmp_path / "registry"
    given = told(small_world, drawn, tmp_path / "first", overrides=[*QUICK, "train.epochs=4"])
    first = release_model(ReleaseAsked(**given, registry=str(registry)), return_state=True)
    assert first.is_completed(), first.message
    assert first.result()["taken"] and first.result()["why"] == "no other version had it"
    worse = told(
        small_world, drawn, tmp_path / "second", chips=str(tmp_path / "first"),
        overrides=[*QUICK, "train.optimiser.lr=1e-7", "train.seed=9"],
    )  # fmt: skip
    second = release_model(ReleaseAsked(**worse, registry=str(registry), take="above"), return_state=True)
    assert second.is_completed(), second.message
    assert not second.result()["taken"]
    assert second.result()["compared"][0]["verdict"] in ("equal", "below")
    versions = Registry.open(registry).versions(first.result()["version"].partition("@")[0])
    assert [one.aliases for one in versions] == [("production",), ()]


COMPARED = [
    {"measure": "overall_accuracy", "first": 0.8, "second": 0.7, "difference": 0.1, "low": 0.02, "high": 0.2,
     "verdict": "above"},
    {"measure": "miou", "first": 0.5, "second": 0.5, "difference": 0.0, "low": -0.1, "high": 0.1, "verdict": "equal"},
]  # fmt: skip


@pytest.mark.parametrize(
    ("take", "measure", "compared", "taken"),
    [
        ("above", None, COMPARED, True),
        ("above", "miou", COMPARED, False),
        ("not below", "miou", COMPARED, True),
        ("not below", None, [{**COMPARED[0], "verdict": "below"}], False),
        ("never", None, COMPARED, False),
        ("above", None, [], True),
    ],
)
def test_the_rule_of_a_release(take, measure, compared, taken):
    asked = ReleaseAsked(**LEAST, registry="r", take=take, measure=measure)
    assert decided(asked, Version("landcover", "2", "d", "now"), compared)[0] is taken


def test_a_store_of_pods_is_on_s3():
    with pytest.raises(ValueError, match="s3:// only"):
        TrainAsked(**LEAST, cluster="kuberay")


def test_cells_of_a_region_share_its_chips():
    asked = ExperimentAsked(
        product="p", labels="l", period="2023", source="s", out="s3://b/x/", seeds=[1, 2],
        configs=[{"name": "a"}], regions=[{"name": "r", "area": "1,2,3,4", "labels": "other"}],
    )  # fmt: skip
    cells = [asked.cell(asked.configs[0], seed, asked.regions[0]) for seed in asked.seeds]
    assert {cell.chips for cell in cells} == {"s3://b/x/chips-r"}
    assert [cell.out for cell in cells] == ["s3://b/x/r/a/seed-1", "s3://b/x/r/a/seed-2"]
    assert [cell.overrides for cell in cells] == [["train.seed=1"], ["train.seed=2"]]
    assert {cell.labels for cell in cells} == {"other"}
