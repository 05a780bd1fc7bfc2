"""A map that is submitted: the command here, the Jobs API between, the job there, all over one store."""

import json
import runpy
import sys
import threading

import pytest

from support.command import swath
from support.jobs_api import jobs_api
from support.parts import ROOT
from support.small_world import fingerprints, mapped, small_world  # noqa: F401
from swath.cli import job as job_module
from swath.errors import StoreError
from swath.mapping.run import carry_out
from swath.store import Store
from swath.store.job_spec import CommandSpec, JobEnd, MapSpec, read_end, read_spec, write_end, write_spec

SOON = {"SWATH_PROGRESS_S": "0.3"}


@pytest.fixture
def server(monkeypatch):
    """A Jobs API whose jobs run in a thread of this process, without Ray."""
    from swath.settings import settings

    for name, value in SOON.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()

    def inline(plan, **more):
        stop = api.stopping.is_set
        return carry_out(
            plan, **{**more, "cluster": "inline", "say": lambda _: None, "display": "none", "should_stop": stop}
        )

    def work(job):
        for name, value in job["runtime_env"]["env_vars"].items():
            monkeypatch.setenv(name, value)
        kind, uri = job["entrypoint"].split()[-2:]
        return "SUCCEEDED" if job_module.run(kind, uri) == 0 else "FAILED"

    monkeypatch.setattr(job_module, "carry_out", inline)
    with jobs_api() as api:
        api.work = work
        yield api
    settings.cache_clear()


def test_a_submitted_map_is_the_map_of_this_process(server, small_world, mapped, tmp_path):  # noqa: F811
    code, there = swath("map", *small_world.request(tmp_path / "there", "--cluster", server.address))
    assert code == 0, there
    assert there["units"]["done"] > 0
    made = fingerprints(tmp_path / "there")
    assert {name: of for name, of in made.items() if not name.startswith("specs/")} == fingerprints(mapped)


def test_a_detached_map_is_left_and_found_again(server, small_world, tmp_path):  # noqa: F811
    go = threading.Event()
    real = server.work
    server.work = lambda job: go.wait(30) and real(job)
    request = small_world.request(tmp_path / "store", "--cluster", server.address)
    code, told = swath("map", *request, "--detach")
    assert (code, told["status"]) == (0, "RUNNING")
    threading.Timer(0.5, go.set).start()
    code, result = swath("map", *request)
    assert code == 0, result
    assert result["units"]["done"] > 0
    assert [one["submission_id"] for one in server.submitted] == [told["job"]]


def test_a_job_that_is_refused_says_why(server, small_world, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setattr(job_module, "versions", lambda: {"swath": "9.9.9"})
    code, told = swath("map", *small_world.request(tmp_path / "store", "--cluster", server.address))
    assert code == 2
    assert "The cluster has swath 9.9.9, and the machine that submitted has" in told["error"]["message"]


def test_a_job_that_was_killed_shows_the_end_of_its_log(server, small_world, tmp_path):  # noqa: F811
    def killed(job):
        server.logs[job["submission_id"]] = "mapping\nKilled"
        return "FAILED"

    server.work = killed
    code, told = swath("map", *small_world.request(tmp_path / "store", "--cluster", server.address))
    assert code == 2
    assert told["error"]["message"].endswith("Killed")


def test_asked_to_stop_the_job_is_stopped(server, small_world, tmp_path, monkeypatch):  # noqa: F811
    from swath.runs import StopSignal

    server.work = lambda job: "SUCCEEDED" if server.stopping.wait(30) else "FAILED"
    signal_at = threading.Timer(1.0, lambda: asked.append(True))
    asked = []
    monkeypatch.setattr(StopSignal, "__call__", lambda self: bool(asked))
    signal_at.start()
    code, told = swath("map", *small_world.request(tmp_path / "store", "--cluster", server.address))
    assert (code, told["stopped"]) == (130, "the job was stopped")
    assert server.stopping.is_set()


@pytest.mark.parametrize(
    ("cluster", "more", "says"),
    [("mars", (), "Give inline, local, auto, kuberay"), ("inline", ("--detach",), "--detach")],
)
def test_what_cannot_be_submitted_is_refused(small_world, tmp_path, capsys, cluster, more, says):  # noqa: F811
    code, _ = swath("map", *small_world.request(tmp_path / "s", "--cluster", cluster, *more))
    assert code == 2
    assert says in " ".join(capsys.readouterr().err.replace("│", " ").split())


def test_the_same_spec_has_the_same_uri_and_is_read_back(tmp_path):
    store, spec = Store.open(tmp_path), MapSpec(root="mosaic/1.0", run="0123456789ab", workers=3)
    uri = write_spec(store, spec)
    assert write_spec(store, spec) == uri
    assert read_spec(uri) == (store, spec)


def test_how_a_job_ended_stands_beside_its_spec(tmp_path):
    uri = write_spec(Store.open(tmp_path), CommandSpec(kind="assess", arguments=("/store",)))
    write_end(uri, JobEnd(job="one", exit_code=1))
    assert read_end(uri, "one").exit_code == 1
    assert read_end(uri, "two") is None


@pytest.mark.parametrize("uri", ["/store/specs/../x.json", "/store/0123.json", "/store/specs/a.txt"])
def test_what_is_no_spec_is_refused(uri):
    with pytest.raises(StoreError, match="no URI of a spec"):
        read_spec(uri)


def test_a_spec_of_unknown_keys_names_the_key(tmp_path):
    uri = write_spec(Store.open(tmp_path), MapSpec(root="r", run="x"))
    with open(uri, "w") as file:
        json.dump({"kind": "map", "root": "r", "run": "x", "colour": 1}, file)
    with pytest.raises(StoreError, match="colour"):
        read_spec(uri)


def test_a_spec_of_a_command_does_what_the_command_does(tmp_path, monkeypatch):
    """`assess` of a table of counts: its document is the one of the command line."""
    (tmp_path / "matrix.csv").write_text("map,a,b\na,90,10\nb,5,95\n")
    (tmp_path / "areas.csv").write_text("class,hectares\na,1000\nb,3000\n")
    given = ("--matrix", str(tmp_path / "matrix.csv"), "--areas", str(tmp_path / "areas.csv"))
    code, told = swath("assess", *given)
    assert code == 0, told
    uri = write_spec(Store.open(tmp_path / "store"), CommandSpec(kind="assess", arguments=given))
    monkeypatch.setenv("SWATH_JOB", "j")
    assert job_module.run("assess", uri) == 0
    end = read_end(uri, "j")
    assert end.result == told
    assert "overall accuracy" in end.text


@pytest.mark.parametrize("kind", ["map", "train", "tune", "assess"])
def test_each_script_of_jobs_is_its_kind(kind):
    text = (ROOT / "jobs" / f"{kind}.py").read_text()
    assert f'main(["{kind}", *sys.argv[1:]])' in text


def test_a_script_refuses_the_spec_of_another_kind(tmp_path, monkeypatch, capsys):
    uri = write_spec(Store.open(tmp_path), CommandSpec(kind="train", arguments=()))
    script = str(ROOT / "jobs" / "assess.py")
    monkeypatch.setattr(sys, "argv", [script, uri])
    monkeypatch.delenv("SWATH_JOB", raising=False)
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(script, run_name="__main__")
    assert ended.value.code == 2
    assert "is a spec of train, not of assess" in capsys.readouterr().err
    assert read_end(uri, "by-hand").error["type"] == "RequestError"
