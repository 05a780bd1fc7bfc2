"""Train a network: in this process, or by Ray Train over many."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import torch

from swath.cluster import connect, nodes
from swath.errors import ModelError
from swath.models.spec import ModelSpec
from swath.store import Store
from swath.training import checkpoint
from swath.training.augment import inputs_of
from swath.training.checkpoint import Checkpoint
from swath.training.config import TrainConfig
from swath.training.curves import PICTURE, PRETRAINED, draw_curves
from swath.training.design import design
from swath.training.loop import Job, Reading, Seat, train
from swath.training.on_ray import train_on_ray
from swath.training.sampling import chances
from swath.training.source import ChipSource, Part
from swath.training.statistics import Statistics
from swath.training.suitability import is_presence, record_weights
from swath.training.targets import check_labels, class_weights


@dataclass(frozen=True)
class Fitted:
    """A training that is done.

    Attributes:
        out: Its store: checkpoints, history.json, tensorboard, curves.png, and where weights to start from were given
            what of them fitted (pretrained.json).
        spec: Of the model.
        config: Of the training.
        best: The checkpoint with the best validation.
        history: A reading an epoch.
        started_at: Epochs that were done before this call.
        restarts: Times that workers were started anew after one had died.
        pretrained: What of the weights to start from fitted; None where it began with fresh ones.
        correction: Of the way back from logs, once it is known; see `swath.training.release.with_correction`.
        calibration: How its uncertainty was made true, or why not; see `swath.training.calibration`.
    """

    out: Store
    spec: ModelSpec
    config: TrainConfig
    best: Checkpoint
    history: tuple[Reading, ...]
    started_at: int
    restarts: int = 0
    pretrained: dict[str, Any] | None = None
    correction: dict[str, Any] | None = None
    calibration: dict[str, Any] | None = None

    @classmethod
    def open(cls, out: Store | str | os.PathLike[str], *, started_at: int = 0, restarts: int = 0) -> Fitted:
        """A training that is done, as it stands in its store.

        Raises:
            ModelError: There is no checkpoint.
        """
        store = store_at(out)
        best, last = checkpoint.best(store), checkpoint.last(store)
        if best is None or last is None:
            raise ModelError(f"{store.root} holds no checkpoint.", fix="Train there first.")
        pretrained = json.loads(store.read_bytes(PRETRAINED)) if store.exists(PRETRAINED) else None
        return cls(store, best.spec, last.config, best, last.history, started_at, restarts, pretrained)


def fit(
    config: TrainConfig,
    source: ChipSource,
    out: Store | str | os.PathLike[str],
    *,
    name: str = "model",
    cluster: str = "inline",
    on_epoch: Callable[[Reading], None] | None = None,
    statistics: Statistics | None = None,
) -> Fitted:
    """Train, or go on from the last checkpoint in `out`.

    Args:
        config: How.
        source: Of the chips, with what is held out.
        out: Folder, or `s3://` prefix, that all workers reach.
        name: Of the model, lower case with dashes.
        cluster: `inline` (one worker, this process), `local` or `auto`, see `swath.cluster.connect`.
        on_epoch: Told of each epoch that is done.
        statistics: Of the training part, where they are known already.

    Raises:
        LabelError: A part without labels, or a class without labels for training.
        ModelError: The config does not fit the chips or the machine, a checkpoint of another network, a loss that is
            not a number.
        ClusterError: There is no room for the workers.
        StoreFullError: No space for a checkpoint; the one before stays, and the same call goes on from there.
    """
    store = store_at(out)
    job = prepare(config, source, store, name=name, statistics=statistics)
    if store.is_local:
        store.remove_leftovers()  # of trainings that were killed while they wrote
    before = checkpoint.last(store)
    if before is not None:
        before.check(job.spec, config)
    restarts = 0
    with connect(cluster) as where:
        device = _device(config, on_ray=where.on_ray)
        if where.on_ray:
            history, restarts = train_on_ray(job, device=device, on_epoch=on_epoch)
        elif config.workers > 1:
            raise ModelError(
                f"{config.workers} workers need a cluster, and this is inline.",
                fix="Use the cluster local or auto, or set workers to 1.",
            )
        else:
            with _threads(config.threads or len(os.sched_getaffinity(0))):
                history = train(job, Seat(0, 1, torch.device(device)), on_epoch)
    picture = BytesIO()
    draw_curves(history, picture, title=f"{name}: {len(history)} epochs")
    store.put_bytes(PICTURE, picture.getvalue())
    fitted = Fitted.open(store, started_at=before.epoch if before else 0, restarts=restarts)
    return replace(fitted, config=config)


def store_at(out: Store | str | os.PathLike[str]) -> Store:
    """The store of a training; a folder keeps its place when the working directory changes."""
    return out if isinstance(out, Store) else Store.open(out if isinstance(out, str) else Path(out))


def prepare(
    config: TrainConfig,
    source: ChipSource,
    out: Store | str | os.PathLike[str],
    *,
    name: str,
    statistics: Statistics | None = None,
) -> Job:
    """Look at the chips and make the job that workers get.

    Args:
        config: How to train.
        source: Of the chips.
        out: Of the training.
        name: Of the model.
        statistics: Of the training part, where they are known already.

    Raises:
        LabelError: See `fit`.
        ModelError: See `fit`.
    """
    check_labels(source, patience=config.patience)
    labels = source.counts(Part.TRAIN)
    chips = int((labels.sum(1) > 0).sum())
    chips = min(chips, config.samples or chips)
    if chips < config.workers:
        raise ModelError(
            f"{config.workers} workers are more than the {chips} chips of an epoch.", fix="Use fewer workers."
        )
    spec = design(config, source.facts, statistics or Statistics.of(source, seed=config.seed), name=name)
    if config.augment.drop_inputs and len(inputs_of(spec.input)) < 2:
        raise ModelError(
            f"augment.drop_inputs is {config.augment.drop_inputs}, and the chips are of one input: nothing would be "
            "dropped.",
            fix="Set it to 0; augment.drop_bands takes single bands away.",
        )
    weights = class_weights(labels.sum(0), config.class_weights) if source.facts.classes else None
    if is_presence(spec):
        weights = record_weights(labels.sum(0), source.facts)
    drawn = None if config.sampling is None else chances(source, config.sampling)
    return Job(config, spec, source, weights, store_at(out), drawn)


def _device(config: TrainConfig, *, on_ray: bool) -> str:
    """`cpu` or `cuda`. On Ray the nodes decide: this process may run on one without a GPU.

    Raises:
        ModelError: A GPU is asked for where there is none.
    """
    there = any(node.gpus for node in nodes()) if on_ray else torch.cuda.is_available()
    if config.device == "cuda" and not there:
        raise ModelError("The config asks for cuda, and there is no GPU.", fix="Set device to cpu or auto.")
    device = ("cuda" if there else "cpu") if config.device == "auto" else config.device
    if config.backend == "nccl" and device == "cpu":
        raise ModelError("The backend nccl needs GPUs.", fix="Set backend to gloo or auto.")
    return device


def _cores() -> int:
    """Threads where the config says none: those that OMP_NUM_THREADS leaves of the cores that this process may use."""
    told = os.environ.get("OMP_NUM_THREADS", "")
    cores = len(os.sched_getaffinity(0))
    return min(int(told), cores) if told.isdigit() and int(told) else cores


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Let torch use so many threads while the block runs."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
