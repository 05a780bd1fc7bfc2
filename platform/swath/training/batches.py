"""Chips to batches: read, normalised and changed in the background while the network computes."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from swath.models.normalise import Normaliser, in_layout
from swath.models.spec import ModelSpec, ValueOutput, ValuesOutput
from swath.training.augment import Change, inputs_of
from swath.training.config import Augment
from swath.training.said import said_of
from swath.training.sampling import draw
from swath.training.source import IGNORED, Chips, ChipSource, Part
from swath.training.suitability import places_of_species

AHEAD = 2  # batches that are ready before they are asked for


@dataclass(frozen=True)
class Batch:
    """What one step takes.

    Attributes:
        inputs: As `Network.forward` takes them.
        target: (N, H, W) int64 class with 255 for no label, or float32 number of the network with NaN for none; of
            species (N, S, H, W) float32, 1 seen, 0 not, NaN where there is no record.
        indices: Of the chips in the source.
        labelled: Pixels with a label.
        weight: (N, H, W) float32, 0 where there is no label; None: all labels count alike.
        objects: (N, H, W) int64 number of the label within its chip, 0 where there is none; None: not known.
        error: (N, H, W) float32 standard error of the target in the network's number, 0 where none is known; None: no
            label has one.
    """

    inputs: tuple[Tensor, ...]
    target: Tensor
    indices: tuple[int, ...]
    labelled: int
    weight: Tensor | None = None
    objects: Tensor | None = None
    error: Tensor | None = None

    def to(self, device: torch.device) -> Batch:
        """The same on a device."""
        if device.type == "cpu":
            return self

        def there(tensor: Tensor) -> Tensor:
            return tensor.to(device, non_blocking=True)

        weight, objects, error = (None if t is None else there(t) for t in (self.weight, self.objects, self.error))
        inputs, target = tuple(map(there, self.inputs)), there(self.target)
        return replace(self, inputs=inputs, target=target, weight=weight, objects=objects, error=error)


class Preparer:
    """Makes batches of a model's inputs and targets.

    Args:
        source: Of the chips.
        spec: Of the model.
        pin: Put tensors where a GPU copies them from without waiting.
    """

    def __init__(self, source: ChipSource, spec: ModelSpec, *, pin: bool = False) -> None:
        self.source, self.spec, self._pin = source, spec, pin
        self._normaliser = Normaliser.of(spec.input, source.facts.layers)
        self._inputs = inputs_of(spec.input)
        self._value: ValueOutput | None = None
        self._species: NDArray[np.int64] | None = None
        if isinstance(spec.output, ValuesOutput):
            if source.facts.classes:
                self._species = places_of_species(source.facts)
            else:
                self._value = said_of(spec).value

    def batch(
        self,
        indices: Sequence[int],
        part: Part,
        *,
        augment: Augment | None = None,
        seed: tuple[int, ...] = (),
        times: Sequence[int] = (),
    ) -> Batch:
        """Read chips and make them what the network takes.

        Args:
            indices: Chips in the source.
            part: Whose labels count.
            augment: How chips are changed; None leaves them as they are.
            seed: Of the changes; the chip's index is added to it.
            times: How often each chip came before in this epoch: when it comes again it is changed in another way.
        """
        chips = self.source.read(indices)
        x, valid = self._normaliser.chips(chips["numbers"])
        target = self._target(chips, part)
        more = self._more(chips, target)
        if augment is not None:
            _, steps, bands = x.shape[:3]
            for row, index in enumerate(indices):
                again = (times[row],) if times and times[row] else ()
                change = Change.draw(
                    augment, steps=steps, bands=bands, seed=(*seed, index, *again), target=self.spec.input.target,
                    inputs=self._inputs,
                )  # fmt: skip
                for array in (x, valid, target, *more.values()):
                    array[row] = change.lay(array[row])
                change.fade(x[row], valid[row], self.spec.input)
        labelled = int(_has(target).sum())
        first = self._tensor(in_layout(x, self.spec.input.layout))
        arrays = []
        if self.spec.input.day_of_year:
            arrays.append(chips["day"])
        if self.spec.input.valid:
            arrays.append(valid)
        if first.ndim == 4:
            first = first.contiguous(memory_format=torch.channels_last)
        inputs = (first, *map(self._tensor, arrays))
        tensors = {name: self._tensor(array) for name, array in more.items()}
        return Batch(inputs, self._tensor(target), tuple(indices), labelled, **tensors)

    def _more(self, chips: Chips, target: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Objects, weight and error as far as they are known; nothing for a head for whole windows."""
        if self.spec.task == "classification":
            return {}
        has = _has(target)
        more: dict[str, NDArray[Any]] = {}
        objects, weight, error = chips.get("object"), chips.get("weight"), chips.get("error")
        if objects is not None:
            more["objects"] = np.where(has, objects, 0).astype(np.int64)
        if weight is not None and (weight[has] != 1).any():
            more["weight"] = np.where(has, weight, 0).astype(np.float32)
        if self._value is not None and error is not None and error.any():
            scale = np.float32(abs(self._value.scale))
            more["error"] = np.where(has, error / scale, 0).astype(np.float32)
        return more

    def _target(self, chips: Chips, part: Part) -> NDArray[Any]:
        """Labels of the part, of species (N, S, H, W); of a head for whole windows the class of most pixels."""
        y, counts = chips["y"], chips["part"] == part
        if self._value is not None:
            numbers = (y.astype(np.float32) - np.float32(self._value.offset)) / np.float32(self._value.scale)
            return np.where(counts, numbers, np.float32(np.nan))
        if self._species is not None:  # 1 for the one that was seen, 0 for the others; background has none
            seen = (y[:, None] == self._species[:, None, None]).astype(np.float32)
            return np.where(counts[:, None], seen, np.float32(np.nan))
        target = np.where(counts, y, IGNORED).astype(np.int64)
        if self.spec.task != "classification":
            return target
        most = [np.bincount(chip[chip != IGNORED], minlength=1) for chip in target]
        return np.array([found.argmax() if found.any() else IGNORED for found in most], np.int64).reshape(-1, 1, 1)

    def _tensor(self, array: NDArray[Any]) -> Tensor:
        tensor = torch.from_numpy(np.ascontiguousarray(array))
        return tensor.pin_memory() if self._pin else tensor


