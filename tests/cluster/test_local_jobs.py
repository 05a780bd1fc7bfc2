"""Jobs as processes of this machine: begun once, found again, stopped, killed."""

import json
import os
import signal
import time

import psutil
import pytest

from swath.cluster import LocalJobs
from swath.cluster.job import job_id
from swath.errors import ClusterError

SAYS = """
import os, signal, sys, time
print("begins", sys.argv[1:], os.environ["SWATH_JOB"], flush=True)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))
uri = sys.argv[2]
if uri.endswith("waits"):
    time.sleep(60)
sys.exit(3 if uri.endswith("fails") else 0)
"""


@pytest.fixture
def jobs(tmp_path, monkeypatch):
    """Jobs whose process is a small program instead of Swath's."""
    package = tmp_path / "fake" / "swath" / "cli"
    package.mkdir(parents=True)
    for folder in (package, package.parent):
        (folder / "__init__.py").write_text("")
    (package / "job.py").write_text(SAYS)
    return LocalJobs("inline", folder=tmp_path / "jobs", environment={"PYTHONPATH": str(tmp_path / "fake")})


def ended(jobs, job, within=20):
    end = time.monotonic() + within
    while not (found := jobs.get(job)).ended and time.monotonic() < end:
        time.sleep(0.05)
    return found


def begun(jobs, job, within=20):
    end = time.monotonic() + within
    while "begins" not in jobs.end_of_log(job):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_job_runs_to_its_end_and_its_log_is_streamed(jobs):
    job = jobs.submit("map", "s3://b/specs/x", b"x")
    assert (job.id, job.adopted) == (job_id("map", "s3://b/specs/x", b"x"), False)
    text = "".join(jobs.logs(job.id))
    assert text == f"begins ['map', 's3://b/specs/x', '--cluster', 'inline'] {job.id}\n"
    assert ended(jobs, job.id).status == "SUCCEEDED"


def test_the_same_spec_is_one_job_and_a_next_one_only_when_asked(jobs):
    first = jobs.submit("map", "x", b"x")
    assert ended(jobs, first.id).ended
    again = jobs.submit("map", "x", b"x")
    assert (again.id, again.adopted) == (first.id, True)
    second = jobs.submit("map", "x", b"x", again=True)
    assert (second.id, second.adopted) == (f"{first.id}-2", False)
    assert ended(jobs, second.id).ended


def test_a_failed_job_says_the_end_of_its_log(jobs):
    job = ended(jobs, jobs.submit("map", "fails", b"x").id)
    assert job.status == "FAILED"
    assert "begins" in job.message


def test_a_job_outlives_its_beginner_and_is_found_by_another(jobs):
    job = jobs.submit("map", "waits", b"x")
    begun(jobs, job.id)
    other = LocalJobs("inline", folder=jobs.folder)  # knows nothing but the folder
    found = other.submit("map", "waits", b"x", again=True)
    assert (found.id, found.status, found.adopted) == (job.id, "RUNNING", True)
    pid = json.loads((jobs.folder / job.id / "process.json").read_text())["pid"]
    assert os.getsid(pid) == pid
    assert other.stop(job.id).status == "STOPPED"
    assert jobs.get(job.id).status == "STOPPED"


@pytest.mark.parametrize("shell_too", [False, True])
def test_a_killed_job_has_failed(jobs, shell_too):
    job = jobs.submit("map", "waits", b"x")
    begun(jobs, job.id)
    shell = psutil.Process(json.loads((jobs.folder / job.id / "process.json").read_text())["pid"])
    child = shell.children()[0]
    if shell_too:
        shell.send_signal(signal.SIGKILL)
        shell.wait(10)
    child.send_signal(signal.SIGKILL)
    os.utime(jobs.folder / job.id, (0, 0))  # not just begun
    assert ended(jobs, job.id).status == "FAILED"


def test_a_job_that_there_is_not_is_named(jobs):
    with pytest.raises(ClusterError, match="no job nothing"):
        jobs.get("nothing")
