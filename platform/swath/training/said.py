"""What the channels of a head for values say: the mean that a map gets, and the distribution about it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from swath.errors import ModelError
from swath.models.calibration import ValueCalibration, middle_of
from swath.models.features import Head
from swath.models.heads._forms import Form
from swath.models.parts import part_class
from swath.models.spec import ModelSpec, PartSpec, ValueOutput, ValuesOutput
from swath.training import losses
from swath.training.losses import Log, pairs_of
from swath.training.metrics import Distribution, Laplace, LogNormal, Normal, Quantiles, Widened, check_levels

Array = NDArray[np.float64]
_LEVELS = tuple(np.round(np.arange(0.01, 1, 0.01), 2).tolist())  # of a distribution that has no formula of its own


@dataclass(frozen=True)
class Said:
    """How to read the channels of the first value of a head.

    Attributes:
        value: The output that is a point: the mean where a map gets it, else the median or what comes first.
        reading: From scores to that point.
        middle: What an interval is widened about, `median` or `mean`; None where there is no interval to widen.
        calibration: Of the model, where it has one.
    """

    value: ValueOutput
    reading: Form
    middle: str | None = None
    calibration: ValueCalibration | None = None

    @property
    def form(self) -> losses.Form:
        """What the channels are."""
        return cast("losses.Form", self.reading.name)

    def means(
        self, scores: Tensor, target: Tensor, *, weight: Tensor | None, objects: Tensor | None, error: Tensor | None
    ) -> tuple[Array, Array, Array]:
        """Labels, estimates, and standard errors of labels, (M,) each, in the unit of the value.

        Args:
            scores: (N, C, H, W) or (N, C), as the head gives them.
            target: (N, H, W) or (N,) numbers of the network, NaN where there is no label.
            weight: See `pairs_of`.
            objects: See `pairs_of`.
            error: See `pairs_of`.
        """
        point = self.reading.close(scores[:, : self.reading.scores].float())
        pairs = pairs_of(point, target, weight=weight, objects=objects, error=error)
        truth, estimate = (self._unit(_array(part)) for part in (pairs.target, pairs.scores[:, 0]))
        return truth, estimate, _array(pairs.error) * abs(self.value.scale)

    def middles(
        self, scores: Tensor, target: Tensor, *, weight: Tensor | None, objects: Tensor | None, error: Tensor | None
    ) -> tuple[Array, Array, Array, Array]:
        """As `means`, of `middle` in the place of the point, and what each label weighs.

        Raises:
            ModelError: There is no interval.
        """
        if self.middle is None:
            raise ModelError(
                "The head gives points: it says nothing of how sure they are.",
                fix="Let it give more of each value, as form: gaussian, gives: 'mean,sd,q05,q95'.",
            )
        reading = replace(self.reading, gives=(self.middle,))
        point = reading.close(scores[:, : reading.scores].float())
        pairs = pairs_of(point, target, weight=weight, objects=objects, error=error)
        truth, estimate = (self._unit(_array(part)) for part in (pairs.target, pairs.scores[:, 0]))
        return truth, estimate, _array(pairs.error) * abs(self.value.scale), _array(pairs.weight)

    def distributions(
        self, scores: Tensor, target: Tensor, *, weight: Tensor | None, objects: Tensor | None, error: Tensor | None
    ) -> Distribution:
        """What is said of the same labels, calibrated where the model is; arguments as for `means`."""
        told = {"weight": weight, "objects": objects, "error": error}
        plain = self._plain(scores, target, **told)
        if self.calibration is None:
            return plain
        middle = self.middles(scores, target, **told)[1]
        return Widened(plain, middle, self.calibration.factor(middle))

    def _plain(
        self, scores: Tensor, target: Tensor, *, weight: Tensor | None, objects: Tensor | None, error: Tensor | None
    ) -> Distribution:
        reading = self.reading
        log = Log(reading.shift) if reading.log else None
        pairs = pairs_of(
            scores[:, : reading.scores], target, form=self.form, weight=weight, objects=objects, error=error, log=log
        )  # fmt: skip
        found = _array(pairs.scores)
        if reading.name == "quantiles":
            return Quantiles(self._unit(found if log is None else log.back(found)), reading.levels)
        mean, scale = found[:, 0], np.exp(found[:, 1])
        if log is not None and reading.name == "gaussian":
            return LogNormal(mean, scale, reading.shift)
        if log is not None:  # the log-Laplace distribution: by a hundred quantiles
            levels = np.array(_LEVELS)
            steps = np.sign(levels - 0.5) * -np.log1p(-2 * np.abs(levels - 0.5))
            return Quantiles(log.back(mean[:, None] + scale[:, None] * steps), _LEVELS)
        kind = Normal if reading.name == "gaussian" else Laplace
        return kind(self._unit(mean), scale * abs(self.value.scale))

    def _unit(self, number: Array) -> Array:
        return number * self.value.scale + self.value.offset


def head_of(spec: ModelSpec) -> type[Head] | None:
    """Class of a model's head; None of an imported graph.

    Raises:
        ModelError: There is no such head.
    """
    if spec.network is None:
        return None
    return part_class("heads", spec.network.head.name, Head)


def said_of(spec: ModelSpec) -> Said:
    """How to read the first value of a model's head; a head without forms gives points.

    Raises:
        ModelError: Settings that the head refuses; quantiles without the interval that is scored.
    """
    output, head = spec.output, head_of(spec)
    assert isinstance(output, ValuesOutput)
    whole = _settings_form(head, {} if spec.network is None else spec.network.head.settings)
    point = next((word for word in ("mean", "median") if word in whole.gives), whole.gives[0])
    if whole.name == "quantiles":
        try:
            check_levels(whole.levels)
        except ValueError as error:
            raise ModelError(
                f"Setting levels of a network is {', '.join(f'{level:g}' for level in whole.levels)}: {error}.",
                fix="Name 0.05 and 0.95 among them: their interval is scored.",
                setting="levels",
            ) from error
    place = middle_of(whole.gives)
    made = spec.calibration
    return Said(
        output.values[whole.gives.index(point)], replace(whole, gives=(point,)),
        None if place is None else whole.gives[place], made if isinstance(made, ValueCalibration) else None,
    )  # fmt: skip


def outputs_of(head: PartSpec, value: ValueOutput, *, mean: float, std: float) -> ValuesOutput:
    """The outputs of a model that learns one value: what its head gives, each with its name, unit, scale and bounds.

    The mean has the value's own name (`agb`), as has the median where no mean is given; the spread is `agb_sd`, a
    quantile is `q05`. Values are learned with mean 0 and deviation 1, and scaled back; but not logs, which a head
    returns to the unit by itself.

    Args:
        head: With its settings.
        value: That the labels give.
        mean: Of the training labels.
        std: Of the training labels.

    Raises:
        ModelError: Settings that the head refuses.
    """
    form = _settings_form(part_class("heads", head.name, Head), head.settings)
    scale, offset = (1.0, 0.0) if form.log else (std, mean)
    made = []
    for word in form.gives:
        if word == "sd":
            made.append(ValueOutput(name=f"{value.name}_sd", unit=value.unit, scale=scale, low=0))
            continue
        main = word == "mean" or (word == "median" and "mean" not in form.gives)
        name = value.name if main else f"{value.name}_median" if word == "median" else word
        made.append(value.model_copy(update={"name": name, "scale": scale, "offset": offset}))
    return ValuesOutput(values=tuple(made))


def _settings_form(head: type[Head] | None, settings: Mapping[str, object]) -> Form:
    """What a head's settings and their defaults say; points of a head without forms."""
    told: dict[str, Any] = {
        "form": "point", "gives": "mean", "levels": "", "log": False, "shift": 1.0, "correction": 1.0,
    }  # fmt: skip
    if head is not None:
        has = inspect.signature(head).parameters
        told |= {name: has[name].default for name in told if name in has}
        told |= {name: settings[name] for name in told if name in settings}
    form, gives, levels = (told.pop(name) for name in ("form", "gives", "levels"))
    return Form.of(form, gives, levels, **told)


def _array(tensor: Tensor) -> Array:
    return tensor.detach().cpu().numpy().astype(np.float64)
