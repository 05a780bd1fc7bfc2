"""Few arenas of the C library's allocator."""

import subprocess
import sys

SCRIPT = """
import ctypes, threading
from swath.runs.arenas import limit_arenas

assert limit_arenas()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
gate = threading.Barrier(13)
def work():
    libc.malloc(5000)
    gate.wait()
threads = [threading.Thread(target=work) for _ in range(12)]
for thread in threads: thread.start()
gate.wait()
libc.malloc_stats()
"""


def test_many_threads_share_few_arenas():
    # malloc_stats writes a line an arena to standard error
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    arenas = [line for line in done.stderr.splitlines() if line.startswith("Arena ")]
    assert 1 <= len(arenas) <= 3, done.stderr
