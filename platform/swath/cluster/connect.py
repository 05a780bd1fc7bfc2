"""An address to run on: this process, this machine, a Ray cluster."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Literal, get_args

from swath.cluster.auth import own_token, use_given_token
from swath.cluster.nodes import Node, nodes
from swath.errors import ClusterError

Address = Literal["inline", "local", "auto"]
_REACH_S = 5.0
_OBJECT_STORE = 128 * 2**20  # pixels never cross it: plans and outcomes are small


@dataclass(frozen=True)
class Cluster:
    """Where a run takes place.

    Attributes:
        address: What was asked for.
        nodes: What it has; empty for `inline`.
    """

    address: Address
    nodes: tuple[Node, ...] = ()

    @property
    def on_ray(self) -> bool:
        """True when units run in Ray's actors."""
        return self.address != "inline"


@contextmanager
def connect(address: str, *, cpus: int | None = None, log_to_driver: bool = False) -> Iterator[Cluster]:
    """Connect while the block runs; what was started here ends with it, what was found stays.

    Args:
        address: `inline` runs in this process, `local` starts Ray on this machine, `auto` joins the cluster that
            RAY_ADDRESS names or this node belongs to.
        cpus: CPUs of a local cluster; those this process may use by default.
        log_to_driver: Print what workers print. Off by default: errors come back with their units.

    Raises:
        ClusterError: An unknown address, or a cluster that cannot be started or joined.
    """
    if address not in get_args(Address):
        raise ClusterError(f"There is no cluster {address!r}.", fix="Choose inline, local or auto.")
    if address == "inline":
        yield Cluster("inline")
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # Ray 2.60 warns that it will stop to hide GPUs from workers that ask for none: take the coming behaviour now
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    with ExitStack() as stack:
        if address == "local":
            _start(stack, cpus or len(os.sched_getaffinity(0)), log_to_driver)
            yield Cluster("local", tuple(nodes()))
        else:
            _join(stack, log_to_driver)
            yield Cluster("auto", tuple(nodes()))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Ray off standard output, which is the result's (`--json`).

    Ray 2.60 prints what it has to say of dead workers there, even with log_to_driver=False; its debugger uses the
    same switch. Whoever runs units learns of dead workers by their events.
    """
    from ray._private import worker

    before = worker._worker_logs_enabled
    worker._worker_logs_enabled = False
    try:
        yield
    finally:
        worker._worker_logs_enabled = before


@contextmanager
def _own_sigterm() -> Iterator[None]:
    """Keep the handler that the caller gave SIGTERM: `ray.init` (Ray 2.60) puts two of its own over it, which exit."""
    main = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGTERM)
    yield
    if main and callable(handler):
        signal.signal(signal.SIGTERM, handler)


def _start(stack: ExitStack, cpus: int, log_to_driver: bool) -> None:
    stack.enter_context(own_token())
    import ray

    if not log_to_driver:
        stack.enter_context(_quiet())
    if ray.is_initialized():
        raise ClusterError(
            "This process is connected to a Ray cluster already.", fix="Use the address auto to run on that one."
        )
    # sockets lie below it and their paths may have 107 characters: a short folder, whatever TMPDIR says
    folder = tempfile.mkdtemp(prefix="swath-", dir="/tmp" if os.access("/tmp", os.W_OK) else None)
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    stack.callback(ray.shutdown)
    try:
        with _own_sigterm():
            ray.init(
                address="local",
                num_cpus=cpus,
                include_dashboard=False,
                object_store_memory=_OBJECT_STORE,
                log_to_driver=log_to_driver,
                logging_level=logging.WARNING,
                _temp_dir=folder,
            )
    except (RuntimeError, OSError, ValueError) as error:
        raise ClusterError(
            f"Ray did not start on this machine: {_first_line(error)}",
            fix="Run with --cluster inline, or free memory and processes.",
        ) from error


def _join(stack: ExitStack, log_to_driver: bool) -> None:
    use_given_token()
    import ray

    if not log_to_driver:
        stack.enter_context(_quiet())
    if ray.is_initialized():
        return
    where = os.environ.get("RAY_ADDRESS")
    if where:
        _reach(where)
    try:
        with _own_sigterm():
            ray.init(address="auto", log_to_driver=log_to_driver, logging_level=logging.WARNING)
    except (ConnectionError, RuntimeError, OSError, ValueError, ray.exceptions.RayError) as error:
        found = f"at RAY_ADDRESS={where}" if where else "on this node, and RAY_ADDRESS is not set"
        raise ClusterError(
            f"No Ray cluster could be joined {found}: {_first_line(error)}",
            fix="Start one (`ray start --head`), set RAY_ADDRESS (and RAY_AUTH_TOKEN_PATH), or use --cluster local.",
        ) from error
    stack.callback(ray.shutdown)


def _reach(address: str) -> None:
    """Knock before Ray does: it waits minutes for an address that nobody answers."""
    host, _, port = address.rpartition(":")
    if "://" in address or not host or not port.isdigit():
        raise ClusterError(
            f"RAY_ADDRESS={address} cannot be used.",
            fix="Set it to HOST:PORT of the head node from a node of the cluster, or submit a Ray job.",
        )
    try:
        socket.create_connection((host, int(port)), timeout=_REACH_S).close()
    except OSError as error:
        raise ClusterError(
            f"Nobody answers at RAY_ADDRESS={address}: {error}.", fix="Correct RAY_ADDRESS, or use --cluster local."
        ) from error


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
