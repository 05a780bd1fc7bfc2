"""The last step of a model's graph: calibration of the output's channels."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import Tensor

from swath.errors import ModelError
from swath.models.calibration import ClassCalibration, middle_of
from swath.models.features import Head
from swath.models.spec import ClassesOutput, ModelSpec, ValuesOutput

Closing = Callable[[Tensor], Tensor]  #: (N, K, ...) to the same shape


def closing_of(spec: ModelSpec, head: Head) -> Closing | None:
    """What the calibration of a spec does; None where it has none.

    Raises:
        ModelError: The output has nothing that could be calibrated so. Facts: model.
    """
    made, output = spec.calibration, spec.output
    if made is None:
        return None
    if isinstance(made, ClassCalibration):
        assert isinstance(output, ClassesOutput)
        if output.activation != "softmax":
            raise ModelError(
                f"Model {spec.name} has activation {output.activation!r}, and its calibration is of a softmax.",
                fix="Leave the calibration out.",
                model=spec.name,
            )
        return made.adjusted
    assert isinstance(output, ValuesOutput)
    given = _given_of(head)
    place = middle_of(given)
    if place is None or len(given) != len(output.values):
        raise ModelError(
            f"Model {spec.name} gives {', '.join(output.channels)}: there is no interval of one value to calibrate.",
            fix="Leave the calibration out, or let the head give mean and quantiles of one value.",
            model=spec.name,
        )
    middle = output.values[place]
    return partial(made.widened, names=given, scale=middle.scale, offset=middle.offset)


def _given_of(head: Head | type[Head]) -> tuple[str, ...]:
    """What a head gives of each value: `mean`, `sd`, `q05`; nothing of one without forms."""
    form = getattr(head, "form", None)
    return () if form is None else tuple(form.gives)