def _has(target: NDArray[Any]) -> NDArray[np.bool_]:
    """(N, H, W), pixels with a label."""
    if target.dtype == np.int64:
        return np.asarray(target != IGNORED)
    return np.isfinite(target if target.ndim == 3 else target[:, 0])


class Ahead:
    """Batches in order, made by a thread while the last one is computed. A context: leaving it ends the thread.

    Args:
        makers: Each makes one batch.

    Attributes:
        waited: Seconds that the taker waited for batches so far.
    """

    def __init__(self, makers: Sequence[Callable[[], Batch]]) -> None:
        self.waited = 0.0
        self._makers = makers
        self._ready: queue.Queue[Batch | BaseException] = queue.Queue(AHEAD)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._make, name="swath-batches", daemon=True)

    def __enter__(self) -> Ahead:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join()

    def __iter__(self) -> Iterator[Batch]:
        """The batches.

        Raises:
            Exception: Whatever a maker raised, in its turn.
        """
        for _ in self._makers:
            started = time.perf_counter()
            made = self._ready.get()
            self.waited += time.perf_counter() - started
            if isinstance(made, BaseException):
                raise made
            yield made

    def _make(self) -> None:
        for maker in self._makers:
            try:
                made: Batch | BaseException = maker()
            except BaseException as error:  # it is raised where the batch is taken
                made = error
            while not self._end.is_set():
                try:
                    self._ready.put(made, timeout=0.1)
                    break
                except queue.Full:
                    continue
            if self._end.is_set() or isinstance(made, BaseException):
                return


def epoch_order(
    chips: NDArray[np.int64],
    *,
    seed: int,
    epoch: int,
    samples: int | None = None,
    chances: NDArray[np.float64] | None = None,
) -> NDArray[np.int64]:
    """The chips of an epoch over all workers, in an order of its own.

    Args:
        chips: That can be learned from.
        seed: Of the training.
        epoch: Its number.
        samples: At most so many chips; None takes as many as there are.
        chances: How often each chip of the source is drawn; None: each once.
    """
    rng = np.random.default_rng((seed, epoch))
    if chances is None:
        return rng.permutation(chips)[:samples]
    return draw(chips, chances, number=min(len(chips), samples or len(chips)), rng=rng)


def share(order: NDArray[np.int64], *, rank: int, world: int, batch: int) -> list[NDArray[np.int64]]:
    """Batches of one worker: over all workers each chip once, the same number of batches for each, none empty.

    Workers that exchange gradients must make equally many steps. The ragged end is spread over batches, which differ by
    one chip at most. A batch has more than `batch` chips only where a worker would else have none: at `batch` 1.

    Args:
        order: Chips of an epoch, at least one a worker.
        rank: Of the worker.
        world: Workers.
        batch: Chips of a step.

    Raises:
        ValueError: Fewer chips than workers.
    """
    least, most = len(order) // world, -(-len(order) // world)
    if not least:
        raise ValueError(f"{len(order)} chips are fewer than {world} workers")
    return np.array_split(order[rank::world], min(-(-most // batch), least))
