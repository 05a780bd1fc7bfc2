"""What a flow run sends to a job elsewhere is what the command line sends."""

import pytest
from typer.main import get_command

from swath.cli.app import app
from swath.cli.elsewhere import arguments_of
from swath.errors import RequestError
from swath.flows.asked_models import TrainAsked, TuneAsked
from swath.flows.board import jobs_of
from swath.flows.jobs import arguments_seen
from swath.flows.trust import AssessAsked
from swath.store import Store


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A folder of files, in which this process is."""
    monkeypatch.chdir(tmp_path)
    for name in ("mine.yaml", "recipe.yaml", "peer.yaml", "space.yaml", "labels.gpkg", "area.geojson", "plots.csv"):
        (tmp_path / name).write_text(name)
    (tmp_path / "landcover").mkdir()  # of the same name as what ships
    return tmp_path


def read(kind, arguments):
    """How the command line takes arguments, whatever their order."""
    return get_command(app).commands[kind].make_context(kind, list(arguments))


TRAIN = {
    "product": "mine.yaml", "labels": "labels.gpkg", "area": "area.geojson", "period": "2023/P1Y",
    "source": "https://stac.example", "recipe": "recipe.yaml", "overrides": ["train.epochs=1"],
}  # fmt: skip


@pytest.mark.parametrize("store", ["local", "s3"])
@pytest.mark.parametrize(
    "asked",
    [
        TrainAsked(**TRAIN, out="out", peer="peer.yaml", folds=True, chips="chips"),
        TrainAsked(**TRAIN | {"product": "landcover", "recipe": None}, out="out"),
        TuneAsked(**TRAIN, out="out", space="space.yaml"),
        AssessAsked(store="out", reference="plots.csv", more=["--areas", "plots.csv", "--matrix", "plots.csv"]),
    ],
    ids=["train", "a name that is a folder, too", "tune", "assess"],
)
def test_a_job_of_a_flow_run_has_the_arguments_of_the_command(files, request, asked, store):
    where = Store.open(files / "out" if store == "local" else f"{request.getfixturevalue('s3')}/out")
    kind = "assess" if isinstance(asked, AssessAsked) else asked.command
    stores = {"assess": ["store"], "train": ["out_store", "chips"], "tune": ["out_store"]}[kind]
    given = list(asked.arguments())
    theirs = arguments_of(read(kind, given), where, stores)
    assert read(kind, arguments_seen(kind, where, given)).params == read(kind, theirs).params


def test_a_catalog_of_this_machine_is_not_sent_along(files, s3):
    (files / "catalog.json").write_text("{}")
    given = TrainAsked(**TRAIN | {"source": "catalog.json"}, out="out").arguments()
    with pytest.raises(RequestError, match=r"catalog\.json lies on this machine"):
        arguments_seen("train", Store.open(f"{s3}/out"), given)


class Shown:
    """An artifact of a job."""

    key = "job"

    def __init__(self, job, run):
        self.data = [{"job": job, "cluster": "kuberay", "spec": "", "run": run}]


def test_a_cluster_that_has_a_job_by_now_is_one_thing_to_stop():
    shown = [Shown("", "a"), Shown("swath-map-1", "a"), Shown("swath-map-2", "b"), Shown("", "b"), Shown("", "c")]
    assert [(one["job"], one["run"]) for one in jobs_of(shown)] == [
        ("swath-map-1", "a"),
        ("swath-map-2", "b"),
        ("", "c"),
    ]
