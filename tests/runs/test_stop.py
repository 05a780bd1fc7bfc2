"""Ctrl-C, in a real process."""

import os
import signal
import subprocess
import sys

from swath.runs import StopSignal

CODE = """
import sys, time
from swath.runs import InlineExecutor, StopSignal, execute
sys.path.insert(0, sys.argv[1])
from support.works import FileWork, Job
def told(event):
    if type(event).__name__ == "Done": print("done", flush=True)
with StopSignal() as stop:
    work = FileWork(sys.argv[2], seconds=float(sys.argv[3]))
    units = (Job(f"u{i}") for i in range(10**9))
    print("go", flush=True)
    print(execute(units, work, executor=InlineExecutor(memory=10**6), on_event=told, should_stop=stop).stopped)
"""


def start(tmp_path, seconds):
    tests = os.path.dirname(os.path.dirname(__file__))
    return subprocess.Popen(
        [sys.executable, "-c", CODE, tests, str(tmp_path), str(seconds)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_first_ctrl_c_finishes_what_is_in_flight(tmp_path):
    with start(tmp_path, 0.05) as process:
        assert process.stdout.readline() == "go\n"
        assert process.stdout.readline() == "done\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert out.endswith("asked\n") and process.returncode == 0
    assert "units in flight finish first" in err


def test_the_second_ctrl_c_ends_at_once(tmp_path):
    with start(tmp_path, 50) as process:
        assert process.stdout.readline() == "go\n"
        process.send_signal(signal.SIGINT)
        assert "press Ctrl-C again" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode != 0 and "KeyboardInterrupt" in err


def test_handlers_are_put_back():
    before = signal.getsignal(signal.SIGINT)
    with StopSignal() as stop:
        assert not stop()
        stop.set()
        assert stop()
    assert signal.getsignal(signal.SIGINT) is before
