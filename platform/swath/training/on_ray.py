"""The loop in Ray Train's workers: placing them, hearing of epochs, readable errors, another try after a death."""

from __future__ import annotations

import signal
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from swath.cluster import nodes
from swath.errors import ClusterError, SwathError
from swath.settings import settings
from swath.store import Store
from swath.training.curves import read_history
from swath.training.loop import Job, Reading, Seat, train

_LOOK_S = {True: 0.5, False: 3.0}  # between two looks for epochs, at a local store and at a remote one


def train_on_ray(
    job: Job, *, device: str, on_epoch: Callable[[Reading], None] | None = None
) -> tuple[list[Reading], int]:
    """Run `train` in `job.config.workers` workers of the cluster that this process is connected to.

    A worker that dies takes its group along; the group is started anew and goes on from the last checkpoint,
    SWATH_UNIT_ATTEMPTS times in all.

    Args:
        job: What to train. Its store must be reached by all nodes.
        device: `cpu` or `cuda`.
        on_epoch: Told in this process of each epoch that is done.

    Returns:
        A reading an epoch, and how often the group was started anew.

    Raises:
        ClusterError: There is no room for the workers, or they died too often.
        SwathError: What a worker raised.
    """
    import ray
    from ray.train.v2.api.exceptions import TrainingFailedError

    config, cuda = job.config, device == "cuda"
    threads = config.threads or _threads(config.workers, cuda=cuda)
    each = resources(threads, cuda=cuda)
    check_room(config.workers, each)
    shared = ray.put(job)
    attempts = settings().unit_attempts
    for attempt in range(attempts):
        try:
            # Ray Train's own books lie on this node, where its controller runs; what counts is in the checkpoints
            with _books() as books, own_sigint(), _following(job.out, on_epoch), quiet():
                _trainer(job, shared, threads=threads, each=each, books=books).fit()
            return read_history(job.out), attempt
        except TrainingFailedError as error:
            raised = raised_by_worker(error)
            if raised is not None:
                raise raised from error
            if attempt + 1 == attempts:
                raise ClusterError(
                    f"Training stopped {attempts} times: {last_line(error)}.",
                    fix="The same command goes on from the last checkpoint.",
                ) from error
    raise AssertionError("the last attempt returns or raises")


def _books() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="swath-train-", ignore_cleanup_errors=True)


def _trainer(job: Job, shared: Any, *, threads: int, each: dict[str, float], books: str) -> Any:
    from ray.train import FailureConfig, LoggingConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchConfig, TorchTrainer

    config = job.config
    return TorchTrainer(
        _Loop(threads),
        # a reference in a list: the group would else hold the job's bytes once a worker in its books
        train_loop_config={"job": [shared]},
        torch_config=TorchConfig(backend=None if config.backend == "auto" else config.backend),
        scaling_config=ScalingConfig(num_workers=config.workers, use_gpu="GPU" in each, resources_per_worker=each),
        run_config=RunConfig(  # type: ignore[call-arg]  # its type says the first generation's
            name="run",
            storage_path=books,
            failure_config=FailureConfig(max_failures=0),
            logging_config=LoggingConfig(log_level="ERROR"),
        ),
    )


class _Loop:
    """What Ray Train calls in each worker."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self.__name__ = "train"  # Ray Train asks for it

    def __call__(self, config: dict[str, Any]) -> None:
        import ray
        import torch
        from ray.train import get_context
        from ray.train.torch import get_device

        torch.set_num_threads(self.threads)
        context = get_context()
        seat = Seat(context.get_world_rank(), context.get_world_size(), get_device())
        train(ray.get(config["job"][0]), seat)


def resources(threads: int, *, cuda: bool) -> dict[str, float]:
    """What Ray reserves for one worker."""
    return {"CPU": float(threads), **({"GPU": 1.0} if cuda else {})}


def _threads(workers: int, *, cuda: bool) -> int:
    """The most CPUs a worker may have so that all find room."""
    living = nodes()
    most = int(max((node.cpus for node in living), default=1))
    for count in range(most, 1, -1):
        if sum(_fits(node, resources(count, cuda=cuda)) for node in living) >= workers:
            return count
    return 1


def _fits(node: Any, each: dict[str, float]) -> int:
    by_cpu = int(node.cpus // each["CPU"])
    return min(by_cpu, int(node.gpus // each["GPU"])) if "GPU" in each else by_cpu


def room_for(each: dict[str, float]) -> int:
    """How many workers of these resources the cluster holds when it is empty."""
    return sum(_fits(node, each) for node in nodes())


def check_room(workers: int, each: dict[str, float]) -> None:
    """Refuse workers for which the cluster has no room.

    Args:
        workers: How many at once.
        each: What one takes: CPU, and GPU where it needs one.

    Raises:
        ClusterError: They do not fit; the message shows what there is.
    """
    living, room = nodes(), room_for(each)
    if room < workers:
        has = ", ".join(f"{node.name}: {node.cpus:g} CPU, {node.gpus:g} GPU" for node in living) or "no node"
        asks = ", ".join(f"{count:g} {name}" for name, count in each.items())
        raise ClusterError(
            f"{workers} workers of {asks} do not fit: the cluster has room for {room} ({has}).",
            fix="Use fewer workers or threads, or add nodes.",
        )


@contextmanager
def _following(out: Store, on_epoch: Callable[[Reading], None] | None) -> Iterator[None]:
    """Tell of epochs while the block runs: worker 0 writes them into the training's store."""
    if on_epoch is None:
        yield
        return
    end, told = threading.Event(), len(read_history(out))

    def tell() -> None:
        nonlocal told
        for reading in read_history(out)[told:]:
            on_epoch(reading)
            told += 1

    def follow() -> None:
        while not end.wait(_LOOK_S[out.is_local]):
            tell()

    thread = threading.Thread(target=follow, name="swath-epochs", daemon=True)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()
        tell()


@contextmanager
def quiet() -> Iterator[None]:
    """Ray 2.60 warns of its own old settings when it sets them to their defaults."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"ray\.")
        yield


@contextmanager
def own_sigint() -> Iterator[None]:
    """Keep the handler that the caller gave SIGINT: Ray Train (2.60) leaves its own behind."""
    main = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        if main:
            signal.signal(signal.SIGINT, handler)


def raised_by_worker(error: BaseException) -> BaseException | None:
    """The error that the training itself raised, None where a worker died: then another try may go better.

    When a worker stops, the others of its group only lose their connection to it; so one of Swath's errors comes first,
    and another counts only where all workers raised.
    """
    failures = list(getattr(error, "worker_failures", {}).values())
    raised = [getattr(failure, "_base_exc", None) for failure in failures]
    ours = next((found for found in [*raised, *failures] if isinstance(found, SwathError)), None)
    if ours is not None or not raised or None in raised:
        return ours
    return next((found for found in raised if not isinstance(found, RuntimeError)), None)


def last_line(error: BaseException) -> str:
    """What Ray's long messages say at their end."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else type(error).__name__
