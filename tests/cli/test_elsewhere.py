"""Trainings and searches as jobs elsewhere: what is sent along, what is refused, and how they end as if here."""

from pathlib import Path

import pytest

from support.command import swath
from support.jobs_api import jobs_api
from support.kuberay import kuberay
from swath.cli import job as job_module
from swath.errors import LabelError, StoreError
from swath.settings import settings
from swath.store import Store
from swath.store.carried import MARK, as_seen, fetched
from swath.store.job_spec import CommandSpec, JobEnd, read_end, read_spec, write_end, write_spec

TRAINED = {
    "package": "/out/package", "digest": "d", "chips": {"agreement": False}, "transfer": {"accuracy": 0.75, "f1": {}},
    "epochs": 3, "smallest_distance_m": 400.0, "within_buffer": 0, "breakdown": {},
}  # fmt: skip
AREA = ("--area", "12.5,47.7,12.6,47.8", "--period", "2023-06/2023-07/P2M")


@pytest.fixture
def server(monkeypatch, tmp_path):
    """A Jobs API whose jobs end as `api.end` says; what they were asked is in `api.asked`."""
    monkeypatch.setenv("SWATH_PROGRESS_S", "0.3")
    monkeypatch.setenv("SWATH_CACHE", str(tmp_path / "cache"))
    settings.cache_clear()

    def work(job):
        uri = job["entrypoint"].split()[-1]
        api.asked.append(read_spec(uri)[1].arguments)
        api.logs[job["submission_id"]] = "epoch 1/3: loss 0.7\n"
        if api.end is not None:
            write_end(uri, JobEnd(job=job["submission_id"], **api.end))
        return "SUCCEEDED" if api.end == {"exit_code": 0, "result": TRAINED} else "FAILED"

    with jobs_api() as api:
        api.work, api.asked, api.end = work, [], {"exit_code": 0, "result": TRAINED}
        yield api
    settings.cache_clear()


def train(server, out, *more, source="https://example.org/catalog.json", where=()):
    """`swath train` at the server: (exit code, document)."""
    where = where or ("--cluster", server.address)
    given = [] if "--labels" in more else ["--labels", "asset:SCL"]
    return swath("train", "landcover", *given, *AREA, "--source", source, "--out", out, *where, *more)


def test_a_training_elsewhere_ends_with_the_document_of_one_here(server, tmp_path):
    assert train(server, tmp_path / "out") == (0, TRAINED)
    (one,) = server.submitted
    assert one["metadata"]["swath_kind"] == "train"


def test_the_job_gets_what_was_given_and_nothing_else(server, tmp_path):
    sets = ("--set", "train.epochs=2", "--set", "train.batch=4")
    more = (*sets, "--folds", "--workers", "2", "--recipe", "landcover-demo")
    assert train(server, tmp_path / "out", *more)[0] == 0
    assert server.asked == [
        (
            "landcover", "--labels", "asset:SCL", *AREA, "--source", "https://example.org/catalog.json", "--out",
            str(tmp_path / "out"), "--recipe", "landcover-demo", "--folds", "--workers", "2", *sets,
        )
    ]  # fmt: skip


def test_a_person_sees_the_job_and_then_the_figures(server, tmp_path, capsys):
    from swath.cli import main

    given = ("--labels", "asset:SCL", *AREA, "--source", "https://x/c.json", "--out", str(tmp_path), "--cluster")
    assert main(["train", "landcover", *given, server.address]) == 0
    said = capsys.readouterr()
    assert "submitted the job swath-train-" in said.err
    assert "0.750" in said.out
    assert "curves" in said.out


def test_a_wrong_recipe_or_an_option_that_does_not_go_is_found_before_anything_is_sent(server, tmp_path):
    code, told = train(server, tmp_path / "out", "--set", "train.epocs=2")
    assert (code, server.submitted) == (2, [])
    assert "epocs" in told["error"]["message"]
    code, told = train(server, tmp_path / "out", "--detach", where=("--cluster", "inline"))
    assert (code, told["error"]["type"], server.submitted) == (2, "RequestError", [])
    assert not (tmp_path / "out").exists()


