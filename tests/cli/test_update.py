"""`swath update`, here and as a job."""

import runpy
import shutil
import sys
from pathlib import Path

import pytest

from support.command import swath
from support.jobs_api import jobs_api
from support.late import offer
from support.parts import ROOT
from support.small_world import SmallWorld, small_world  # noqa: F401
from swath.cli import main
from swath.store import Store
from swath.store.job_spec import CommandSpec, MapSpec, read_end, read_spec, write_spec

INLINE = ("--cluster", "inline")


@pytest.fixture(scope="module")
def world(small_world, tmp_path_factory):  # noqa: F811
    """The archive with all of its scenes, and a map of June from before the last of them came."""
    folder = tmp_path_factory.mktemp("late")
    world = SmallWorld(small_world.copy(folder).folder, period="2023-06/P1M")
    every = world.scenes
    offer(world, every[:5] + every[6:])
    code, told = world.map(folder / "store")
    assert (code, told["units"]["done"]) == (0, 2), told
    offer(world, every)
    return world


@pytest.fixture
def store(world, tmp_path):
    shutil.copytree(world.folder / "store", tmp_path / "store")
    return tmp_path / "store"


def test_the_plan_alone_says_what_changed_and_what_it_takes(store):
    code, told = swath("update", store, "--plan-only")
    (update,) = told["updates"]
    assert (code, update["changes"]["changed"], update["changes"]["scenes_new"]) == (0, 2, 1)
    assert (update["plan"]["units"], update["bill"]["amounts"]["units"]) == (2, 2)
    assert swath("status", store)[1]["runs"][0]["state"] in ("planned", "done")
    assert len(list(store.rglob("*.tif"))) == 6


def test_an_update_makes_what_changed_and_a_second_one_nothing(store):
    code, told = swath("update", store, *INLINE)
    (update,) = told["updates"]
    assert (code, update["result"]["units"]["done"]) == (0, 2)
    assert update["result"]["collection"].endswith("mosaic/1.0/collection.json")
    code, told = swath("update", store, *INLINE)
    (update,) = told["updates"]
    assert (code, update["run"], update["result"], update["changes"]["unchanged"]) == (0, None, None, 2)


def test_a_person_reads_the_changes_before_the_work(store, capsys):
    assert main(["update", str(store), *INLINE, "--last", "1", "--until", "2023-07-09"]) == 0
    said = capsys.readouterr().out
    assert "2023-07/P1M: 2 units new, 0 changed, 0 unchanged." in said
    assert "2 units of other periods or areas stay as they are." in said
    assert said.index("units new") < said.index("2 units made")


def test_a_limit_refuses_an_update_before_anything_is_made(store):
    limits = ("--prices", "aws-us-west-2-2026-11", "--max-cost", "1e-12")
    code, told = swath("update", store, *INLINE, *limits)
    assert (code, told["error"]["type"]) == (2, "LimitError")
    assert len(list(store.rglob("*.tif"))) == 6


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--product", "biomass"), "holds no map of 'biomass'"),
        (("--until", "2023-07-01"), "Nothing rolls"),
        (("--period", "2023-07/P1M", "--last", "2"), "Both a period and the last steps"),
        (("--period", "2023/P1Y"), "holds another map: step is 'P1M', asked for is 'P1Y'"),
        (("--detach",), "--detach"),
    ],
)
def test_what_cannot_be_updated_is_refused(store, options, says):
    code, told = swath("update", store, *options)
    assert code == 2
    assert says in told["error"]["message"]


def test_a_store_without_a_map_is_refused(tmp_path):
    code, told = swath("update", tmp_path)
    assert (code, told["error"]["type"]) == (2, "StoreError")


def test_an_update_can_be_left_to_a_cluster_elsewhere(store):
    with jobs_api() as api:
        api.work = lambda job: "STOPPED" if api.stopping.wait(30) else "FAILED"
        code, told = swath("update", store, "--cluster", api.address, "--detach")
        api.stopping.set()
    (update,) = told["updates"]
    assert (code, update["result"]["status"]) == (0, "RUNNING")
    assert read_spec(update["result"]["spec"])[1] == MapSpec(root="mosaic/1.0", run=update["run"])


def test_the_script_of_the_job_is_the_command(store, monkeypatch):
    uri = write_spec(Store.open(store), CommandSpec(kind="update", arguments=(str(store),)))
    monkeypatch.setenv("SWATH_JOB", "a-job")
    monkeypatch.setattr(sys, "argv", ["update.py", uri, "--cluster", "inline"])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(ROOT / "jobs" / "update.py"), run_name="__main__")
    ended = read_end(uri, "a-job")
    assert (end.value.code, ended.exit_code) == (0, 0)
    assert ended.result["updates"][0]["result"]["units"]["done"] == 2
    assert Path(ended.result["updates"][0]["result"]["collection"]).is_file()
