"""Labels that are likely wrong: those that networks which have not seen them contradict, class by class.

Confident learning (Northcutt et al. 2021, doi:10.1613/jair.1.12125), with whole labels instead of pixels. Each label is
judged by a network that learned from the other blocks. The threshold of a class is the mean probability that its own
labels get: classes that a network knows less well are not suspected more for it. A label is in doubt where another
class is the likeliest of those that reach their thresholds (equation 1 there, off the diagonal).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from swath.errors import LabelError
from swath.store import Store
from swath.training.chipset import HeldOut
from swath.training.config import TrainConfig
from swath.training.source import Chips, Part

if TYPE_CHECKING:
    from swath.training.checkpoint import Checkpoint
    from swath.training.trials import OnTrialEpoch

LIST = "doubted.csv"


class DoubtSettings(BaseModel):
    """How labels that are likely wrong are found, and what they count."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    weight: float = Field(default=0.25, ge=0, lt=1, description="What a label in doubt counts in training; others 1.")
    epochs: int | None = Field(
        default=None, ge=1, description="Of each network that judges, one a fold; null: as many as the training has."
    )


@dataclass(frozen=True)
class Verdicts:
    """What networks that have not seen them say of labels.

    Attributes:
        chips: (n,) index of the chip in its set.
        numbers: (n,) number of the label within its chip.
        given: (n,) index of its class.
        probabilities: (n, K) mean over its pixels.
    """

    chips: NDArray[np.int64]
    numbers: NDArray[np.int64]
    given: NDArray[np.int64]
    probabilities: NDArray[np.float64]

    @property
    def thresholds(self) -> NDArray[np.float64]:
        """(K,) mean probability of a class over its own labels; infinite for a class without any."""
        own = self.probabilities[np.arange(len(self.given)), self.given]
        classes = self.probabilities.shape[1]
        number = np.bincount(self.given, minlength=classes)
        total = np.bincount(self.given, weights=own, minlength=classes)
        return np.where(number > 0, total / np.maximum(number, 1), np.inf)

    @property
    def likely(self) -> NDArray[np.int64]:
        """(n,) the likeliest of the classes that reach their thresholds; the given one where none does."""
        reached = np.where(self.probabilities >= self.thresholds, self.probabilities, -1.0)
        best = reached.argmax(axis=1)
        return np.where(reached.max(axis=1) < 0, self.given, best)

    @property
    def doubted(self) -> NDArray[np.bool_]:
        """(n,) whether another class than the given one is likely."""
        return np.asarray(self.likely != self.given)


class Doubted(HeldOut):
    """Chips in whose training part labels in doubt count less. What is held out stays as it is: figures are of it.

    Args:
        held: The chips.
        verdicts: Of their labels.
        weight: What a label in doubt counts.
    """

    def __init__(self, held: HeldOut, verdicts: Verdicts, weight: float) -> None:
        super().__init__(held.chips, test=held.test, validate=held.validate)
        self._verdicts, self._share = verdicts, weight
        out = verdicts.doubted
        self._wrong: dict[int, list[int]] = {}
        for chip, number in zip(verdicts.chips[out].tolist(), verdicts.numbers[out].tolist(), strict=True):
            self._wrong.setdefault(chip, []).append(number)

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (HeldOut(self.chips, test=self.test, validate=self.validate), self._verdicts, self._share)

    def read(self, indices: Any) -> Chips:
        """Chips in the order of `indices`."""
        found = super().read(indices)
        for row, chip in enumerate(indices):
            wrong = self._wrong.get(int(chip))
            if wrong:
                of_them = np.isin(found["object"][row], wrong) & (found["part"][row] == Part.TRAIN)
                found["weight"][row][of_them] *= np.float32(self._share)
        return found


def _again(held: HeldOut, verdicts: Verdicts, weight: float) -> Doubted:
    return Doubted(held, verdicts, weight)