def test_what_the_job_raised_is_raised_here(server, tmp_path):
    server.end = {"exit_code": 2, "error": LabelError("No class.", fix="Add one.", value=7).to_dict()}
    code, told = train(server, tmp_path / "out")
    assert (code, told["error"]["type"], told["error"]["value"], told["error"]["fix"]) == (
        2,
        "LabelError",
        7,
        "Add one.",
    )
    assert told["error"]["message"] == f"In the job {next(iter(server.jobs))}: No class."


def test_a_job_that_was_killed_shows_the_end_of_its_log(server, tmp_path):
    server.end = None
    code, told = train(server, tmp_path / "out")
    assert (code, told["error"]["type"]) == (2, "ClusterError")
    assert told["error"]["message"].endswith("ended as FAILED without a result:\nepoch 1/3: loss 0.7")


def test_asked_to_stop_the_job_is_stopped(server, tmp_path, monkeypatch):
    from swath.runs import StopSignal

    server.work = lambda job: "SUCCEEDED" if server.stopping.wait(30) else "FAILED"
    monkeypatch.setattr(StopSignal, "__call__", lambda self: bool(server.submitted))
    code, told = train(server, tmp_path / "out")
    assert (code, told["error"]["type"]) == (130, "RunStoppedError")
    assert server.stopping.is_set()


def test_a_training_that_is_left_says_where_it_will_end(server, tmp_path):
    code, told = train(server, tmp_path / "out", "--detach")
    assert (code, told["job"]) == (0, server.submitted[0]["submission_id"])
    assert read_spec(told["spec"])[1].kind == "train"


def test_a_search_is_a_job_of_its_own_kind(server, tmp_path):
    from swath.training.space import EXAMPLE

    best = {"trial": 0, "state": "done", "values": {"train.lr": 0.1}, "epochs": 2, "score": 0.5}
    server.end = {"exit_code": 0, "result": {"best": best, "recipe": "r", "picture": "p", "trials": [best]}}
    template = tmp_path / "space.yaml"
    template.write_text(EXAMPLE)
    code, told = swath(
        "tune", "landcover", "--labels", "asset:SCL", *AREA, "--source", "https://x/c.json", "--out", tmp_path / "out",
        "--space", template, "--trials", 3, "--cluster", server.address,
    )  # fmt: skip
    assert (code, told["best"]) == (0, best)
    assert server.submitted[0]["metadata"]["swath_kind"] == "tune"
    assert ("--space", str(template)) == server.asked[0][-4:-2]


def test_an_assessment_is_a_job_and_shows_what_the_job_would_have_shown(server, tmp_path, capsys):
    from swath.cli import main

    server.end = {"exit_code": 0, "result": {"overall": 0.9}, "text": "overall accuracy 0.900 [0.85, 0.95]\n"}
    (tmp_path / "plots.csv").write_text("id,class\n")
    asked = (
        "assess",
        tmp_path,
        "--reference",
        tmp_path / "plots.csv",
        "--column",
        "class",
        "--cluster",
        server.address,
    )
    assert swath(*asked) == (0, {"overall": 0.9})
    assert server.asked == [
        (str(tmp_path), "--reference", str(tmp_path / "plots.csv"), "--column", "class")
    ]  # fmt: skip
    assert main([str(one) for one in asked]) == 0
    assert capsys.readouterr().out == "overall accuracy 0.900 [0.85, 0.95]\n"


