"""Addresses to run on. Ray is started in processes of their own: one process can be in one cluster only."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from swath.cluster import connect
from swath.errors import ClusterError

TESTS = str(Path(__file__).parents[1])


def python(code, *arguments, **environment):
    """Run code in a new process, with warnings as errors; its standard output."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "AWS_"))}
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *arguments],
        env=clean | {"PYTHONPATH": TESTS} | environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


RUN = """
import os, signal, sys
signal.signal(signal.SIGTERM, lambda *_: print("our handler"))
from swath.cluster import connect
from swath.runs import RayExecutor, execute
from support.works import FileWork, Job
with connect(sys.argv[1]) as cluster:
    import ray
    print("nodes", len(cluster.nodes))
    print(ray.get(ray.remote(lambda: os.environ["RAY_AUTH_MODE"]).options(num_cpus=1).remote(), timeout=60))
    work = FileWork(sys.argv[2])
    summary = execute([Job("a"), Job("b", "die-once"), Job("c")], work, executor=RayExecutor(cpus=1, start_s=60))
    print(summary.done, summary.failed, work.done())
    os.kill(os.getpid(), signal.SIGTERM)  # Ray puts handlers of its own over ours, which exit
    if sys.argv[1] == "local":  # a stranger, who has no token
        import subprocess
        code = "import ray, sys; ray.init(address=sys.argv[1], log_to_driver=False)"
        without = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
        address = ray.get_runtime_context().gcs_address
        without |= {"HOME": sys.argv[2], "RAY_NUM_REDIS_GET_RETRIES": "1"}
        try:
            command = [sys.executable, "-c", code, address]
            ended = subprocess.run(command, env=without, capture_output=True, text=True, timeout=5)
            print("stranger", ended.returncode, "Authentication" in ended.stderr)
        except subprocess.TimeoutExpired:
            print("stranger waits")
print(ray.is_initialized(), os.environ.get("RAY_AUTH_TOKEN"))
"""


@pytest.mark.ray
def test_local_starts_ray_with_a_token_of_its_own_and_ends_it(tmp_path):
    # Ray was imported before: it is told to look at the token again
    out = python("import ray\n" + RUN, "local", str(tmp_path)).splitlines()
    assert out[:4] == ["nodes 1", "token", "3 0 ['a', 'b', 'c']", "our handler"]
    assert out[4] in ("stranger 1 True", "stranger waits")
    assert out[5] == "False None"


@pytest.mark.ray
def test_auto_joins_the_cluster_that_ray_address_names(ray_cluster, tmp_path):
    token = {"RAY_AUTH_TOKEN": os.environ["RAY_AUTH_TOKEN"], "RAY_TMPDIR": os.environ["RAY_TMPDIR"]}
    out = python(RUN, "auto", str(tmp_path), RAY_ADDRESS=ray_cluster.address, **token).splitlines()
    assert out[:4] == ["nodes 3", "token", "3 0 ['a', 'b', 'c']", "our handler"]


FAIL = """
from swath.cluster import connect
from swath.errors import ClusterError
try:
    with connect("auto"): pass
except ClusterError as error:
    print(error)
"""


def test_auto_without_a_cluster_says_what_to_do(tmp_path):
    (tmp_path / "ray").mkdir()
    # another cluster of this machine may be found, whose token we do not have: knock once, not twenty times
    text = python(FAIL, RAY_TMPDIR=str(tmp_path), RAY_NUM_REDIS_GET_RETRIES="1")
    assert "No Ray cluster could be joined on this node, and RAY_ADDRESS is not set" in text
    assert "--cluster local" in text


@pytest.mark.parametrize(
    ("address", "says"),
    [("127.0.0.1:9", "Nobody answers at RAY_ADDRESS=127.0.0.1:9"), ("ray://head:10001", "cannot be used")],
)
def test_an_address_that_cannot_be_joined_is_said_at_once(monkeypatch, address, says):
    from swath.cluster.connect import _reach

    with pytest.raises(ClusterError, match=says):
        _reach(address)


def test_inline_needs_no_ray():
    code = (
        "import sys\nfrom swath.cluster import connect\nimport swath.runs\n"
        "with connect('inline') as c: print(c.on_ray, 'ray' in sys.modules)"
    )
    assert python(code) == "False False\n"


def test_another_address_is_refused_with_the_choices():
    with pytest.raises(ClusterError, match="Choose inline, local or auto"), connect("mars"):
        pass
