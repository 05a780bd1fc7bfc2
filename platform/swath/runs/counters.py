"""What a process has used: CPU seconds and bytes that it read."""

from __future__ import annotations

import time
from functools import cache

import psutil


def cpu_s() -> float:
    """CPU seconds of this process and all its threads, since it began."""
    return time.process_time()


def file_bytes() -> int:
    """Bytes that this process has read from files, from cache or disk; 0 where the system does not count them.

    Network reads go past this count: see `network_bytes`.
    """
    try:
        counters = _process().io_counters()
    except (AttributeError, psutil.Error):  # macOS does not count, and a container may forbid it
        return 0
    return int(getattr(counters, "read_chars", 0))


def network_bytes() -> int:
    """Bytes that came to this machine over the network, whoever asked for them; the loopback is not counted."""
    try:
        cards = psutil.net_io_counters(pernic=True)
    except (OSError, psutil.Error):
        return 0
    return sum(card.bytes_recv for name, card in cards.items() if not name.startswith("lo"))


@cache
def _process() -> psutil.Process:
    return psutil.Process()