def believe(
    held: HeldOut,
    out: Store,
    settings: DoubtSettings | None,
    *,
    config: TrainConfig,
    cluster: str,
    on_epoch: OnTrialEpoch | None,
    should_stop: Callable[[], bool],
    say: Callable[[str], None],
) -> HeldOut:
    """Chips in which labels in doubt count less, where any are doubted; see `doubt`.

    Args:
        held: The chips.
        out: Store that all workers reach.
        settings: How; None: all labels are believed.
        config: Of the training.
        cluster: `inline`, `local` or `auto`.
        on_epoch: Told `judge 2` and each epoch that is done.
        should_stop: Asked after each epoch.
        say: Told how many labels are in doubt.
    """
    if settings is None:
        return held
    believed, verdicts = doubt(config, held, out, settings, cluster=cluster, on_epoch=on_epoch, should_stop=should_stop)
    say(f"{int(verdicts.doubted.sum()):,} of {len(verdicts.given):,} labels are in doubt: {out.url(LIST)}")
    return believed


def doubt(
    config: TrainConfig,
    held: HeldOut,
    out: Store,
    settings: DoubtSettings,
    *,
    cluster: str = "inline",
    on_epoch: OnTrialEpoch | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> tuple[Doubted, Verdicts]:
    """Train a network a fold without that fold and the test fold, and let it judge the fold's labels.

    Args:
        config: Of the training.
        held: Chips of classes, with a test fold that no judge sees.
        out: Store that all workers reach; the same call goes on where one was stopped. `doubted.csv` lists the labels.
        settings: How.
        cluster: `inline`, `local` or `auto`.
        on_epoch: Told `judge 2` and each epoch that is done.
        should_stop: Asked after each epoch.

    Returns:
        The chips in which labels in doubt count less, and what was found.

    Raises:
        LabelError: Labels are no classes, or there are fewer than two folds to judge by.
        ModelError, RunStoppedError: As in training.
    """
    from swath.training.judges import judges

    judged = [fold for fold in range(held.chips.split.number) if fold != held.test]
    if not held.facts.classes or len(judged) < 2:
        raise LabelError(
            f"Labels of {held.facts.classes} classes in {len(judged)} folds beside the test cannot be judged.",
            fix="Set doubt to null; it takes classes, and three folds or more.",
        )
    shorter = config.model_copy(update={"epochs": settings.epochs or config.epochs})
    trained = judges(shorter, held, out, cluster=cluster, on_epoch=on_epoch, should_stop=should_stop)
    found = [verdicts_on(one.fitted.best, one.source) for one in trained]
    verdicts = Verdicts(*(np.concatenate(parts) for parts in zip(*(vars(one).values() for one in found), strict=True)))
    out.put_bytes(LIST, _listed(verdicts, held))
    return Doubted(held, verdicts, settings.weight), verdicts


def verdicts_on(checkpoint: Checkpoint, source: HeldOut) -> Verdicts:
    """What a network says of the labels of the validation part."""
    from swath.training.release import outputs

    rows: list[tuple[int, int, int]] = []
    means: list[NDArray[np.float64]] = []
    for batch, scores in outputs(checkpoint, source, Part.VALIDATE):
        assert batch.objects is not None
        shares = scores.softmax(1).movedim(1, -1).numpy()
        objects, target = batch.objects.numpy(), batch.target.numpy()
        for row, chip in enumerate(batch.indices):
            for number in np.unique(objects[row][objects[row] > 0]):
                here = objects[row] == number
                rows.append((chip, int(number), int(target[row][here][0])))
                means.append(shares[row][here].mean(axis=0, dtype=np.float64))
    told = np.array(rows, np.int64).reshape(-1, 3)
    probabilities = np.array(means, np.float64).reshape(len(rows), source.facts.classes)
    return Verdicts(told[:, 0], told[:, 1], told[:, 2], probabilities)


def _listed(verdicts: Verdicts, held: HeldOut) -> bytes:
    """The labels in doubt as a table, the least likely first."""
    names, index = held.facts.output.channels, held.chips.index
    own = verdicts.probabilities[np.arange(len(verdicts.given)), verdicts.given]
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["chip", "label", "longitude", "latitude", "given", "p_given", "likely", "p_likely"])
    for row in sorted(np.flatnonzero(verdicts.doubted), key=lambda row: own[row]):
        chip, likely = int(verdicts.chips[row]), int(verdicts.likely[row])
        at = (f"{index[name][chip].as_py():.6f}" for name in ("lon", "lat"))
        shares = (f"{own[row]:.3f}", f"{verdicts.probabilities[row, likely]:.3f}")
        table.writerow(
            [index["chip"][chip].as_py(), int(verdicts.numbers[row]), *at, names[verdicts.given[row]], shares[0],
             names[likely], shares[1]]
        )  # fmt: skip
    return text.getvalue().encode()
