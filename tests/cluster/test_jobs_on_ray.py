"""Maps, trainings and searches by the Jobs API of a real Ray head, with its token.

The head takes half a minute to start: marked slow.
"""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from end_to_end.test_train import QUICK
from end_to_end.test_tune import SMALL
from support.buckets import bucket
from support.drawn_labels import saved, squares
from support.kuberay import kuberay
from support.ray_cluster import wait_until
from support.ray_head import ray_head
from support.servers import FileServer
from support.small_world import fingerprints, small_world  # noqa: F401
from swath.cluster.jobs import Jobs

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def s3_variables(s3_endpoint):
    """Variables of a bucket of S3, and its URL: the head has them, too."""
    return bucket(s3_endpoint)


@pytest.fixture(scope="module")
def head(s3_variables):
    with ray_head(environment=s3_variables[0]) as started:
        yield started


@pytest.fixture(scope="module")
def archive(small_world):  # noqa: F811
    """The archive over HTTP."""
    server = FileServer(small_world.archive)
    yield server
    server.close()


@pytest.fixture
def catalog(archive):
    return f"{archive.url}/catalog.json"


@pytest.fixture(scope="module")
def labels(tmp_path_factory):
    frame = squares()
    frame["class"] = frame["class"].map({"crop": "crops", "tree": "trees", "water": "water"})
    return saved(frame, tmp_path_factory.mktemp("labels"))


def swath(head, *arguments, token=True, variables=None, text=False):
    """The command in a process of its own, as a user has it: (exit code, document or text, standard error)."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "AWS_"))}
    command = [sys.executable, "-m", "swath", *map(str, arguments), *([] if text else ["--json"])]
    given = clean | (head.environment if token else {}) | (variables or {})
    ended = subprocess.run(command, env=given, capture_output=True, text=True, timeout=280)
    assert ended.stdout, ended.stderr
    return ended.returncode, ended.stdout if text else json.loads(ended.stdout), ended.stderr


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


def test_a_map_by_a_cluster_that_is_made_for_it(head, small_world, catalog, s3_variables, tmp_path):  # noqa: F811
    """Kubernetes is ours; its cluster's Jobs API is the real one of the head, with the token of KubeRay's Secret."""
    variables, url = s3_variables
    with kuberay(tmp_path, head.address, head.environment["RAY_AUTH_TOKEN"]) as (api, file):
        request = small_world.request(f"{url}/map", "--cluster", "kuberay", "--cluster-spec", file, source=catalog)
        given = variables | {"KUBECONFIG": str(tmp_path / "config")}
        code, told, said = swath(head, "map", *request, token=False, variables=given)
        assert code == 0, said
        assert told["units"]["done"] == 4
        assert api.count("POST", "/rayclusters") == 1
        assert api.clusters == {}


def test_a_launcher_that_is_told_to_end_stops_the_job_and_frees_the_cluster_within_a_minute(
    head,
    archive,
    small_world,  # noqa: F811
    catalog,
    s3_variables,
    tmp_path,
):
    variables, url = s3_variables
    token = head.environment["RAY_AUTH_TOKEN"]
    with kuberay(tmp_path, head.address, token) as (api, file):
        where = ("--cluster", "kuberay", "--cluster-spec", file)
        request = small_world.request(f"{url}/stopped", *where, source=catalog)
        command = [sys.executable, "-m", "swath", "map", *map(str, request), "--json"]
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "AWS_"))}
        given = clean | variables | {"KUBECONFIG": str(tmp_path / "config")}
        archive.fault = lambda path, number: 40.0 if path.endswith(".tif") else None  # every read takes long
        process = subprocess.Popen(command, env=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            jobs = Jobs(head.address, token=token)

            def running():
                told = [one for one in jobs._client.list_jobs() if (one.submission_id or "").startswith("swath-map-")]
                return any(str(one.status) == "RUNNING" for one in told) and sum(archive.requests.values()) > before

            before = sum(archive.requests.values())
            wait_until(running, 120)
            process.send_signal(signal.SIGTERM)
            began = time.monotonic()
            said, log = process.communicate(timeout=120)
        finally:
            archive.fault = None
            process.kill()
        assert time.monotonic() - began < 60
        assert process.returncode == 130, log
        assert json.loads(said)["stopped"]
        assert (api.count("POST", "/rayclusters"), api.clusters) == (1, {})
        assert not running()


def test_a_training_by_the_jobs_api_with_labels_sent_along(head, small_world, catalog, labels, s3_variables):  # noqa: F811
    variables, url = s3_variables
    code, said, log = swath(
        head, "train", "landcover", "--labels", labels, "--area", small_world.area, "--period", "2023-06/P1M",
        "--source", catalog, "--out", f"{url}/trained", "--tile-size", 192, "--cluster", head.address,
        *QUICK, *SMALL, variables=variables, text=True,
    )  # fmt: skip
    assert code == 0, log
    assert "epoch 2/2: loss" in log
    assert "transfer: overall accuracy" in said
    assert "epoch 2/2" not in said


def test_a_search_by_the_jobs_api(head, small_world, labels, tmp_path):  # noqa: F811
    space = tmp_path / "space.yaml"
    space.write_text("train.optimiser.lr: {kind: loguniform, low: 0.0001, high: 0.02}\n")
    code, told, said = swath(
        head, "tune", "landcover", "--labels", labels, "--area", small_world.area, "--period", "2023-06/P1M",
        "--source", small_world.catalog, "--out", tmp_path / "out", "--tile-size", 192, "--cluster", head.address,
        "--space", space, "--trials", 2, "--grace", 1, "--set", "validate_on=1", *QUICK, *SMALL,
    )  # fmt: skip
    assert code == 0, said
    assert len(told["trials"]) == 2
    assert (tmp_path / "out" / "tune" / "best.yaml").exists()


def test_what_the_job_refuses_is_refused_here_with_its_reason(head, small_world, tmp_path):  # noqa: F811
    code, told, _ = swath(
        head, "train", "landcover", "--labels", tmp_path / "none.gpkg", "--area", small_world.area,
        "--period", "2023-06/P1M", "--source", small_world.catalog, "--out", tmp_path / "out",
        "--cluster", head.address,
    )  # fmt: skip
    assert (code, told["error"]["type"]) == (2, "LabelError")
    assert "In the job swath-train-" in told["error"]["message"]


def test_a_silent_log_keeps_nobody_from_stopping(head):
    jobs = Jobs(head.address, token=head.environment["RAY_AUTH_TOKEN"])
    jobs._client.submit_job(entrypoint="sleep 60", submission_id="silent")
    began, lines = time.monotonic(), []
    for text in jobs.logs("silent", should_stop=lambda: time.monotonic() - began > 6):
        lines.append(text)
    assert time.monotonic() - began < 12
    jobs.stop("silent")
