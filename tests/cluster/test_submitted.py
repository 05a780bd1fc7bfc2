"""A job is followed through silences, with its log, until it ends; and how it ended comes back as it was."""

import threading

import pytest

from swath.cluster import Job, JobGoneError, error_of, follow_job, without_end
from swath.cluster.elsewhere import _Heartbeat
from swath.cluster.kuberay import ClusterGoneError, Group, KubeRaySpec, Launched
from swath.errors import (
    AssetMissingError,
    ClusterError,
    CredentialsError,
    LabelError,
    RunStoppedError,
)

RUNNING, DONE = Job("one", "RUNNING"), Job("one", "SUCCEEDED")


class Place:
    """Answers as it was told, one look after another; the last answer stays."""

    address = "somewhere"

    def __init__(self, *answers, log=()):
        self.answers, self.log, self.stopped = list(answers), log, False

    def get(self, job):
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def stop(self, job):
        self.stopped = True
        return Job(job, "STOPPED")

    def logs(self, job, *, should_stop):
        for one in self.log:
            if isinstance(one, Exception):
                self.log = [text for text in self.log if text is not one]
                raise one
            yield one

    def end_of_log(self, job, *, lines):
        raise ClusterError("no log")


def test_a_place_that_does_not_answer_for_a_while_is_asked_again():
    said = []
    place = Place(ClusterError("gone quiet."), ClusterError("gone quiet."), RUNNING, DONE)
    assert follow_job(place, RUNNING, every_s=0, say=said.append) == DONE
    assert said == ["gone quiet. The job may go on; asking again for 5 minutes."]


def test_a_place_that_does_not_answer_for_long_is_given_up():
    with pytest.raises(ClusterError, match="gone quiet"):
        follow_job(Place(ClusterError("gone quiet.")), RUNNING, every_s=0, patience_s=0.01)


@pytest.mark.parametrize("error", [JobGoneError("lost."), CredentialsError("refused.")])
def test_what_asking_again_does_not_mend_is_said_at_once(error):
    with pytest.raises(type(error)):
        follow_job(Place(error), RUNNING, every_s=0)


def test_asked_to_stop_the_job_is_stopped_and_looked_at_no_more():
    place = Place(RUNNING)
    assert follow_job(place, RUNNING, should_stop=lambda: True).status == "STOPPED"
    assert place.stopped


def test_every_look_is_told_and_what_it_raises_ends_the_watch():
    looks = []
    follow_job(Place(RUNNING, RUNNING, DONE), RUNNING, every_s=0, look=lambda: looks.append(1))
    assert len(looks) == 3

    def gone():
        raise ClusterGoneError("the cluster is gone")

    with pytest.raises(ClusterGoneError):
        follow_job(Place(RUNNING), RUNNING, every_s=0, look=gone)


def test_the_log_is_whole_and_each_part_once_though_it_broke():
    lines = []
    place = Place(RUNNING, log=["one\n", ClusterError("broken"), "two\n"])
    place.get = lambda job: DONE if lines[-1:] == ["two\n"] else RUNNING
    follow_job(place, RUNNING, every_s=0.01, on_log=lines.append)
    assert lines == ["one\n", "two\n"]


def test_nobody_waits_for_a_log_that_goes_on(monkeypatch):
    monkeypatch.setattr("swath.cluster.submitted._LOG_S", 0.1)
    held = threading.Event()

    class Hanging(Place):
        def logs(self, job, *, should_stop):
            while not should_stop():
                held.wait(0.05)
            yield from ()

    ended = follow_job(Hanging(RUNNING), RUNNING, on_log=print, should_stop=lambda: True)
    assert ended.status == "STOPPED"


@pytest.mark.parametrize(
    "error",
    [
        LabelError("No class.", fix="Add one.", classes=["a"]),
        RunStoppedError("Stopped.", fix="Go on."),
        AssetMissingError("404.", href="https://x/a.tif", band="B04"),
    ],
)
def test_an_error_comes_back_with_type_fix_and_facts(error):
    back = error_of(error.to_dict(), "one")
    assert (type(back), back.fix, back.facts, back.exit_code) == (type(error), error.fix, error.facts, error.exit_code)
    assert back.message == f"In the job one: {error.message}"


def test_an_error_that_is_not_known_here_is_one_of_the_cluster():
    assert type(error_of({"type": "NewError", "message": "m", "fix": "f"}, "one")) is ClusterError


def test_a_job_without_an_end_is_told_though_its_log_cannot_be_read():
    error = without_end(Place(DONE), Job("one", "FAILED", "killed"))
    assert "ended as FAILED" in error.message
    assert "its log cannot be read: no log" in error.message


def test_a_launcher_says_that_it_lives_and_hears_when_the_cluster_is_gone(monkeypatch):
    spec = KubeRaySpec(image="swath:0.1.0", groups=(Group(name="cpu", cpus=4, memory_gib=8),), ttl_s=800)
    cluster, said, answers = Launched("c", "swath", "http://x", 1, False, spec, None), [], []

    def heard_of(_):
        answers.append(1)
        if wrong is not None:
            raise wrong

    monkeypatch.setattr(Launched, "heard_of", heard_of)
    beat, wrong = _Heartbeat(cluster, said.append), None
    beat()
    assert answers == []  # an eighth of the time after which it would be swept away has not passed
    beat._next = 0
    beat()
    assert (answers, said) == ([1], [])
    beat._next, wrong = 0, ClusterError("does not answer")
    beat()
    assert said == ["Kubernetes was not told that c is in use: does not answer"]
    beat._next, wrong = 0, ClusterGoneError("gone")
    with pytest.raises(ClusterGoneError):
        beat()
