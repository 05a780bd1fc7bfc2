"""Jobs over HTTP: found before they are submitted, refused with the reason, followed and stopped."""

import pytest

from support.jobs_api import jobs_api
from swath.cluster.job import job_id
from swath.cluster.jobs import Jobs, JobsApiError
from swath.errors import ClusterError, CredentialsError

SPEC = ("map", "s3://bucket/specs/0123456789ab.json", b"{}")


@pytest.fixture
def server():
    with jobs_api() as api:
        yield api


def test_submitting_twice_gives_the_same_job(server):
    jobs = Jobs(server.address)
    first, second = jobs.submit(*SPEC), jobs.submit(*SPEC)
    assert first.id == second.id == job_id(*SPEC)
    assert (first.adopted, second.adopted, len(server.submitted)) == (False, True, 1)


def test_a_submit_that_somebody_else_won_gives_their_job(server, monkeypatch):
    jobs = Jobs(server.address)
    real, looks = jobs._find, []

    def late(job):
        looks.append(job)
        if len(looks) == 1:
            server.begin({"submission_id": job, "entrypoint": "x"})
            return None
        return real(job)

    monkeypatch.setattr(jobs, "_find", late)
    assert jobs.submit(*SPEC).adopted
    assert server.submitted == []


def test_a_job_that_has_ended_is_begun_again_only_when_asked(server):
    jobs = Jobs(server.address)
    first = jobs.submit(*SPEC)
    server.jobs[first.id]["status"] = "FAILED"
    assert jobs.submit(*SPEC).id == first.id
    assert jobs.submit(*SPEC, again=True).id == f"{first.id}-2"
    assert jobs.submit(*SPEC, again=True).adopted


def test_another_content_of_the_spec_is_another_job():
    assert job_id(*SPEC) != job_id("map", SPEC[1], b"{ }") != job_id("train", SPEC[1], b"{ }")


def test_the_entrypoint_needs_the_package_only_and_quotes_the_uri(server):
    Jobs(server.address).submit("map", "/a store/specs/0123456789ab.json", b"{}")
    (told,) = server.submitted
    assert told["entrypoint"] == "exec python -m swath.cli.job map '/a store/specs/0123456789ab.json'"
    assert told["runtime_env"]["env_vars"]["SWATH_JOB"] == told["submission_id"]


def test_another_version_of_ray_is_refused_with_both(server):
    server.version = "2.59.0"
    with pytest.raises(ClusterError, match=r"has Ray 2\.59\.0, this machine 2\."):
        Jobs(server.address)


def test_a_missing_token_names_the_variable_and_a_given_one_is_sent(server):
    server.token = "a" * 64
    with pytest.raises(CredentialsError, match="RAY_AUTH_TOKEN_PATH"):
        Jobs(server.address)
    assert Jobs(server.address, token=server.token).submit(*SPEC).status == "RUNNING"


def test_the_address_that_is_given_wins_over_the_environment(server, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "http://127.0.0.1:9")
    assert Jobs(server.address).submit(*SPEC).status == "RUNNING"


def test_where_nobody_answers_the_address_is_named():
    with pytest.raises(ClusterError, match=r"No Jobs API of Ray answers at http://127\.0\.0\.1:9"):
        Jobs("http://127.0.0.1:9")


def test_what_is_no_ray_is_said(file_server):
    with pytest.raises(ClusterError, match="No Jobs API of Ray answers"):
        Jobs(file_server.url)


def test_an_unknown_job_is_said(server):
    with pytest.raises(ClusterError, match="knows no job other"):
        Jobs(server.address).get("other")


def test_a_job_stops(server):
    jobs = Jobs(server.address)
    assert jobs.stop(jobs.submit(*SPEC).id).status == "STOPPED"


def test_a_log_is_read_on_where_the_connection_broke(server, monkeypatch):
    jobs = Jobs(server.address)
    job = jobs.submit(*SPEC).id
    tries = []

    async def tail(_):
        tries.append(1)
        yield "one\n"
        yield "two\n"
        if len(tries) == 1:
            raise RuntimeError("WebSocket connection closed unexpectedly")
        server.jobs[job]["status"] = "SUCCEEDED"
        yield "three\n"

    monkeypatch.setattr(jobs._client, "tail_job_logs", tail)
    assert list(jobs.logs(job)) == ["one\n", "two\n", "three\n"]


def test_other_errors_keep_their_status(server, monkeypatch):
    jobs = Jobs(server.address)
    monkeypatch.setattr(jobs, "_find", lambda _: None)
    server.jobs[job_id(*SPEC)] = {}
    with pytest.raises(JobsApiError) as caught:
        jobs.submit(*SPEC)
    assert caught.value.facts["status"] == 500
    assert "already exists" in str(caught.value)
