"""The loop of one worker: the same function with and without Ray."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from swath.errors import ModelError
from swath.models.network import Network
from swath.models.spec import ModelSpec
from swath.store import Store
from swath.training import checkpoint
from swath.training.average import LOOKS, Average
from swath.training.batches import Ahead, Batch, Preparer, epoch_order, share
from swath.training.config import TrainConfig
from swath.training.curves import Log, read_history
from swath.training.mixed import Mixer, OnPixels
from swath.training.objective import Objective
from swath.training.sampling import times_before
from swath.training.scores import Score, score_of
from swath.training.source import ChipSource, Part
from swath.training.steps import Turn, groups, rate, steps_of, turns

Reading = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """A training, as it travels to workers.

    Attributes:
        config: How.
        spec: Of the model.
        source: Of the chips.
        weights: Of the classes; None where labels are values, or all count alike.
        out: Store that all workers reach.
        chances: (chips,) how often each is drawn; None: once an epoch.
    """

    config: TrainConfig
    spec: ModelSpec
    source: ChipSource
    weights: tuple[float, ...] | None
    out: Store
    chances: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Seat:
    """Which worker this is.

    Attributes:
        rank: From 0.
        world: Workers.
        device: Of the steps.
    """

    rank: int
    world: int
    device: torch.device


def train(job: Job, seat: Seat, on_epoch: Callable[[Reading], None] | None = None) -> list[Reading]:
    """Train from the last checkpoint in `job.out`, or from the start, to the end.

    Args:
        job: What to train.
        seat: Which worker this is; torch's process group stands where there are several.
        on_epoch: Told of each epoch after its checkpoint is written, on worker 0.

    Returns:
        A reading an epoch: epoch, lr, loss, validation_loss, score, figures, chips, and mean seconds of a worker: of
        its steps, of waiting for batches and of CPU within them, of validation.

    Raises:
        ModelError: The loss is not a number (the chips are named), or a checkpoint is of another network.
        StoreFullError: No space for a checkpoint; the one before stays.
    """
    trainer = _Trainer(job, seat)
    history = trainer.resume()
    log = Log(job.out, start=len(history)) if seat.rank == 0 else None
    if log is not None and history and read_history(job.out) != history:
        log.write(history)  # an earlier try ended between its checkpoint and its log
    for epoch in range(len(history) + 1, job.config.epochs + 1):
        if is_over(history, job.config):
            break
        history.append(trainer.epoch(epoch))
        if log is not None:
            trainer.save(history)
            log.write(history)
            if on_epoch is not None:
                on_epoch(history[-1])
    return history


def is_over(history: list[Reading], config: TrainConfig) -> bool:
    """True when a training has all its epochs, or its best one lies too far behind."""
    if not history or len(history) >= config.epochs:
        return bool(history)
    return config.patience is not None and len(history) - int(checkpoint.best_of(history)["epoch"]) >= config.patience


class _Trainer:
    """Network, optimiser and chips of one worker."""

    def __init__(self, job: Job, seat: Seat) -> None:
        self.job, self.seat, self.config = job, seat, job.config
        torch.manual_seed(job.config.seed)  # the same weights on all workers
        self.network = Network.build(job.spec).to(seat.device)
        if job.config.pretrained is not None and seat.rank == 0 and checkpoint.last(job.out) is None:
            from swath.training.pretrained import start_from

            start_from(job.config.pretrained, self.network, job.out)  # the others get them by DDP
        # convolutions compute with channels last: a U-Net's step takes 15 % less on a CPU, and tensor cores ask for it
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimiser = torch.optim.AdamW(groups(self.network, job.config.optimiser.weight_decay), lr=0.0, fused=True)
        self.mixer = Mixer(job.config, self.network, seat.device) if job.config.mix > 1 else None
        self.model: nn.Module = self._called(self.network)
        cuda = seat.device.type == "cuda"
        if seat.world > 1:
            self.model = DistributedDataParallel(self.model, device_ids=[seat.device] if cuda else None)
        half = job.config.precision == "bfloat16" or (
            job.config.precision == "auto" and cuda and torch.cuda.is_bf16_supported()
        )
        self.autocast = partial(torch.autocast, seat.device.type, dtype=torch.bfloat16, enabled=half)
        self.objective = Objective(job.config, job.spec, self.network, job.weights, seat.device)
        self.preparer = Preparer(job.source, job.spec, pin=cuda)
        self.train_chips = np.flatnonzero(job.source.counts(Part.TRAIN).sum(1))
        chips = np.flatnonzero(job.source.counts(Part.VALIDATE).sum(1))[seat.rank :: seat.world]
        self.validation = np.array_split(chips, -(-len(chips) // job.config.batch)) if len(chips) else []
        self.validates = bool(job.source.counts(Part.VALIDATE).sum())
        chips_an_epoch = min(len(self.train_chips), job.config.samples or len(self.train_chips))
        least, most = chips_an_epoch // seat.world, -(-chips_an_epoch // seat.world)
        self.steps = steps_of(min(-(-most // job.config.batch), least), job.config.accumulate)
        self.average = Average(self.network, decay=job.config.average, steps=self.steps * job.config.epochs)

    def resume(self) -> list[Reading]:
        """Take up the last checkpoint; its history, empty where there is none."""
        held = checkpoint.last(self.job.out)
        if held is None:
            return []
        held.check(self.job.spec, self.config)
        self.network.load(held.walking())
        self.average.resume(held.network(), held.epoch * self.steps)
        state = self.optimiser.state_dict()
        self.optimiser.load_state_dict({"state": held.optimiser(), "param_groups": state["param_groups"]})
        for parameter, kept in self.optimiser.state.items():
            for name, value in kept.items():
                if value.shape == parameter.shape:  # the fused step takes moments to lie in memory as their weights do
                    kept[name] = torch.empty_like(parameter, requires_grad=False).copy_(value)
        return list(held.history)

    def save(self, history: list[Reading]) -> None:
        """Write the checkpoint of the last epoch."""
        checkpoint.save(
            self.job.out,
            spec=self.job.spec,
            config=self.config,
            history=history,
            network=self.average.kept.state_dict(),
            optimiser=self.optimiser.state_dict()["state"],
            walking=None if self.average.kept is self.network else self.network.state_dict(),
        )

    def epoch(self, epoch: int) -> Reading:
        """One epoch of steps, then validation; all workers get the same reading."""
        seed, seat = self.config.seed, self.seat
        drawn = seed * 1_000_003 + epoch * 1009 + seat.rank
        torch.manual_seed(drawn)  # of dropout, the same after a resume
        order = epoch_order(
            self.train_chips, seed=seed, epoch=epoch, samples=self.config.samples, chances=self.job.chances
        )
        mine = partial(share, rank=seat.rank, world=seat.world, batch=self.config.batch)
        parts, again = mine(order), mine(times_before(order))
        augment = None if self.mixer is not None and self.mixer.keeps else self.config.augment
        make = partial(self.preparer.batch, part=Part.TRAIN, augment=augment, seed=(seed, epoch))
        makers: list[Callable[[], Batch]] = [
            partial(make, part.tolist(), times=seen.tolist()) for part, seen in zip(parts, again, strict=True)
        ]
        if self.mixer is not None:
            makers = self.mixer.makers([part.tolist() for part in parts], makers)
        self.model.train()
        started, used, total = time.perf_counter(), time.process_time(), 0.0
        step, whole = (epoch - 1) * self.steps, self.steps * self.config.epochs
        with Ahead(makers) as batches:
            taken = batches if self.mixer is None else self.mixer(batches, seed=drawn)
            each = zip(turns(len(parts), self.config.accumulate), taken, strict=True)
            for place, (turn, batch) in enumerate(each):
                lr = rate(step, whole, self.config.optimiser)
                total += self._step(batch, lr, turn)
                if turn.moves:
                    step += 1
                    self.average.update(step)
                if place >= len(parts) - LOOKS:
                    with self.autocast():
                        self.average.look(batch.to(seat.device).inputs, self._called)
        seconds, cpu = time.perf_counter() - started, time.process_time() - used
        sums = np.array([total / len(parts), seconds, batches.waited, cpu]) / seat.world
        loss, step_s, wait_s, cpu_s = map(float, _summed(sums, seat))
        started = time.perf_counter()
        score = self._validate() if self.validates else None
        return {
            "epoch": epoch,
            "lr": lr,
            "loss": loss,
            "validation_loss": None if score is None else score.loss,
            # without validation the last epoch is the best
            "score": float(epoch) if score is None else score.score,
            "figures": {} if score is None else score.figures,
            "chips": len(order),
            "seconds": {
                "steps": step_s,
                "wait": wait_s,
                "cpu": cpu_s,
                "validation": time.perf_counter() - started,
            },
        }

    def _called(self, network: Network) -> nn.Module:
        """A network as it is called with batches."""
        return network if self.mixer is None else OnPixels(network)

    def _step(self, batch: Batch, lr: float, turn: Turn) -> float:
        """Gradients of a batch, and with the last one of a step the step; the loss of the batch."""
        held = batch.to(self.seat.device)
        with nullcontext() if turn.moves or self.seat.world == 1 else self.model.no_sync():  # type: ignore[operator]
            with self.autocast():
                scores = self.model(*held.inputs)
            loss = self.objective(scores, held)
            value = float(loss.detach())
            if not math.isfinite(value):
                raise ModelError(
                    f"The loss is {value} on chips {', '.join(self.job.source.names(batch.indices))}.",
                    fix="Look at these chips and their labels, or lower optimiser.lr.",
                    chips=list(batch.indices),
                )
            (loss if turn.share == 1 else loss * turn.share).backward()  # type: ignore[no-untyped-call]
        if turn.moves:
            for group in self.optimiser.param_groups:
                group["lr"] = lr
            if self.config.optimiser.clip_norm is not None:
                nn.utils.clip_grad_norm_(self.network.parameters(), self.config.optimiser.clip_norm)
            self.optimiser.step()
            self.optimiser.zero_grad(set_to_none=True)
        return value

    def _validate(self) -> Score:
        """Loss and figures over the validation part of all workers."""
        network = self.average.kept
        if self.seat.world > 1:
            for one in {id(one): one for one in (self.network, network)}.values():
                for buffer in one.buffers():  # batch statistics are each worker's own: score those that are saved
                    torch.distributed.broadcast(buffer, 0)
        network.eval()
        score = score_of(self.job.spec)
        makers = [
            partial(self.preparer.batch, [int(chip) for chip in chips], Part.VALIDATE) for chips in self.validation
        ]
        with torch.no_grad(), Ahead(makers) as batches:
            for batch in batches:
                held = batch.to(self.seat.device)
                with self.autocast():
                    scores = network(*held.inputs).float()
                loss = float(self.objective(scores, held))
                score.add(scores, held.target, loss=loss, labelled=batch.labelled, **self.objective.told(held))
        score.sums = _summed(score.sums, self.seat)
        return score


def _summed(sums: np.ndarray[Any, np.dtype[np.float64]], seat: Seat) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Sums over all workers, float64."""
    if seat.world == 1:
        return sums
    tensor = torch.from_numpy(sums.astype(np.float64)).to(seat.device)
    torch.distributed.all_reduce(tensor)
    return tensor.cpu().numpy()