def test_only_what_may_be_a_file_is_taken_for_one(server, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("class", "landcover", "landcover-demo"):
        Path(name).write_text("")
    assert train(server, tmp_path / "out", "--column", "class", "--recipe", "landcover-demo")[0] == 0
    assert {"class", "landcover", "landcover-demo"} <= set(server.asked[0])


def test_a_store_that_is_a_folder_is_of_both_machines_and_paths_become_absolute(server, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("labels.gpkg").write_bytes(b"labels")
    assert train(server, "out", "--labels", "labels.gpkg")[0] == 0
    (asked,) = server.asked
    assert str(tmp_path / "labels.gpkg") in asked
    assert str(tmp_path / "out") in asked


def test_a_store_on_s3_carries_files_and_the_job_reads_the_same(server, s3_bucket, tmp_path):
    labels = tmp_path / "labels.gpkg"
    labels.write_bytes(b"labels")
    assert train(server, f"{s3_bucket}/out", "--labels", labels)[0] == 0
    (carried,) = [one for one in server.asked[0] if one.startswith(MARK)]
    (path,) = fetched(Store.open(f"{s3_bucket}/out"), [carried])
    assert (Path(path).read_bytes(), Path(path).name) == (b"labels", "labels.gpkg")
    labels.write_bytes(b"others")
    assert as_seen(Store.open(f"{s3_bucket}/out"), str(labels)) != carried


def test_what_cannot_be_carried_is_refused(server, s3_bucket, tmp_path):
    (tmp_path / "labels.shp").write_bytes(b"")
    (tmp_path / "catalog.json").write_text("{}")
    for more, source in ((("--labels", tmp_path / "labels.shp"), "https://x/c.json"), ((), tmp_path / "catalog.json")):
        code, told = train(server, s3_bucket, *more, source=source)
        assert (code, server.submitted) == (2, [])
        assert "refers to others, so it cannot be sent along" in told["error"]["message"]


def test_a_file_that_was_changed_on_its_way_is_refused(server, tmp_path):
    class Elsewhere(type(Store.open(tmp_path / "store"))):
        is_local = False

    store = Elsewhere(str(tmp_path / "store"))
    (tmp_path / "a.yaml").write_text("a: 1")
    carried = as_seen(store, str(tmp_path / "a.yaml"))
    store.put_bytes(carried.removeprefix(MARK), b"b: 2")
    with pytest.raises(StoreError, match="was changed"):
        fetched(store, [carried])
    store.delete(carried.removeprefix(MARK))
    with pytest.raises(StoreError, match="is gone"):
        fetched(store, [carried])


def test_a_training_has_all_groups_of_a_cluster_that_is_made_for_it(server, s3_bucket, tmp_path, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    server.token = "word"
    with kuberay(tmp_path, server.address, "word") as (api, file):
        operator, made = api.on_create, []
        api.on_create = lambda body: (made.append(body), operator(body))
        where = ("--cluster", "kuberay", "--cluster-spec", file, "--set-cluster", "groups.0.most=3")
        assert train(server, f"{s3_bucket}/out", where=where) == (0, TRAINED)
        assert [group["replicas"] for body in made for group in body["spec"]["workerGroupSpecs"]] == [3]
        assert api.clusters == {}


def test_the_job_of_a_command_keeps_its_error(tmp_path, monkeypatch, capsys):
    given = ("landcover", "--labels", "asset:SCL", "--set", "train.epocs=1", *AREA, "--source", "x", "--out", "y")
    uri = write_spec(Store.open(tmp_path), CommandSpec(kind="train", arguments=given))
    monkeypatch.setenv("SWATH_JOB", "j")
    assert job_module.run("train", uri) == 2
    assert "epocs" in read_end(uri, "j").error["message"]
    assert "epocs" in capsys.readouterr().err


def test_the_job_of_a_command_that_cannot_be_read_says_so(tmp_path, monkeypatch):
    uri = write_spec(Store.open(tmp_path), CommandSpec(kind="train", arguments=("--colour", "red")))
    monkeypatch.setenv("SWATH_JOB", "j")
    assert job_module.run("train", uri) == 2
    assert "ended with 2" in read_end(uri, "j").error["message"]
