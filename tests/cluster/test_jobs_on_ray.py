"""Maps by the Jobs API of a real Ray head, with its token. The head takes half a minute to start: marked slow."""

import json
import os
import subprocess
import sys

import pytest

from support.ray_head import ray_head
from support.small_world import fingerprints, small_world  # noqa: F401
from swath.cluster.jobs import Jobs

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def head():
    with ray_head() as started:
        yield started


def swath(head, *arguments, token=True):
    """The command in a process of its own, as a user has it: (exit code, document, standard error)."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "AWS_"))}
    command = [sys.executable, "-m", "swath", *map(str, arguments), "--json"]
    ended = subprocess.run(
        command, env=clean | (head.environment if token else {}), capture_output=True, text=True, timeout=280
    )
    assert ended.stdout, ended.stderr
    return ended.returncode, json.loads(ended.stdout), ended.stderr


def test_a_map_by_the_jobs_api_is_the_map_of_this_process(head, small_world, tmp_path):  # noqa: F811
    code, here = small_world.map(tmp_path / "here")
    assert code == 0
    code, there, said = swath(head, "map", *small_world.request(tmp_path / "there", "--cluster", head.address))
    assert code == 0, said
    assert there["units"] == here["units"]
    made = fingerprints(tmp_path / "there")
    assert {name: of for name, of in made.items() if not name.startswith("specs/")} == fingerprints(tmp_path / "here")


def test_a_job_that_was_stopped_is_taken_up_by_the_same_command(head, small_world, tmp_path):  # noqa: F811
    request = small_world.request(tmp_path / "store", "--cluster", head.address)
    code, left, said = swath(head, "map", *request, "--detach")
    assert code == 0, said
    jobs = Jobs(head.address, token=head.environment["RAY_AUTH_TOKEN"])
    assert jobs.stop(left["job"]).status == "STOPPED"
    code, result, said = swath(head, "map", *request)
    assert code == 0, said
    assert result["units"]["done"] + result["units"]["found"] == 4
    log = "".join(jobs.logs(f"{left['job']}-2"))
    assert "4/4 tiles" in log
    assert jobs.end_of_log(f"{left['job']}-2") in log


def test_without_the_token_the_variable_is_named(head, small_world, tmp_path):  # noqa: F811
    request = small_world.request(tmp_path / "store", "--cluster", head.address)
    code, document, _ = swath(head, "map", *request, token=False)
    assert code == 2
    assert document["error"]["type"] == "CredentialsError"
    assert "RAY_AUTH_TOKEN_PATH" in document["error"]["fix"]
